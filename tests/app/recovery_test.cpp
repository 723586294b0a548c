// What a restart makes of a checkpoint, the journal and the group's offsets, and where it refuses to go on.

#include "app/recovery.hpp"

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/customer.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/named_models.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryChangelog;
using testing::MemoryClock;
using testing::MemoryJournal;
using testing::MemoryReader;
using testing::MemoryStore;
using testing::MemoryWorld;

constexpr Partition partition{0};
constexpr PolicyId policy{42};
constexpr std::uint64_t topics = 7;
constexpr Duration hour{3'600'000};

Positions at(std::int64_t first, std::int64_t second) {
  Positions positions{.next = {}, .sources = 2};
  positions.next[0] = Offset{first};
  positions.next[1] = Offset{second};
  return positions;
}

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    for (std::uint8_t s = 0; s < 2; ++s) world_.at(SourceIndex{s}, partition).resize(100);
  }

  /// Steps from `first` on that end at these positions, as one entry of the journal.
  void journal(std::uint64_t first, const Positions& start, const std::vector<Positions>& ends) {
    JournalEntry entry{.partition = partition, .policy = policy_, .start = start, .steps = {}};
    for (const Positions& end : ends) entry.steps.push_back({.number = first++, .end = end});
    entry.steps.back().swap = std::move(swap_);
    world_.output[OutputTopic::journal].push_back(
        {.key = "0", .value = encode_journal_entry(entry), .headers = {}, .written_at = world_.now});
  }
  void commit(const Positions& positions) {
    for (std::uint8_t s = 0; s < positions.sources; ++s) world_.committed[{0, s}] = positions.next[s];
  }
  void checkpoint(std::uint64_t step, const Positions& position) {
    world_.checkpoints[partition].marker = marker(step, position, 0);
  }
  Marker marker(std::uint64_t step, const Positions& position, std::uint64_t customers) const {
    return {.partition = partition,
            .policy = policy_,
            .topics = topics,
            .partitions = 1,
            .record_format = engine::customer_format,
            .step = step,
            .position = position,
            .stream_time = Timestamp{0},
            .customers = customers,
            .taken_at = world_.now,
            .changelog = Offset{-1}};
  }

  Expected<RestoredTask> restore() {
    MemoryReader reader(world_, 1);
    MemoryJournal journal(world_);
    MemoryStore store(world_);
    const MemoryClock clock(world_);
    Statistics statistics(2, 1);
    Recovery recovery(
        {.model = &model_,
         .models = &known_,
         .policy = &risk_,
         .policy_id = policy,
         .former_policy_id = PolicyId{4},
         .topics = topics,
         .partitions = 1,
         .sources = 2,
         .exactly_once = exactly_once_},
        {.reader = reader, .journal = journal, .store = store, .clock = clock, .changelog = changelog_}, statistics,
        [this](const std::string& message) { said_.push_back(message); }, [] {});
    EXPECT_TRUE(recovery.request({.assignment = 1, .partitions = {partition}, .kept = {}}));
    if (const auto done = recovery.do_work(); !done) return std::unexpected(done.error());
    return std::move(std::get<RestoredTask>(recovery.take()->message));
  }
  std::vector<std::uint64_t> steps_to_replay() {
    const auto restored = restore();
    EXPECT_TRUE(restored.has_value()) << restored.error().message;
    std::vector<std::uint64_t> numbers;
    if (restored) {
      for (const Step& step : restored->replay) numbers.push_back(step.number);
    }
    return numbers;
  }
  std::string refusal() {
    const auto restored = restore();
    EXPECT_FALSE(restored.has_value());
    if (restored) return {};
    EXPECT_EQ(restored.error().kind, ErrorKind::incompatible) << restored.error().message;
    return restored.error().message;
  }

  /// A checkpoint in the changelog that sets or (0) erases customers; `customers` are there then.
  void append(std::uint64_t step, const Positions& position, std::uint64_t customers,
              const std::map<std::string, std::uint32_t>& changed) {
    CheckpointData data;
    data.record_size = sizeof(engine::Customer);
    data.marker = marker(step, position, customers);
    for (const auto& [id, purchases] : changed) {
      if (purchases == 0) {
        data.add_erased(id);
      } else {
        data.add(id, record(purchases));
      }
    }
    ASSERT_TRUE(log_.write(data));
    changelog_ = &log_;
  }
  static std::string record(std::uint32_t purchases) {
    const engine::Customer customer = testing::buyer(purchases, testing::days(40));
    return {reinterpret_cast<const char*>(&customer), sizeof customer};
  }
  /// What the table of a restored task holds: purchases by customer.
  static std::map<std::string, std::uint32_t> content(const RestoredTask& task) {
    std::map<std::string, std::uint32_t> out;
    for (Slot slot{0}; slot < task.table->slots_end(); ++slot.value) {
      if (!task.table->is_used(slot)) continue;
      engine::Customer customer{};
      std::memcpy(&customer, task.table->read(slot), sizeof customer);
      out[std::string(task.table->key(slot).id)] = customer.x;
    }
    return out;
  }
  /// The same of the store.
  std::map<std::string, std::uint32_t> stored() {
    std::map<std::string, std::uint32_t> out;
    for (const auto& [id, bytes] : world_.checkpoints[partition].records) {
      engine::Customer customer{};
      std::memcpy(&customer, bytes.data(), sizeof customer);
      out[id] = customer.x;
    }
    return out;
  }

  MemoryChangelog log_;
  ChangelogReader* changelog_ = nullptr;
  MemoryWorld world_{2, 2};
  const engine::Model model_ = testing::cdnow_model();
  const engine::RiskPolicy risk_ = testing::default_policy();
  testing::NamedModels known_;
  PolicyId policy_ = policy;
  std::shared_ptr<const ModelSwap> swap_;  ///< With the next entry's last step.
  bool exactly_once_ = true;
  std::vector<std::string> said_;
};

TEST_F(RecoveryTest, AFirstStartBeginsWithTheLog) {
  const auto restored = restore();
  ASSERT_TRUE(restored.has_value());
  EXPECT_EQ(restored->task->position(), at(0, 0));
  EXPECT_THAT(restored->replay, IsEmpty());
}

TEST_F(RecoveryTest, ReplaysTheStepsBehindTheCheckpoint) {
  journal(1, at(0, 0), {at(1, 0), at(2, 0)});
  checkpoint(2, at(2, 0));
  journal(3, at(2, 0), {at(2, 1), at(3, 1)});
  commit(at(3, 1));
  EXPECT_THAT(steps_to_replay(), ElementsAre(3, 4));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(RecoveryTest, WithoutACheckpointAllStepsAreReplayed) {
  journal(1, at(0, 0), {at(1, 0)});
  journal(2, at(1, 0), {at(1, 1)});
  commit(at(1, 1));
  EXPECT_THAT(steps_to_replay(), ElementsAre(1, 2));
}

TEST_F(RecoveryTest, FindsStepsThatAClockThatWasSetBackHasPutTooEarly) {
  journal(1, at(0, 0), {at(1, 0)});
  checkpoint(1, at(1, 0));
  world_.now = world_.now - hour;
  journal(2, at(1, 0), {at(2, 0)});
  // The whole journal lies before the moment that the checkpoint names.
  world_.output[OutputTopic::journal].front().written_at = world_.now;
  commit(at(2, 0));
  EXPECT_THAT(steps_to_replay(), ElementsAre(2));
}

TEST_F(RecoveryTest, AnOldJournalMayHaveForgottenWhatTheCheckpointHolds) {
  checkpoint(5, at(7, 3));
  commit(at(7, 3));
  EXPECT_THAT(steps_to_replay(), IsEmpty());
}

TEST_F(RecoveryTest, RefusesAJournalThatBeginsBehindTheCheckpoint) {
  checkpoint(5, at(7, 3));
  journal(7, at(8, 3), {at(9, 3)});
  commit(at(9, 3));
  EXPECT_THAT(refusal(), HasSubstr("no longer reaches back"));
}

TEST_F(RecoveryTest, RefusesOffsetsThatSomebodyMoved) {
  checkpoint(5, at(7, 3));
  commit(at(7, 4));
  EXPECT_THAT(refusal(), HasSubstr("the state stands at 3"));
}

TEST_F(RecoveryTest, OffsetsThatExpiredAreSaidAndDoNotMatter) {
  checkpoint(5, at(7, 3));
  EXPECT_THAT(steps_to_replay(), IsEmpty());
  EXPECT_THAT(said_, ElementsAre(HasSubstr("no committed offset of partition 0 any more")));
}

TEST_F(RecoveryTest, RefusesATopicThatWasMadeAnew) {
  checkpoint(5, at(7, 3));
  world_.committed[{0, 0}] = Offset{7};  // With a topic, Kafka deletes the group's offsets of it.
  EXPECT_THAT(refusal(), HasSubstr("made anew"));
}

TEST_F(RecoveryTest, RefusesTheCheckpointOfOtherTopics) {
  checkpoint(5, at(7, 3));
  world_.checkpoints[partition].marker->topics = topics + 1;
  commit(at(7, 3));
  EXPECT_THAT(refusal(), HasSubstr("made of other topics"));
}

TEST_F(RecoveryTest, RefusesToReplayStepsOfAnotherPolicyButNotToGoOnFromThem) {
  policy_ = PolicyId{43};
  journal(1, at(0, 0), {at(1, 0)});
  checkpoint(1, at(1, 0));
  commit(at(1, 0));
  EXPECT_THAT(steps_to_replay(), IsEmpty());
  journal(2, at(1, 0), {at(2, 0)});
  commit(at(2, 0));
  EXPECT_THAT(refusal(), HasSubstr("another model"));
}

TEST_F(RecoveryTest, StepsThatAnEarlierReleaseTookUnderTheSameModelAreReplayed) {
  policy_ = PolicyId{4};  // It held the model's id.
  journal(1, at(0, 0), {at(1, 0)});
  policy_ = policy;
  journal(2, at(1, 0), {at(2, 0)});
  commit(at(2, 0));
  EXPECT_THAT(steps_to_replay(), ElementsAre(1, 2));
}

TEST_F(RecoveryTest, ModelsComeFromTheJournalAndTheCheckpoint) {
  for (const char* id : {"of the checkpoint", "of a step"}) {
    engine::Model model = testing::cdnow_model();
    model.id = id;
    known_.add(model);
  }
  checkpoint(1, at(1, 0));
  world_.checkpoints[partition].marker->models = {{"of the checkpoint", before_all_time, Duration{0}}};
  swap_ = std::make_shared<const ModelSwap>(ModelSwap{"of a step", Timestamp{5}});
  journal(1, at(0, 0), {at(1, 0), at(2, 0)});
  commit(at(2, 0));
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->task->models().back().model->id, "of the checkpoint");
  ASSERT_EQ(restored->replay.size(), 1U);
  ASSERT_NE(restored->replay[0].swap, nullptr);
  EXPECT_EQ(restored->replay[0].swap->model, "of a step");
}

TEST_F(RecoveryTest, RefusesModelsThatThisReleaseCannotRead) {
  swap_ = std::make_shared<const ModelSwap>(ModelSwap{"of a newer release", Timestamp{5}});
  journal(1, at(0, 0), {at(1, 0)});
  commit(at(1, 0));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("a model that this release cannot read"), HasSubstr("of a newer release")));
  checkpoint(1, at(1, 0));
  EXPECT_THAT(steps_to_replay(), IsEmpty()) << "the checkpoint holds it already";
  world_.checkpoints[partition].marker->models = {{"of another one", before_all_time, Duration{0}}};
  EXPECT_THAT(refusal(), AllOf(HasSubstr("a model that this release cannot read"), HasSubstr("of another one")));
}

TEST_F(RecoveryTest, RefusesOffsetsWithoutAnyState) {
  commit(at(7, 3));
  EXPECT_THAT(refusal(), HasSubstr("neither a checkpoint nor a journal"));
}

TEST_F(RecoveryTest, RefusesAJournalThatHasLostStepsInWhichOnlyTimersFired) {
  checkpoint(5, at(7, 3));
  commit(at(7, 3));
  world_.committed_step[0] = 6;
  EXPECT_THAT(refusal(), HasSubstr("6 were committed, 5 are known"));
}

TEST_F(RecoveryTest, RefusesOtherNumbersOfPartitions) {
  checkpoint(5, at(7, 3));
  world_.checkpoints[partition].marker->partitions = 2;
  commit(at(7, 3));
  EXPECT_THAT(refusal(), HasSubstr("when each source had 2 partitions"));
  world_.checkpoints.clear();
  append(5, at(7, 3), 0, {});
  log_.partition_count = 2;
  EXPECT_THAT(refusal(), HasSubstr("each source has 1 partitions, the changelog has 2"));
}

// ---------------------------------------------------------------------------------------------------------------------
// The changelog

TEST_F(RecoveryTest, AnEmptyStoreIsFilledFromTheChangelog) {
  append(2, at(2, 0), 2, {{"a", 1}, {"b", 1}});
  append(4, at(4, 0), 2, {{"a", 2}, {"b", 0}, {"c", 1}});
  journal(4, at(3, 0), {at(4, 0)});
  journal(5, at(4, 0), {at(4, 1)});
  commit(at(4, 1));
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(content(*restored), (std::map<std::string, std::uint32_t>{{"a", 2}, {"c", 1}}));
  EXPECT_EQ(restored->input, at(4, 0));
  EXPECT_EQ(restored->replay.size(), 1U);
  EXPECT_TRUE(restored->changelog_complete);
  EXPECT_EQ(restored->table->changed(), 0U) << "the next checkpoint holds what changes from now on";
  EXPECT_EQ(stored(), content(*restored));
  EXPECT_EQ(world_.checkpoints[partition].marker->changelog, Offset{7});
}

TEST_F(RecoveryTest, AnOlderStoreTakesWhatWasWrittenSince) {
  append(2, at(2, 0), 2, {{"a", 1}, {"b", 1}});
  changelog_ = &log_;
  ASSERT_TRUE(restore());
  append(4, at(4, 0), 3, {{"c", 3}});
  // What the store holds is not read again.
  log_.log[0].record = record(9);
  commit(at(4, 0));
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(content(*restored), (std::map<std::string, std::uint32_t>{{"a", 1}, {"b", 1}, {"c", 3}}));
  EXPECT_EQ(stored(), content(*restored));
  EXPECT_EQ(world_.checkpoints[partition].marker->step, 4U);
}

// The note that a customer was erased does not stay in a compacted topic for ever.
TEST_F(RecoveryTest, AStoreThatMissedAnErasureIsRestoredFromTheBeginning) {
  append(2, at(2, 0), 2, {{"a", 1}, {"b", 1}});
  ASSERT_TRUE(restore());
  append(4, at(4, 0), 1, {{"a", 2}});
  log_.log[1] = {{}, std::nullopt, log_.log[2].marker};  // Compacted: nothing is left of b.
  commit(at(4, 0));
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(content(*restored), (std::map<std::string, std::uint32_t>{{"a", 2}}));
  EXPECT_EQ(stored(), content(*restored));
}

TEST_F(RecoveryTest, AChangelogThatIsCompactedWhileItIsReadIsReadOnceMore) {
  append(2, at(2, 0), 2, {{"a", 1}, {"b", 1}});
  append(4, at(4, 0), 1, {{"b", 0}});
  commit(at(4, 0));
  log_.on_read = [&](std::size_t i) {
    // Behind b, and before the note that b was erased: nothing is left of both.
    if (i == 2) log_.log[1] = log_.log[3] = {{}, std::nullopt, log_.log[2].marker};
  };
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_TRUE(restored->changelog_complete);
  EXPECT_EQ(content(*restored), (std::map<std::string, std::uint32_t>{{"a", 1}}));
  EXPECT_EQ(stored(), content(*restored));
  EXPECT_TRUE(said_.empty());
}

TEST_F(RecoveryTest, ACheckpointThatIsNotInTheChangelogGoesThereWhole) {
  changelog_ = &log_;
  world_.checkpoints[partition].records["a"] = record(1);
  checkpoint(5, at(7, 3));
  world_.checkpoints[partition].marker->customers = 1;
  commit(at(7, 3));
  auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_FALSE(restored->changelog_complete);
  EXPECT_EQ(content(*restored), (std::map<std::string, std::uint32_t>{{"a", 1}}));
  // An older one is there, from before the changelog was switched off for a while.
  append(4, at(6, 3), 1, {{"a", 9}});
  restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_FALSE(restored->changelog_complete);
  EXPECT_EQ(content(*restored), (std::map<std::string, std::uint32_t>{{"a", 1}}));
}

TEST_F(RecoveryTest, AChangelogThatWasMadeAnewIsNoticed) {
  append(2, at(2, 0), 1, {{"a", 1}});
  commit(at(2, 0));
  ASSERT_TRUE(restore());
  log_.log.clear();
  auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_FALSE(restored->changelog_complete);
  EXPECT_EQ(content(*restored), (std::map<std::string, std::uint32_t>{{"a", 1}}));
}

TEST_F(RecoveryTest, ADamagedChangelogIsSaidAndTheStateRebuiltFromTheLog) {
  append(2, at(2, 0), 2, {{"a", 1}});
  journal(1, at(0, 0), {at(1, 0), at(2, 0)});
  commit(at(2, 0));
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_THAT(said_, ElementsAre(HasSubstr("it leads to 1 customers, its checkpoint has 2")));
  EXPECT_FALSE(restored->changelog_complete);
  EXPECT_EQ(restored->table->size(), 0U);
  EXPECT_EQ(restored->replay.size(), 2U);
  EXPECT_FALSE(world_.checkpoints.contains(partition));
}

TEST_F(RecoveryTest, AKeptTaskNeedsOnlyTheStepsThatOthersTookMeanwhile) {
  journal(1, at(0, 0), {at(1, 0)});
  journal(2, at(1, 0), {at(2, 0), at(2, 1)});
  commit(at(2, 1));
  MemoryReader reader(world_, 1);
  MemoryJournal journal_reader(world_);
  MemoryStore store(world_);
  const MemoryClock clock(world_);
  Statistics statistics(2, 1);
  Recovery recovery(
      {.model = &model_, .policy = &risk_, .policy_id = policy, .topics = topics, .partitions = 1, .sources = 2},
      {.reader = reader, .journal = journal_reader, .store = store, .clock = clock}, statistics,
      [](const std::string&) {}, [] {});
  const KeptTask kept{.partition = partition, .step = 1, .end = at(1, 0), .input = at(1, 0), .stepped_at = world_.now};
  ASSERT_TRUE(recovery.request({.assignment = 1, .partitions = {partition}, .kept = {{partition, kept}}}));
  ASSERT_TRUE(recovery.do_work());
  const auto restored = recovery.take();
  ASSERT_TRUE(restored);
  const auto& task = std::get<RestoredTask>(restored->message);
  EXPECT_EQ(task.task, nullptr);
  EXPECT_EQ(task.input, at(1, 0));
  ASSERT_EQ(task.replay.size(), 2U);
  EXPECT_EQ(task.replay.front().number, 2U);
}

TEST_F(RecoveryTest, AKeptTaskDoesNotWaitForOthersToBeRestored) {
  constexpr Partition moved{1};
  for (std::uint8_t s = 0; s < 2; ++s) world_.at(SourceIndex{s}, moved).resize(100);
  journal(1, at(0, 0), {at(1, 0)});
  commit(at(1, 0));
  MemoryReader reader(world_, 2);
  MemoryJournal journal_reader(world_);
  MemoryStore store(world_);
  const MemoryClock clock(world_);
  Statistics statistics(2, 2);
  Recovery recovery(
      {.model = &model_, .policy = &risk_, .policy_id = policy, .topics = topics, .partitions = 2, .sources = 2},
      {.reader = reader, .journal = journal_reader, .store = store, .clock = clock}, statistics,
      [](const std::string&) {}, [] {});
  std::vector<Partition> ready_before;
  store.on_load = [&](Partition loaded) {
    EXPECT_EQ(loaded, moved);
    while (const auto restored = recovery.take())
      ready_before.push_back(std::get<RestoredTask>(restored->message).partition);
  };
  const KeptTask kept{.partition = partition, .step = 1, .end = at(1, 0), .input = at(1, 0), .stepped_at = world_.now};
  ASSERT_TRUE(recovery.request({.assignment = 1, .partitions = {partition, moved}, .kept = {{partition, kept}}}));
  const auto done = recovery.do_work();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(ready_before, ElementsAre(partition));
  const auto restored = recovery.take();
  ASSERT_TRUE(restored);
  EXPECT_EQ(std::get<RestoredTask>(restored->message).partition, moved);
}

TEST_F(RecoveryTest, WhatIsRestoredForAnAssignmentThatIsOverIsDropped) {
  MemoryReader reader(world_, 1);
  MemoryJournal journal_reader(world_);
  MemoryStore store(world_);
  const MemoryClock clock(world_);
  Statistics statistics(2, 1);
  Recovery recovery(
      {.model = &model_, .policy = &risk_, .policy_id = policy, .topics = topics, .partitions = 1, .sources = 2},
      {.reader = reader, .journal = journal_reader, .store = store, .clock = clock}, statistics,
      [](const std::string&) {}, [] {});
  ASSERT_TRUE(recovery.request({.assignment = 1, .partitions = {partition}, .kept = {}}));
  recovery.give_up_before(2);
  ASSERT_TRUE(recovery.do_work());
  EXPECT_FALSE(recovery.take());
}

// Without transactions what a dead process had sent can arrive beside its successor's account of the same steps.
TEST_F(RecoveryTest, AtLeastOnceFollowsTheAccountThatWentOn) {
  exactly_once_ = false;
  journal(1, at(0, 0), {at(1, 0)});
  journal(2, at(1, 0), {at(2, 0)});
  journal(3, at(2, 0), {at(3, 0)});
  journal(2, at(1, 0), {at(1, 2), at(2, 2)});
  journal(4, at(2, 2), {at(4, 2)});
  commit(at(4, 2));
  // In order of their first steps, as a journal is read.
  std::ranges::stable_sort(world_.output[OutputTopic::journal], {},
                           [](const auto& record) { return decode_journal_entry(record.value)->steps.front().number; });
  const auto restored = restore();
  ASSERT_TRUE(restored.has_value()) << restored.error().message;
  ASSERT_EQ(restored->replay.size(), 4u);
  EXPECT_EQ(restored->replay[1].end, at(1, 2));
  EXPECT_EQ(restored->replay[3].end, at(4, 2));
}

// Its bytes are those that were stored, and no customer's: whoever counted with them would leave the tables.
TEST_F(RecoveryTest, ARecordThatNoCustomerCanHaveIsRebuiltFromTheLog) {
  const engine::Customer known = testing::buyer(3, testing::days(40));
  const auto bytes_of = [](const engine::Customer& customer) {
    return std::string(reinterpret_cast<const char*>(&customer), sizeof customer);
  };
  engine::Customer damaged = known;
  damaged.fingerprint_next = 200;
  journal(1, at(0, 0), {at(1, 0)});
  commit(at(1, 0));
  const std::vector<std::pair<std::string, std::string>> records{{"C", bytes_of(damaged)},
                                                                 {"C", bytes_of(known) + "x"},
                                                                 {"C", bytes_of(known).substr(1)},
                                                                 {"", bytes_of(known)},
                                                                 {std::string(256, 'C'), bytes_of(known)}};
  for (const auto& [id, record] : records) {
    checkpoint(1, at(1, 0));
    world_.checkpoints[partition].records = {{"A", bytes_of(known)}, {id, record}};
    said_.clear();
    const auto restored = restore();
    ASSERT_TRUE(restored.has_value()) << restored.error().message;
    EXPECT_EQ(restored->table->size(), 0u);
    EXPECT_EQ(restored->replay.size(), 1u);
    EXPECT_THAT(said_, ElementsAre(HasSubstr("partition 0 is restored from the log")));
    EXPECT_FALSE(world_.checkpoints.contains(partition));
  }
  checkpoint(1, at(1, 0));
  world_.checkpoints[partition].records = {{"A", bytes_of(known)}};
  EXPECT_THAT(steps_to_replay(), IsEmpty());
}

TEST_F(RecoveryTest, RecordsOfAnotherFormatAreLeftToTheReleaseThatWroteThem) {
  checkpoint(1, at(1, 0));
  world_.checkpoints[partition].marker->record_format = engine::customer_format + 1;
  world_.checkpoints[partition].records = {{"A", "another layout"}};
  EXPECT_THAT(refusal(), HasSubstr("run the release that wrote it"));
  EXPECT_TRUE(world_.checkpoints.contains(partition));
}

TEST_F(RecoveryTest, ExactlyOnceRefusesTwoAccountsOfTheSameSteps) {
  journal(1, at(0, 0), {at(1, 0)});
  journal(2, at(1, 0), {at(2, 0)});
  journal(2, at(1, 0), {at(1, 2)});
  commit(at(1, 2));
  const auto restored = restore();
  ASSERT_FALSE(restored.has_value());
  EXPECT_EQ(restored.error().kind, ErrorKind::corrupt) << restored.error().message;
}

}  // namespace
}  // namespace holdfast::app
