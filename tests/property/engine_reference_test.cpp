// The engine agrees with the naive implementation of docs/semantics.md on random histories.

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/reference/naive_engine.hpp"
#include "tests/support/history.hpp"
#include "tests/support/task_run.hpp"

namespace holdfast::testing {
namespace {

using reference::NaiveAlert;
using reference::NaiveEngine;
using reference::NaiveReason;

bool close(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)}); }

bool close(std::optional<double> a, std::optional<double> b) {
  return a.has_value() == b.has_value() && (!a || close(*a, *b));
}

std::map<Feature, NaiveReason> by_feature(const NaiveAlert& alert) {
  std::map<Feature, NaiveReason> out;
  for (const auto& reason : alert.reasons) out[reason.feature] = reason;
  return out;
}

/// Contributions that are nothing but rounding may be there or not, and stand in any order among their like.
void expect_equal_reasons(const NaiveAlert& got, const NaiveAlert& want) {
  constexpr double rounding = 1e-9;
  const auto got_parts = by_feature(got);
  const auto want_parts = by_feature(want);
  EXPECT_EQ(got_parts.size(), got.reasons.size()) << "a feature stands there twice";
  for (const auto& [feature, part] : got_parts)
    EXPECT_TRUE(want_parts.contains(feature) || std::abs(part.contribution) <= 1e-12) << name(feature);
  for (const auto& [feature, part] : want_parts) {
    const auto found = got_parts.find(feature);
    if (found == got_parts.end()) {
      EXPECT_LE(std::abs(part.contribution), 1e-12) << name(feature);
      continue;
    }
    EXPECT_TRUE(close(found->second.contribution, part.contribution)) << name(feature);
    EXPECT_TRUE(close(found->second.value, part.value)) << name(feature);
    EXPECT_TRUE(close(found->second.typical, part.typical)) << name(feature);
    EXPECT_EQ(found->second.alike, part.alike) << name(feature);
  }
  for (std::size_t i = 1; i < got.reasons.size(); ++i) {
    const auto size = [&](std::size_t at) { return std::abs(got.reasons[at].contribution); };
    EXPECT_GE(size(i - 1), size(i) - rounding) << name(got.reasons[i].feature);
  }
  if (got.reasons.size() != want.reasons.size()) return;
  for (std::size_t i = 0; i < want.reasons.size(); ++i) {
    const double size = std::abs(want.reasons[i].contribution);
    const auto alike = [&](const NaiveReason& other) {
      return std::abs(std::abs(other.contribution) - size) <= rounding;
    };
    if (std::ranges::count_if(want.reasons, alike) > 1) continue;
    EXPECT_EQ(name(got.reasons[i].feature), name(want.reasons[i].feature)) << "at place " << i;
  }
}

void expect_equal(const NaiveAlert& got, const NaiveAlert& want) {
  EXPECT_EQ(got.customer, want.customer);
  EXPECT_EQ(got.model, want.model);
  EXPECT_EQ(name(got.arm), name(want.arm));
  EXPECT_TRUE(close(got.intercept, want.intercept)) << got.intercept << " " << want.intercept;
  EXPECT_TRUE(close(got.slope, want.slope)) << got.slope << " " << want.slope;
  EXPECT_EQ(got.seq, want.seq);
  EXPECT_EQ(got.episode, want.episode);
  EXPECT_EQ(name(got.change), name(want.change));
  EXPECT_EQ(name(got.level), name(want.level));
  EXPECT_EQ(name(got.previous_level), name(want.previous_level));
  EXPECT_EQ(name(got.trigger), name(want.trigger));
  EXPECT_EQ(got.source, want.source);
  EXPECT_EQ(got.offset, want.offset);
  EXPECT_EQ(got.event_id, want.event_id);
  EXPECT_EQ(got.logged_at, want.logged_at);
  EXPECT_EQ(name(got.state), name(want.state));
  EXPECT_EQ(got.purchases, want.purchases);
  EXPECT_EQ(got.first, want.first);
  EXPECT_EQ(got.last, want.last);
  EXPECT_EQ(got.open_complaints, want.open_complaints);
  EXPECT_TRUE(close(got.risk, want.risk)) << got.risk << " " << want.risk;
  EXPECT_TRUE(close(got.p_alive, want.p_alive)) << got.p_alive << " " << want.p_alive;
  EXPECT_TRUE(close(got.base, want.base)) << got.base << " " << want.base;
  EXPECT_EQ(got.has_value, want.has_value);
  EXPECT_EQ(got.currency, want.currency);
  EXPECT_TRUE(close(got.spent, want.spent)) << got.spent << " " << want.spent;
  EXPECT_TRUE(close(got.expected, want.expected)) << got.expected.value_or(-1) << " " << want.expected.value_or(-1);
  EXPECT_TRUE(close(got.at_risk, want.at_risk)) << got.at_risk << " " << want.at_risk;
  expect_equal_reasons(got, want);
}

/// What was compared, and how it came out.
struct Comparison {
  std::size_t alerts = 0;
  std::size_t off_by_rounding = 0;
  std::size_t rejections = 0;
  std::size_t before_1970 = 0;
  std::map<Change, int> changes;
  std::map<Arm, int> arms;
  int by_model = 0;
  int corrected = 0;

  void add(std::uint64_t seed, const AlertList& got, const std::vector<NaiveAlert>& want) {
    ASSERT_EQ(got.items.size(), want.size()) << "seed " << seed;
    for (std::size_t i = 0; i < want.size(); ++i) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", alert " + std::to_string(i));
      expect_equal(got.items[i].alert, want[i]);
      // Two ways to compute a risk differ in the last bits, and so may the millisecond at which it is reached.
      const std::int64_t apart = std::abs(got.items[i].alert.time.ms - want[i].time.ms);
      EXPECT_LE(apart, 1);
      off_by_rounding += apart == 0 ? 0 : 1;
      EXPECT_TRUE(want[i].change == Change::erased || close(1 / (1 + std::exp(-got.items[i].score)), want[i].risk))
          << "the reasons do not add up";
      ++changes[want[i].change];
      ++arms[want[i].arm];
      corrected += want[i].slope == 1 ? 0 : 1;
      by_model += want[i].trigger == TriggerType::model ? 1 : 0;
      before_1970 += want[i].time < Timestamp{0} ? 1 : 0;
      if (::testing::Test::HasFailure()) return;
    }
    alerts += want.size();
    rejections += got.rejections;
  }

  void expect_enough() {
    std::cout << alerts << " alerts, " << off_by_rounding << " a millisecond apart, " << before_1970 << " before 1970, "
              << rejections << " records that are no events;";
    for (const auto& [change, count] : changes) std::cout << ' ' << count << ' ' << name(change);
    std::cout << "; " << by_model << " by a new model, " << corrected << " under a corrected one";
    std::cout << '\n';
    for (const Arm arm : {Arm::none, Arm::treatment, Arm::control}) EXPECT_GT(arms[arm], 100) << name(arm);
    EXPECT_LE(off_by_rounding * 100, alerts);
    EXPECT_GT(rejections, 100);
    EXPECT_GT(before_1970, 100);
    for (const Change change :
         {Change::raised, Change::escalated, Change::eased, Change::resolved, Change::expired, Change::erased}) {
      ASSERT_TRUE(changes.contains(change)) << name(change);
      EXPECT_GT(changes.at(change), 20) << name(change);
    }
  }
};

TEST(EngineAndReference, AgreeOnRandomHistories) {
  Comparison comparison;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const History history = random_history(seed);
    TaskRun run(history);
    run.push_rest();
    while (run.task.advance(before_all_time, 1'000'000, run.alerts)) {
    }
    NaiveEngine naive(history.model, history.policy, history.sources);
    naive.run();
    comparison.add(seed, run.alerts, naive.alerts());
    if (HasFailure()) return;
  }
  comparison.expect_enough();
}

TEST(EngineAndReference, AgreeOnNewModels) {
  Comparison comparison;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    History history = random_history(seed);
    add_swaps(history, seed);
    TaskRun run(history);
    run.take_swaps();
    run.push_rest();
    while (run.task.advance(before_all_time, 1'000'000, run.alerts)) {
    }
    NaiveEngine naive(history.model, history.policy, history.sources);
    for (const History::Swap& swap : history.swaps) naive.swap(swap.model, swap.from);
    naive.run();
    comparison.add(seed, run.alerts, naive.alerts());
    if (HasFailure()) return;
  }
  comparison.expect_enough();
  EXPECT_GT(comparison.by_model, 500);
}

TEST(EngineAndReference, AgreeOnCorrectionsByOutcomes) {
  Comparison comparison;
  std::uint64_t corrections = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    History history = random_history(seed);
    if (seed % 3 == 0) add_swaps(history, seed);
    add_calibration(history, seed);
    TaskRun run(history);
    run.take_swaps();
    run.push_rest();
    while (run.task.advance(before_all_time, 1'000'000, run.alerts)) {
    }
    NaiveEngine naive(history.model, history.policy, history.sources);
    for (const History::Swap& swap : history.swaps) naive.swap(swap.model, swap.from);
    naive.run();
    comparison.add(seed, run.alerts, naive.alerts());
    if (HasFailure()) return;
    corrections += run.task.counts().corrections;
  }
  comparison.expect_enough();
  std::cout << corrections << " corrections\n";
  EXPECT_GT(corrections, 10'000U);
  EXPECT_GT(comparison.corrected, 1000);
}

TEST(EngineAndReference, AgreeOnTheStepsOfALiveRunWithAClock) {
  Comparison comparison;
  std::size_t ticks = 0;
  std::size_t put_off = 0;
  for (std::uint64_t seed = 1; seed <= 700; ++seed) {
    History history = random_history(seed);
    if (seed % 2 == 0) add_swaps(history, seed);
    if (seed % 5 < 2) add_calibration(history, seed);
    std::mt19937_64 random(seed);
    TaskRun run(history);
    // Steps that stop between timers would tell apart what differs by rounding alone.
    const auto steps = run.take_in_pieces(random, true, std::size_t{1} << 40);
    NaiveEngine naive(history.model, history.policy, history.sources);
    std::size_t next_swap = 0;
    for (const auto& [step, text_size] : steps) {
      if (step.swap != nullptr) {
        const History::Swap& swap = history.swaps[next_swap++];
        ASSERT_EQ(step.swap->model, swap.model.id);
        ASSERT_EQ(naive.swap(swap.model, swap.from), step.swap->from);
        put_off += step.swap->from == swap.from ? 0 : 1;
      }
      std::vector<std::size_t> ends;
      ends.reserve(step.end.sources);
      for (std::uint8_t s = 0; s < step.end.sources; ++s)
        ends.push_back(static_cast<std::size_t>(step.end.next[s].value));
      const bool has_clock = step.clock != before_all_time;
      naive.step(ends, has_clock ? std::optional(step.clock) : std::nullopt);
      ticks += has_clock ? 1 : 0;
    }
    comparison.add(seed, run.alerts, naive.alerts());
    if (HasFailure()) return;
  }
  comparison.expect_enough();
  EXPECT_GT(ticks, 5000);
  EXPECT_GT(put_off, 100);
  EXPECT_GT(comparison.by_model, 100);
}

}  // namespace
}  // namespace holdfast::testing
