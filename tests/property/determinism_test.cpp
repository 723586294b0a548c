// The same log gives the same alerts: however it is cut into batches and steps, applied from recorded steps, or taken
// up from a checkpoint in the middle.

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/history.hpp"
#include "tests/support/task_run.hpp"

namespace holdfast::testing {
namespace {

constexpr std::uint64_t histories = 400;
constexpr std::size_t small_steps = 5;

/// Every other one with new models.
History history_of(std::uint64_t seed) {
  History history = random_history(seed);
  if (seed % 2 == 0) add_swaps(history, seed / 2);
  if (seed % 3 == 0) add_calibration(history, seed);
  return history;
}

/// All that a checkpoint holds besides its records: models, and what outcomes have said.
std::string marker_of(const TaskRun& run) { return encode_marker(run.task.marker(PolicyId{1}, Timestamp{0})); }

bool has_outcomes(const CalibrationState& state) {
  return std::ranges::any_of(state.bins, [](const CalibrationState::Bin& bin) { return bin.outcomes > 0; });
}

/// Everything at once.
std::string in_one_go(const History& history) {
  TaskRun run(history);
  run.take_swaps();
  run.push_rest();
  while (run.task.advance(before_all_time, 1'000'000, run.alerts)) {
  }
  return run.alerts.text;
}

TEST(Determinism, BatchesAndStepsMakeNoDifference) {
  std::size_t alerts = 0;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = history_of(seed);
    std::mt19937_64 random(seed);
    TaskRun run(history);
    run.take_in_pieces(random, false, small_steps);
    ASSERT_EQ(run.alerts.text, in_one_go(history)) << "seed " << seed;
    ASSERT_TRUE(run.task.caught_up());
    alerts += run.alerts.items.size();
  }
  EXPECT_GT(alerts, histories * 2);
}

TEST(Determinism, ItMakesNoDifferenceWhichCustomersLieInMemory) {
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = history_of(seed);
    std::mt19937_64 random(seed);
    TaskRun all(history);
    all.take_swaps();
    all.push_rest();
    while (all.task.advance(before_all_time, 1'000'000, all.alerts)) {
    }
    TaskRun few(history, {},
                {.bytes_max = 0,
                 .records_min = static_cast<std::uint32_t>(1 + seed % 3),
                 .scratch = std::filesystem::temp_directory_path(),
                 .pages_at_once = 1});
    few.take_in_pieces(random, false, small_steps);
    ASSERT_EQ(few.alerts.text, all.alerts.text) << "seed " << seed;
    ASSERT_EQ(few.records(), all.records()) << "seed " << seed;
  }
}

TEST(Determinism, EachRecordedStepGivesItsAlertsAgainAndTheSameState) {
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = history_of(seed);
    std::mt19937_64 random(seed);
    TaskRun recorded(history);
    const auto steps = recorded.take_in_pieces(random, seed % 3 == 0, small_steps);
    TaskRun replayed(history);
    replayed.push_rest();
    for (const auto& [step, text_size] : steps) {
      ASSERT_TRUE(replayed.task.ready_for(step));
      replayed.task.apply(step, replayed.alerts);
      // Where a committed step ends, the alerts that were sent end.
      ASSERT_EQ(replayed.alerts.text, std::string_view(recorded.alerts.text).substr(0, text_size))
          << "seed " << seed << ", step " << step.number;
    }
    ASSERT_EQ(replayed.alerts.text, recorded.alerts.text) << "seed " << seed;
    ASSERT_EQ(replayed.records(), recorded.records()) << "seed " << seed;
    ASSERT_EQ(marker_of(replayed), marker_of(recorded)) << "seed " << seed;
  }
}

TEST(Determinism, ACheckpointInTheMiddleMakesNoDifference) {
  std::size_t behind = 0;
  std::size_t between_models = 0;
  std::size_t with_outcomes = 0;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = history_of(seed);
    std::mt19937_64 random(seed);
    TaskRun recorded(history);
    const auto steps = recorded.take_in_pieces(random, seed % 3 == 0, small_steps);
    const std::size_t cut = random() % (steps.size() + 1);

    TaskRun before(history);
    before.push_rest();
    for (std::size_t i = 0; i < cut; ++i) before.task.apply(steps[i].step, before.alerts);
    const Marker marker = decode_marker(marker_of(before)).value();
    between_models += marker.models.size() > 1 ? 1 : 0;

    TaskRun after(history, marker.position);
    for (const auto& [id, record] : before.records()) {
      ASSERT_TRUE(engine::is_customer_record(record));
      after.table.load(id, record);
    }
    after.table.finish_loading();
    after.task.restore(marker);
    after.push_rest();
    for (std::size_t i = cut; i < steps.size(); ++i) after.task.apply(steps[i].step, after.alerts);

    ASSERT_EQ(before.alerts.text + after.alerts.text, recorded.alerts.text) << "seed " << seed;
    ASSERT_EQ(after.records(), recorded.records()) << "seed " << seed;
    ASSERT_EQ(marker_of(after), marker_of(recorded)) << "seed " << seed;
    with_outcomes += marker.calibration && has_outcomes(*marker.calibration) ? 1 : 0;
    behind += after.alerts.items.size();
  }
  EXPECT_GT(behind, histories) << "too few alerts behind the cut to prove anything";
  EXPECT_GT(between_models, 20);
  EXPECT_GT(with_outcomes, 20);
}

}  // namespace
}  // namespace holdfast::testing
