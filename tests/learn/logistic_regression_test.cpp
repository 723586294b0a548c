#include "learn/logistic_regression.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/score.hpp"

namespace holdfast::learn {
namespace {

using engine::sigmoid;
using engine::softplus;

/// Rows whose outcome follows `truth` (the intercept first), with features of very different scale.
Design simulated(std::size_t rows, const std::vector<double>& truth, unsigned seed) {
  std::mt19937_64 random(seed);
  Design design{.columns = truth.size() - 1, .values = {}, .outcome = {}};
  for (std::size_t i = 0; i < rows; ++i) {
    double score = truth[0];
    for (std::size_t c = 1; c < truth.size(); ++c) {
      const double u = static_cast<double>(random() >> 11) * 0x1p-53;
      const double value = (u - 0.3) * std::pow(10.0, static_cast<double>(c) - 1);
      design.values.push_back(static_cast<float>(value));
      score += truth[c] * value;
    }
    design.outcome.push_back(static_cast<double>(random() >> 11) * 0x1p-53 < sigmoid(score) ? 1 : 0);
  }
  return design;
}

TEST(LogisticRegression, FindsTheWeightsThatMadeTheRows) {
  const std::vector<double> truth{-0.5, 2.0, -0.3, 0.02};
  const auto fit = fit_logistic(simulated(200'000, truth, 7), {.ridge = 1e-3, .bounds = {}});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_NEAR(fit->intercept, truth[0], 0.03);
  EXPECT_NEAR(fit->weights[0], truth[1], 0.05);
  EXPECT_NEAR(fit->weights[1], truth[2], 0.006);
  EXPECT_NEAR(fit->weights[2], truth[3], 0.0006);
}

// With one column of 0 and 1 the greatest likelihood is known: the logit of either group's share.
TEST(LogisticRegression, AgreesWithTheClosedFormOfTwoGroups) {
  Design design{.columns = 1, .values = {}, .outcome = {}};
  const auto add = [&](float value, int left, int stayed) {
    for (int i = 0; i < left + stayed; ++i) {
      design.values.push_back(value);
      design.outcome.push_back(i < left ? 1 : 0);
    }
  };
  add(0, 30, 70);
  add(1, 90, 60);
  const auto fit = fit_logistic(design, {.ridge = 1e-9, .bounds = {}});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->intercept, std::log(30.0 / 70), 1e-6);
  EXPECT_NEAR(fit->weights[0], std::log(90.0 / 60) - std::log(30.0 / 70), 1e-6);
  EXPECT_NEAR(fit->log_likelihood, 30 * std::log(0.3) + 70 * std::log(0.7) + 90 * std::log(0.6) + 60 * std::log(0.4),
              1e-6);
}

// The mean of the predictions is the share of those who left: the intercept pays no penalty.
TEST(LogisticRegression, ARidgeDrawsWeightsTogetherButNotTheMean) {
  const Design design = simulated(5'000, {-1, 3, -0.2}, 3);
  const auto loose = fit_logistic(design, {.ridge = 1e-3, .bounds = {}});
  const auto tight = fit_logistic(design, {.ridge = 1e4, .bounds = {}});
  ASSERT_TRUE(loose && tight);
  EXPECT_LT(std::abs(tight->weights[0]), std::abs(loose->weights[0]) / 5);
  double predicted = 0;
  double left = 0;
  for (std::size_t i = 0; i < design.rows(); ++i) {
    predicted += sigmoid(score_of(*tight, design.row(i)));
    left += design.outcome[i];
  }
  EXPECT_NEAR(predicted / left, 1, 1e-6);
}

TEST(LogisticRegression, OnePenaltyAfterTheOtherComesToWhatEachComesToAlone) {
  const Design design = simulated(5'000, {-1, 3, -0.2}, 3);
  const std::vector<double> ridges{1e-2, 10, 1e4};
  const auto fits = fit_logistic(design, {}, ridges);
  ASSERT_TRUE(fits) << fits.error().message;
  ASSERT_EQ(fits->size(), ridges.size());
  int alone_iterations = 0;
  int iterations = 0;
  for (std::size_t i = 0; i < ridges.size(); ++i) {
    const auto alone = fit_logistic(design, {.ridge = ridges[i], .bounds = {}});
    ASSERT_TRUE(alone);
    EXPECT_NEAR((*fits)[i].intercept, alone->intercept, 1e-8);
    for (std::size_t c = 0; c < design.columns; ++c)
      EXPECT_NEAR((*fits)[i].weights[c], alone->weights[c], 1e-8 * std::max(1.0, std::abs(alone->weights[c])));
    alone_iterations += alone->iterations;
    iterations += (*fits)[i].iterations;
  }
  EXPECT_LT(iterations, alone_iterations);
}

// Within bounds the optimum is where no weight can be moved for the better: checked by moving each.
TEST(LogisticRegression, BoundsHoldAndTheRestIsTheBestWithinThem) {
  const Design design = simulated(4'000, {0.2, 1.5, -0.1, 0.01}, 11);
  const LogisticSettings settings{.ridge = 1, .bounds = {{}, {.least = 0}, {.most = 0.004}}};
  const auto fit = fit_logistic(design, settings);
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->weights[1], 0);
  EXPECT_NEAR(fit->weights[2], 0.004, 1e-12);
  const auto likelihood = [&](const LogisticFit& at) {
    double sum = 0;
    for (std::size_t i = 0; i < design.rows(); ++i) {
      const double score = score_of(at, design.row(i));
      sum += design.outcome[i] != 0 ? -softplus(-score) : -softplus(score);
    }
    return sum;
  };
  EXPECT_NEAR(likelihood(*fit), fit->log_likelihood, 1e-6);
  for (const double step : {-0.01, 0.01}) {
    LogisticFit moved = *fit;
    moved.weights[0] += 10 * step;
    EXPECT_LT(likelihood(moved), likelihood(*fit) + 0.05);
    moved = *fit;
    moved.intercept += step;
    EXPECT_LT(likelihood(moved), likelihood(*fit));
  }
}

TEST(LogisticRegression, ARowOfWeightTwoIsTwoRows) {
  const Design once = simulated(500, {-0.5, 2, 0.1}, 9);
  Design weighted = once;
  Design twice = once;
  for (std::size_t i = 0; i < once.rows(); ++i) {
    weighted.weight.push_back(i % 3 == 0 ? 2 : 1);
    if (i % 3 != 0) continue;
    twice.values.insert(twice.values.end(), once.row(i).begin(), once.row(i).end());
    twice.outcome.push_back(once.outcome[i]);
  }
  const auto a = fit_logistic(weighted, {});
  const auto b = fit_logistic(twice, {});
  ASSERT_TRUE(a && b);
  EXPECT_NEAR(a->intercept, b->intercept, 1e-8);
  EXPECT_NEAR(a->weights[0], b->weights[0], 1e-8);
  EXPECT_NEAR(a->log_likelihood, b->log_likelihood, 1e-8);
}

TEST(LogisticRegression, ColumnsThatNeverChangeOrRepeatAnotherDoNoHarm) {
  Design design{.columns = 3, .values = {}, .outcome = {}};
  std::mt19937_64 random(5);
  for (int i = 0; i < 2'000; ++i) {
    const auto u = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-53);
    design.values.insert(design.values.end(), {u, 42, 2 * u});
    design.outcome.push_back(static_cast<double>(random() >> 11) * 0x1p-53 < static_cast<double>(u) ? 1 : 0);
  }
  const auto fit = fit_logistic(design, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(fit->weights[1], 0);
  // The two that say the same share the weight, each by its scale.
  EXPECT_NEAR(fit->weights[0], 2 * fit->weights[2], 1e-4);
}

// All who score above 0 left: without a penalty the weight would grow for ever.
TEST(LogisticRegression, SeparatedRowsHaveAFiniteFit) {
  const Design design{.columns = 1, .values = {-2, -1, 1, 2}, .outcome = {0, 0, 1, 1}};
  const auto fit = fit_logistic(design, {.ridge = 0.01, .bounds = {}});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_GT(fit->weights[0], 1);
  EXPECT_LT(fit->weights[0], 100);
}

TEST(LogisticRegression, OneOutcomeAloneIsRefused) {
  const auto fit = fit_logistic({.columns = 1, .values = {1, 2}, .outcome = {1, 1}}, {});
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().kind, ErrorKind::invalid_argument);
  EXPECT_NE(fit.error().message.find("2 rows, of which 2 left"), std::string::npos);
}

TEST(LogisticRegression, TheSameRowsGiveTheSameBits) {
  const Design design = simulated(3'000, {-0.5, 2.0, -0.3}, 1);
  const auto a = fit_logistic(design, {});
  const auto b = fit_logistic(design, {});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->intercept, b->intercept);
  EXPECT_EQ(a->weights, b->weights);
}

TEST(LogisticRegression, ScoresOfAnySizeHaveAProbability) {
  EXPECT_EQ(sigmoid(0), 0.5);
  EXPECT_EQ(sigmoid(-1e9), 0);
  EXPECT_EQ(sigmoid(1e9), 1);
  EXPECT_NEAR(sigmoid(-40), std::exp(-40.0), 1e-30);
  EXPECT_NEAR(softplus(-40), std::exp(-40.0), 1e-30);
  EXPECT_EQ(softplus(1e9), 1e9);
}

}  // namespace
}  // namespace holdfast::learn
