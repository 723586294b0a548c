#include "engine/features.hpp"

#include <cmath>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

std::optional<double> plain_feature_at(const Customer& customer, Feature feature, Timestamp t) {
  return engine::plain_feature_at(customer, feature, t, std::nullopt);
}

TEST(Features, SomeAreAbsentWithoutRepeats) {
  const Customer once = buyer(0, days(0));
  const Customer twice = buyer(1, days(10));
  const Customer thrice = buyer(2, days(10));
  const Timestamp t = new_year + days(40);
  EXPECT_FALSE(plain_feature_at(once, Feature::recency_ratio, t));
  EXPECT_EQ(plain_feature_at(twice, Feature::recency_ratio, t), 3.0);
  EXPECT_FALSE(plain_feature_at(once, Feature::gap_variation, t));
  EXPECT_FALSE(plain_feature_at(twice, Feature::gap_variation, t));
  EXPECT_EQ(plain_feature_at(thrice, Feature::gap_variation, t), 0.0);
}

TEST(Features, GapVariationIsTheDeviationOfTheGapsOverTheirMean) {
  Customer customer = buyer(2, days(10));
  customer.gap_squares = 8 * 8 + 2 * 2;
  EXPECT_NEAR(plain_feature_at(customer, Feature::gap_variation, customer.last()).value_or(-1), 3.0 / 5, 1e-9);
  // A late purchase counts as a repeat, but its gaps are not known.
  customer.gap_squares = 40;
  EXPECT_EQ(plain_feature_at(customer, Feature::gap_variation, customer.last()), 0.0) << "never of a negative root";
}

TEST(Features, MeanSpendIsKnownOfOneCurrencyOnly) {
  Customer customer = buyer(1, days(10));
  customer.spent = 18;
  EXPECT_FALSE(plain_feature_at(customer, Feature::log_mean_spend, customer.last())) << "no purchase had an amount";
  customer.set(Customer::has_amount, true);
  EXPECT_EQ(plain_feature_at(customer, Feature::log_mean_spend, customer.last()), std::log1p(9.0));
  EXPECT_FALSE(engine::plain_feature_at(customer, Feature::log_mean_spend, customer.last(), Currency::from("GBP")))
      << "its amounts have no currency";
  customer.currency = {'G', 'B', 'P'};
  EXPECT_TRUE(engine::plain_feature_at(customer, Feature::log_mean_spend, customer.last(), Currency::from("GBP")));
  EXPECT_FALSE(engine::plain_feature_at(customer, Feature::log_mean_spend, customer.last(), Currency::from("JPY")));
  EXPECT_EQ(engine::plain_feature_at(customer, Feature::days_since_purchase, customer.last(), Currency::from("JPY")),
            0.0);
  customer.set(Customer::mixed_currencies, true);
  EXPECT_FALSE(plain_feature_at(customer, Feature::log_mean_spend, customer.last()));
}

TEST(Features, BeforeTheLatestPurchaseTheLogarithmOfSilenceIsThatOfNone) {
  const Customer customer = buyer(1, days(10));
  const Timestamp t = new_year + days(4);
  EXPECT_EQ(plain_feature_at(customer, Feature::days_since_purchase, t), -6.0);
  EXPECT_EQ(plain_feature_at(customer, Feature::log_days_since_purchase, t), 0.0);
}

TEST(Features, WhatIsMissedIsTheRateCarriedIntoTheSilence) {
  Customer customer = buyer(4, days(93));
  customer.contacts = 16;
  const auto at = [&](Feature feature, int day) {
    return plain_feature_at(customer, feature, customer.last() + days(day)).value_or(-1);
  };
  EXPECT_EQ(at(Feature::missed_purchases, 0), 0);
  EXPECT_NEAR(at(Feature::missed_purchases, 100), 4 * std::log(2), 1e-12);
  EXPECT_NEAR(at(Feature::missed_events, 100), 20 * std::log(2), 1e-12);
  // The integral of the rate, which sinks as time passes, in steps of an hour.
  double expected = 0;
  for (int hour = 0; hour < 24 * 250; ++hour) expected += 20 / (100 + (hour + 0.5) / 24) / 24;
  EXPECT_NEAR(at(Feature::missed_events, 250), expected, 1e-6);
  customer.moment_ms += days(2).ms;
  customer.seen_after_h = 30;
  EXPECT_EQ(at(Feature::missed_events, 250), 0) << "seen since";
  EXPECT_NEAR(at(Feature::missed_purchases, 100), 4 * std::log(2), 1e-12) << "but it did not buy";
}

TEST(Features, SeenIsTheLatestPurchaseOrContact) {
  Customer customer = buyer(1, days(10));
  const Timestamp t = customer.last() + days(5);
  EXPECT_EQ(plain_feature_at(customer, Feature::log_days_since_seen, t), std::log1p(5.0));
  EXPECT_EQ(plain_feature_at(customer, Feature::seen_since_purchase, t), 0.0);
  customer.moment_ms += days(3).ms;
  customer.seen_after_h = 48;
  EXPECT_EQ(plain_feature_at(customer, Feature::log_days_since_seen, t), std::log1p(3.0));
  EXPECT_EQ(plain_feature_at(customer, Feature::seen_since_purchase, t), 1.0);
}

TEST(Features, ActivityIsARateFromTheFirstDayOn) {
  Customer customer = buyer(0, days(0));
  EXPECT_EQ(plain_feature_at(customer, Feature::log_activity, customer.last()), 0.0) << "one in a week";
  customer.contacts = 5;
  EXPECT_NEAR(plain_feature_at(customer, Feature::log_activity, customer.last() + days(14)).value_or(-1), std::log(2),
              1e-12)
      << "six in three weeks";
}

TEST(Features, CountersHalveFromTheCustomersMomentOn) {
  Customer customer = buyer(1, days(10));
  customer.counters.fill(8);
  customer.moment_ms = (new_year + days(100)).ms;
  EXPECT_EQ(plain_feature_at(customer, Feature::visits_30d, new_year + days(100)), 8.0);
  EXPECT_EQ(plain_feature_at(customer, Feature::visits_30d, new_year + days(190)), 1.0);
  EXPECT_EQ(plain_feature_at(customer, Feature::purchases_90d, new_year + days(190)), 4.0);
  EXPECT_EQ(plain_feature_at(customer, Feature::returns_60d, new_year + days(220)), 2.0);
}

TEST(Features, EachCounterIsBehindOneFeature) {
  std::set<Counter> counters;
  for (std::size_t i = 0; i < features; ++i) {
    const auto counter = counter_of(static_cast<Feature>(i));
    if (counter) counters.insert(*counter);
  }
  EXPECT_EQ(counters.size(), counter_count);
  EXPECT_FALSE(counter_of(Feature::open_complaints));
}

TEST(Features, ThoseOfAModelHaveNoPlainValue) {
  const Customer customer = buyer(1, days(10));
  EXPECT_FALSE(plain_feature_at(customer, Feature::mbg_logit, customer.last()));
  EXPECT_FALSE(plain_feature_at(customer, Feature::purchase_history, customer.last()));
}

}  // namespace
}  // namespace holdfast::engine
