#include "learn/maximise.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace holdfast::learn {
namespace {

/// A narrow, bent ridge (Rosenbrock 1960), greatest at (1, 1).
double ridge(std::span<const double> at) { return -100 * std::pow(at[1] - at[0] * at[0], 2) - std::pow(1 - at[0], 2); }

const std::vector<Interval> wide{{.least = -3, .most = 3}, {.least = -3, .most = 3}};

TEST(Maximise, FollowsARidgeToItsTop) {
  const std::vector<double> start{-1.5, 2};
  const auto maximum = maximise(ridge, wide, start, {});
  ASSERT_TRUE(maximum) << maximum.error().message;
  EXPECT_NEAR(maximum->at[0], 1, 1e-5);
  EXPECT_NEAR(maximum->at[1], 1, 1e-5);
  EXPECT_NEAR(maximum->value, 0, 1e-9);
}

TEST(Maximise, EndsAtTheEdgeOfTheBoxWhereTheTopLiesBeyond) {
  const std::vector<Interval> box{{.least = -3, .most = 0.5}, {.least = -3, .most = 3}};
  const std::vector<double> start{0.5, -2};
  const auto maximum = maximise(ridge, box, start, {});
  ASSERT_TRUE(maximum) << maximum.error().message;
  EXPECT_NEAR(maximum->at[0], 0.5, 1e-9);
  EXPECT_NEAR(maximum->at[1], 0.25, 1e-5);
}

TEST(Maximise, TheSameStartGivesTheSameBits) {
  const std::vector<double> start{-1.5, 2};
  const auto a = maximise(ridge, wide, start, {});
  const auto b = maximise(ridge, wide, start, {});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->at, b->at);
  EXPECT_EQ(a->value, b->value);
}

TEST(Maximise, WhatTheLibraryThrowsIsAnError) {
  const std::vector<Interval> inside_out{{.least = 1, .most = -1}, {.least = -3, .most = 3}};
  const std::vector<double> start{0, 0};
  const auto maximum = maximise(ridge, inside_out, start, {});
  ASSERT_FALSE(maximum);
  EXPECT_EQ(maximum.error().kind, ErrorKind::failed);
}

TEST(StandardErrors, AreThoseOfANormalDistribution) {
  // Standard deviations 0.5 and 2, correlation 0.6.
  const auto log_density = [](std::span<const double> at) {
    const double u = (at[0] - 1) / 0.5;
    const double v = (at[1] + 2) / 2;
    return -(u * u - 2 * 0.6 * u * v + v * v) / (2 * (1 - 0.36));
  };
  const auto errors = standard_errors(log_density, std::vector<double>{1, -2});
  ASSERT_TRUE(errors);
  EXPECT_NEAR((*errors)[0], 0.5, 1e-6);
  EXPECT_NEAR((*errors)[1], 2, 1e-6);
}

TEST(StandardErrors, ThereAreNoneWhereTheFunctionIsFlatOrNoMaximum) {
  const auto flat = [](std::span<const double> at) { return -std::pow(at[0] + at[1], 2); };
  EXPECT_FALSE(standard_errors(flat, std::vector<double>{0, 0}));
  const auto saddle = [](std::span<const double> at) { return at[0] * at[1]; };
  EXPECT_FALSE(standard_errors(saddle, std::vector<double>{0, 0}));
  const auto broken = [](std::span<const double>) { return std::numeric_limits<double>::quiet_NaN(); };
  EXPECT_FALSE(standard_errors(broken, std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace holdfast::learn
