// A shard while its committer is busy with a commit: the test stands in for the threads around it.

#include "app/shard.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "domain/limits.hpp"
#include "state/hot_table.hpp"
#include "tests/support/memory_batch.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/named_models.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using namespace testing;

constexpr Partition partition{0};
constexpr SourceIndex source{0};

ShardSettings settings(Duration checkpoint_interval) {
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
  out.checkpoint_interval = checkpoint_interval;
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
  explicit ShardUnderCommit(Duration checkpoint_interval = days(10'000))
      : shard_(settings(checkpoint_interval), clock_, rings_, statistics_, committer_, checkpointer_) {
    rings_.batches_done = std::vector<std::atomic<std::uint64_t>>(1);
    RestoredTask restored;
    restored.partition = partition;
    restored.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
    restored.task = std::make_unique<engine::Task>(partition, model_, policy_, *restored.table,
                                                   Positions{.next = {}, .sources = 1});
    send(TaskAssigned{std::move(restored)});
    work();
  }

  void send(ShardInput message) { ASSERT_TRUE(rings_.input.try_push(message)); }

  /// The next `count` customers' first purchases in one batch; with `padding` they are dead letters of that many bytes.
  void send_events(int count, std::size_t padding = 0) {
    std::vector<MemoryBatch::Given> given;
    for (int i = 0; i < count; ++i) given.push_back(event(customers_++, padding));
    send_batch(std::move(given));
  }
  /// One of the first customer: only the first of them leads to an alert.
  void send_quiet_event() {
    customers_ = std::max(customers_, 1);
    send_batch({event(0, 0)});
  }
  static MemoryBatch::Given event(int customer, std::size_t padding) {
    const std::string id = std::to_string(customer);
    const Timestamp time = new_year + milliseconds(customer);
    return {id,
            R"({"customer_id":")" + id + R"(","time":)" + std::to_string(time.ms) + R"(,"amount":5})" +
                std::string(padding, 'x'),
            time,
            {}};
  }
  void send_batch(std::vector<MemoryBatch::Given> given) {
    const auto count = static_cast<std::int64_t>(given.size());
    send(Records{source, partition, std::make_unique<MemoryBatch>(std::move(given), next_)});
    next_.value += count;
  }

  void work() {
    while (shard_.do_work()) {
    }
  }
  [[nodiscard]] std::uint64_t rejected() const {
    return statistics_.partitions[0].rejected[0][static_cast<std::size_t>(RejectionCode::malformed_json)].get();
  }
  [[nodiscard]] std::uint64_t applied() const { return statistics_.partitions[0].events[0].get(); }

  /// Takes what the shard hands on, as a committer does: the customers that it was about.
  std::vector<int> take_output() {
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
      out.push_back(std::stoi(std::string(buffer[i].key)));
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
  Shard shard_;
  int customers_ = 0;
  Offset next_{};
};

std::vector<int> numbers(int count) {
  std::vector<int> out(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = i;
  return out;
}

TEST_F(ShardUnderCommit, SmallStepsGoOnHoweverMany) {
  constexpr int steps = 400;
  static_assert(steps > 10 * limits::output_buffers_max && 2 * steps < limits::output_records_max);
  for (int i = 0; i < steps; ++i) {
    send_events(2);
    work();
  }
  EXPECT_EQ(applied(), 2U * steps);
  EXPECT_EQ(take_output(), numbers(2 * steps));
}

TEST_F(ShardUnderCommit, WaitsOnceItsOutputIsManyRecords) {
  constexpr int batch = 500;
  for (int i = 0; i < 30; ++i) {
    send_events(batch);
    work();
  }
  const std::uint64_t before = applied();
  EXPECT_EQ(before, (limits::output_buffers_max + 3) * batch) << "a buffer each, and one that grew";
  EXPECT_EQ(take_output(), numbers(customers_)) << "it goes on as soon as there is room";
  EXPECT_EQ(applied(), static_cast<std::uint64_t>(customers_));
}

TEST_F(ShardUnderCommit, WaitsOnceItsOutputIsManyBytes) {
  constexpr std::size_t padding = 200'000;
  for (int i = 0; i < 100; ++i) {
    send_events(1, padding);
    work();
  }
  const auto grown = limits::output_bytes_max / padding + 1;
  EXPECT_EQ(rejected(), limits::output_buffers_max + grown);
  EXPECT_EQ(take_output(), numbers(100)) << "it goes on as soon as there is room";
}

TEST_F(ShardUnderCommit, AKeptTaskGetsTheShareOfItsNewAssignment) {
  RestoredTask first;
  first.partition = partition;
  first.table = std::make_unique<state::HotTable>(
      sizeof(engine::Customer), state::TableMemory{.records_min = 10, .scratch = ::testing::TempDir()});
  first.task =
      std::make_unique<engine::Task>(partition, model_, policy_, *first.table, Positions{.next = {}, .sources = 1});
  send(TaskAssigned{std::move(first)});
  const auto& cold = statistics_.partitions[0].cold_customers;
  send_events(500);
  work();
  EXPECT_EQ(take_output(), numbers(500));
  EXPECT_EQ(cold.get(), 0U);

  RestoredTask kept;
  kept.partition = partition;
  kept.memory_bytes = 0;
  send(TaskAssigned{std::move(kept)});
  for (int i = 0; i < 20; ++i) {
    send_events(50);
    work();
    (void)take_output();
  }
  EXPECT_EQ(cold.get(), 1'490U);
}

TEST_F(ShardUnderCommit, WaitsOnceItsEpochHasManySteps) {
  const int steps = static_cast<int>(limits::epoch_steps_max);
  for (int i = 0; i < steps + 10; ++i) {
    send_quiet_event();
    work();
  }
  EXPECT_EQ(applied(), limits::epoch_steps_max);
  rings_.requested_epoch.store(1);
  work();
  EXPECT_EQ(take_output(), numbers(1));
  EXPECT_EQ(applied(), limits::epoch_steps_max + 10);
  ASSERT_EQ(marks_.size(), 1U);
  EXPECT_EQ(marks_[0].second, steps);
}

TEST_F(ShardUnderCommit, DrainsToTheEndThroughFullEpochsAndBuffers) {
  const int steps = static_cast<int>(limits::epoch_steps_max) + 10;
  for (int i = 0; i < steps; ++i) {
    send_quiet_event();
    work();
  }
  for (int i = 0; i < 40; ++i) send_events(1);
  send(Drain{});
  work();
  std::vector<int> alerts = take_output();
  EXPECT_TRUE(marks_.empty()) << "not all is applied yet";
  rings_.requested_epoch.store(1);
  work();
  std::ranges::copy(take_output(), std::back_inserter(alerts));
  EXPECT_EQ(alerts, numbers(customers_));
  ASSERT_EQ(marks_.size(), 2U) << "the one that was asked for, and the last";
  EXPECT_EQ(marks_[1].second, steps + 40);
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
  EXPECT_EQ(take_output(), numbers(steps + 7));
  ASSERT_EQ(marks_.size(), 1U);
  EXPECT_EQ(marks_[0].first, static_cast<std::size_t>(steps));
  EXPECT_EQ(marks_[0].second, steps);
}

/// A model is wanted: the shard has its tasks take it.
class ShardWithModels : public ::testing::Test {
 protected:
  ShardWithModels() : shard_(settings_of(), clock_, rings_, statistics_, committer_, checkpointer_) {
    for (const char* id : {"first", "second", "third", "fourth", "fifth", "sixth"}) {
      engine::Model model = logistic_model(-3, {});
      model.id = id;
      known_.add(model);
    }
    rings_.batches_done = std::vector<std::atomic<std::uint64_t>>(1);
    world_.now = new_year;
    assign(std::nullopt);
    shard_.do_work();
  }

  ShardSettings settings_of() {
    ShardSettings out = settings(days(10'000));
    out.wall_clock = true;
    out.model = &wanted_;
    return out;
  }
  void assign(const std::optional<Marker>& marker) {
    RestoredTask restored;
    restored.partition = partition;
    restored.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
    restored.task = std::make_unique<engine::Task>(partition, model("first"), policy_, *restored.table,
                                                   Positions{.next = {}, .sources = 1}, &known_);
    if (marker) restored.task->restore(*marker);
    ShardInput assigned = TaskAssigned{std::move(restored)};
    ASSERT_TRUE(rings_.input.try_push(assigned));
    ShardInput no_records = ReachedEnd{source, partition, Offset{0}};
    ASSERT_TRUE(rings_.input.try_push(no_records));
  }
  [[nodiscard]] std::shared_ptr<const engine::Model> model(std::string_view id) { return *known_.read(id); }
  void want(std::string_view id, Timestamp from) { wanted_.set({model(id), from}); }
  /// What the epoch that is closed now holds: the models of its steps, each with its moment.
  std::vector<std::pair<std::string, Timestamp>> models_of_epoch() {
    rings_.requested_epoch.fetch_add(1);
    std::vector<std::pair<std::string, Timestamp>> models;
    while (shard_.do_work()) {
    }
    while (auto message = rings_.output.try_pop()) take(*message, models);
    return models;
  }
  // Inlined, g++ 12 takes a mark's members for uninitialised.
  [[gnu::noinline]] static void take(ShardOutput& message, std::vector<std::pair<std::string, Timestamp>>& models) {
    const auto* const mark = std::get_if<EpochMark>(&message);
    if (mark == nullptr) return;
    for (const TaskEpoch& task : mark->tasks) {
      for (const Step& step : task.entry.steps) {
        if (step.swap != nullptr) models.emplace_back(step.swap->model, step.swap->from);
      }
    }
  }

  const engine::RiskPolicy policy_ = policy();
  NamedModels known_;
  WantedModel wanted_{{first(), new_year}};
  MemoryWorld world_{1, 1};
  MemoryClock clock_{world_};
  ShardRings rings_{256, 1};
  Statistics statistics_{1, 1};
  Waker committer_;
  Waker checkpointer_;
  Shard shard_;

 private:
  static std::shared_ptr<const engine::Model> first() {
    engine::Model model = logistic_model(-3, {});
    model.id = model.bytes = "first";
    return std::make_shared<const engine::Model>(model);
  }
};

using Models = std::vector<std::pair<std::string, Timestamp>>;

TEST_F(ShardWithModels, ATaskBeginsBySayingWhichModelItIsUnder) {
  EXPECT_EQ(models_of_epoch(), (Models{{"first", before_all_time}}));
  EXPECT_EQ(models_of_epoch(), Models());
  EXPECT_EQ(statistics_.partitions[0].models.get(), 1U);
}

TEST_F(ShardWithModels, AWantedModelComesWithTheNextStep) {
  (void)models_of_epoch();
  want("second", new_year + days(1));
  EXPECT_EQ(models_of_epoch(), (Models{{"second", new_year + days(1)}}));
  EXPECT_EQ(models_of_epoch(), Models());
  EXPECT_EQ(statistics_.partitions[0].models.get(), 2U);
  EXPECT_EQ(statistics_.partitions[0].swaps.get(), 1U);
  world_.now = new_year + days(2);
  EXPECT_EQ(models_of_epoch(), Models());
  EXPECT_EQ(statistics_.partitions[0].models.get(), 1U);
}

TEST_F(ShardWithModels, TheSameModelOnceMoreIsNoneToTake) {
  (void)models_of_epoch();
  want("first", new_year + days(1));
  EXPECT_EQ(models_of_epoch(), Models());
}

TEST_F(ShardWithModels, ATaskThatWasLeftUnderAnotherModelTakesTheOneThatIsWanted) {
  const Marker marker{.partition = partition,
                      .policy = {},
                      .step = 7,
                      .position = {.next = {}, .sources = 1},
                      .stream_time = new_year,
                      .taken_at = {},
                      .models = {{"second", before_all_time, Duration{0}}}};
  assign(marker);
  EXPECT_EQ(models_of_epoch(), (Models{{"first", new_year + milliseconds(1)}}));
}

TEST_F(ShardWithModels, ATaskOfAnEarlierReleaseSaysFirstWhatItIsUnder) {
  want("second", new_year + days(1));
  assign(Marker{.partition = partition,
                .policy = {},
                .step = 7,
                .position = {.next = {}, .sources = 1},
                .stream_time = new_year,
                .taken_at = {}});
  EXPECT_EQ(models_of_epoch(), (Models{{"first", before_all_time}}));
  EXPECT_EQ(models_of_epoch(), (Models{{"second", new_year + days(1)}}));
}

TEST_F(ShardWithModels, NoMoreThanFourAtOnceAndOneInAnEpoch) {
  Models taken = models_of_epoch();
  int days_on = 0;
  for (const char* id : {"second", "third", "fourth", "fifth", "sixth"}) {
    want(id, new_year + days(++days_on));
    const Models more = models_of_epoch();
    EXPECT_LE(more.size(), 1U);
    taken.insert(taken.end(), more.begin(), more.end());
  }
  ASSERT_EQ(taken.size(), limits::generations_max);
  EXPECT_EQ(taken.back().first, "fourth");
  // Once there is room, the newest of those that waited comes, from then on.
  world_.now = new_year + days(30);
  (void)models_of_epoch();
  const Models late = models_of_epoch();
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].first, "sixth");
  EXPECT_GT(late[0].second, new_year + days(5));
}

/// Its checkpointer is busy too: what it was given stays where it is.
class ShardUnderCheckpoint : public ShardUnderCommit {
 protected:
  ShardUnderCheckpoint() : ShardUnderCommit(Duration{0}) {}

  /// As the committer does while others still work.
  void ask_for_another_epoch() { rings_.requested_epoch.fetch_add(1); }
  void finish_checkpoint() {
    auto job = rings_.checkpoints.try_pop();
    ASSERT_TRUE(job) << "none was handed on";
    (*job)->written = true;
    ASSERT_TRUE(rings_.checkpoints_done.try_push(*job));
    EXPECT_TRUE(shard_.has_work());
    work();
  }
};

TEST_F(ShardUnderCheckpoint, SleepsUntilItsLastCheckpointIsWritten) {
  send_events(2);
  send(Drain{});
  work();
  take_output();
  ask_for_another_epoch();
  work();
  EXPECT_FALSE(shard_.has_work());
  EXPECT_FALSE(shard_.finished());
  finish_checkpoint();
  EXPECT_TRUE(shard_.finished());
}

TEST_F(ShardUnderCheckpoint, SleepsUntilItsTasksCanBeReleased) {
  send_events(2);
  work();
  ask_for_another_epoch();
  work();
  take_output();
  send_events(2);
  work();
  send(Release{});
  ask_for_another_epoch();
  work();
  take_output();
  ask_for_another_epoch();
  work();
  EXPECT_FALSE(shard_.has_work());
  EXPECT_TRUE(rings_.released.empty());
  finish_checkpoint();
  EXPECT_FALSE(rings_.released.empty());
}

}  // namespace
}  // namespace holdfast::app
