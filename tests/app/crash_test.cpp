// Crashes at any moment, simulated: the stages of the pipeline run over a log, a journal and a checkpoint store in
// memory, in an order drawn from a seed; a crash drops all of them but what was committed or checkpointed.

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "app/pipeline.hpp"
#include "engine/task.hpp"
#include "ingest/alert_json.hpp"
#include "ingest/decoder.hpp"
#include "state/hot_table.hpp"
#include "tests/support/memory_batch.hpp"
#include "tests/support/memory_log.hpp"

namespace holdfast::app {
namespace {

using testing::MemoryClock;
using testing::MemoryJournal;
using testing::MemoryReader;
using testing::MemoryStore;
using testing::MemoryWorld;
using testing::MemoryWriter;

constexpr std::int64_t day_ms = 86'400'000;

engine::Model model() {
  return {.id = "00000000000000000000000000000001",
          .name = "test",
          .time_unit = Duration{7 * day_ms},
          .horizon = Duration{91 * day_ms},
          .mbg = {.r = 0.525, .alpha = 6.183, .a = 0.891, .b = 1.614},
          .gamma_gamma = engine::GammaGammaParameters{.p = 6.25, .q = 3.74, .v = 15.44},
          .logistic = {}};
}

engine::RiskPolicy policy() {
  return {.horizon = Duration{91 * day_ms},
          .thresholds = {0.3, 0.5, 0.8},
          .hysteresis = 0.05,
          .min_purchases = 2,
          .expire_after = Duration{120 * day_ms}};
}

PipelineSettings settings(const MemoryWorld& world, const engine::Model& m, const engine::RiskPolicy& p, int shards) {
  PipelineSettings out;
  const std::vector<std::pair<std::string, EventKind>> sources{{"purchases", EventKind::purchase},
                                                               {"complaints", EventKind::complaint},
                                                               {"visits", EventKind::visit},
                                                               {"actions", EventKind::action}};
  for (std::size_t s = 0; s < world.sources; ++s) {
    ingest::SourceFormat format;
    format.name = sources[s].first;
    format.topic = sources[s].first;
    format.kind = sources[s].second;
    format.max_ahead = Duration{3'600'000};
    out.shard.sources.push_back(format);
  }
  out.shard.partitioner = ingest::Partitioner::none;
  out.shard.partitions = world.partitions;
  out.shard.application_id = "test";
  out.shard.horizon = p.horizon;
  out.shard.policy = PolicyId{42};
  out.shard.wall_clock = false;
  out.shard.checkpoint_interval = Duration{300};
  out.recovery = {.model = &m,
                  .policy = &p,
                  .policy_id = PolicyId{42},
                  .partitions = world.partitions,
                  .sources = static_cast<std::uint8_t>(world.sources),
                  .load_threads = 2};
  out.shards = shards;
  out.partitions = world.partitions;
  out.output_capacity = 1;  // Output waits for the committer as often as can be.
  out.commit_interval = Duration{100};
  return out;
}

/// The same under the wall clock; a world's year passes in pieces of work of hours, not of milliseconds.
constexpr std::int64_t hour_ms = 3'600'000;
PipelineSettings wall_clock_settings(const MemoryWorld& world, const engine::Model& m, const engine::RiskPolicy& p,
                                     int shards) {
  PipelineSettings out = settings(world, m, p, shards);
  out.shard.wall_clock = true;
  out.shard.checkpoint_interval = Duration{300 * hour_ms};
  out.commit_interval = Duration{100 * hour_ms};
  return out;
}

/// A year of a few customers a partition, now and then late, sometimes no event at all; with records of the log's own
/// among them and behind them, if wanted.
void fill(MemoryWorld& world, std::uint64_t seed, int events, bool controls = false) {
  std::mt19937_64 random(seed);
  for (std::int32_t p = 0; p < world.partitions; ++p) {
    std::int64_t at = 1'600'000'000'000;
    for (int i = 0; i < events; ++i) {
      at += static_cast<std::int64_t>(random() % (365 * day_ms / static_cast<std::uint64_t>(events) * 2));
      const auto late = static_cast<std::int64_t>(random() % 10 == 0 ? random() % (5 * day_ms) : 0);
      const std::string customer = "P" + std::to_string(p) + "C" + std::to_string(random() % 12);
      const std::size_t source = i % 10 == 9 ? 3 : random() % 3;
      std::string value = R"({"customer_id":")" + customer + R"(","time":)" + std::to_string(at - late) +
                          R"(,"event_id":"e)" + std::to_string(random() % 7 == 0 ? i - 1 : i) + '"';
      if (source == 0) value += R"(,"amount":)" + std::to_string(random() % 100) + R"(,"currency":"GBP")";
      if (source == 3) value += i % 3 == 0 ? R"(,"action":"call")" : R"(,"action":"erase")";
      value += random() % 30 == 0 ? "" : "}";
      auto& log = world.at(SourceIndex{static_cast<std::uint8_t>(source)}, Partition{p});
      log.push_back({customer, value, Timestamp{at + 1000}});
      while (controls && random() % 8 == 0) log.push_back({.key = {}, .value = {}, .control = true});
    }
  }
}

/// One process: ports and stages that a crash drops.
struct Process {
  Process(MemoryWorld& world, const PipelineSettings& s, std::uint64_t seed, bool disk_full)
      : clock(world),
        reader(world, seed),
        journal(world),
        writer(world),
        store(world),
        stages(s, {reader, journal, writer, store, clock}, [](const std::string&) {}) {
    store.full = disk_full;
  }
  MemoryClock clock;
  MemoryReader reader;
  MemoryJournal journal;
  MemoryWriter writer;
  MemoryStore store;
  Stages stages;

  /// Does a piece of work of one stage, by chance.
  void step(std::mt19937_64& random) {
    const std::size_t shards = stages.shards.size();
    const std::size_t which = random() % (4 + shards);
    if (which == 0) {
      const Status done = stages.fetcher.do_work(Duration{0});
      ASSERT_TRUE(done.has_value()) << done.error().message;
    } else if (which == 1) {
      const auto done = stages.committer.do_work();
      ASSERT_TRUE(done.has_value()) << done.error().message;
    } else if (which == 2) {
      const auto done = stages.checkpointer.do_work();
      ASSERT_TRUE(done.has_value()) << done.error().message;
    } else if (which == 3) {
      const auto done = stages.recovery.do_work();
      ASSERT_TRUE(done.has_value()) << done.error().message;
    } else {
      stages.shards[which - 4]->do_work();
    }
  }
  [[nodiscard]] bool finished() const {
    for (const auto& shard : stages.shards) {
      if (!shard->finished()) return false;
    }
    return stages.committer.finished();
  }
  [[nodiscard]] bool caught_up() const {
    for (const auto& partition : stages.statistics.partitions) {
      if (!partition.caught_up.get()) return false;
    }
    return true;
  }
};

struct Outcome {
  std::map<std::string, std::vector<std::string>> alerts;  // By customer.
  std::vector<std::string> dead_letters;
  std::map<Partition, std::map<std::string, std::string>> state;
  int crashes = 0;
  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.alerts == b.alerts && a.dead_letters == b.dead_letters && a.state == b.state;
  }
};

Outcome outcome_of(const MemoryWorld& world) {
  Outcome out;
  if (const auto it = world.output.find(OutputTopic::alerts); it != world.output.end()) {
    for (const auto& record : it->second) out.alerts[record.key].push_back(record.value);
  }
  if (const auto it = world.output.find(OutputTopic::dead_letters); it != world.output.end()) {
    for (const auto& record : it->second) out.dead_letters.push_back(record.value);
  }
  std::ranges::sort(out.dead_letters);
  for (const auto& [partition, checkpoint] : world.checkpoints) out.state[partition] = checkpoint.records;
  return out;
}

/// Runs to the end of the log and drains; crashes on average every `crash_every` pieces of work (0: never).
Outcome run(MemoryWorld world, std::uint64_t seed, int shards, std::uint64_t crash_every, bool lose_state = false) {
  const engine::Model m = model();
  const engine::RiskPolicy p = policy();
  std::mt19937_64 random(seed);
  int crashes = 0;
  while (true) {
    // Some stop cleanly instead, with a disk that is full now and then: what cannot be written is given up, and the
    // next start has to make up for it.
    const bool stops = crash_every != 0 && random() % 3 == 0;
    Process process(world, settings(world, m, p, shards), random(), crash_every != 0 && random() % 5 == 0);
    const std::uint64_t until = crash_every == 0 ? 0 : 1 + random() % (2 * crash_every);
    bool draining = false;
    bool crashed = false;
    for (std::uint64_t i = 0; !process.finished(); ++i) {
      if (until != 0 && i == until && stops) {
        draining = true;
        process.stages.checkpointer.give_up_on_failure();
        process.stages.fetcher.drain();
      } else if (until != 0 && i == until) {
        crashed = true;
        break;
      }
      process.step(random);
      if (::testing::Test::HasFatalFailure()) return {};
      world.now = world.now + Duration{static_cast<std::int64_t>(random() % 20)};
      if (!draining && process.caught_up()) {
        draining = true;
        process.store.full = false;
        process.stages.fetcher.drain();
      }
      if (stops) process.store.full = random() % 2 == 0;
    }
    if (!crashed && !stops) break;
    ++crashes;
    if (lose_state && random() % 4 == 0) world.checkpoints.clear();
    crash_every += 1 + crash_every / 16;  // Fewer and fewer, so that the run ends.
  }
  Outcome out = outcome_of(world);
  out.crashes = crashes;
  return out;
}

/// Appends what has arrived by now to the log. Returns whether all has.
bool let_arrive(MemoryWorld& world, MemoryWorld& future) {
  bool all = true;
  for (std::size_t i = 0; i < world.input.size(); ++i) {
    const auto& to_come = future.input[i];
    auto& log = world.input[i];
    while (log.size() < to_come.size() && to_come[log.size()].timestamp <= world.now)
      log.push_back(to_come[log.size()]);
    all = all && log.size() == to_come.size();
  }
  return all;
}

/// A year that is lived through: events come as time passes, processes crash on the way, and the year after is silent.
/// Leaves the world as the last process left it, and returns the number of crashes.
int live_through(MemoryWorld& world, MemoryWorld future, std::uint64_t seed, int shards, std::uint64_t crash_every) {
  const engine::Model m = model();
  const engine::RiskPolicy p = policy();
  std::mt19937_64 random(seed);
  world.now = Timestamp{1'600'000'000'000};
  const Timestamp end = world.now + Duration{std::int64_t{2} * 365 * day_ms};
  for (int crashes = 0;; ++crashes) {
    Process process(world, wall_clock_settings(world, m, p, shards), random(), random() % 5 == 0);
    const std::uint64_t until = 1 + random() % (2 * crash_every);
    bool draining = false;
    for (std::uint64_t i = 0; i != until && !process.finished(); ++i) {
      process.step(random);
      if (::testing::Test::HasFatalFailure()) return crashes;
      world.now = world.now + Duration{static_cast<std::int64_t>(random() % (10 * hour_ms))};
      if (let_arrive(world, future) && !draining && world.now > end && process.caught_up()) {
        draining = true;
        process.store.full = false;
        process.stages.fetcher.drain();
      }
    }
    if (process.finished()) return crashes;
    if (random() % 8 == 0) world.checkpoints.clear();
    crash_every += 1 + crash_every / 16;
  }
}

/// Alerts of one task as the shard would send them.
class Encoded final : public engine::Output {
 public:
  Encoded(const ShardSettings& settings, Partition partition)
      : encoder_(
            settings.application_id,
            {settings.sources[0].name, settings.sources[1].name, settings.sources[2].name, settings.sources[3].name},
            settings.horizon),
        partition_(partition) {}
  void alert(const Alert& alert) override {
    ingest::TextArena text;
    alerts[std::string(alert.customer.id)].emplace_back(encoder_.encode(alert, partition_, text).json);
    silences += alert.trigger.type == TriggerType::silence ? 1 : 0;
    erasures += alert.change == Change::erased ? 1 : 0;
  }
  void rejected(SourceIndex, const Rejection&) override { ++dead_letters; }
  std::map<std::string, std::vector<std::string>> alerts;  // By customer.
  std::size_t dead_letters = 0;
  std::size_t silences = 0;
  std::size_t erasures = 0;

 private:
  ingest::AlertEncoder encoder_;
  const Partition partition_;
};

/// What the journal says that was done, done again by a task alone.
struct Replayed {
  std::map<std::string, std::vector<std::string>> alerts;
  std::map<Partition, std::map<std::string, std::string>> state;
  std::size_t dead_letters = 0;
  std::size_t silences = 0;
  std::size_t erasures = 0;
  std::size_t ticks = 0;
};

void replay_journal(MemoryWorld& world, Partition partition, Replayed& out) {
  const engine::Model m = model();
  const engine::RiskPolicy p = policy();
  const PipelineSettings s = wall_clock_settings(world, m, p, 1);
  state::HotTable table(sizeof(engine::Customer));
  engine::Task task(partition, m, p, table, {.next = {}, .sources = static_cast<std::uint8_t>(world.sources)});
  for (std::size_t i = 0; i < world.sources; ++i) {
    const auto source = static_cast<std::uint8_t>(i);
    std::vector<testing::MemoryBatch::Given> given;
    for (const auto& record : world.at(SourceIndex{source}, partition))
      given.push_back({record.key, record.value, record.timestamp, {}});
    ingest::Decoder decoder(s.shard.sources[source], partition, s.shard.partitioner, world.partitions);
    EventBatch batch;
    decoder.decode(testing::MemoryBatch(std::move(given)), batch);
    task.push(SourceIndex{source}, std::move(batch));
  }
  Encoded encoded(s.shard, partition);
  const std::vector<Partition> partitions{partition};
  const Status read = MemoryJournal(world).read(partitions, Timestamp{0}, [&](const JournalEntry& entry) {
    EXPECT_EQ(entry.start, task.position());
    for (const Step& step : entry.steps) {
      ASSERT_EQ(step.number, task.steps() + 1) << "steps are lost or doubled";
      ASSERT_TRUE(task.ready_for(step));
      task.apply(step, encoded);
      out.ticks += step.clock == before_all_time ? 0 : 1;
    }
  });
  ASSERT_TRUE(read.has_value());
  for (std::size_t i = 0; i < world.sources; ++i) {
    const auto source = static_cast<std::uint8_t>(i);
    const Offset end{static_cast<std::int64_t>(world.at(SourceIndex{source}, partition).size())};
    EXPECT_EQ(task.position().next[source], end) << "events are lost";
    EXPECT_EQ((world.committed[{partition.value, source}]), end);
  }
  for (auto& [customer, alerts] : encoded.alerts) {
    EXPECT_FALSE(out.alerts.contains(customer)) << "a customer has one partition";
    out.alerts[customer] = std::move(alerts);
  }
  for (Slot slot{0}; slot < table.slots_end(); ++slot.value) {
    if (!table.is_used(slot)) continue;
    out.state[partition][std::string(table.key(slot).id)] =
        std::string(reinterpret_cast<const char*>(table.read(slot)), sizeof(engine::Customer));
  }
  out.dead_letters += encoded.dead_letters;
  out.silences += encoded.silences;
  out.erasures += encoded.erasures;
}

/// Counted from 1 without a gap, and from 1 again behind an erasure.
void expect_contiguous(const std::vector<std::string>& alerts) {
  int seq = 0;
  for (const std::string& alert : alerts) {
    ASSERT_NE(alert.find("\"seq\":" + std::to_string(++seq) + ','), std::string::npos) << alert;
    if (alert.find(R"("change":"erased")") != std::string::npos) seq = 0;
  }
}

TEST(Crash, UnderTheWallClockTheJournalTellsExactlyWhatWasSent) {
  int crashes = 0;
  Replayed all;
  std::size_t alerts = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MemoryWorld future(4, 2);
    fill(future, seed, 400);
    MemoryWorld world(4, 2);
    crashes += live_through(world, std::move(future), seed, seed % 2 == 0 ? 1 : 2, 40);
    ASSERT_FALSE(HasFatalFailure());

    Replayed replayed;
    for (std::int32_t p = 0; p < world.partitions; ++p) replay_journal(world, Partition{p}, replayed);
    const Outcome sent = outcome_of(world);
    ASSERT_EQ(sent.alerts, replayed.alerts);
    ASSERT_EQ(sent.state, replayed.state);
    ASSERT_EQ(sent.dead_letters.size(), replayed.dead_letters);
    for (const auto& [customer, list] : sent.alerts) {
      expect_contiguous(list);
      alerts += list.size();
    }
    all.ticks += replayed.ticks;
    all.silences += replayed.silences;
    all.erasures += replayed.erasures;
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(crashes, 200);
  EXPECT_GT(alerts, 1000U);
  EXPECT_GT(all.ticks, 1000U);
  EXPECT_GT(all.silences, 500U);
  EXPECT_GT(all.erasures, 200U);
  std::cout << crashes << " crashes, " << alerts << " alerts, " << all.silences << " of silence, " << all.erasures
            << " of erasure, " << all.ticks << " steps with a clock\n";
}

TEST(Crash, AnywhereGivesTheAlertsOfAnUndisturbedRun) {
  int crashes = 0;
  std::size_t alerts = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    MemoryWorld world(4, 2);
    fill(world, seed, 400, seed % 2 == 0);
    const Outcome undisturbed = run(world, seed, 1, 0);
    const Outcome crashed = run(world, seed + 1000, seed % 2 == 0 ? 1 : 2, 40, seed % 3 == 0);
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    ASSERT_EQ(undisturbed.alerts, crashed.alerts) << "seed " << seed;
    ASSERT_EQ(undisturbed.dead_letters, crashed.dead_letters) << "seed " << seed;
    ASSERT_EQ(undisturbed.state, crashed.state) << "seed " << seed;
    crashes += crashed.crashes;
    for (const auto& [customer, list] : undisturbed.alerts) alerts += list.size();
  }
  EXPECT_GT(crashes, 1000);
  EXPECT_GT(alerts, 2000U);
  std::cout << crashes << " crashes, " << alerts << " alerts\n";
}

}  // namespace
}  // namespace holdfast::app
