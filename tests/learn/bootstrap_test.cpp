#include "learn/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include <gtest/gtest.h>

#include "domain/random.hpp"

namespace holdfast::learn {
namespace {

struct Rows {
  std::vector<double> scores;
  std::vector<double> other;  ///< A second, noisier score.
  std::vector<std::uint8_t> left;
  std::vector<std::uint32_t> customers;
};

double cumulative_normal(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

constexpr double shift = 1;

/// Those who left score N(shift, 1), those who stayed N(0, 1), so the AUC is Phi(shift / sqrt 2). Each customer has as
/// many rows that are nearly the same.
Rows simulated(std::uint32_t customers, std::uint32_t rows_each, std::uint64_t seed) {
  Random random(seed);
  Rows rows;
  for (std::uint32_t c = 0; c < customers; ++c) {
    const bool left = random.uniform() < 0.4;
    const double score = random.normal() + (left ? shift : 0);
    for (std::uint32_t i = 0; i < rows_each; ++i) {
      rows.scores.push_back(score + 1e-6 * random.normal());
      rows.other.push_back(score + 2 * random.normal());
      rows.left.push_back(left ? 1 : 0);
      rows.customers.push_back(c);
    }
  }
  return rows;
}

std::vector<Ranking> rankings(const Rows& rows) {
  return {Ranking(rows.scores, rows.left, Scale::order), Ranking(rows.other, rows.left, Scale::order)};
}

// The true value lies within 95 % intervals about as often as they say. Drawn singly, rows make intervals that are half
// as wide as they should be, and hold it in some 63 % of the runs.
TEST(Bootstrap, IntervalsHoldTheTruthAsOftenAsTheySay) {
  const double truth = cumulative_normal(shift / std::numbers::sqrt2);
  // The noise of the second score adds a variance of 4 to either side.
  const double truth_of_other = cumulative_normal(shift / std::sqrt(10.0));
  constexpr int runs = 240;
  int held = 0;
  int held_difference = 0;
  int held_by_rows = 0;
  for (int run = 0; run < runs; ++run) {
    const Rows rows = simulated(150, 4, 1'000 + static_cast<std::uint64_t>(run));
    const Bootstrap bootstrap(rankings(rows), rows.customers, {.replicates = 300, .seed = 7}, {});
    const auto interval = bootstrap.interval(0, Metric::auc);
    ASSERT_TRUE(interval);
    if (interval->low <= truth && truth <= interval->high) ++held;
    const auto difference = bootstrap.interval_of_difference(0, 1, Metric::auc);
    ASSERT_TRUE(difference);
    if (difference->low <= truth - truth_of_other && truth - truth_of_other <= difference->high) ++held_difference;

    std::vector<std::uint32_t> each_row_a_customer(rows.customers.size());
    std::iota(each_row_a_customer.begin(), each_row_a_customer.end(), 0U);
    const Bootstrap by_rows(std::vector{Ranking(rows.scores, rows.left, Scale::order)}, each_row_a_customer,
                            {.replicates = 100}, {});
    const auto too_narrow = by_rows.interval(0, Metric::auc);
    if (too_narrow->low <= truth && truth <= too_narrow->high) ++held_by_rows;
  }
  EXPECT_GE(held, runs * 90 / 100);
  EXPECT_LE(held, runs * 99 / 100);
  EXPECT_GE(held_difference, runs * 90 / 100);
  EXPECT_LE(held_difference, runs * 99 / 100);
  EXPECT_LE(held_by_rows, runs * 75 / 100);
}

// Of those with the score p the share 0.8 p leaves, so the error is 0.2 times the mean of p. Those who leave in truth
// as often as the score says have an error that is nothing but chance: the interval of theirs begins at 0 or close to
// it.
TEST(Bootstrap, IntervalsOfTheCalibrationErrorDoNotCountTheNoiseTwice) {
  constexpr int runs = 100;
  int held = 0;
  int around_the_value = 0;
  for (int run = 0; run < runs; ++run) {
    Random random(static_cast<std::uint64_t>(run));
    std::vector<double> scores;
    std::vector<std::uint8_t> gloomy;
    std::vector<std::uint8_t> right;
    std::vector<std::uint32_t> customers;
    for (std::uint32_t c = 0; c < 1'000; ++c) {
      scores.push_back(random.uniform());
      gloomy.push_back(random.uniform() < 0.8 * scores.back() ? 1 : 0);
      right.push_back(random.uniform() < scores.back() ? 1 : 0);
      customers.push_back(c);
    }
    const std::vector too_gloomy{Ranking(scores, gloomy, Scale::probability)};
    const auto interval = *Bootstrap(too_gloomy, customers, {.replicates = 200}, {}).interval(0, Metric::ece);
    if (interval.low <= 0.1 && 0.1 <= interval.high) ++held;
    const std::vector calibrated{Ranking(scores, right, Scale::probability)};
    const auto chance = *Bootstrap(calibrated, customers, {.replicates = 200}, {}).interval(0, Metric::ece);
    const double value = ece(calibrated[0], calibrated[0].tally());
    if (chance.low <= value && value <= chance.high) ++around_the_value;
    EXPECT_GE(chance.low, 0);
  }
  EXPECT_GE(held, 88);
  EXPECT_LE(held, 99);
  EXPECT_EQ(around_the_value, runs);
}

// Two scores of the same rows go up and down together, so their difference is known better than either.
TEST(Bootstrap, DifferencesAreTakenOnTheSameDraws) {
  Rows rows = simulated(400, 1, 5);
  for (std::size_t i = 0; i < rows.scores.size(); ++i) rows.other[i] = rows.scores[i] + (i % 5 == 0 ? 0.3 : 0);
  const Bootstrap bootstrap(rankings(rows), rows.customers, {}, {});
  const auto own = *bootstrap.interval(0, Metric::auc);
  const auto difference = *bootstrap.interval_of_difference(0, 1, Metric::auc);
  EXPECT_LT(difference.high - difference.low, (own.high - own.low) / 2);
  const auto with_itself = *bootstrap.interval_of_difference(0, 0, Metric::auc);
  EXPECT_EQ(with_itself.low, 0);
  EXPECT_EQ(with_itself.high, 0);
}

TEST(Bootstrap, TheSameSeedGivesTheSameBitsWhateverTheOrderOfRows) {
  const Rows rows = simulated(120, 3, 9);
  Rows reversed = rows;
  std::ranges::reverse(reversed.scores);
  std::ranges::reverse(reversed.other);
  std::ranges::reverse(reversed.left);
  std::ranges::reverse(reversed.customers);
  const Bootstrap one(rankings(rows), rows.customers, {.seed = 3}, {});
  const Bootstrap same(rankings(reversed), reversed.customers, {.seed = 3}, {});
  const Bootstrap other(rankings(rows), rows.customers, {.seed = 4}, {});
  for (const Metric metric : {Metric::auc, Metric::top_decile_lift, Metric::empc, Metric::target_share}) {
    EXPECT_EQ(one.interval(1, metric)->low, same.interval(1, metric)->low);
    EXPECT_EQ(one.interval(1, metric)->high, same.interval(1, metric)->high);
  }
  EXPECT_NE(one.interval(1, Metric::auc)->low, other.interval(1, Metric::auc)->low);
}

// Customers' numbers are names: gaps between them make no difference.
TEST(Bootstrap, NumbersOfCustomersMayHaveGaps) {
  Rows rows = simulated(80, 2, 2);
  const Bootstrap dense(rankings(rows), rows.customers, {}, {});
  for (std::uint32_t& customer : rows.customers) customer = 1'000'000 + 37 * customer;
  const Bootstrap sparse(rankings(rows), rows.customers, {}, {});
  EXPECT_EQ(dense.interval(0, Metric::auc)->low, sparse.interval(0, Metric::auc)->low);
}

// One leaver among five is drawn in two replicates of three only: nothing can be said then.
TEST(Bootstrap, AMetricThatReplicatesLackHasNoInterval) {
  const Rows rows{
      .scores = {5, 4, 3, 2, 1}, .other = {1, 2, 3, 4, 5}, .left = {1, 0, 0, 0, 0}, .customers = {0, 1, 2, 3, 4}};
  const Bootstrap bootstrap(rankings(rows), rows.customers, {}, {});
  EXPECT_FALSE(bootstrap.interval(0, Metric::auc));
  EXPECT_FALSE(bootstrap.interval_of_difference(0, 1, Metric::auc));
  EXPECT_FALSE(bootstrap.interval(0, Metric::brier));  // An order has none at all.
  EXPECT_TRUE(bootstrap.interval(0, Metric::empc));
}

TEST(Bootstrap, NoRowsHaveNoIntervals) {
  const Bootstrap bootstrap(rankings({}), {}, {}, {});
  EXPECT_FALSE(bootstrap.interval(0, Metric::auc));
}

}  // namespace
}  // namespace holdfast::learn
