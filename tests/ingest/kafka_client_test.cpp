#include "ingest/kafka_client.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/bounded_call.hpp"
#include "tests/support/mock_brokers.hpp"

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;
using holdfast::testing::MockBrokers;
using ::testing::HasSubstr;

using AdminOptionsPtr = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;

TEST(KafkaClient, EndsWithItsLastOwner) {
  const std::uint64_t before = calls_left_behind();
  const MockBrokers brokers;
  const int threads = holdfast::testing::settled_thread_count();
  for (const auto type : {RD_KAFKA_PRODUCER, RD_KAFKA_CONSUMER}) {
    auto client = brokers.client(type, {});
    EXPECT_GT(rd_kafka_thread_cnt(), threads);
    client.reset();
    EXPECT_EQ(rd_kafka_thread_cnt(), threads);
  }
  EXPECT_EQ(calls_left_behind(), before);
}

TEST(KafkaClient, ThatLibrdkafkaDoesNotEndIsLeftBehind) {
  MockBrokers brokers(2);
  brokers.create_topic("in");
  brokers.coordinate_group("shop", 2);
  std::mutex mutex;
  std::string lines;
  auto client = brokers.client(RD_KAFKA_CONSUMER, {{"reconnect.backoff.ms", "50"}}, [&](int, std::string_view line) {
    const std::lock_guard lock(mutex);
    lines += line;
  });
  const std::array topics{std::string("in")};
  ASSERT_TRUE(query_partition_counts(*client, topics, Deadline(Duration{20'000})));

  // A search for a coordinator that is refused three times is lost, but keeps a broker that it comes upon later.
  brokers.go_away(2);
  brokers.refuse_coordinators(RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
  const QueuePtr answers(rd_kafka_queue_new(client->get()));
  {
    const AdminOptionsPtr options(rd_kafka_AdminOptions_new(client->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS));
    std::array<char, 256> why{};
    ASSERT_EQ(rd_kafka_AdminOptions_set_request_timeout(options.get(), 10'000, why.data(), why.size()),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    const char* group = "shop";
    rd_kafka_DescribeConsumerGroups(client->get(), &group, 1, options.get(), answers.get());
  }
  std::this_thread::sleep_for(4s);  // Up to a second before each try.
  brokers.accept_coordinators();
  brokers.go_away(1);
  brokers.come_back(1);
  ASSERT_TRUE(EventPtr(rd_kafka_queue_poll(answers.get(), 20'000)));

  const std::uint64_t before = calls_left_behind();
  const auto began = std::chrono::steady_clock::now();
  client.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 15s);
  EXPECT_EQ(calls_left_behind(), before + 1);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(lines, HasSubstr("the client does not end, and is left behind"));
}

}  // namespace
}  // namespace holdfast::ingest
