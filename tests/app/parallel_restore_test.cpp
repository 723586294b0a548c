// Checkpoints of several partitions are loaded at once, and none is any more once one of them fails.

#include <atomic>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "app/recovery.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using testing::MemoryClock;
using testing::MemoryJournal;
using testing::MemoryReader;
using testing::MemoryStore;
using testing::MemoryWorld;

/// A changelog that no broker gives: each reading fails.
class LostChangelog final : public ChangelogReader {
 public:
  Expected<std::int32_t> partitions() override { return 8; }
  Expected<Offset> read(Partition, Offset, ChangelogVisitor&) override {
    ++readings;
    on_read();
    return fail(ErrorKind::unavailable, "brokers are away");
  }
  std::atomic<int> readings{0};
  std::function<void()> on_read = [] {};
};

/// Restores eight partitions on several threads.
class ParallelRestoreTest : public ::testing::Test {
 protected:
  ParallelRestoreTest() {
    for (std::int32_t p = 0; p < 8; ++p) partitions_.push_back(Partition{p});
    EXPECT_TRUE(recovery_.request({.assignment = 1, .partitions = partitions_, .kept = {}}));
  }

  MemoryWorld world_{2, 8};
  MemoryReader reader_{world_, 1};
  MemoryJournal journal_{world_};
  MemoryStore store_{world_};
  const MemoryClock clock_{world_};
  LostChangelog changelog_;
  Statistics statistics_{2, 8};
  const engine::Model model_ = testing::cdnow_model();
  const engine::RiskPolicy risk_ = testing::default_policy();
  std::vector<Partition> partitions_;
  Recovery recovery_{
      {.model = &model_,
       .policy = &risk_,
       .policy_id = PolicyId{42},
       .topics = 7,
       .partitions = 8,
       .sources = 2,
       .load_threads = 3},
      {.reader = reader_, .journal = journal_, .store = store_, .clock = clock_, .changelog = &changelog_},
      statistics_,
      [](const std::string&) {},
      [] {}};
};

TEST_F(ParallelRestoreTest, AfterAnErrorNoOtherPartitionIsTried) {
  const auto done = recovery_.do_work();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::unavailable);
  EXPECT_LE(changelog_.readings, 3);
}

TEST_F(ParallelRestoreTest, NoPartitionIsReadOnceTheyHaveMovedOn) {
  changelog_.on_read = [this] { recovery_.give_up_before(2); };
  EXPECT_TRUE(recovery_.do_work().has_value());
  EXPECT_EQ(changelog_.readings, 1);
}

}  // namespace
}  // namespace holdfast::app
