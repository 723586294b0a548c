// The engine agrees with the naive implementation of docs/semantics.md on random histories.

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/reference/naive_engine.hpp"
#include "tests/support/history.hpp"
#include "tests/support/task_run.hpp"

namespace holdfast::testing {
namespace {

using reference::NaiveAlert;
using reference::NaiveCalibration;
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

/// Of the engine, of which corrections no outcome may come any more is forgotten.
void expect_equal_corrections(const CalibrationState& got, const NaiveCalibration& want) {
  const auto& past = got.past;
  const auto& all = want.corrections;
  ASSERT_LE(past.size(), all.size());
  ASSERT_EQ(past.empty(), all.empty());
  const std::size_t forgotten = all.size() - past.size();
  for (std::size_t i = 0; i < past.size(); ++i) {
    EXPECT_EQ(past[i].from, all[forgotten + i].from);
    EXPECT_TRUE(close(past[i].correction.intercept, all[forgotten + i].intercept));
    EXPECT_TRUE(close(past[i].correction.slope, all[forgotten + i].slope));
  }
  if (forgotten > 0) {
    EXPECT_LE(past.front().from, past.back().from - got.horizon);
  }
}

void expect_equal(const CalibrationState& got, const NaiveCalibration& want) {
  constexpr int middle = 31;
  EXPECT_EQ(got.since, want.since.value_or(before_all_time));
  EXPECT_EQ(got.reviewed, want.reviewed.value_or(before_all_time));
  EXPECT_EQ(got.next_review, want.next_review.value_or(after_all_time));
  for (int b = 0; b < static_cast<int>(got.bins.size()); ++b) {
    const CalibrationState::Bin& bin = got.bins[static_cast<std::size_t>(b)];
    const auto found = want.quarters.find(b - middle);
    const auto quarter = found == want.quarters.end() ? NaiveCalibration::Quarter{} : found->second;
    EXPECT_TRUE(close(bin.asked, quarter.asked)) << b << ": " << bin.asked << ' ' << quarter.asked;
    EXPECT_TRUE(close(bin.outcomes, quarter.outcomes)) << b << ": " << bin.outcomes << ' ' << quarter.outcomes;
    EXPECT_TRUE(close(bin.left, quarter.left)) << b << ": " << bin.left << ' ' << quarter.left;
    EXPECT_TRUE(close(bin.told, quarter.told)) << b << ": " << bin.told << ' ' << quarter.told;
  }
  expect_equal_corrections(got, want);
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
  std::size_t trained = 0;
  std::map<engine::CalibrationUse, int> outcomes{};

  /// Both have come to the end of the history.
  void add(std::uint64_t seed, const TaskRun& run, const NaiveEngine& naive) {
    add(seed, run.alerts, naive.alerts());
    if (run.history.model.trained_with.any()) trained += run.alerts.items.size();
    SCOPED_TRACE("seed " + std::to_string(seed));
    const engine::Calibration* const calibration = run.task.calibration();
    const engine::CalibrationUse use = run.history.policy.calibration;
    ASSERT_EQ(calibration != nullptr, use != engine::CalibrationUse::off);
    if (calibration == nullptr) {
      EXPECT_TRUE(naive.calibration().quarters.empty());
      return;
    }
    expect_equal(calibration->state(), naive.calibration());
    const auto& bins = calibration->state().bins;
    if (std::ranges::any_of(bins, [](const auto& bin) { return bin.outcomes > 0; })) ++outcomes[use];
  }

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
    std::cout << "; " << by_model << " by a new model, " << corrected << " under a corrected one; " << trained
              << " under models as they are trained\n";
    for (const Arm arm : {Arm::none, Arm::treatment, Arm::control}) EXPECT_GT(arms[arm], 100) << name(arm);
    EXPECT_LE(off_by_rounding * 100, alerts);
    EXPECT_GT(trained * 6, alerts);
    EXPECT_GT(rejections, 100);
    EXPECT_GT(before_1970, 100);
    for (const Change change :
         {Change::raised, Change::escalated, Change::eased, Change::resolved, Change::expired, Change::erased}) {
      ASSERT_TRUE(changes.contains(change)) << name(change);
      EXPECT_GT(changes.at(change), 20) << name(change);
    }
  }
};

std::vector<std::size_t> ends_of(const Step& step) {
  std::vector<std::size_t> ends;
  ends.reserve(step.end.sources);
  for (std::uint8_t s = 0; s < step.end.sources; ++s) ends.push_back(static_cast<std::size_t>(step.end.next[s].value));
  return ends;
}

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
    comparison.add(seed, run, naive);
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
    comparison.add(seed, run, naive);
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
    comparison.add(seed, run, naive);
    if (HasFailure()) return;
    corrections += run.task.counts().corrections;
  }
  comparison.expect_enough();
  std::cout << corrections << " corrections\n";
  EXPECT_GT(corrections, 10'000U);
  EXPECT_GT(comparison.corrected, 1000);
  EXPECT_GT(comparison.outcomes[engine::CalibrationUse::watch], 100);
  EXPECT_GT(comparison.outcomes[engine::CalibrationUse::correct], 300);
}

// A stop and a start, with a checkpoint between them and other settings of calibration behind it.
TEST(EngineAndReference, AgreeOnACheckpointThatIsTakenUpUnderAnotherCalibration) {
  Comparison comparison;
  std::map<std::pair<engine::CalibrationUse, engine::CalibrationUse>, int> changes;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    History history = random_history(seed);
    if (seed % 3 == 0) add_swaps(history, seed);
    if (seed % 4 != 0) add_calibration(history, seed);
    History later = history;
    later.policy.calibration = static_cast<engine::CalibrationUse>(random() % 3);
    if (random() % 4 == 0) later.policy.horizon = Duration{later.policy.horizon.ms / 2};
    if (random() % 4 == 0) later.policy.calibration_half_life = Duration{later.policy.calibration_half_life.ms / 2};
    if (later.policy.calibration != engine::CalibrationUse::off)
      later.policy.hysteresis = std::max(later.policy.hysteresis, 0.001);

    TaskRun recorded(history);
    const auto steps = recorded.take_in_pieces(random, false, std::size_t{1} << 40);
    if (steps.size() <= history.swaps.size()) continue;
    const std::size_t cut = history.swaps.size() + 1 + random() % (steps.size() - history.swaps.size());
    TaskRun before(history);
    before.push_rest();
    for (std::size_t i = 0; i < cut; ++i) before.task.apply(steps[i].step, before.alerts);
    const Marker marker = decode_marker(encode_marker(before.task.marker(PolicyId{1}, Timestamp{0}))).value();
    TaskRun after(later, marker.position);
    for (const auto& [id, record] : before.records()) after.table.load(id, record);
    after.table.finish_loading();
    after.task.restore(marker);
    after.push_rest();
    after.alerts = before.alerts;
    while (after.task.advance(before_all_time, 1'000'000, after.alerts)) {
    }

    NaiveEngine naive(history.model, history.policy, history.sources);
    for (const History::Swap& swap : history.swaps) naive.swap(swap.model, swap.from);
    for (std::size_t i = 0; i < cut; ++i) naive.step(ends_of(steps[i].step), std::nullopt);
    naive.go_on(later.policy);
    naive.run();
    comparison.add(seed, after, naive);
    if (HasFailure()) return;
    ++changes[{history.policy.calibration, later.policy.calibration}];
  }
  comparison.expect_enough();
  for (const auto from :
       {engine::CalibrationUse::off, engine::CalibrationUse::watch, engine::CalibrationUse::correct}) {
    for (const auto to : {engine::CalibrationUse::off, engine::CalibrationUse::watch, engine::CalibrationUse::correct})
      EXPECT_GT((changes[{from, to}]), 10);
  }
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
      const bool has_clock = step.clock != before_all_time;
      naive.step(ends_of(step), has_clock ? std::optional(step.clock) : std::nullopt);
      ticks += has_clock ? 1 : 0;
    }
    comparison.add(seed, run, naive);
    if (HasFailure()) return;
  }
  comparison.expect_enough();
  EXPECT_GT(ticks, 5000);
  EXPECT_GT(put_off, 100);
  EXPECT_GT(comparison.by_model, 100);
}

}  // namespace
}  // namespace holdfast::testing
