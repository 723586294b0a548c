// A shard that has seen its customers goes on without allocating: events, timers and alerts use the memory of earlier
// ones. What an epoch or a checkpoint needs of its own is not counted by the event.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "app/shard.hpp"
#include "state/hot_table.hpp"
#include "tests/support/count_allocations.hpp"
#include "tests/support/memory_batch.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using namespace testing;

constexpr int customers = 300;
constexpr Partition partition{0};

ShardSettings settings() {
  ShardSettings out;
  const std::vector<std::pair<std::string, EventKind>> sources{
      {"purchases", EventKind::purchase}, {"complaints", EventKind::complaint}, {"visits", EventKind::visit}};
  for (const auto& [name, kind] : sources) {
    ingest::SourceFormat format;
    format.name = name;
    format.topic = name;
    format.kind = kind;
    format.max_ahead = hours(1);
    out.sources.push_back(format);
  }
  out.partitioner = ingest::Partitioner::murmur2;
  out.partitions = 1;
  out.application_id = "an-application-with-a-name";
  out.horizon = days(91);
  out.policy = PolicyId{1};
  out.wall_clock = true;
  out.checkpoint_interval = days(10'000);
  return out;
}

/// Half a year of silence leads through all levels to the end of the episode.
engine::Model model() {
  return logistic_model(-1, {{Feature::mbg_logit, 0.01},
                             {Feature::days_since_purchase, 0.03},
                             {Feature::gap_variation, 0.01},
                             {Feature::visits_30d, -0.1},
                             {Feature::complaints_opened_60d, 0.2},
                             {Feature::log_mean_spend, -0.01}});
}

engine::RiskPolicy policy() {
  engine::RiskPolicy out = default_policy();
  out.expire_after = days(100);
  return out;
}

/// One shard with one task, and this test in place of the threads around it. Members stand in order of construction.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
class World {
 public:
  World() {
    rings_.batches_done = std::vector<std::atomic<std::uint64_t>>(3);
    RestoredTask restored;
    restored.partition = partition;
    restored.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
    restored.task = std::make_unique<engine::Task>(partition, model_, policy_, *restored.table,
                                                   Positions{.next = {}, .sources = 3});
    send(TaskAssigned{std::move(restored)});
    (void)work();
  }

  /// Half a year from `begin` on: all customers buy twice, complain and visit, then keep silent; the clock moves in
  /// steps of a day. Counts what the shard allocates meanwhile.
  std::size_t live_through_half_a_year(Timestamp begin) {
    std::size_t allocated = 0;
    for (int day = 0; day < 180; ++day) {
      const Timestamp today = begin + days(day);
      if (day == 0 || day == 9) log_day(SourceIndex{0}, today);
      if (day == 3) log_day(SourceIndex{1}, today);
      if (day % 30 == 5) log_day(SourceIndex{2}, today);
      world_.now = today + hours(23);
      allocated += work();
    }
    return allocated;
  }
  /// Closes an epoch, as the committer would have it.
  std::size_t close_epoch() {
    rings_.requested_epoch.store(++epoch_);
    const std::size_t allocated = work();
    EXPECT_EQ(marks, epoch_);
    return allocated;
  }

  std::uint64_t marks = 0;
  std::uint64_t alerts = 0;
  [[nodiscard]] std::uint64_t timers() const { return statistics_.partitions[0].timers.get(); }
  [[nodiscard]] std::uint64_t events() const {
    std::uint64_t sum = 0;
    for (const auto& source : statistics_.partitions[0].events) sum += source.get();
    return sum;
  }

 private:
  void send(ShardInput message) { ASSERT_TRUE(rings_.input.try_push(message)); }

  /// An event of each customer, in two batches.
  void log_day(SourceIndex source, Timestamp day) {
    for (const int half : {0, 1}) {
      std::vector<MemoryBatch::Given> given;
      for (int i = half; i < customers; i += 2) {
        // One has an id too long to lie in its record.
        const std::string id = "customer-" + std::to_string(1000 + i) + (i == 7 ? std::string(60, 'x') : "");
        const Timestamp time = day + milliseconds(i);
        std::string value = R"({"customer_id":")" + id + R"(","time":)" + std::to_string(time.ms) + R"(,"event_id":")" +
                            std::to_string(time.ms) + '"';
        if (source.value == 0) value += R"(,"amount":12.5,"currency":"GBP")";
        given.push_back({id, value + '}', time, {}});
      }
      const auto count = static_cast<std::int64_t>(given.size());
      send(Records{source, partition, std::make_unique<MemoryBatch>(std::move(given), next_[source.value])});
      next_[source.value].value += count;
    }
    for (std::uint8_t s = 0; s < 3; ++s) send(ReachedEnd{SourceIndex{s}, partition, next_[s]});
  }

  /// Lets the shard work until it idles; takes what it hands on. Returns its allocations.
  std::size_t work() {
    std::size_t allocated = 0;
    for (bool worked = true; worked;) {
      const std::size_t before = allocations;
      worked = shard_.do_work();
      allocated += allocations - before;
      while (take_output()) {
      }
    }
    return allocated;
  }

  // Inlined, g++ 12 takes a mark's members for uninitialised.
  [[gnu::noinline]] bool take_output() {
    auto message = rings_.output.try_pop();
    if (!message) return false;
    if (std::holds_alternative<EpochMark>(*message)) {
      ++marks;
      return true;
    }
    auto& buffer = std::get<std::unique_ptr<OutputBuffer>>(*message);
    alerts += buffer->size();
    EXPECT_TRUE(rings_.used_buffers.try_push(buffer));
    return true;
  }

  const engine::Model model_ = model();
  const engine::RiskPolicy policy_ = policy();
  MemoryWorld world_{3, 1};
  MemoryClock clock_{world_};
  ShardRings rings_{256, 1};
  Statistics statistics_{3, 1};
  Waker committer_;
  Waker checkpointer_;
  Shard shard_{settings(), clock_, rings_, statistics_, committer_, checkpointer_};
  std::uint64_t epoch_ = 0;
  std::array<Offset, 3> next_{};
};

TEST(Allocation, AWarmShardAllocatesNothingForEventsTimersAndAlerts) {
  World world;
  Timestamp begin = new_year;
  // Longer epochs than the measured ones.
  for (int i = 0; i < 6; ++i) {
    (void)world.live_through_half_a_year(begin);
    begin = begin + days(180);
    if (i % 2 == 1) (void)world.close_epoch();
  }
  const std::uint64_t events = world.events();
  const std::uint64_t timers = world.timers();
  const std::uint64_t alerts = world.alerts;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(world.live_through_half_a_year(begin), 0U);
    EXPECT_LE(world.close_epoch(), 4U) << "the mark, and room for the next epoch's steps";
    begin = begin + days(180);
  }
  EXPECT_EQ(world.events() - events, std::uint64_t{2} * 9 * customers);
  EXPECT_GE(world.timers() - timers, std::uint64_t{2} * 4 * customers);
  EXPECT_GE(world.alerts - alerts, std::uint64_t{2} * 4 * customers);
}

}  // namespace
}  // namespace holdfast::app
