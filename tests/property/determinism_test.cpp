// The same log gives the same alerts: however it is cut into batches and steps, applied from recorded steps, or taken
// up from a checkpoint in the middle.

#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/task.hpp"
#include "state/hot_table.hpp"
#include "tests/support/history.hpp"

namespace holdfast::testing {
namespace {

constexpr std::uint64_t histories = 400;

struct World {
  explicit World(const History& history, Positions start = {})
      : table(sizeof(engine::Customer)),
        task(Partition{0}, history.model, history.policy, table, with_sources(start, history)) {}
  static Positions with_sources(Positions start, const History& history) {
    start.sources = static_cast<std::uint8_t>(history.sources.size());
    return start;
  }
  state::HotTable table;
  engine::Task task;
  AlertList alerts;
};

/// Bytes of all records, by customer.
std::map<std::string, std::string> records_of(const state::HotTable& table) {
  std::map<std::string, std::string> out;
  for (Slot slot{0}; slot.value < table.size(); ++slot.value)
    out[std::string(table.key(slot).id)] =
        std::string(reinterpret_cast<const char*>(table.read(slot)), sizeof(engine::Customer));
  return out;
}

void push_all(const History& history, World& run) {
  for (std::uint8_t s = 0; s < history.sources.size(); ++s) {
    const auto from = static_cast<std::size_t>(run.task.position().next[s].value);
    run.task.push(SourceIndex{s}, batch_of(history.sources[s], from, history.sources[s].size()));
    run.task.reached_end(SourceIndex{s}, Offset{static_cast<std::int64_t>(history.sources[s].size())});
  }
}

/// Everything at once.
std::string in_one_go(const History& history) {
  World run(history);
  push_all(history, run);
  while (run.task.advance(before_all_time, 1'000'000, run.alerts)) {
  }
  return text_of(run.alerts);
}

/// Random batches in random order, small steps, the log's end told whenever; `live`: the log is said to end wherever it
/// has been read to, and the clock goes on meanwhile. Returns the steps taken.
std::vector<Step> in_pieces(const History& history, std::mt19937_64& random, bool live, World& run) {
  const std::size_t sources = history.sources.size();
  std::vector<std::size_t> pushed(sources);
  std::vector<Step> steps;
  Timestamp clock = before_all_time;
  bool more = true;
  while (more) {
    more = false;
    const auto s = static_cast<std::uint8_t>(random() % sources);
    const auto& events = history.sources[s];
    const std::size_t to = std::min(events.size(), pushed[s] + random() % 6);
    if (live && to > pushed[s])
      clock = std::max(clock, events[to - 1].time + Duration{static_cast<std::int64_t>(random() % 86'400'000)});
    run.task.push(SourceIndex{s}, batch_of(events, pushed[s], to));
    pushed[s] = to;
    if (live || pushed[s] == events.size()) run.task.reached_end(SourceIndex{s}, Offset{static_cast<std::int64_t>(to)});
    while (const auto step = run.task.advance(live ? clock : before_all_time, 1 + random() % 5, run.alerts))
      steps.push_back(*step);
    for (std::size_t i = 0; i < sources; ++i) more = more || pushed[i] < history.sources[i].size();
  }
  for (std::uint8_t s = 0; s < sources; ++s)
    run.task.reached_end(SourceIndex{s}, Offset{static_cast<std::int64_t>(history.sources[s].size())});
  while (const auto step = run.task.advance(live ? clock : before_all_time, 1 + random() % 5, run.alerts))
    steps.push_back(*step);
  return steps;
}

TEST(Determinism, BatchesAndStepsMakeNoDifference) {
  std::size_t alerts = 0;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = random_history(seed);
    std::mt19937_64 random(seed);
    World run(history);
    in_pieces(history, random, false, run);
    ASSERT_EQ(text_of(run.alerts), in_one_go(history)) << "seed " << seed;
    ASSERT_TRUE(run.task.caught_up());
    alerts += run.alerts.items.size();
  }
  EXPECT_GT(alerts, histories * 2);
}

TEST(Determinism, RecordedStepsGiveTheSameAlertsAndTheSameState) {
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = random_history(seed);
    std::mt19937_64 random(seed);
    World recorded(history);
    const auto steps = in_pieces(history, random, seed % 2 == 0, recorded);
    World replayed(history);
    push_all(history, replayed);
    for (const Step& step : steps) {
      ASSERT_TRUE(replayed.task.ready_for(step));
      replayed.task.apply(step, replayed.alerts);
    }
    ASSERT_EQ(text_of(replayed.alerts), text_of(recorded.alerts)) << "seed " << seed;
    ASSERT_EQ(records_of(replayed.table), records_of(recorded.table)) << "seed " << seed;
    ASSERT_EQ(replayed.task.stream_time(), recorded.task.stream_time());
    ASSERT_EQ(replayed.task.next_timer(), recorded.task.next_timer());
  }
}

TEST(Determinism, ACheckpointInTheMiddleMakesNoDifference) {
  std::size_t behind = 0;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = random_history(seed);
    std::mt19937_64 random(seed);
    World recorded(history);
    const auto steps = in_pieces(history, random, seed % 2 == 0, recorded);
    const std::size_t cut = random() % (steps.size() + 1);

    World before(history);
    push_all(history, before);
    for (std::size_t i = 0; i < cut; ++i) before.task.apply(steps[i], before.alerts);
    const Marker marker = before.task.marker(PolicyId{1}, Timestamp{0});

    World after(history, marker.position);
    for (const auto& [id, record] : records_of(before.table)) after.table.insert_loaded(id, record);
    after.task.restore(marker);
    push_all(history, after);
    for (std::size_t i = cut; i < steps.size(); ++i) after.task.apply(steps[i], after.alerts);

    ASSERT_EQ(text_of(before.alerts) + text_of(after.alerts), text_of(recorded.alerts)) << "seed " << seed;
    ASSERT_EQ(records_of(after.table), records_of(recorded.table)) << "seed " << seed;
    behind += after.alerts.items.size();
  }
  EXPECT_GT(behind, histories) << "too few alerts behind the cut to prove anything";
}

}  // namespace
}  // namespace holdfast::testing
