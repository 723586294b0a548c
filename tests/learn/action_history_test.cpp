#include "learn/action_history.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "domain/random.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::learn {
namespace {

using testing::days;
using testing::new_year;

Timestamp day(int n) { return new_year + days(n); }

constexpr std::uint64_t someone = 7;

TEST(ActionHistory, KnowsTheFirstBehindACutoffAndTheLastUpToIt) {
  const std::vector<Timestamp> cutoffs{day(10), day(20)};
  ActionHistory history(cutoffs);
  history.add(someone, day(25), 3, before_all_time);
  history.add(someone, day(10), 1, before_all_time);
  history.add(someone, day(12), 2, before_all_time);
  EXPECT_EQ(history.last_before(someone, 0)->kind, 1) << "what is done at the cut-off is known by it";
  EXPECT_EQ(history.first_behind(someone, 0, day(100))->kind, 2);
  EXPECT_EQ(history.last_before(someone, 1)->at, day(12));
  EXPECT_EQ(history.first_behind(someone, 1, day(25))->kind, 3) << "the last moment counts";
  EXPECT_FALSE(history.first_behind(someone, 1, day(25) - Duration{1}));
  EXPECT_FALSE(history.first_behind(someone + 1, 0, day(100)));
  EXPECT_FALSE(history.last_before(someone + 1, 1));
}

TEST(ActionHistory, OfTheSameMomentTheFirstAddedIsTheFirst) {
  const std::vector<Timestamp> cutoffs{day(10)};
  ActionHistory history(cutoffs);
  for (const int kind : {4, 2, 3}) history.add(someone, day(11), static_cast<std::uint8_t>(kind), before_all_time);
  EXPECT_EQ(history.first_behind(someone, 0, day(20))->kind, 4);
}

TEST(ActionHistory, WhatFollowsAPurchaseBehindTheCutoffIsNoTreatment) {
  const std::vector<Timestamp> cutoffs{day(10), day(20)};
  ActionHistory history(cutoffs);
  history.add(someone, day(21), 1, day(12));
  EXPECT_FALSE(history.first_behind(someone, 0, day(100)));
  EXPECT_TRUE(history.first_behind(someone, 1, day(100)));
  EXPECT_FALSE(history.last_before(someone, 0));
  history.add(someone, day(11), 2, day(10));
  EXPECT_EQ(history.first_behind(someone, 0, day(100))->kind, 2);
}

TEST(ActionHistory, ForgetsWhoIsErasedOrLeftOut) {
  const std::vector<Timestamp> cutoffs{day(10)};
  ActionHistory history(cutoffs);
  for (std::uint64_t customer = 1; customer <= 3; ++customer) history.add(customer, day(11), 1, before_all_time);
  history.forget(1);
  history.forget_above(2);
  EXPECT_FALSE(history.first_behind(1, 0, day(20)));
  EXPECT_TRUE(history.first_behind(2, 0, day(20)));
  EXPECT_FALSE(history.first_behind(3, 0, day(20)));
}

// Whatever is dropped to stay within bounds makes no difference to what is asked.
TEST(ActionHistory, KeepsNoMoreThanIsAskedForAndNoLess) {
  const std::vector<Timestamp> cutoffs{day(30), day(60), day(90)};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    std::vector<ActionHistory::Action> all;
    ActionHistory history(cutoffs);
    for (int i = 0; i < 60; ++i) {
      const Timestamp at = new_year + Duration{std::int64_t{random.below(120 * 86'400)} * 1000};
      all.push_back({.at = at, .kind = static_cast<std::uint8_t>(i)});
      history.add(someone, at, static_cast<std::uint8_t>(i), before_all_time);
    }
    EXPECT_LE(history.size(), 2 * (cutoffs.size() + 1));
    for (std::size_t cutoff = 0; cutoff < cutoffs.size(); ++cutoff) {
      history.forget_before(cutoff);
      const Timestamp t = cutoffs[cutoff];
      std::optional<ActionHistory::Action> last;
      std::optional<ActionHistory::Action> first;
      for (const auto& action : all) {
        if (action.at <= t && (!last || action.at > last->at)) last = action;
        if (action.at > t && action.at <= t + days(20) && (!first || action.at < first->at)) first = action;
      }
      const auto got_first = history.first_behind(someone, cutoff, t + days(20));
      const auto got_last = history.last_before(someone, cutoff);
      ASSERT_EQ(got_first.has_value(), first.has_value()) << seed;
      ASSERT_EQ(got_last.has_value(), last.has_value()) << seed;
      if (first) {
        EXPECT_EQ(got_first->kind, first->kind);
      }
      if (last) {
        EXPECT_EQ(got_last->kind, last->kind);
      }
    }
    EXPECT_LE(history.size(), 5u) << "the last one before the last cut-off, and what lies behind";
  }
}

}  // namespace
}  // namespace holdfast::learn
