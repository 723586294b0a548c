#include "app/shop.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::app {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

ShopSettings settings(std::uint64_t events, std::uint32_t customers, std::uint64_t seed) {
  return {.events = events,
          .customers = customers,
          .seed = seed,
          .from = Timestamp{15'000 * day_ms},
          .length = Duration{365 * day_ms}};
}

std::vector<ShopEvent> all_of(Shop& shop) {
  std::vector<ShopEvent> events;
  while (const auto event = shop.next()) events.push_back(*event);
  return events;
}

TEST(Shop, TellsEveryEventInOrderOfTime) {
  // More events than the customers would have by themselves, and far fewer.
  for (const std::uint64_t count : {1U, 300U, 50'000U}) {
    Shop shop(settings(count, 300, 1));
    const auto events = all_of(shop);
    ASSERT_EQ(events.size(), count);
    for (std::size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i].number, i);
      ASSERT_LT(events[i].customer, 300U);
      ASSERT_TRUE(i == 0 || events[i].time >= events[i - 1].time);
    }
    ASSERT_GE(events.front().time, Timestamp{15'000 * day_ms});
    // The whole period and nothing but it.
    ASSERT_LT(events.back().time, Timestamp{15'365 * day_ms}) << count;
    ASSERT_GT(events.back().time, Timestamp{15'364 * day_ms}) << count;
  }
}

TEST(Shop, FewCustomersDoMostIfAskedFor) {
  constexpr std::uint32_t customers = 2'000;
  ShopSettings zipf = settings(100'000, customers, 1);
  zipf.zipf = 1;
  Shop shop(zipf);
  std::vector<int> count(customers);
  const auto events = all_of(shop);
  ASSERT_EQ(events.size(), 100'000U);
  for (const ShopEvent& event : events) ++count[event.customer];
  std::ranges::sort(count, std::greater());
  int best = 0;
  for (std::size_t i = 0; i < customers / 100; ++i) best += count[i];
  // By the law it is 44 %; each customer's own chance comes on top.
  EXPECT_GT(best, 30'000);
  EXPECT_LT(best, 65'000);
  EXPECT_LE(count[customers / 2], 20);
}

TEST(Shop, AShortPeriodHoldsAllEvents) {
  for (const std::int64_t length_ms : {1, 2, 1000}) {
    ShopSettings brief = settings(5'000, 100, 1);
    brief.length = Duration{length_ms};
    Shop shop(brief);
    for (const ShopEvent& event : all_of(shop)) {
      ASSERT_GE(event.time, brief.from);
      ASSERT_LT(event.time, brief.from + brief.length);
    }
  }
}

TEST(Shop, TheTruthIsThatOfTheEvents) {
  Shop shop(settings(30'000, 500, 2));
  struct Seen {
    std::uint32_t purchases = 0;
    Timestamp first;
    Timestamp last;
    Timestamp last_purchase;
  };
  std::map<std::uint32_t, Seen> seen;
  for (const ShopEvent& event : all_of(shop)) {
    auto [it, is_new] = seen.try_emplace(event.customer);
    if (is_new) {
      it->second.first = event.time;
      EXPECT_EQ(event.kind, EventKind::purchase);
    }
    it->second.last = event.time;
    if (event.kind != EventKind::purchase) continue;
    ++it->second.purchases;
    it->second.last_purchase = event.time;
    EXPECT_GE(event.amount, 0);
  }
  std::size_t gone = 0;
  for (const auto& [customer, facts] : seen) {
    const ShopTruth& truth = shop.truth(customer);
    EXPECT_EQ(truth.joined, facts.first);
    EXPECT_EQ(truth.purchases, facts.purchases);
    if (!truth.left) continue;
    ++gone;
    EXPECT_EQ(*truth.left, facts.last_purchase) << "nothing is heard of a customer who has left";
    EXPECT_EQ(*truth.left, facts.last);
  }
  EXPECT_GT(gone, seen.size() / 10);
  EXPECT_LT(gone, seen.size() * 9 / 10);
}

TEST(Shop, ComplaintsGoThroughTheirStatusesInOrder) {
  Shop shop(settings(60'000, 500, 3));
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::optional<ComplaintStatus>> complaints;
  std::set<ComplaintStatus> reached;
  for (const ShopEvent& event : all_of(shop)) {
    if (event.kind != EventKind::complaint) continue;
    auto& status = complaints[{event.customer, event.complaint}];
    reached.insert(event.status);
    switch (event.status) {
      case ComplaintStatus::opened: EXPECT_FALSE(status); break;
      case ComplaintStatus::acknowledged: EXPECT_EQ(status, ComplaintStatus::opened); break;
      case ComplaintStatus::reopened: EXPECT_EQ(status, ComplaintStatus::resolved); break;
      case ComplaintStatus::resolved:
      case ComplaintStatus::withdrawn: EXPECT_TRUE(status && status != ComplaintStatus::resolved); break;
    }
    status = event.status;
  }
  EXPECT_EQ(reached.size(), 5U) << "every status must be met";
}

TEST(Shop, TheSameSeedGivesTheSameShop) {
  const auto fingerprint = [](std::uint64_t seed) {
    Shop shop(settings(2'000, 100, seed));
    std::uint64_t sum = 0;
    for (const ShopEvent& event : all_of(shop))
      sum = sum * 31 + static_cast<std::uint64_t>(event.time.ms) + static_cast<std::uint64_t>(event.customer) +
            static_cast<std::uint64_t>(event.amount * 100) % 1'000;
    return sum;
  };
  EXPECT_EQ(fingerprint(1), fingerprint(1));
  EXPECT_NE(fingerprint(1), fingerprint(2));
}

}  // namespace
}  // namespace holdfast::app
