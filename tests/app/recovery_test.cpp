// What a restart makes of a checkpoint, the journal and the group's offsets, and where it refuses to go on.

#include "app/recovery.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/customer.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
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
    world_.output[OutputTopic::journal].push_back(
        {.key = "0", .value = encode_journal_entry(entry), .headers = {}, .written_at = world_.now});
  }
  void commit(const Positions& positions) {
    for (std::uint8_t s = 0; s < positions.sources; ++s) world_.committed[{0, s}] = positions.next[s];
  }
  void checkpoint(std::uint64_t step, const Positions& position) {
    world_.checkpoints[partition].marker = {.partition = partition,
                                            .policy = policy_,
                                            .topics = topics,
                                            .record_format = engine::customer_format,
                                            .step = step,
                                            .position = position,
                                            .stream_time = Timestamp{0},
                                            .customers = 0,
                                            .taken_at = world_.now};
  }

  Expected<RestoredTask> restore() {
    MemoryReader reader(world_, 1);
    MemoryJournal journal(world_);
    MemoryStore store(world_);
    Recovery recovery({.model = &model_,
                       .policy = &risk_,
                       .policy_id = policy,
                       .topics = topics,
                       .sources = 2,
                       .exactly_once = exactly_once_},
                      reader, journal, store, [this](const std::string& message) { said_.push_back(message); });
    auto restored = recovery.restore({&partition, 1});
    if (!restored) return std::unexpected(restored.error());
    return std::move(restored->front());
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

  MemoryWorld world_{2, 1};
  const engine::Model model_ = testing::cdnow_model();
  const engine::RiskPolicy risk_ = testing::default_policy();
  PolicyId policy_ = policy;
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
  world_.checkpoints[partition].marker.topics = topics + 1;
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

TEST_F(RecoveryTest, RefusesOffsetsWithoutAnyState) {
  commit(at(7, 3));
  EXPECT_THAT(refusal(), HasSubstr("neither a checkpoint nor a journal"));
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
  damaged.level = 200;
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
    EXPECT_THAT(said_, ElementsAre(HasSubstr("partition 0 is rebuilt from the log")));
    EXPECT_FALSE(world_.checkpoints.contains(partition));
  }
  checkpoint(1, at(1, 0));
  world_.checkpoints[partition].records = {{"A", bytes_of(known)}};
  EXPECT_THAT(steps_to_replay(), IsEmpty());
}

TEST_F(RecoveryTest, RecordsOfAnotherFormatAreLeftToTheReleaseThatWroteThem) {
  checkpoint(1, at(1, 0));
  world_.checkpoints[partition].marker.record_format = engine::customer_format + 1;
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
