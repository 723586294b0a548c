#include "engine/task.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/task_world.hpp"

namespace holdfast::engine {
namespace {

TEST(Task, AnAlertNamesTheEventThatTriggeredIt) {
  World world(talkative_model());
  world.log(purchases, regular("a"));
  Event complains = with_id("c-1", of("a", complaint(new_year + days(8))));
  complains.logged_at = new_year + days(9);
  world.log(others, {of("b", visit(new_year + days(8))), complains});
  ASSERT_TRUE(world.task.advance(before_all_time, unbounded, world.alerts));
  ASSERT_EQ(world.story(), "raised high");
  EXPECT_EQ(world.alert(0).customer, "a");
  EXPECT_EQ(world.alert(0).time, new_year + days(8));
  EXPECT_EQ(world.alert(0).trigger, TriggerType::complaint);
  EXPECT_EQ(world.alert(0).source, others.value);
  EXPECT_EQ(world.alert(0).offset, 1);
  EXPECT_EQ(world.alert(0).event_id, "c-1");
  EXPECT_EQ(world.alert(0).logged_at, new_year + days(9));
}

TEST(Task, EachKindOfEventIsATriggerOfItsOwn) {
  World world(talkative_model());
  world.log(purchases, regular("a"));
  world.log(others, {of("a", complaint(new_year + days(8))), of("a", visit(new_year + days(8)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised high, resolved none");
  EXPECT_EQ(world.alert(1).trigger, TriggerType::visit);

  World silent;
  silent.log(purchases, {});
  silent.log(others, {});
  silent.log(purchases, regular("a"));
  silent.log(purchases, {of("a", purchase(new_year + days(80)))});
  (void)silent.task.advance(before_all_time, unbounded, silent.alerts);
  ASSERT_EQ(silent.story(), "raised watch, escalated high, resolved none");
  EXPECT_EQ(silent.alert(2).trigger, TriggerType::purchase);
  EXPECT_EQ(silent.alert(2).source, purchases.value);
  EXPECT_EQ(silent.alert(2).offset, 2);
}

TEST(Task, SilenceIsATriggerWithoutAnEvent) {
  World world;
  std::vector<Event> events = regular("a");
  for (Event& event : events) event.logged_at = event.time;
  world.log(purchases, events);
  world.end(others);
  (void)world.task.advance(new_year + days(60), unbounded, world.alerts);
  ASSERT_GE(world.alerts.items.size(), 1U);
  EXPECT_EQ(world.alert(0).trigger, TriggerType::silence);
  EXPECT_EQ(world.alert(0).offset, 0);
  EXPECT_EQ(world.alert(0).event_id, "");
  EXPECT_EQ(world.alert(0).logged_at, Timestamp{-1});
  // The moment at which it was due, not that at which it was noticed.
  expect_first_moment(customer_after(events), world, world.alert(0).time, world.policy.thresholds[0]);
}

TEST(Task, AnAlertSaysWhatIsAtStake) {
  World world;
  world.log(purchases, regular("a"));
  world.end(others);
  (void)world.task.advance(new_year + days(60), unbounded, world.alerts);
  ASSERT_GE(world.alerts.items.size(), 1U);
  const auto& alert = world.alert(0);
  EXPECT_TRUE(alert.has_value);
  EXPECT_EQ(alert.currency, "GBP");
  EXPECT_EQ(alert.spent, 50);
  ASSERT_TRUE(alert.expected);
  EXPECT_EQ(*alert.expected,
            expected_spend_at(customer_after(regular("a")), world.model, world.policy.horizon, alert.time));
  EXPECT_GT(*alert.expected, 0);
  EXPECT_EQ(alert.at_risk, *alert.expected * alert.risk);
  EXPECT_LT(alert.at_risk, *alert.expected * 0.7);
}

TEST(Task, WhatIsAtStakeIsNotSaidWhereItIsNotKnown) {
  const auto alert_after = [](const Model& model, const std::vector<Event>& events) {
    World world(model);
    world.log(purchases, events);
    world.end(others);
    (void)world.task.advance(new_year + days(60), unbounded, world.alerts);
    EXPECT_GE(world.alerts.items.size(), 1U);
    return world.alert(0);
  };
  Model no_spend = cdnow_model();
  no_spend.gamma_gamma.reset();
  const auto without_model = alert_after(no_spend, regular("a"));
  EXPECT_TRUE(without_model.has_value);
  EXPECT_EQ(without_model.spent, 50);
  EXPECT_FALSE(without_model.expected);
  EXPECT_EQ(without_model.at_risk, 0);

  const auto without_amounts =
      alert_after(cdnow_model(), {of("a", purchase(new_year)), of("a", purchase(new_year + days(7)))});
  EXPECT_FALSE(without_amounts.has_value);
  EXPECT_FALSE(without_amounts.expected);
  EXPECT_EQ(without_amounts.currency, "");

  const auto two_currencies = alert_after(
      cdnow_model(), {of("a", purchase(new_year, 20, "EUR")), of("a", purchase(new_year + days(7), 30, "GBP"))});
  EXPECT_EQ(two_currencies.currency, "EUR");
  EXPECT_FALSE(two_currencies.expected);
}

TEST(Task, CountsAmountsThatTheModelDoesNotKnow) {
  const auto counted = [](std::optional<Currency> of_model) {
    Model model = talkative_model();
    model.currency = of_model;
    World world(model);
    world.log(purchases,
              {of("a", purchase(new_year, 20, "EUR")), of("b", purchase(new_year)),
               of("b", purchase(new_year + days(1), 3, "GBP")), of("c", purchase(new_year + days(2), 4, ""))});
    world.log(others, {of("c", visit(new_year + days(2)))});
    EXPECT_TRUE(world.task.advance(before_all_time, unbounded, world.alerts));
    return world.task.counts().other_currency;
  };
  EXPECT_EQ(counted(std::nullopt), 0U) << "the model takes any";
  EXPECT_EQ(counted(Currency::from("EUR")), 2U) << "pounds, and an amount without a currency";
  EXPECT_EQ(counted(Currency::from("GBP")), 2U);
}

TEST(Task, CountsWhatItTakes) {
  World world(talkative_model());
  Event misplaced = of("b", purchase(new_year + days(7)));
  misplaced.misplaced = true;
  world.log(purchases, {of("a", purchase(new_year)), no_event(RejectionCode::bad_time, {}), misplaced,
                        of("a", purchase(new_year + days(8))), no_event(RejectionCode::too_large, {}),
                        no_event(RejectionCode::too_large, {})});
  world.log(others,
            {with_id("v", of("a", visit(new_year + days(9)))), with_id("v", of("a", visit(new_year + days(10)))),
             of("a", visit(new_year + days(1))), of("b", visit(new_year + days(9)))});
  ASSERT_TRUE(world.task.advance(before_all_time, unbounded, world.alerts));
  const TaskCounts& counts = world.task.counts();
  EXPECT_EQ(counts.events[purchases.value], 3U);
  EXPECT_EQ(counts.events[others.value], 4U);
  EXPECT_EQ(counts.duplicates, 1U);
  EXPECT_EQ(counts.late, 1U) << "the visit on the second day; that of b is late for others only";
  EXPECT_EQ(counts.misplaced, 1U);
  EXPECT_EQ(counts.steps, 1U);
  EXPECT_EQ(counts.timers, 0U);
  const auto rejected = [&](SourceIndex source, RejectionCode code) {
    return counts.rejected[source.value][static_cast<std::size_t>(code)];
  };
  EXPECT_EQ(rejected(purchases, RejectionCode::bad_time), 1U);
  EXPECT_EQ(rejected(purchases, RejectionCode::too_large), 2U);
  EXPECT_EQ(rejected(purchases, RejectionCode::bad_value), 0U);
  EXPECT_EQ(rejected(others, RejectionCode::too_large), 0U);
  EXPECT_EQ(world.alerts.rejections, 3U);
}

TEST(Task, CountsAlertsByChangeAndLevel) {
  World world(talkative_model());
  world.log(purchases, regular("a"));
  world.log(others, {of("a", complaint(new_year + days(8)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  (void)world.task.advance(new_year + days(100), unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised high, eased watch, resolved none");
  const auto alerts = [&](Change change, Level level) {
    return world.task.counts().alerts[static_cast<std::size_t>(change)][static_cast<std::size_t>(level)];
  };
  EXPECT_EQ(alerts(Change::raised, Level::high), 1U);
  EXPECT_EQ(alerts(Change::raised, Level::watch), 0U);
  EXPECT_EQ(alerts(Change::eased, Level::watch), 1U);
  EXPECT_EQ(alerts(Change::resolved, Level::none), 1U);
  EXPECT_EQ(world.task.counts().timers, 2U);
  EXPECT_EQ(world.task.counts().steps, 2U);
  world.task.set_counts({});
  EXPECT_EQ(world.task.counts().timers, 0U);
  EXPECT_EQ(world.task.steps(), 2U) << "steps are numbered for life";
}

TEST(Task, ADuplicateChangesNothing) {
  World world(talkative_model());
  world.log(purchases, regular("a"));
  world.log(others, {with_id("v", of("a", visit(new_year + days(8))))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  const std::string before(reinterpret_cast<const char*>(world.table.read(Slot{0})), sizeof(Customer));
  world.log(others, {with_id("v", of("a", complaint(new_year + days(9))))});
  ASSERT_TRUE(world.task.advance(before_all_time, unbounded, world.alerts));
  EXPECT_EQ(world.story(), "");
  EXPECT_EQ(before, std::string(reinterpret_cast<const char*>(world.table.read(Slot{0})), sizeof(Customer)));
  EXPECT_EQ(world.task.stream_time(), new_year + days(9)) << "but for the time that has passed";
}

TEST(Task, WhatIsNoEventHasNoTime) {
  for (const bool recorded : {false, true}) {
    World world;
    world.log(purchases, regular("a"));
    world.log(others, {no_event(RejectionCode::malformed_json, new_year + days(3'000))});
    if (recorded) {
      Step step{.number = 1, .end = world.task.position()};
      step.end[purchases] = Offset{2};
      step.end[others] = Offset{1};
      world.task.apply(step, world.alerts);
    } else {
      const auto step = world.task.advance(before_all_time, unbounded, world.alerts);
      ASSERT_TRUE(step);
      EXPECT_EQ(step->end[others], Offset{1});
      EXPECT_EQ(step->clock, before_all_time);
    }
    EXPECT_EQ(world.alerts.rejections, 1U);
    EXPECT_EQ(world.task.stream_time(), new_year + days(7));
    EXPECT_EQ(world.story(), "") << "no timer was due";
  }
}

TEST(Task, TimersGoBeforeAnEventOfTheSameMillisecond) {
  World world;
  const Timestamp due = next_timer(customer_after(regular("a")), world.model, world.policy);
  ASSERT_NE(due, after_all_time);
  world.log(purchases, regular("a"));
  world.log(purchases, {of("a", purchase(due))});
  world.end(others);
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  EXPECT_EQ(world.story(), "raised watch, resolved none");
  EXPECT_EQ(world.alert(0).time, due);
  EXPECT_EQ(world.alert(1).time, due);

  World before;
  before.log(purchases, regular("a"));
  before.log(purchases, {of("a", purchase(due - milliseconds(1)))});
  before.end(others);
  (void)before.task.advance(before_all_time, unbounded, before.alerts);
  EXPECT_EQ(before.story(), "");
}

TEST(Task, ABoundedStepSaysHowManyTimersItFiredAndTheNextOneGoesOn) {
  World world;
  std::vector<Event> events;
  for (const std::size_t day : {0U, 1U}) {
    for (const std::string_view customer : {"b", "a", "c"}) events.push_back(regular(customer)[day]);
  }
  world.log(purchases, events);
  world.end(others);
  const auto merged = world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_TRUE(merged);
  const Timestamp due = next_timer(customer_after(regular("a")), world.model, world.policy);

  World replayed;
  replayed.log(purchases, events);
  replayed.task.apply(*merged, replayed.alerts);
  std::string customers;
  for (std::size_t fired = 1; fired <= 3; ++fired) {
    const auto step = world.task.advance(new_year + days(400), 1, world.alerts);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->clock, due) << "all three are due at one moment";
    EXPECT_EQ(step->timers, 1u);
    ASSERT_EQ(world.alerts.items.size(), fired);
    customers += world.alert(fired - 1).customer;
    replayed.task.apply(*step, replayed.alerts);
    EXPECT_EQ(replayed.alerts.text, world.alerts.text);
    EXPECT_EQ(replayed.task.stream_time(), world.task.stream_time());
  }
  EXPECT_EQ(customers, "abc");
  EXPECT_GT(world.task.next_timer(), due);
}

// After a change of the policy many timers can lie behind stream time, and a record that is no event moves no time.
TEST(Task, TimersThatAreOverdueFireBeforeARecordThatIsNoEventLiveAndReplayed) {
  World before;
  before.log(purchases, regular("a"));
  before.end(others);
  (void)before.task.advance(before_all_time, unbounded, before.alerts);
  (void)before.task.advance(before.task.next_timer() - milliseconds(1), unbounded, before.alerts);
  const Marker marker = before.task.marker(PolicyId{1}, Timestamp{0});

  const auto restored = [&](RiskPolicy policy) {
    auto world = std::make_unique<World>(cdnow_model(), policy);
    world->table.load("a", {reinterpret_cast<const char*>(before.table.read(Slot{0})), sizeof(Customer)});
    world->table.finish_loading();
    world->task.restore({.partition = marker.partition,
                         .policy = marker.policy,
                         .topics = 0,
                         .record_format = marker.record_format,
                         .step = 0,
                         .position = {},
                         .stream_time = before.task.stream_time() + days(1),
                         .customers = 1,
                         .taken_at = {}});
    static const Rejection rejection;
    Event record;
    record.rejection = &rejection;
    world->log(purchases, {record});
    world->end(others);
    return world;
  };
  RiskPolicy stricter = default_policy();
  stricter.thresholds = {0.1, 0.2, 0.3};
  const auto live = restored(stricter);
  const auto step = live->task.advance(before_all_time, unbounded, live->alerts);
  ASSERT_TRUE(step);
  EXPECT_FALSE(live->alerts.items.empty());
  const auto replayed = restored(stricter);
  replayed->task.apply(*step, replayed->alerts);
  EXPECT_EQ(replayed->alerts.text, live->alerts.text);
}

TEST(Task, TheClockWaitsForEverySource) {
  World world;
  world.log(purchases, regular("a"));
  world.end(others);
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  world.push(others, {of("a", visit(new_year + days(8)))});
  ASSERT_TRUE(world.task.advance(new_year + days(400), unbounded, world.alerts));
  EXPECT_EQ(world.task.stream_time(), new_year + days(8)) << "the log may hold more of the visits";
  EXPECT_FALSE(world.task.advance(new_year + days(400), unbounded, world.alerts));
  EXPECT_EQ(world.story(), "");

  world.end(others);
  const auto step = world.task.advance(new_year + days(400), unbounded, world.alerts);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->clock, new_year + days(400));
  EXPECT_EQ(world.story(), "raised watch, escalated high, escalated critical, expired none");
}

TEST(Task, AClockThatFiresNothingMakesNoStep) {
  World world;
  world.log(purchases, regular("a"));
  world.end(others);
  const auto first = world.task.advance(new_year + days(8), unbounded, world.alerts);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->clock, new_year + days(8)) << "behind events it moves time";
  const Timestamp due = next_timer(customer_after(regular("a")), world.model, world.policy);

  EXPECT_FALSE(world.task.advance(new_year + days(9), unbounded, world.alerts));
  EXPECT_FALSE(world.task.advance(due - milliseconds(1), unbounded, world.alerts));
  EXPECT_EQ(world.task.stream_time(), new_year + days(8));
  EXPECT_EQ(world.task.steps(), 1U);

  const auto second = world.task.advance(due, unbounded, world.alerts);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->number, 2U);
  EXPECT_EQ(second->clock, due);
  EXPECT_EQ(second->end, first->end);
  EXPECT_EQ(world.story(), "raised watch");
}

TEST(Task, AClockNeverTakesTimeBack) {
  World world;
  world.log(purchases, regular("a"));
  world.end(others);
  const auto step = world.task.advance(new_year + days(3), unbounded, world.alerts);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->clock, before_all_time);
  EXPECT_EQ(world.task.stream_time(), new_year + days(7));
}

TEST(Task, ALifeOfSilenceAndReturn) {
  RiskPolicy policy = default_policy();
  policy.thresholds = {0.6, 0.7, 0.99};
  policy.expire_after = milliseconds(days(120).ms + 7);
  World world(cdnow_model(), policy);
  const std::vector<Event> first_purchases = regular("a");
  world.log(purchases, first_purchases);
  world.end(others);
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  (void)world.task.advance(new_year + days(179), unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised watch, escalated high, expired none");
  const Customer silent = customer_after(first_purchases);
  expect_first_moment(silent, world, world.alert(0).time, 0.6);
  expect_first_moment(silent, world, world.alert(1).time, 0.7);
  EXPECT_EQ(world.alert(2).time, world.alert(0).time + days(120) + milliseconds(7));
  EXPECT_EQ(world.alert(2).previous_level, Level::high);
  EXPECT_EQ(world.alert(2).state, CustomerState::lost);
  EXPECT_EQ(world.alert(1).state, CustomerState::repeat);
  EXPECT_EQ(world.task.next_timer(), after_all_time) << "nothing more until the next purchase";

  world.log(purchases, {of("a", purchase(new_year + days(180)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_EQ(world.alerts.items.size(), 3U) << "the risk of who has just bought is low";
  (void)world.task.advance(new_year + days(1000), unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised watch, escalated high, expired none, raised watch, escalated high, expired none");
  EXPECT_EQ(world.alert(3).state, CustomerState::won_back);
  EXPECT_EQ(world.alert(3).previous_level, Level::none);
  std::vector<Event> all = first_purchases;
  all.push_back(purchase(new_year + days(180)));
  expect_first_moment(customer_after(all), world, world.alert(3).time, 0.6);
  EXPECT_EQ(world.alert(5).time, world.alert(3).time + days(120) + milliseconds(7));
  for (std::uint32_t i = 0; i < 6; ++i) {
    EXPECT_EQ(world.alert(i).seq, i + 1);
    EXPECT_EQ(world.alert(i).episode, i < 3 ? 1U : 2U);
  }
}

TEST(Task, APurchaseThatLeavesTheLevelPutsTheExpiryOff) {
  // The customer's age alone decides: high is reached some 197 days after the first purchase.
  World world(logistic_model(1, {{Feature::customer_age_days, 0.0005}}));
  world.log(purchases, regular("a"));
  world.log(purchases, {of("a", purchase(new_year + days(20) + milliseconds(1)))});
  world.end(others);
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  (void)world.task.advance(new_year + days(300), unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised watch, escalated high, expired none");
  EXPECT_EQ(world.alert(0).time, new_year + days(7));
  EXPECT_GT(world.alert(1).time, new_year + days(7 + 180)) << "counted from the raise it would have expired before";
  EXPECT_EQ(world.alert(2).time, new_year + days(20 + 180) + milliseconds(1));
}

TEST(Task, WhereExpiryAndACrossingTieOnlyTheExpiryIsReported) {
  World world;
  world.log(purchases, regular("a"));
  world.end(others);
  (void)world.task.advance(new_year + days(1000), unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised watch, escalated high, escalated critical, expired none");
  const Duration between = world.alert(1).time - world.alert(0).time;

  for (const std::int64_t later : {0, 1}) {
    RiskPolicy policy = default_policy();
    policy.expire_after = milliseconds(between.ms + later);
    World tie(cdnow_model(), policy);
    tie.log(purchases, regular("a"));
    tie.end(others);
    (void)tie.task.advance(new_year + days(1000), unbounded, tie.alerts);
    EXPECT_EQ(tie.story(), later == 0 ? "raised watch, expired none" : "raised watch, escalated high, expired none");
    EXPECT_EQ(tie.alerts.items.back().alert.time, world.alert(1).time + milliseconds(later));
    EXPECT_EQ(tie.alerts.items.back().alert.seq, tie.alerts.items.size());
  }
}

TEST(Task, ALateEventAlertsAtTheCustomersMoment) {
  World world(talkative_model());
  world.log(purchases, regular("a"));
  world.log(others, {of("a", visit(new_year + days(60))), of("b", visit(new_year + days(300)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_EQ(world.story(), "");
  world.log(others, {of("a", complaint(new_year + days(55))), of("a", complaint(new_year + days(55))),
                     of("a", complaint(new_year + days(55)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_GE(world.alerts.items.size(), 1U);
  EXPECT_EQ(world.alert(0).change, Change::raised);
  EXPECT_EQ(world.alert(0).trigger, TriggerType::complaint);
  EXPECT_EQ(world.alert(0).time, new_year + days(60)) << "neither its own time nor that of the stream";
  EXPECT_EQ(world.task.counts().late, 3U);
}

TEST(Task, AFiredTimerIsAMomentToo) {
  World world(talkative_model());
  world.log(purchases, regular("a"));
  world.log(others, {of("a", complaint(new_year + days(8)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  (void)world.task.advance(new_year + days(400), unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised high, eased watch, resolved none");
  const Timestamp resolved = world.alert(2).time;
  world.log(others, {of("a", complaint(resolved - milliseconds(1))), of("a", complaint(resolved - milliseconds(1)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_GE(world.alerts.items.size(), 4U);
  EXPECT_EQ(world.alert(3).change, Change::raised);
  EXPECT_EQ(world.alert(3).time, resolved);
}

TEST(Task, TimersThatALateEventLeavesBehindTheStreamFireWithIt) {
  World world;
  world.log(purchases, {of("b", purchase(new_year + days(1000)))});
  world.end(others);
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  world.log(purchases, regular("a"));
  const auto step = world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_TRUE(step);
  EXPECT_EQ(world.story(), "raised watch, escalated high, escalated critical, expired none");
  EXPECT_LT(world.alert(0).time, new_year + days(60));
  EXPECT_EQ(world.task.stream_time(), new_year + days(1000));
  EXPECT_EQ(world.task.counts().late, 0U) << "it is late for others, not for its customer";
}

TEST(Task, ARestoredTaskGoesOnWhereItStood) {
  World world;
  world.log(purchases, regular("a"));
  world.log(others, {of("lurker", visit(new_year + days(9)))});
  (void)world.task.advance(before_all_time, unbounded, world.alerts);
  const Marker marker = world.task.marker(PolicyId{5}, Timestamp{77});
  EXPECT_EQ(marker.partition, Partition{3});
  EXPECT_EQ(marker.policy, PolicyId{5});
  EXPECT_EQ(marker.record_format, customer_format);
  EXPECT_EQ(marker.step, 1U);
  EXPECT_EQ(marker.position.next[0], Offset{2});
  EXPECT_EQ(marker.position.next[1], Offset{1});
  EXPECT_EQ(marker.stream_time, new_year + days(9));
  EXPECT_EQ(marker.customers, 2U);
  EXPECT_EQ(marker.taken_at, Timestamp{77});

  Task restored{Partition{3}, world.model, world.policy, world.table, marker.position};
  restored.restore(marker);
  EXPECT_EQ(restored.steps(), 1U);
  EXPECT_EQ(restored.stream_time(), world.task.stream_time());
  EXPECT_EQ(restored.next_timer(), world.task.next_timer());
  EXPECT_EQ(restored.position(), world.task.position());
}

// ---------------------------------------------------------------------------------------------------------------------
// Actions and erasure

}  // namespace
}  // namespace holdfast::engine
