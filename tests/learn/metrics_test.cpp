#include "learn/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <gtest/gtest.h>

#include "domain/random.hpp"

namespace holdfast::learn {
namespace {

struct Rows {
  std::vector<double> scores;
  std::vector<std::uint8_t> left;
};

/// Scores on a coarse grid, so that many are equal, and outcomes that follow them.
Rows rows_with_ties(std::size_t count, std::uint64_t seed, double grid = 20) {
  Random random(seed);
  Rows rows;
  for (std::size_t i = 0; i < count; ++i) {
    const double score = std::floor(random.uniform() * (grid + 1)) / grid;
    rows.scores.push_back(score);
    rows.left.push_back(random.uniform() < 0.2 + 0.6 * score ? 1 : 0);
  }
  return rows;
}

Ranking ranking(const Rows& rows, Scale scale = Scale::probability) { return {rows.scores, rows.left, scale}; }

double auc_by_pairs(const Rows& rows) {
  double wins = 0;
  double pairs = 0;
  for (std::size_t i = 0; i < rows.scores.size(); ++i) {
    for (std::size_t j = 0; j < rows.scores.size(); ++j) {
      if (rows.left[i] == 0 || rows.left[j] != 0) continue;
      pairs += 1;
      wins += rows.scores[i] > rows.scores[j] ? 1 : rows.scores[i] == rows.scores[j] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

// By hand: of the four pairs two are won, one is tied and one is lost.
TEST(Metrics, AucOfFourRowsByHand) {
  const Rows rows{.scores = {0.9, 0.5, 0.5, 0.7}, .left = {1, 1, 0, 0}};
  EXPECT_EQ(auc(ranking(rows).tally()), 2.5 / 4);
}

TEST(Metrics, AucIsTheShareOfPairsThatAreInOrder) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Rows rows = rows_with_ties(150, seed);
    EXPECT_NEAR(*auc(ranking(rows).tally()), auc_by_pairs(rows), 1e-12) << seed;
  }
}

TEST(Metrics, AucOfARankingAndOfItsReverseAddUpToOne) {
  Rows rows = rows_with_ties(500, 3);
  const double forward = *auc(ranking(rows, Scale::order).tally());
  for (double& score : rows.scores) score = -score;
  EXPECT_NEAR(forward + *auc(ranking(rows, Scale::order).tally()), 1, 1e-12);
}

TEST(Metrics, WithoutBothOutcomesThereIsNoAuc) {
  EXPECT_FALSE(auc(ranking({.scores = {0.1, 0.2}, .left = {1, 1}}).tally()));
  EXPECT_FALSE(auc(ranking({.scores = {0.1, 0.2}, .left = {0, 0}}).tally()));
  EXPECT_FALSE(top_decile_lift(ranking({.scores = {0.1, 0.2}, .left = {0, 0}}).tally()));
  EXPECT_TRUE(cut_points(ranking({.scores = {0.1, 0.2}, .left = {0, 0}}).tally(), 10).empty());
  for (const auto& value : measure(ranking({}), ranking({}).tally(), {})) EXPECT_FALSE(value);
}

// Twenty rows, of which ten left. The top decile is two rows: one of score 0.9 that left, and one of the four with 0.8,
// of which three left.
TEST(Metrics, TiesAcrossTheEdgeOfTheDecileCountInProportion) {
  Rows rows{.scores = {0.9, 0.8, 0.8, 0.8, 0.8}, .left = {1, 1, 1, 1, 0}};
  for (int i = 0; i < 15; ++i) {
    rows.scores.push_back(0.1);
    rows.left.push_back(i < 6 ? 1 : 0);
  }
  EXPECT_NEAR(*top_decile_lift(ranking(rows).tally()), (1 + 0.75) / 2 / 0.5, 1e-12);
  EXPECT_NEAR(*gain(ranking(rows).tally(), 0.25), 0.4, 1e-12);
  EXPECT_EQ(*gain(ranking(rows).tally(), 1), 1);
}

// Nothing can be better than all of the top tenth: 1 / base rate.
TEST(Metrics, LiftIsAtMostTheInverseOfTheBaseRate) {
  Rows rows;
  for (int i = 0; i < 1'000; ++i) {
    rows.scores.push_back(i / 1'000.0);
    rows.left.push_back(i >= 290 ? 1 : 0);
  }
  EXPECT_NEAR(*top_decile_lift(ranking(rows).tally()), 1 / 0.71, 1e-12);
}

TEST(Metrics, BrierAndLogLossAreMeansOverRows) {
  const Rows rows = rows_with_ties(300, 5);
  double squares = 0;
  double loss = 0;
  for (std::size_t i = 0; i < rows.scores.size(); ++i) {
    const double p = rows.scores[i];
    squares += std::pow(p - rows.left[i], 2);
    const double given = rows.left[i] != 0 ? p : 1 - p;
    loss -= std::log(std::max(given, 1e-15));
  }
  const Ranking by_score = ranking(rows);
  EXPECT_NEAR(brier(by_score, by_score.tally()), squares / 300, 1e-12);
  EXPECT_NEAR(log_loss(by_score, by_score.tally()), loss / 300, 1e-12);
}

TEST(Metrics, ACertaintyThatWasWrongCostsMuchButNotEverything) {
  const Ranking wrong = ranking({.scores = {1, 0}, .left = {0, 1}});
  EXPECT_NEAR(log_loss(wrong, wrong.tally()), -std::log(1e-15), 1e-9);
  EXPECT_EQ(brier(wrong, wrong.tally()), 1);
}

// Without ties the bins are the tenths of the sorted rows.
TEST(Metrics, EceOfDistinctScoresIsThatOfTenths) {
  Random random(9);
  Rows rows;
  for (int i = 0; i < 1'000; ++i) {
    rows.scores.push_back(random.uniform());
    rows.left.push_back(random.uniform() < 0.5 * rows.scores.back() ? 1 : 0);
  }
  std::vector<std::size_t> order(1'000);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](auto a, auto b) { return rows.scores[a] < rows.scores[b]; });
  double expected = 0;
  const Ranking by_score = ranking(rows);
  const auto bins = reliability(by_score, by_score.tally());
  ASSERT_EQ(bins.size(), 10U);
  for (std::size_t bin = 0; bin < 10; ++bin) {
    double score = 0;
    double left = 0;
    for (std::size_t i = 100 * bin; i < 100 * (bin + 1); ++i) {
      score += rows.scores[order[i]] / 100;
      left += rows.left[order[i]] / 100.0;
    }
    EXPECT_EQ(bins[bin].rows, 100);
    EXPECT_NEAR(bins[bin].mean_score, score, 1e-12);
    EXPECT_NEAR(bins[bin].left_share, left, 1e-12);
    expected += std::abs(score - left) / 10;
  }
  EXPECT_NEAR(ece(by_score, by_score.tally()), expected, 1e-12);
  EXPECT_GT(expected, 0.2);
}

// 30 rows of 0.2, 60 of 0.5 and 10 of 0.9: their middles lie in the second, the seventh and the tenth tenth.
TEST(Metrics, EqualScoresStayInOneBin) {
  Rows rows;
  const auto add = [&](double score, int left, int stayed) {
    for (int i = 0; i < left + stayed; ++i) {
      rows.scores.push_back(score);
      rows.left.push_back(i < left ? 1 : 0);
    }
  };
  add(0.5, 36, 24);
  add(0.9, 9, 1);
  add(0.2, 3, 27);
  const Ranking by_score = ranking(rows);
  const auto bins = reliability(by_score, by_score.tally());
  ASSERT_EQ(bins.size(), 3U);
  EXPECT_EQ(bins[0].rows, 30);
  EXPECT_EQ(bins[1].rows, 60);
  EXPECT_NEAR(bins[1].left_share, 0.6, 1e-12);
  EXPECT_NEAR(bins[2].mean_score, 0.9, 1e-12);
  EXPECT_NEAR(ece(by_score, by_score.tally()), 0.3 * 0.1 + 0.6 * 0.1, 1e-12);
}

// Outcomes drawn from the scores themselves: what is left of the error is chance.
TEST(Metrics, TheEceOfTrueProbabilitiesIsWhatChanceMakesOfIt) {
  Random random(21);
  double measured = 0;
  double expected = 0;
  constexpr int runs = 200;
  for (int run = 0; run < runs; ++run) {
    Rows rows;
    for (int i = 0; i < 400; ++i) {
      rows.scores.push_back(random.uniform());
      rows.left.push_back(random.uniform() < rows.scores.back() ? 1 : 0);
    }
    const Ranking by_score = ranking(rows);
    measured += ece(by_score, by_score.tally()) / runs;
    expected += ece_by_chance(reliability(by_score, by_score.tally())) / runs;
  }
  EXPECT_NEAR(measured / expected, 1, 0.05);
}

TEST(Metrics, TheHistogramHoldsEveryRow) {
  const Ranking by_score = ranking({.scores = {0, 0.04, 0.05, 0.5, 0.99, 1}, .left = {0, 1, 0, 1, 0, 1}});
  const auto bins = histogram(by_score, by_score.tally(), 20);
  EXPECT_EQ(bins[0], 2);
  EXPECT_EQ(bins[1], 1);
  EXPECT_EQ(bins[10], 1);
  EXPECT_EQ(bins[19], 2);
  EXPECT_EQ(std::accumulate(bins.begin(), bins.end(), 0.0), 6);
}

/// The definition: for each share of leavers who take the offer, the threshold that pays best, tried one by one.
/// The density is normalised by the same sum.
Profit profit_by_brute_force(const Rows& rows, const ProfitSettings& settings) {
  std::vector<double> thresholds = rows.scores;
  std::ranges::sort(thresholds, std::greater());
  const auto repeated = std::ranges::unique(thresholds);
  thresholds.erase(repeated.begin(), repeated.end());
  thresholds.insert(thresholds.begin(), 2);  // Nobody.
  std::vector<std::pair<double, double>> contacted;
  for (const double threshold : thresholds) {
    double left = 0;
    double stayed = 0;
    for (std::size_t i = 0; i < rows.scores.size(); ++i) {
      if (rows.scores[i] >= threshold) (rows.left[i] != 0 ? left : stayed) += 1;
    }
    const auto all = static_cast<double>(rows.scores.size());
    contacted.emplace_back(left / all, stayed / all);
  }
  constexpr int steps = 20'000;
  Profit sum;
  double mass = 0;
  for (int i = 0; i < steps; ++i) {
    const double g = (i + 0.5) / steps;
    const double density = std::pow(g, settings.alpha - 1) * std::pow(1 - g, settings.beta - 1);
    double best = 0;
    double targeted = 0;
    for (const auto& [left, stayed] : contacted) {
      const double profit =
          settings.value * (g * (1 - settings.offer_cost / settings.value) - settings.contact_cost / settings.value) *
              left -
          (settings.offer_cost + settings.contact_cost) * stayed;
      if (profit > best) {
        best = profit;
        targeted = left + stayed;
      }
    }
    sum.per_customer += density * best;
    sum.target_share += density * targeted;
    mass += density;
  }
  return {.per_customer = sum.per_customer / mass, .target_share = sum.target_share / mass};
}

TEST(Metrics, EmpcIsTheIntegralOverTheBestThresholds) {
  const std::array settings{ProfitSettings{},
                            ProfitSettings{.alpha = 2, .beta = 2, .value = 30, .offer_cost = 12, .contact_cost = 4},
                            ProfitSettings{.alpha = 1.5, .beta = 6, .value = 80, .offer_cost = 25, .contact_cost = 0}};
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    for (std::size_t s = 0; s < settings.size(); ++s) {
      const Rows rows = rows_with_ties(80, seed, 30);
      const Profit profit = expected_maximum_profit(ranking(rows).tally(), settings[s]);
      const Profit expected = profit_by_brute_force(rows, settings[s]);
      EXPECT_NEAR(profit.per_customer, expected.per_customer, 1e-4) << seed << ' ' << s;
      EXPECT_NEAR(profit.target_share, expected.target_share, 1e-3) << seed << ' ' << s;
      EXPECT_GT(profit.per_customer, 0);
    }
  }
}

// Leavers all above stayers: they are contacted, and nobody else, as soon as the share who stay pays for the contact.
TEST(Metrics, EmpcOfAPerfectScoreByHand) {
  const Rows rows{.scores = {0.9, 0.8, 0.2, 0.1}, .left = {1, 1, 0, 0}};
  const Profit profit = expected_maximum_profit(ranking(rows).tally(), {});
  // The mean of 190 g - 1 over half of the customers; g = 1/190 is never undercut by Beta(6, 14).
  EXPECT_NEAR(profit.per_customer, 0.5 * (190 * 0.3 - 1), 1e-6);
  EXPECT_NEAR(profit.target_share, 0.5, 1e-6);
}

TEST(Metrics, NobodyIsContactedWhereNobodyLeaves) {
  const Profit profit = expected_maximum_profit(ranking({.scores = {0.9, 0.8}, .left = {0, 0}}).tally(), {});
  EXPECT_EQ(profit.per_customer, 0);
  EXPECT_EQ(profit.target_share, 0);
}

TEST(Metrics, CurvesGoFromNobodyToAllInFewPoints) {
  const Rows rows = rows_with_ties(5'000, 4, 3'000);
  const auto points = cut_points(ranking(rows).tally(), 200);
  ASSERT_LE(points.size(), 200U);
  ASSERT_GT(points.size(), 150U);
  EXPECT_EQ(points.front().of_left, 0);
  EXPECT_EQ(points.back().targeted, 1);
  EXPECT_EQ(points.back().of_left, 1);
  EXPECT_EQ(points.back().of_stayed, 1);
  double area = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    ASSERT_GT(points[i].targeted, points[i - 1].targeted);
    area += (points[i].of_stayed - points[i - 1].of_stayed) * (points[i].of_left + points[i - 1].of_left) / 2;
  }
  EXPECT_NEAR(area, *auc(ranking(rows).tally()), 1e-3);
}

// Without thinning the area below the points is the AUC itself.
TEST(Metrics, TheAreaBelowAllPointsIsTheAuc) {
  const Rows rows = rows_with_ties(100, 8);
  double area = 0;
  const auto points = cut_points(ranking(rows).tally(), 100'000);
  for (std::size_t i = 1; i < points.size(); ++i)
    area += (points[i].of_stayed - points[i - 1].of_stayed) * (points[i].of_left + points[i - 1].of_left) / 2;
  EXPECT_NEAR(area, auc_by_pairs(rows), 1e-12);
}

TEST(Metrics, DoNotDependOnTheOrderOfTheRows) {
  const Rows rows = rows_with_ties(700, 13);
  const Ranking by_score = ranking(rows);
  const MetricValues expected = measure(by_score, by_score.tally(), {});
  Random random(2);
  for (int shuffle = 0; shuffle < 10; ++shuffle) {
    Rows other = rows;
    for (std::size_t i = other.scores.size() - 1; i > 0; --i) {
      const std::size_t j = random.below(static_cast<std::uint32_t>(i + 1));
      std::swap(other.scores[i], other.scores[j]);
      std::swap(other.left[i], other.left[j]);
    }
    const Ranking shuffled = ranking(other);
    EXPECT_EQ(measure(shuffled, shuffled.tally(), {}), expected);  // To the bit.
  }
}

// A row of weight w is w rows, one of weight 0 is none.
TEST(Metrics, WeightsAreRowsThatRepeat) {
  const Rows rows = rows_with_ties(200, 17);
  Random random(6);
  std::vector<std::uint32_t> weights;
  Rows repeated;
  for (std::size_t i = 0; i < rows.scores.size(); ++i) {
    weights.push_back(random.below(4));
    for (std::uint32_t copy = 0; copy < weights.back(); ++copy) {
      repeated.scores.push_back(rows.scores[i]);
      repeated.left.push_back(rows.left[i]);
    }
  }
  const Ranking once = ranking(rows);
  Tally tally;
  once.tally(weights, tally);
  const Ranking all = ranking(repeated);
  const MetricValues weighted = measure(once, tally, {});
  const MetricValues expected = measure(all, all.tally(), {});
  for (std::size_t m = 0; m < metric_count; ++m) EXPECT_NEAR(*weighted[m], *expected[m], 1e-12) << m;
}

TEST(Metrics, AnOrderHasNoProbabilities) {
  const Rows rows{.scores = {40, 3, -7, 12}, .left = {1, 0, 0, 1}};
  const Ranking by_order = ranking(rows, Scale::order);
  const MetricValues values = measure(by_order, by_order.tally(), {});
  EXPECT_EQ(values[static_cast<std::size_t>(Metric::auc)], 1);
  EXPECT_TRUE(values[static_cast<std::size_t>(Metric::empc)]);
  for (const Metric metric : {Metric::brier, Metric::log_loss, Metric::ece})
    EXPECT_FALSE(values[static_cast<std::size_t>(metric)]);
}

// Agresti, Coull 1998 name (0.0, 0.278) for 0 of 10; and the formula solves (share - p)^2 = z^2 p (1 - p) / n.
TEST(Metrics, WilsonsIntervalSolvesItsEquation) {
  EXPECT_NEAR(wilson(0, 10).high, 0.278, 5e-4);
  EXPECT_EQ(wilson(0, 10).low, 0);
  EXPECT_NEAR(wilson(10, 10).high, 1, 1e-15);
  for (const double happened : {1.0, 3.0, 17.0, 39.0}) {
    const ConfidenceInterval interval = wilson(happened, 40);
    for (const double p : {interval.low, interval.high})
      EXPECT_NEAR(std::pow(happened / 40 - p, 2), std::pow(1.959963984540054, 2) * p * (1 - p) / 40, 1e-12);
  }
}

TEST(Metrics, QuantilesLieBetweenValues) {
  const std::vector<double> values{1, 2, 4, 8, 16};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 4);
  EXPECT_EQ(quantile(values, 1), 16);
  EXPECT_NEAR(quantile(values, 0.6), 5.6, 1e-12);
  EXPECT_EQ(quantile(std::vector<double>{3}, 0.9), 3);
}

}  // namespace
}  // namespace holdfast::learn
