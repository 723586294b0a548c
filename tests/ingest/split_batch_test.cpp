#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ingest/decoder.hpp"
#include "tests/support/memory_batch.hpp"

namespace holdfast::ingest {
namespace {

using testing::MemoryBatch;

TEST(SplitBatch, PartsOfABatchHoldTheirOwnTexts) {
  SourceFormat format;
  format.kind = EventKind::action;
  std::vector<EventBatch> parts;
  {
    EventBatch batch;
    std::vector<MemoryBatch::Given> given;
    for (const std::string customer : {"a", "b", "a"})
      given.push_back({customer,
                       R"({"customer_id":")" + customer + R"(","time":5,"event_id":"e-)" + customer +
                           R"(","action":"call )" + customer + R"("})",
                       Timestamp{-1},
                       {}});
    Decoder(format, Partition{0}, Partitioner::none, 1).decode(MemoryBatch(std::move(given)), batch);
    parts = split(std::move(batch), 2, [](const Event& event) { return event.customer.id == "a" ? 0U : 1U; });
  }
  ASSERT_EQ(parts[0].events.size(), 2u);
  ASSERT_EQ(parts[1].events.size(), 1u);
  EXPECT_EQ(parts[0].events[1].action, "call a");
  EXPECT_EQ(parts[1].events[0].action, "call b");
  EXPECT_EQ(parts[1].events[0].event_id, "e-b");
  EXPECT_EQ(parts[1].events[0].customer.id, "b");
}

}  // namespace
}  // namespace holdfast::ingest
