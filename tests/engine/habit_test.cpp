#include "engine/habit.hpp"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/features.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

TEST(Habit, OfSilenceIsTheMeanGap) {
  const Customer customer = buyer(4, days(80));
  const Timestamp t = customer.last() + days(30);
  EXPECT_EQ(habit_at(customer, Feature::days_since_purchase, t), 20);
  EXPECT_EQ(habit_at(customer, Feature::log_days_since_purchase, t), std::log1p(20));
  EXPECT_EQ(habit_at(customer, Feature::recency_ratio, t), 1);
}

TEST(Habit, IsNotKnownFromOnePurchaseDay) {
  Customer once = buyer(0, days(0));
  once.purchases = 3;
  once.last_ms += hours(5).ms;
  const Timestamp t = once.last() + days(30);
  for (const Feature feature :
       {Feature::days_since_purchase, Feature::log_days_since_purchase, Feature::purchases_30d, Feature::purchases_90d})
    EXPECT_TRUE(std::isnan(habit_at(once, feature, t))) << name(feature);
}

TEST(Habit, OfBeingSeenIsTheMeanTimeBetweenPurchasesAndContacts) {
  Customer customer = buyer(1, days(20));
  customer.contacts = 4;
  customer.seen_after_h = 5 * 24;
  customer.moment_ms += days(30).ms;
  EXPECT_NEAR(habit_at(customer, Feature::log_days_since_seen, customer.moment()), std::log1p(5.0), 1e-12);
  const Customer once = buyer(0, days(0));
  EXPECT_TRUE(std::isnan(habit_at(once, Feature::log_days_since_seen, once.last())));
}

TEST(Habit, IsNotMadeUpWhereTheRecordHasNone) {
  const Customer customer = buyer(4, days(80));
  for (const Feature feature :
       {Feature::mbg_logit, Feature::customer_age_days, Feature::repeat_purchases, Feature::log_repeat_purchases,
        Feature::gap_variation, Feature::visits_30d, Feature::complaints_opened_60d, Feature::complaints_resolved_60d,
        Feature::complaints_withdrawn_60d, Feature::returns_60d, Feature::open_complaints, Feature::log_mean_spend,
        Feature::missed_purchases, Feature::seen_since_purchase, Feature::log_activity, Feature::missed_events,
        Feature::purchase_history})
    EXPECT_TRUE(std::isnan(habit_at(customer, feature, customer.last()))) << name(feature);
}

// By brute force: very many customers who buy for the first time at 0 and then at a constant rate, by chance. All
// that the formula knows is the first purchase and the rate.
TEST(Habit, OfACounterIsWhatCustomersOfThatRateHaveOnAverage) {
  constexpr int simulated = 40'000;
  constexpr double per_day = 0.25;
  std::mt19937_64 random(1);
  const auto until_next = [&] { return -std::log1p(-static_cast<double>(random() >> 11) * 0x1.0p-53) / per_day; };
  for (const double age : {3.0, 40.0, 400.0}) {
    double sum_30 = 0;
    double sum_90 = 0;
    for (int i = 0; i < simulated; ++i) {
      for (double at = 0; at < age; at += until_next()) {
        sum_30 += std::exp2((at - age) / 30);
        sum_90 += std::exp2((at - age) / 90);
      }
    }
    // A record that says the same rate: 25 more purchases within 100 days.
    Customer customer = buyer(25, days(100));
    const Timestamp t = customer.first() + milliseconds(static_cast<std::int64_t>(age * 86'400'000));
    EXPECT_NEAR(habit_at(customer, Feature::purchases_30d, t) / (sum_30 / simulated), 1, 0.01) << age;
    EXPECT_NEAR(habit_at(customer, Feature::purchases_90d, t) / (sum_90 / simulated), 1, 0.01) << age;
  }
}

// The record of a customer who buys every five days, made by the engine itself: just behind a purchase the counter
// stands above its mean, just before the next one below, and on average over the gap at it.
TEST(Habit, OfACounterIsWhatTheCounterOfARegularCustomerSettlesAt) {
  Customer customer{};
  for (int i = 0; i <= 60; ++i) ASSERT_EQ(apply_event(customer, purchase(new_year + days(5 * i))), Applied::event);
  double counter = 0;
  double habit = 0;
  for (int hour = 0; hour < 120; ++hour) {
    const Timestamp t = customer.last() + hours(hour);
    counter += *plain_feature_at(customer, Feature::purchases_30d, t, std::nullopt) / 120;
    habit += habit_at(customer, Feature::purchases_30d, t) / 120;
  }
  EXPECT_NEAR(habit / counter, 1, 0.005);
  EXPECT_NEAR(habit, 30 / std::log(2) / 5, 0.02) << "once every five days, for 43 days";
}

TEST(Habit, CountsAllPurchasesOfADay) {
  Customer customer = buyer(5, days(100));
  const Timestamp t = customer.last() + days(10'000);
  const double once_a_day = habit_at(customer, Feature::purchases_90d, t);
  customer.purchases = 11;
  EXPECT_NEAR(habit_at(customer, Feature::purchases_90d, t), 2 * once_a_day, 1e-9);
}

}  // namespace
}  // namespace holdfast::engine
