#include "app/purchase_times.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using testing::days;
using testing::hours;
using testing::new_year;

class PurchaseTimesTest : public ::testing::Test {
 protected:
  void buys(const std::string& id, Timestamp t) {
    Event event = testing::purchase(t);
    event.customer = make_customer_key(id);
    times_.add(event);
  }
  static std::uint64_t hash_of(const std::string& id) { return make_customer_key(id).hash; }

  PurchaseTimes times_;
};

TEST_F(PurchaseTimesTest, ASilenceIsAHorizonWithoutAPurchase) {
  buys("a", new_year + days(40));  // Out of order, as files may have it.
  buys("a", new_year);
  buys("a", new_year + days(10));
  times_.settle(after_all_time, {});
  const auto silences = times_.silences(days(30), new_year, new_year + days(100), 1);
  ASSERT_EQ(silences.size(), 1u) << "a purchase on the last day of the horizon ends it in time";
  EXPECT_EQ(silences[0].customer, hash_of("a"));
  EXPECT_EQ(silences[0].last_purchase, new_year + days(40));
}

TEST_F(PurchaseTimesTest, ASilenceCountsWhereItsHorizonEnds) {
  buys("a", new_year);
  times_.settle(after_all_time, {});
  const Timestamp end = new_year + days(30);
  EXPECT_EQ(times_.silences(days(30), end - Duration{1}, end, 1).size(), 1u);
  EXPECT_EQ(times_.silences(days(30), end, end + days(1), 1).size(), 0u);
  EXPECT_EQ(times_.silences(days(30), new_year, end - Duration{1}, 1).size(), 0u);
}

TEST_F(PurchaseTimesTest, WhoHasNotBoughtOftenEnoughCannotLeave) {
  buys("a", new_year);
  buys("a", new_year + hours(3));
  buys("a", new_year + days(60));
  times_.settle(after_all_time, {});
  const auto silences = times_.silences(days(30), new_year, new_year + days(365), 2);
  ASSERT_EQ(silences.size(), 1u) << "two purchases on one day are one";
  EXPECT_EQ(silences[0].last_purchase, new_year + days(60));
}

TEST_F(PurchaseTimesTest, SaysWhatCameNextAndWhatWasUsualBefore) {
  buys("a", new_year);
  buys("a", new_year + days(10));
  buys("a", new_year + days(10) + hours(1));
  buys("a", new_year + days(40));
  times_.settle(after_all_time, {});
  EXPECT_EQ(times_.next_after(hash_of("a"), new_year), new_year + days(10));
  EXPECT_EQ(times_.next_after(hash_of("a"), new_year + days(40)), std::nullopt);
  EXPECT_EQ(times_.next_after(hash_of("b"), new_year), std::nullopt);
  EXPECT_TRUE(std::isnan(times_.usual_gap_days(hash_of("a"), new_year + days(5))));
  EXPECT_TRUE(std::isnan(times_.usual_gap_days(hash_of("b"), new_year)));
  EXPECT_NEAR(times_.usual_gap_days(hash_of("a"), new_year + days(39)), 10 + 1.0 / 24, 1e-12);
  EXPECT_EQ(times_.usual_gap_days(hash_of("a"), new_year + days(50)), 20);
}

TEST_F(PurchaseTimesTest, WhatCameLaterOrWasForgottenIsNotThere) {
  for (const char* id : {"a", "erased"}) {
    for (const int day : {0, 10, 20, 30}) buys(id, new_year + days(day));
  }
  Erasures erasures;
  Event erasure;
  erasure.kind = EventKind::action;
  erasure.customer = make_customer_key("erased");
  erasure.erases = true;
  erasures.add(erasure, new_year + days(10));
  times_.settle(new_year + days(25), erasures);
  EXPECT_EQ(times_.next_after(hash_of("a"), new_year), new_year + days(10));
  EXPECT_EQ(times_.next_after(hash_of("a"), new_year + days(20)), std::nullopt);
  EXPECT_EQ(times_.next_after(hash_of("erased"), new_year - days(1)), new_year + days(20));
  EXPECT_TRUE(times_.silences(days(3), new_year, new_year + days(15), 1).size() == 2) << "both are of a";
}

TEST_F(PurchaseTimesTest, OnlyPurchasesCount) {
  Event event = testing::visit(new_year);
  event.customer = make_customer_key("a");
  times_.add(event);
  times_.settle(after_all_time, {});
  EXPECT_TRUE(times_.silences(days(30), new_year, new_year + days(365), 0).empty());
}

}  // namespace
}  // namespace holdfast::app
