#include "app/replay.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/memory_batch.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using testing::MemoryBatch;

/// Records that a test wrote down, all at once.
class Written final : public ingest::RecordSource {
 public:
  explicit Written(std::vector<MemoryBatch::Given> records)
      : batch_(std::make_unique<MemoryBatch>(std::move(records))) {}
  Expected<std::unique_ptr<RecordBatch>> next(std::size_t) override { return std::move(batch_); }

 private:
  std::unique_ptr<RecordBatch> batch_;
};

class Rejections final : public ReplayOutput {
 public:
  Status alert(std::string_view) override { return {}; }
  Status dead_letter(SourceIndex, const Rejection& rejection) override {
    codes.push_back(rejection.code);
    return {};
  }
  void progress(std::uint64_t, Timestamp) override {}

  std::vector<RejectionCode> codes;
};

std::string purchase_of(const std::string& customer) {
  return R"({"customer_id":")" + customer + R"(","time":"2025-01-01T00:00:00Z","amount":1})";
}

MemoryBatch::Given record(std::optional<std::string> key, std::string value) {
  return {.key = std::move(key), .value = std::move(value), .headers = {}};
}

/// What a replay makes of three purchases, of which one has the customer's id as key, one none and one another.
struct ThreeKeys {
  explicit ThreeKeys(std::optional<Partition> partition) {
    const engine::Model model = testing::cdnow_model();
    const engine::RiskPolicy policy = testing::default_policy();
    ingest::SourceFormat source;
    source.name = "purchases";
    source.kind = EventKind::purchase;
    const ReplaySettings settings{.sources = {source},
                                  .partitioner = ingest::Partitioner::murmur2,
                                  .model = &model,
                                  .policy = &policy,
                                  .application_id = "shop",
                                  .until = std::nullopt,
                                  .partitions = 2};
    std::vector<RecordFeed> feeds;
    feeds.push_back({.records = std::make_unique<Written>(std::vector{
                         record("a", purchase_of("a")), record({}, purchase_of("b")), record("d", purchase_of("c"))}),
                     .source = SourceIndex{0},
                     .partition = partition});
    const auto replayed = replay(settings, std::move(feeds), output);
    EXPECT_TRUE(replayed) << replayed.error().message;
    summary = replayed.value_or(ReplaySummary{});
  }

  Rejections output;
  ReplaySummary summary;
};

TEST(Replay, RecordsOfTopicsNeedTheirCustomersIdAsKey) {
  for (const std::int32_t partition : {0, 1}) {
    const ThreeKeys replayed{Partition{partition}};
    EXPECT_EQ(replayed.output.codes,
              (std::vector<RejectionCode>{RejectionCode::missing_key, RejectionCode::key_mismatch}));
    EXPECT_EQ(replayed.summary.counts.events[0], 1u);
    EXPECT_EQ(replayed.summary.customers, 1u);
  }
}

TEST(Replay, SaysHowManyRecordsLieWhereTheirKeyDoesNotBelong) {
  const auto misplaced = [](std::int32_t partition) {
    return ThreeKeys(Partition{partition}).summary.counts.misplaced;
  };
  EXPECT_EQ(misplaced(0) + misplaced(1), 1u) << "it belongs into one of two partitions";
}

TEST(Replay, RecordsOfFilesHaveNoKeys) {
  const ThreeKeys replayed{std::nullopt};
  EXPECT_TRUE(replayed.output.codes.empty());
  EXPECT_EQ(replayed.summary.customers, 3u);
  EXPECT_EQ(replayed.summary.counts.misplaced, 0u);
}

}  // namespace
}  // namespace holdfast::app
