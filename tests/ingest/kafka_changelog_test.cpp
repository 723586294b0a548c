#include "ingest/kafka_changelog.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

#include <gtest/gtest.h>

#include "ingest/bounded_call.hpp"
#include "ingest/kafka_group.hpp"
#include "ingest/kafka_settings.hpp"
#include "tests/support/kafka_listener.hpp"
#include "tests/support/mock_brokers.hpp"

namespace holdfast::ingest {
namespace {

// A producer that was left behind is no word of the group's: the checkpoint is still this instance's to write.
TEST(KafkaChangelog, AWriteThatGetsNoAnswerIsToBeTriedAgain) {
  holdfast::testing::MockBrokers brokers;
  brokers.create_topic("changelog");
  const auto group = std::make_shared<KafkaGroup>(brokers.client(RD_KAFKA_CONSUMER, {{"group.id", "shop"}}));
  group->joined();
  KafkaSettings settings = holdfast::testing::kafka_settings(brokers.bootstrap(), {"in"});
  settings.properties["socket.timeout.ms"] = "1000";
  settings.changelog_topic = "changelog";
  settings.patience = Duration{2000};
  // The search for the coordinator of transactions is over by then, that for the group's has not begun.
  settings.properties["debug"] = "eos";
  int transactions = 0;
  settings.log = [&](int, std::string_view line) {
    if (line.contains("-> InTransaction") && transactions++ == 0)
      brokers.refuse_coordinators(RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  };
  auto writer = make_kafka_changelog_writer(settings, group);
  ASSERT_TRUE(writer) << writer.error().message;
  CheckpointData data;
  data.marker.position.sources = 1;
  data.add("a", "r");
  data.record_size = 1;

  const std::uint64_t before = calls_left_behind();
  const auto unanswered = (*writer)->write(data);
  ASSERT_FALSE(unanswered);
  EXPECT_EQ(unanswered.error().kind, ErrorKind::unavailable) << unanswered.error().message;
  EXPECT_EQ(calls_left_behind(), before + 1);
  brokers.accept_coordinators();
  const auto written = (*writer)->write(data);
  ASSERT_TRUE(written) << written.error().message;
}

}  // namespace
}  // namespace holdfast::ingest
