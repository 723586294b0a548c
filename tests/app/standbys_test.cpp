// Who keeps whose partitions warm, and what a standby is told.

#include "app/standbys.hpp"

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/task.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryChangelog;
using testing::MemoryClock;
using testing::MemoryStore;
using testing::MemoryWorld;
using Members = std::vector<Instances::Instance>;

constexpr Partition p0{0};
constexpr Partition p1{1};
constexpr Partition p2{2};

/// What the range assignor gives each, the ids ascending.
Members ranges(const std::vector<std::string>& ids, std::int32_t partitions) {
  Members members;
  const auto count = static_cast<std::int32_t>(ids.size());
  std::int32_t next = 0;
  for (std::int32_t i = 0; i < count; ++i) {
    members.push_back({ids[static_cast<std::size_t>(i)], {}});
    const std::int32_t end = next + partitions / count + (i < partitions % count ? 1 : 0);
    while (next < end) members.back().partitions.push_back(Partition{next++});
  }
  return members;
}

TEST(StandbyPartitions, AreThoseThatAnInstanceWouldGet) {
  const Members three = ranges({"a", "b", "c"}, 3);
  EXPECT_THAT(standby_partitions(three, "a", 0), IsEmpty());
  EXPECT_THAT(standby_partitions(three, "a", 1), ElementsAre(p1)) << "when b or c is gone, a has the first two";
  EXPECT_THAT(standby_partitions(three, "b", 1), ElementsAre(p0, p2));
  EXPECT_THAT(standby_partitions(three, "c", 1), IsEmpty()) << "it has the last one then, as now";
  EXPECT_THAT(standby_partitions(three, "c", 2), ElementsAre(p0, p1));
  EXPECT_THAT(standby_partitions(three, "c", 9), ElementsAre(p0, p1)) << "never its own";
  EXPECT_THAT(standby_partitions(three, "stranger", 1), IsEmpty());
  EXPECT_THAT(standby_partitions(ranges({"a"}, 2), "a", 1), IsEmpty());
}

TEST(StandbyPartitions, WhoeverDiesTheOthersHaveWhatTheyGet) {
  const std::vector<std::string> ids{"a", "b", "c", "d", "e"};
  for (std::int32_t partitions = 1; partitions <= 23; ++partitions) {
    const Members before = ranges(ids, partitions);
    for (unsigned gone = 1; gone + 1 < (1U << ids.size()); ++gone) {
      std::vector<std::string> left;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        if ((gone >> i & 1U) == 0) left.push_back(ids[i]);
      }
      for (const auto& instance : ranges(left, partitions)) {
        const auto kept = standby_partitions(before, instance.id, std::popcount(gone));
        const auto& own = std::ranges::find(before, instance.id, &Instances::Instance::id)->partitions;
        for (const Partition p : instance.partitions) {
          EXPECT_TRUE(kept.contains(p) || std::ranges::find(own, p) != own.end())
              << "of " << partitions << ", " << instance.id << " lacks " << p.value << " when " << gone << " are gone";
        }
      }
    }
  }
}

class FakeInstances final : public Instances {
 public:
  Expected<Members> members() override { return Members{settled, instances}; }
  [[nodiscard]] const std::string& self() const override { return id; }
  Status end_transactions_of(const std::string&) override { return {}; }
  bool settled = true;
  std::vector<Instance> instances{{"a", {p0}}, {"me", {p1}}};
  std::string id = "me";
};

class FakeTail final : public JournalTail {
 public:
  Status open(Timestamp since) override {
    opened_since.push_back(since);
    return {};
  }
  Status poll(const Visit& visit) override {
    for (; !entries.empty(); entries.pop_front()) visit(std::move(entries.front()), Timestamp{0});
    return {};
  }
  std::vector<Timestamp> opened_since;
  std::deque<JournalEntry> entries;
};

class StandbysTest : public ::testing::Test {
 protected:
  StandbysTest()
      : clock_(world_),
        store_(world_),
        loader_(
            {.topics = 0, .partitions = 2, .sources = 1}, &log_, store_, statistics_,
            [this](const std::string& m) { said_.push_back(m); }, [] { return false; }),
        standbys_(
            1, PolicyId{42}, nullptr, instances_, tail_, &log_, store_, loader_,
            [this](const Marker& marker, state::HotTable& table) {
              auto task = std::make_unique<engine::Task>(marker.partition, model_, policy_, table, marker.position);
              task->restore(marker);
              return task;
            },
            clock_, [this](const std::string& m) { said_.push_back(m); },
            [this](FromRecovery message) { emitted_.push_back(std::move(message)); }) {
    log_.partition_count = 2;
  }

  void work(int times = 20) {
    for (int i = 0; i < times; ++i) {
      world_.now = world_.now + Duration{1'000};
      const auto done = standbys_.do_work();
      ASSERT_TRUE(done) << done.error().message;
    }
  }
  void checkpoint(std::uint64_t step, const std::map<std::string, std::uint32_t>& changed, std::uint64_t customers) {
    CheckpointData data;
    data.record_size = sizeof(engine::Customer);
    data.marker.partition = p0;
    data.marker.partitions = 2;
    data.marker.record_format = engine::customer_format;
    data.marker.step = step;
    data.marker.position.sources = 1;
    data.marker.position.next[0] = Offset{static_cast<std::int64_t>(step) * 10};
    data.marker.customers = customers;
    data.marker.taken_at = world_.now;
    for (const auto& [id, purchases] : changed) data.add(id, record(purchases));
    ASSERT_TRUE(log_.write(data));
  }
  static std::string record(std::uint32_t purchases) {
    const engine::Customer customer = testing::buyer(purchases, testing::days(40));
    return {reinterpret_cast<const char*>(&customer), sizeof customer};
  }
  static JournalEntry entry(std::uint64_t first, std::size_t steps, Partition partition = p0) {
    JournalEntry out{.partition = partition, .policy = PolicyId{42}, .start = {}, .steps = {}};
    for (std::size_t i = 0; i < steps; ++i) out.steps.push_back({.number = first + i, .end = {}});
    return out;
  }
  /// Numbers of the steps that were handed on.
  std::vector<std::uint64_t> steps() const {
    std::vector<std::uint64_t> out;
    for (const FromRecovery& from : emitted_) {
      if (const auto* followed = std::get_if<FollowedSteps>(&from.message)) {
        for (const Step& step : followed->steps) out.push_back(step.number);
      }
    }
    return out;
  }

  MemoryWorld world_{1, 2};
  MemoryClock clock_;
  MemoryStore store_;
  MemoryChangelog log_;
  FakeInstances instances_;
  FakeTail tail_;
  Statistics statistics_{1, 2};
  const engine::Model model_ = testing::cdnow_model();
  const engine::RiskPolicy policy_ = testing::default_policy();
  std::vector<std::string> said_;
  std::vector<FromRecovery> emitted_;
  CheckpointLoader loader_;
  Standbys standbys_;
};

TEST_F(StandbysTest, BeginsWithTheCheckpointAndHandsOnTheStepsBehindItInOrder) {
  checkpoint(5, {{"c", 1}}, 1);
  standbys_.begin(3, {{p1}}, {});
  work();
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(emitted_[0].assignment, 3U);
  const auto& task = std::get<RestoredTask>(emitted_[0].message);
  EXPECT_TRUE(task.standby);
  EXPECT_EQ(task.partition, p0);
  EXPECT_EQ(task.input.next[0], Offset{50});
  EXPECT_EQ(task.table->size(), 1U);
  // Some are known, some come too early, others are of another task, one comes twice.
  for (const auto& e : {entry(4, 2), entry(8, 2), entry(1, 1, p1), entry(6, 2), entry(6, 2), entry(10, 1)})
    tail_.entries.push_back(e);
  work();
  EXPECT_THAT(steps(), ElementsAre(6, 7, 8, 9, 10));
}

TEST_F(StandbysTest, WaitsForTheGroupToSettleAndForACheckpoint) {
  instances_.settled = false;
  standbys_.begin(3, {{p1}}, {});
  work();
  EXPECT_THAT(emitted_, IsEmpty());
  instances_.settled = true;
  work();
  EXPECT_THAT(emitted_, IsEmpty()) << "without a checkpoint it would begin with the first event";
  checkpoint(5, {{"c", 1}}, 1);
  work();
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(tail_.opened_since.size(), 1U);
}

TEST_F(StandbysTest, AKeptTaskGoesOnAsAStandbyOrIsForgotten) {
  checkpoint(5, {{"c", 1}}, 1);
  ASSERT_TRUE(loader_.load(p0));
  const KeptTask ours{.partition = p0, .step = 7, .end = {}, .input = {}, .stepped_at = world_.now};
  const KeptTask others{.partition = p2, .step = 9, .end = {}, .input = {}, .stepped_at = world_.now};
  standbys_.begin(3, {{p1}}, {{p0, ours}, {p2, others}});
  work();
  ASSERT_EQ(emitted_.size(), 2U);
  EXPECT_EQ(std::get<Forget>(emitted_[0].message).partition, p2);
  EXPECT_EQ(std::get<RestoredTask>(emitted_[1].message).task, nullptr);
  tail_.entries.push_back(entry(6, 3));
  work();
  EXPECT_THAT(steps(), ElementsAre(8));
}

TEST_F(StandbysTest, TakesOverWhatTheChangelogGetsMeanwhile) {
  checkpoint(5, {{"c", 1}, {"d", 1}}, 2);
  standbys_.begin(3, {{p1}}, {});
  work();
  emitted_.clear();
  checkpoint(6, {{"c", 2}}, 2);
  checkpoint(7, {{"c", 3}}, 2);
  work();
  ASSERT_EQ(emitted_.size(), 1U);
  const auto& taken = std::get<Checkpointed>(emitted_[0].message);
  ASSERT_EQ(taken.data->entries.size(), 1U);
  EXPECT_EQ(taken.data->record(taken.data->entries[0]), record(3));
  EXPECT_EQ(world_.checkpoints[p0].marker->step, 7U);
  EXPECT_EQ(world_.checkpoints[p0].records["c"], record(3));
  EXPECT_EQ(world_.checkpoints[p0].records["d"], record(1));
}

TEST_F(StandbysTest, ACopyThatLacksADeletionIsMadeAnew) {
  store_.counts = true;
  checkpoint(5, {{"c", 1}, {"d", 1}}, 2);
  standbys_.begin(3, {{p1}}, {});
  work();
  emitted_.clear();
  // d is erased; a day later compaction has removed it and the deletion, and only then the changelog is read again.
  world_.now = world_.now + testing::days(1);
  for (auto& entry : log_.log) {
    if (entry.id == "d") entry = log_.log.front();
  }
  checkpoint(6, {{"c", 2}}, 1);
  work();
  EXPECT_THAT(said_, ElementsAre(HasSubstr("deletions were compacted away before they were read")));
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(std::get<Forget>(emitted_[0].message).partition, p0);
  EXPECT_FALSE(world_.checkpoints.contains(p0)) << "who is erased is not left on the disk";
  work(100);
  ASSERT_EQ(emitted_.size(), 2U);
  EXPECT_EQ(std::get<RestoredTask>(emitted_[1].message).table->size(), 1U);
  EXPECT_EQ(world_.checkpoints[p0].records, (std::map<std::string, std::string>{{"c", record(2)}}));
}

TEST_F(StandbysTest, AJournalWithAHoleIsGivenUpWithAMessage) {
  checkpoint(5, {{"c", 1}}, 1);
  standbys_.begin(3, {{p1}}, {});
  work();
  emitted_.clear();
  for (std::uint64_t step = 7; step < 20'000; ++step) tail_.entries.push_back(entry(step, 1));
  work(1);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("lacks steps of partition 0 behind step 5")));
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(std::get<Forget>(emitted_[0].message).partition, p0);
  // A later checkpoint mends it.
  checkpoint(30'000, {{"c", 2}}, 1);
  emitted_.clear();
  work(100);
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_TRUE(std::get<RestoredTask>(emitted_[0].message).standby);
}

// Under its own policy it would come to other alerts than those that were sent.
TEST_F(StandbysTest, StepsOfAnotherPolicyAreNotFollowed) {
  checkpoint(5, {{"c", 1}}, 1);
  standbys_.begin(3, {{p1}}, {});
  work();
  emitted_.clear();
  JournalEntry foreign = entry(6, 2);
  foreign.policy = PolicyId{7};
  tail_.entries.push_back(foreign);
  work(1);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("partition 0 are made with other risk settings")));
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(std::get<Forget>(emitted_[0].message).partition, p0);
  emitted_.clear();
  checkpoint(7, {{"c", 2}}, 1);
  work(100);
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(std::get<RestoredTask>(emitted_[0].message).input.next[0], Offset{70});
}

TEST_F(StandbysTest, APartitionWithoutACheckpointHoldsUpNoOther) {
  log_.only = p0;
  instances_.instances = {{"a", {p0, p1}}, {"me", {p2}}};
  checkpoint(5, {{"c", 1}}, 1);
  standbys_.begin(3, {{p2}}, {});
  work();
  ASSERT_EQ(emitted_.size(), 1U);
  emitted_.clear();
  checkpoint(6, {{"c", 2}}, 1);
  work(60);
  ASSERT_EQ(emitted_.size(), 1U) << "the changelog is copied";
  EXPECT_TRUE(std::holds_alternative<Checkpointed>(emitted_[0].message));
  EXPECT_EQ(tail_.opened_since.size(), 1U);
}

TEST_F(StandbysTest, WhatCannotBeReadIsMadeAnewLater) {
  checkpoint(5, {{"c", 1}}, 1);
  standbys_.begin(3, {{p1}}, {});
  work();
  emitted_.clear();
  standbys_.failed(p1, "it is this instance's own");
  standbys_.failed(p0, "records were deleted");
  standbys_.failed(p0, "records were deleted");
  EXPECT_THAT(said_, ElementsAre(HasSubstr("records were deleted: it is not kept warm")));
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(std::get<Forget>(emitted_[0].message).partition, p0);
  emitted_.clear();
  work(100);
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_TRUE(std::get<RestoredTask>(emitted_[0].message).standby);
}

TEST_F(StandbysTest, GivenUpItHasTheShardsForget) {
  checkpoint(5, {{"c", 1}}, 1);
  standbys_.begin(3, {{p1}}, {});
  work();
  emitted_.clear();
  standbys_.give_up();
  ASSERT_EQ(emitted_.size(), 1U);
  EXPECT_EQ(std::get<Forget>(emitted_[0].message).partition, p0);
  EXPECT_FALSE(standbys_.active());
}

}  // namespace
}  // namespace holdfast::app
