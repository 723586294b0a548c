// A shard while its committer is busy with a commit: the test stands in for the threads around it.

#include "app/shard.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "domain/limits.hpp"
#include "state/hot_table.hpp"
#include "tests/support/memory_batch.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using namespace testing;

constexpr Partition partition{0};
constexpr SourceIndex source{0};

ShardSettings settings() {
  ingest::SourceFormat format;
  format.name = "purchases";
  format.topic = "purchases";
  format.kind = EventKind::purchase;
  format.max_ahead = hours(1);
  ShardSettings out;
  out.sources = {format};
  out.partitioner = ingest::Partitioner::none;
  out.partitions = 1;
  out.application_id = "shard-test";
  out.horizon = days(91);
  out.policy = PolicyId{1};
  out.wall_clock = false;
  out.checkpoint_interval = days(10'000);
  return out;
}

/// Everyone's first purchase raises an alert.
engine::RiskPolicy policy() {
  engine::RiskPolicy out = default_policy();
  out.min_purchases = 1;
  return out;
}

class ShardUnderCommit : public ::testing::Test {
 protected:
  ShardUnderCommit() {
    rings_.batches_done = std::vector<std::atomic<std::uint64_t>>(1);
    RestoredTask restored;
    restored.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
    restored.task = std::make_unique<engine::Task>(partition, model_, policy_, *restored.table,
                                                   Positions{.next = {}, .sources = 1});
    send(TaskAssigned{std::move(restored)});
    work();
  }

  void send(ShardInput message) { ASSERT_TRUE(rings_.input.try_push(message)); }

  /// The next `count` customers' first purchases in one batch.
  void send_events(int count) {
    std::vector<MemoryBatch::Given> given;
    for (int i = 0; i < count; ++i, ++customers_) {
      const std::string id = std::to_string(customers_);
      const Timestamp time = new_year + milliseconds(customers_);
      given.push_back(
          {id, R"({"customer_id":")" + id + R"(","time":)" + std::to_string(time.ms) + R"(,"amount":5})", time, {}});
    }
    send(Records{source, partition, std::make_unique<MemoryBatch>(std::move(given), next_)});
    next_.value += count;
  }

  void work() {
    while (shard_.do_work()) {
    }
  }
  [[nodiscard]] std::uint64_t applied() const { return statistics_.partitions[0].events[0].get(); }

  /// Takes what the shard hands on, as a committer does: the customers that were alerted on.
  std::vector<int> take_alerts() {
    std::vector<int> out;
    while (take_one(out)) work();
    return out;
  }

  // Inlined, g++ 12 takes a mark's members for uninitialised.
  [[gnu::noinline]] bool take_one(std::vector<int>& out) {
    auto message = rings_.output.try_pop();
    if (!message) return false;
    if (const auto* mark = std::get_if<EpochMark>(&*message)) {
      marks_.emplace_back(out.size(), mark->tasks.at(0).position.next[0].value);
      return true;
    }
    const auto& buffer = *std::get<std::unique_ptr<OutputBuffer>>(*message);
    for (std::size_t i = 0; i < buffer.size(); ++i) {
      EXPECT_EQ(buffer[i].topic, OutputTopic::alerts);
      out.push_back(std::stoi(buffer[i].key));
    }
    return true;
  }

  /// Alerts before each mark taken, and the position that it commits.
  std::vector<std::pair<std::size_t, std::int64_t>> marks_;
  const engine::Model model_ = logistic_model(3, {});
  const engine::RiskPolicy policy_ = policy();
  MemoryWorld world_{1, 1};
  MemoryClock clock_{world_};
  ShardRings rings_{256, 1};
  Statistics statistics_{1, 1};
  Waker committer_;
  Waker checkpointer_;
  Shard shard_{settings(), clock_, rings_, statistics_, committer_, checkpointer_};
  int customers_ = 0;
  Offset next_{};
};

std::vector<int> numbers(int count) {
  std::vector<int> out(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = i;
  return out;
}

TEST_F(ShardUnderCommit, SmallStepsGoOnHoweverMany) {
  constexpr int steps = 1000;
  static_assert(steps > 10 * limits::output_buffers_max);
  for (int i = 0; i < steps; ++i) {
    send_events(2);
    work();
  }
  EXPECT_EQ(applied(), 2U * steps);
  EXPECT_EQ(take_alerts(), numbers(2 * steps));
}

TEST_F(ShardUnderCommit, WaitsOnceItsOutputIsManyRecords) {
  constexpr int batch = 2000;
  for (int i = 0; i < 30; ++i) {
    send_events(batch);
    work();
  }
  const std::uint64_t before = applied();
  EXPECT_LT(before, static_cast<std::uint64_t>(customers_));
  EXPECT_LE(before, (limits::output_buffers_max + 1) * limits::output_records_max + batch);
  EXPECT_GE(before, limits::output_buffers_max * batch);
  EXPECT_EQ(take_alerts(), numbers(customers_)) << "it goes on as soon as there is room";
  EXPECT_EQ(applied(), static_cast<std::uint64_t>(customers_));
}

TEST_F(ShardUnderCommit, AMarkStandsBehindTheOutputOfItsEpochAndNothingElse) {
  const int steps = static_cast<int>(limits::output_buffers_max) + 5;
  for (int i = 0; i < steps; ++i) {
    send_events(1);
    work();
  }
  rings_.requested_epoch.store(1);
  work();
  send_events(7);
  work();
  EXPECT_EQ(applied(), static_cast<std::uint64_t>(steps)) << "a step of the next epoch before the mark was sent";
  EXPECT_EQ(take_alerts(), numbers(steps + 7));
  ASSERT_EQ(marks_.size(), 1U);
  EXPECT_EQ(marks_[0].first, static_cast<std::size_t>(steps));
  EXPECT_EQ(marks_[0].second, steps);
}

}  // namespace
}  // namespace holdfast::app
