#include "engine/customer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

Customer after(const std::vector<Event>& events) {
  Customer customer{};
  for (const Event& event : events) (void)apply_event(customer, event);
  return customer;
}

double counter(const Customer& customer, Counter which) {
  return static_cast<double>(customer.counters[static_cast<std::size_t>(which)]);
}

/// To the bit, as checkpoints are.
bool same_bytes(const Customer& a, const Customer& b) {
  using Bytes = std::array<std::byte, sizeof(Customer)>;
  return std::bit_cast<Bytes>(a) == std::bit_cast<Bytes>(b);
}

Event with_id(Event event, std::string_view id) {
  event.event_id = id;
  return event;
}

TEST(Customer, FirstPurchaseIsNoRepeat) {
  const Customer customer = after({purchase(new_year + hours(5))});
  EXPECT_EQ(customer.first(), new_year + hours(5));
  EXPECT_EQ(customer.last(), new_year + hours(5));
  EXPECT_EQ(customer.x, 0u);
  EXPECT_EQ(customer.purchases, 1u);
}

TEST(Customer, ADayCountsOnceHoweverManyPurchasesItHas) {
  const Customer customer = after({purchase(new_year), purchase(new_year + hours(1)), purchase(new_year + days(3)),
                                   purchase(new_year + days(3) + hours(23))});
  EXPECT_EQ(customer.x, 1u);
  EXPECT_EQ(customer.purchases, 4u);
  EXPECT_EQ(customer.last(), new_year + days(3) + hours(23));
  const double gap = 3.0 - 1.0 / 24;
  EXPECT_FLOAT_EQ(customer.gap_squares, static_cast<float>(gap * gap));
}

TEST(Customer, DaysEndAtMidnightUtc) {
  const Timestamp midnight = new_year + days(10);
  EXPECT_EQ(after({purchase(midnight - milliseconds(1)), purchase(midnight)}).x, 1u);
  EXPECT_EQ(after({purchase(midnight), purchase(midnight + days(1) - milliseconds(1))}).x, 0u);
  const Timestamp before_1970{-1};
  EXPECT_EQ(after({purchase(before_1970), purchase(Timestamp{0})}).x, 1u);
  EXPECT_EQ(after({purchase(Timestamp{-86'400'000}), purchase(before_1970)}).x, 0u);
}

TEST(Customer, LatePurchaseBeforeTheFirstMovesTheFirst) {
  const Customer customer =
      after({purchase(new_year + days(10), 5), purchase(new_year + days(4), 3), purchase(new_year + days(4), 2)});
  EXPECT_EQ(customer.first(), new_year + days(4));
  EXPECT_EQ(customer.last(), new_year + days(10));
  EXPECT_EQ(customer.moment(), new_year + days(10));
  EXPECT_EQ(customer.x, 1u);
  EXPECT_EQ(customer.gap_squares, 36.0f);
  EXPECT_EQ(customer.spent, 10.0);
  EXPECT_EQ(customer.first_day_spent, 5.0);
}

TEST(Customer, LatePurchaseEarlierOnTheFirstDayOnlyMovesTheFirst) {
  const Customer customer = after({purchase(new_year + hours(9), 5), purchase(new_year + hours(2), 3)});
  EXPECT_EQ(customer.first(), new_year + hours(2));
  EXPECT_EQ(customer.last(), new_year + hours(9));
  EXPECT_EQ(customer.x, 0u);
  EXPECT_EQ(customer.gap_squares, 0.0f);
  EXPECT_EQ(customer.first_day_spent, 8.0);
}

TEST(Customer, LatePurchaseBetweenAddsARepeatAndNoGap) {
  std::vector<Event> events{purchase(new_year), purchase(new_year + days(10)), purchase(new_year + days(4))};
  const Customer customer = after(events);
  EXPECT_EQ(customer.x, 2u);
  EXPECT_EQ(customer.gap_squares, 100.0f);
  EXPECT_EQ(customer.last(), new_year + days(10));
  events.push_back(purchase(new_year + days(4) + hours(1)));
  EXPECT_EQ(after(events).x, 3u) << "a day between, seen before, is no longer known";
  events.push_back(purchase(new_year + hours(1)));
  events.push_back(purchase(new_year + days(10) + hours(1)));
  EXPECT_EQ(after(events).x, 3u) << "the first and the latest day are";
}

TEST(Customer, LateEventsAreToldAndNeverTakeTheMomentBack) {
  Customer customer{};
  EXPECT_EQ(apply_event(customer, visit(new_year)), Applied::event);
  EXPECT_EQ(apply_event(customer, visit(new_year)), Applied::event);
  EXPECT_EQ(apply_event(customer, visit(new_year - milliseconds(1))), Applied::late_event);
  EXPECT_EQ(customer.moment(), new_year);
}

TEST(Customer, FirstEventMayLieBefore1970) {
  Customer customer{};
  EXPECT_EQ(apply_event(customer, visit(Timestamp{-5})), Applied::event);
  EXPECT_EQ(customer.moment(), Timestamp{-5});
}

TEST(Customer, CountersHalveWithTheirHalfLives) {
  const Timestamp t = new_year + days(90);
  const Customer customer = after({purchase(new_year), visit(new_year + days(30)), complaint(new_year + days(30)),
                                   complaint(new_year + days(30), ComplaintStatus::withdrawn),
                                   returned(new_year - days(30)), complaint(t, ComplaintStatus::resolved)});
  EXPECT_EQ(customer.moment(), t);
  EXPECT_EQ(counter(customer, Counter::purchases_30d), 0.125);
  EXPECT_EQ(counter(customer, Counter::purchases_90d), 0.5);
  EXPECT_EQ(counter(customer, Counter::visits_30d), 0.25);
  EXPECT_EQ(counter(customer, Counter::complaints_opened_60d), 0.5);
  EXPECT_EQ(counter(customer, Counter::complaints_withdrawn_60d), 0.5);
  EXPECT_EQ(counter(customer, Counter::complaints_resolved_60d), 1);
  EXPECT_EQ(counter(customer, Counter::returns_60d), 0.25) << "late: as of its own time";
}

TEST(Customer, AnEventsCountersAreRoundedOnce) {
  Customer customer = after({visit(new_year)});
  customer.counters[2] = 1.0f / 3;
  (void)apply_event(customer, visit(new_year + days(7)));
  const double exact = static_cast<double>(1.0f / 3) * std::exp2(-7.0 / 30) + 1;
  EXPECT_EQ(customer.counters[2], static_cast<float>(exact));
}

TEST(Customer, ComplaintsCountByStatus) {
  using enum ComplaintStatus;
  const auto counts = [](ComplaintStatus status) {
    const Customer customer = after({complaint(new_year, status)});
    return std::vector<double>(customer.counters.begin(), customer.counters.end());
  };
  EXPECT_EQ(counts(opened), (std::vector<double>{0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(counts(reopened), (std::vector<double>{0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(counts(acknowledged), (std::vector<double>{0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(counts(resolved), (std::vector<double>{0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(counts(withdrawn), (std::vector<double>{0, 0, 0, 0, 0, 1, 0}));
}

TEST(Customer, OpenComplaintsStayWithinTheirBounds) {
  using enum ComplaintStatus;
  EXPECT_EQ(
      after({complaint(new_year), complaint(new_year, reopened), complaint(new_year, acknowledged)}).open_complaints,
      2);
  EXPECT_EQ(after({complaint(new_year), complaint(new_year, withdrawn), complaint(new_year, resolved)}).open_complaints,
            0);
  EXPECT_EQ(after({complaint(new_year, resolved), complaint(new_year)}).open_complaints, 1);
  EXPECT_EQ(after({returned(new_year)}).open_complaints, 0);
  Customer customer = after({complaint(new_year)});
  customer.open_complaints = 65'535;
  (void)apply_event(customer, complaint(new_year));
  EXPECT_EQ(customer.open_complaints, 65'535);
}

TEST(Customer, WasSeenWhenItLastGotInTouchAfterThePurchase) {
  using enum ComplaintStatus;
  const Timestamp bought = new_year + days(10);
  const auto seen = [&](std::vector<Event> events) {
    events.insert(events.begin(), {purchase(new_year), purchase(bought)});
    const Customer customer = after(events);
    EXPECT_EQ(customer.is_seen_since_purchase(), customer.last_seen() > customer.last());
    return customer.last_seen() - bought;
  };
  EXPECT_EQ(seen({}), hours(0));
  EXPECT_EQ(seen({visit(bought + hours(1) - milliseconds(1))}), hours(0)) << "still about the purchase";
  EXPECT_EQ(seen({visit(bought + hours(1))}), hours(1));
  EXPECT_EQ(seen({visit(bought + hours(50) + milliseconds(1)), visit(bought + hours(20))}), hours(50)) << "late";
  EXPECT_EQ(seen({returned(bought + hours(7))}), hours(7));
  for (const ComplaintStatus own : {opened, reopened, withdrawn})
    EXPECT_EQ(seen({complaint(bought + hours(7), own)}), hours(7));
  for (const ComplaintStatus of_shop : {acknowledged, resolved})
    EXPECT_EQ(seen({complaint(bought + hours(7), of_shop)}), hours(0));
  EXPECT_EQ(seen({visit(bought + days(3000))}), hours(65'535)) << "no longer than the record can tell";
}

TEST(Customer, WhoBuysWasLastSeenThenUnlessThePurchaseIsLate) {
  std::vector<Event> events{purchase(new_year), visit(new_year + hours(90)), purchase(new_year + hours(100))};
  EXPECT_FALSE(after(events).is_seen_since_purchase());
  events.push_back(visit(new_year + hours(130)));
  events.push_back(purchase(new_year + hours(110) + milliseconds(1)));
  EXPECT_EQ(after(events).last_seen(), new_year + hours(129) + milliseconds(1)) << "whole hours from the purchase on";
  events.push_back(purchase(new_year + hours(105)));
  EXPECT_EQ(after(events).last_seen(), new_year + hours(129) + milliseconds(1))
      << "one before the latest moves nothing";
  events.push_back(purchase(new_year + hours(130)));
  EXPECT_FALSE(after(events).is_seen_since_purchase());
}

TEST(Customer, ContactsCountFromTheFirstPurchaseOn) {
  std::vector<Event> events{visit(new_year), complaint(new_year), purchase(new_year + days(1))};
  EXPECT_EQ(after(events).contacts, 0u);
  for (const Event& event : {visit(new_year + days(1)), visit(new_year + days(2)), returned(new_year + days(2)),
                             complaint(new_year + days(3), ComplaintStatus::withdrawn)})
    events.push_back(event);
  EXPECT_EQ(after(events).contacts, 4u);
  events.push_back(complaint(new_year + days(3), ComplaintStatus::resolved));
  events.push_back(visit(new_year + hours(23)));
  EXPECT_EQ(after(events).contacts, 4u) << "the shop's doing, and before the first purchase";
  events.push_back(purchase(new_year + days(4)));
  EXPECT_EQ(after(events).events_since_first(), 5) << "four contacts and a purchase";
  Customer customer = after(events);
  customer.contacts = std::numeric_limits<std::uint16_t>::max();
  (void)apply_event(customer, visit(new_year + days(5)));
  EXPECT_EQ(customer.contacts, std::numeric_limits<std::uint16_t>::max());
}

TEST(Customer, AmountsInAnotherCurrencyAreNotAdded) {
  const Customer customer =
      after({purchase(new_year), purchase(new_year + days(1), 10, "EUR"), purchase(new_year + days(2), 7, "GBP"),
             purchase(new_year + days(3), 5, ""), purchase(new_year + days(4), 2.5, "EUR")});
  EXPECT_EQ(Currency{customer.currency}.text(), "EUR");
  EXPECT_EQ(customer.spent, 12.5);
  EXPECT_EQ(customer.first_day_spent, 0);
  EXPECT_EQ(customer.x, 4u);
  EXPECT_FALSE(spend_is_known(customer, std::nullopt));
}

TEST(Customer, SpendIsKnownWhileAllAmountsAreInOneCurrency) {
  EXPECT_FALSE(spend_is_known(after({purchase(new_year)}), std::nullopt)) << "no amount at all";
  std::vector<Event> events{purchase(new_year, 10, "GBP"), purchase(new_year + days(1), 10, "GBP")};
  EXPECT_TRUE(spend_is_known(after(events), std::nullopt));
  events.push_back(purchase(new_year + days(2), 10, "EUR"));
  EXPECT_FALSE(spend_is_known(after(events), std::nullopt));
  events.push_back(purchase(new_year + days(3), 10, "GBP"));
  EXPECT_FALSE(spend_is_known(after(events), std::nullopt)) << "what was in EUR is still missing from the sum";
}

TEST(Customer, ACurrencyMayBeNone) {
  const Customer customer =
      after({purchase(new_year, 10, ""), purchase(new_year, 7, "GBP"), purchase(new_year, 5, "")});
  EXPECT_TRUE(customer.has(Customer::has_amount));
  EXPECT_TRUE(Currency{customer.currency}.empty());
  EXPECT_EQ(customer.spent, 15);
  EXPECT_EQ(customer.first_day_spent, 15);
}

TEST(Customer, SpendStaysFinite) {
  constexpr double most = std::numeric_limits<double>::max();
  const Customer customer = after({purchase(new_year, most), purchase(new_year, most)});
  EXPECT_EQ(customer.spent, most);
  EXPECT_EQ(customer.first_day_spent, most);
}

TEST(Customer, RepeatOfARecentEventHasNoEffect) {
  Customer customer = after({with_id(purchase(new_year), "a")});
  const Customer before = customer;
  EXPECT_EQ(apply_event(customer, with_id(visit(new_year + days(3)), "a")), Applied::duplicate);
  EXPECT_TRUE(same_bytes(customer, before));
}

TEST(Customer, TheLatestSixEventIdsAreKnown) {
  std::vector<Event> events;
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) events.push_back(with_id(visit(new_year), id));
  const Customer six = after(events);
  for (const Event& event : events) {
    Customer customer = six;
    EXPECT_EQ(apply_event(customer, event), Applied::duplicate) << event.event_id;
  }
  Customer seven = six;
  EXPECT_EQ(apply_event(seven, with_id(visit(new_year), "g")), Applied::event);
  EXPECT_EQ(apply_event(seven, with_id(visit(new_year), "b")), Applied::duplicate);
  EXPECT_EQ(apply_event(seven, with_id(visit(new_year), "a")), Applied::event) << "the oldest gave way";
  EXPECT_EQ(apply_event(seven, with_id(visit(new_year), "b")), Applied::event) << "then the next one";
  EXPECT_EQ(apply_event(seven, with_id(visit(new_year), "g")), Applied::duplicate);
}

TEST(Customer, EventsWithoutAnIdAreNeverDuplicates) {
  Customer customer{};
  EXPECT_EQ(apply_event(customer, visit(new_year)), Applied::event);
  EXPECT_EQ(apply_event(customer, visit(new_year)), Applied::event);
  EXPECT_EQ(counter(customer, Counter::visits_30d), 2);
}

TEST(Customer, AdvancingDecaysAndMovesTheMoment) {
  Customer customer = after({purchase(new_year), visit(new_year)});
  Customer expected = customer;
  expected.moment_ms = (new_year + days(30)).ms;
  expected.counters = {0.5f, static_cast<float>(std::exp2(-30.0 / 90)), 0.5f, 0, 0, 0, 0};
  advance_to(customer, new_year + days(30));
  EXPECT_TRUE(same_bytes(customer, expected));
  advance_to(customer, new_year + days(30));
  EXPECT_TRUE(same_bytes(customer, expected));
}

TEST(Customer, StatesFollowTheirLife) {
  EXPECT_EQ(state_of(after({visit(new_year)})), CustomerState::potential);
  std::vector<Event> events{purchase(new_year)};
  const auto state_after_day = [&](std::int64_t day) {
    events.push_back(purchase(new_year + days(day)));
    return state_of(after(events));
  };
  EXPECT_EQ(state_of(after(events)), CustomerState::first_time);
  EXPECT_EQ(state_after_day(0), CustomerState::first_time);
  EXPECT_EQ(state_after_day(1), CustomerState::repeat);
  EXPECT_EQ(state_after_day(2), CustomerState::repeat);
  EXPECT_EQ(state_after_day(3), CustomerState::repeat);
  EXPECT_EQ(state_after_day(4), CustomerState::loyal);
}

TEST(Customer, ALatePurchaseFromBeforeTheSilenceWinsNobodyBack) {
  Customer customer = after({purchase(new_year), purchase(new_year + days(30))});
  customer.set(Customer::lost, true);
  (void)apply_event(customer, visit(new_year + days(400)));
  (void)apply_event(customer, purchase(new_year + days(10)));
  EXPECT_EQ(state_of(customer), CustomerState::lost);
  EXPECT_EQ(customer.x, 2u);
  (void)apply_event(customer, purchase(new_year + days(30)));
  EXPECT_EQ(state_of(customer), CustomerState::lost) << "nor does one of the same moment";
  (void)apply_event(customer, purchase(new_year + days(390)));
  EXPECT_EQ(state_of(customer), CustomerState::won_back) << "late as well, but the silence was shorter";
}

TEST(Customer, ALostOneIsWonBackUntilTheNextRepeatDay) {
  Customer customer = after({purchase(new_year), purchase(new_year + days(9))});
  customer.set(Customer::lost, true);
  EXPECT_EQ(state_of(customer), CustomerState::lost);
  (void)apply_event(customer, visit(new_year + days(300)));
  EXPECT_EQ(state_of(customer), CustomerState::lost);
  (void)apply_event(customer, purchase(new_year + days(300)));
  EXPECT_EQ(state_of(customer), CustomerState::won_back);
  (void)apply_event(customer, purchase(new_year + days(300)));
  EXPECT_EQ(state_of(customer), CustomerState::won_back);
  (void)apply_event(customer, purchase(new_year + days(301)));
  EXPECT_EQ(state_of(customer), CustomerState::repeat);
}

Event any_event() {
  const Timestamp t = new_year + milliseconds(*rc::gen::inRange<std::int64_t>(0, days(40).ms));
  switch (*rc::gen::inRange(0, 4)) {
    case 0: return purchase(t, any_real(0, 100), *rc::gen::element<std::string_view>("GBP", "EUR", ""));
    case 1: return complaint(t, static_cast<ComplaintStatus>(*rc::gen::inRange(0, 5)));
    case 2: return returned(t);
    default: return visit(t);
  }
}

TEST(Customer, AnyOrderOfArrivalKeepsItsBoundsAndGivesTheSameCounters) {
  const bool ok = rc::check("arrival in order and out of it", [] {
    std::vector<Event> events(static_cast<std::size_t>(*rc::gen::inRange(1, 30)));
    for (Event& event : events) event = any_event();
    const Customer arrived = after(events);
    std::ranges::stable_sort(events, {}, &Event::time);
    const Customer sorted = after(events);

    RC_ASSERT(arrived.first() <= arrived.last() && arrived.last() <= arrived.moment());
    RC_ASSERT(arrived.purchases == 0 || arrived.x < arrived.purchases);
    RC_ASSERT(arrived.x >= sorted.x);
    RC_ASSERT(arrived.first() == sorted.first() && arrived.last() == sorted.last());
    RC_ASSERT(arrived.moment() == sorted.moment());
    RC_ASSERT(arrived.last_seen() <= arrived.moment());
    RC_ASSERT(arrived.contacts <= sorted.contacts);
    RC_ASSERT(arrived.first_day_spent <= arrived.spent);
    for (std::size_t i = 0; i < counter_count; ++i) {
      RC_ASSERT(std::abs(arrived.counters[i] - sorted.counters[i]) <= 1e-5f * (1 + sorted.counters[i]));
    }
  });
  EXPECT_TRUE(ok);
}

std::string record_of(const Customer& customer) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(Customer)>>(customer);
  return {bytes.begin(), bytes.end()};
}

TEST(CustomerRecord, IsOneThatEventsLeadTo) {
  EXPECT_TRUE(is_customer_record(record_of(after({visit(new_year)}))));
  EXPECT_TRUE(is_customer_record(record_of(after({purchase(new_year, 3), purchase(new_year + days(1), 4, "")}))));
  EXPECT_TRUE(is_customer_record(record_of(after({purchase(first_event_time), complaint(last_event_time)}))));
  EXPECT_TRUE(rc::check("any customer", [] { RC_ASSERT(is_customer_record(record_of(any_customer()))); }));
  EXPECT_FALSE(is_customer_record(record_of(buyer(3, days(40))) + "x"));
  EXPECT_FALSE(is_customer_record(record_of(buyer(3, days(40))).substr(1)));
  EXPECT_FALSE(is_customer_record({}));
}

TEST(CustomerRecord, IsNoneThatTheCodeCouldNotCountWith) {
  constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
  constexpr auto broken = [](auto change) {
    Customer customer = buyer(3, days(40));
    customer.level = 1;
    customer.raised_at_ms = customer.moment_ms;
    EXPECT_TRUE(is_customer_record(record_of(customer)));
    change(customer);
    return !is_customer_record(record_of(customer));
  };
  EXPECT_TRUE(broken([](Customer& c) { c.fingerprint_next = limits::event_fingerprints; }));
  EXPECT_TRUE(broken([](Customer& c) { c.flags = 0; }));
  EXPECT_TRUE(broken([](Customer& c) { c.flags |= 32; }));
  EXPECT_TRUE(broken([](Customer& c) { c.moment_ms = last_event_time.ms + 1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.last_ms = c.moment_ms + 1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.first_ms = c.last_ms + 1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.first_ms = first_event_time.ms - 1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.raised_at_ms = c.moment_ms + 1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.raised_at_ms = first_event_time.ms - 1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.x = c.purchases; }));
  EXPECT_TRUE(broken([](Customer& c) { c.x = c.purchases = 0; }));
  EXPECT_TRUE(broken([](Customer& c) { c.counters[6] = not_a_number; }));
  EXPECT_TRUE(broken([](Customer& c) { c.counters[0] = -1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.gap_squares = not_a_number; }));
  EXPECT_TRUE(broken([](Customer& c) { c.spent = std::numeric_limits<double>::infinity(); }));
  EXPECT_TRUE(broken([](Customer& c) { c.first_day_spent = -1; }));
  EXPECT_TRUE(broken([](Customer& c) { c.seen_after_h = 1; })) << "later than the moment";
  EXPECT_TRUE(broken([](Customer& c) {
    c.moment_ms += hours(1).ms;
    c.seen_after_h = 1;
  })) << "by no contact";
  EXPECT_TRUE(broken([](Customer& c) { c.currency = {'G', 'B', 'p'}; }));
}

}  // namespace
}  // namespace holdfast::engine
