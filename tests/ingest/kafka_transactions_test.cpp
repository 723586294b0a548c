#include "ingest/kafka_transactions.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "ingest/kafka_client.hpp"
#include "ingest/kafka_group.hpp"
#include "tests/support/mock_broker.hpp"

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;
using holdfast::testing::MockBroker;

class TransactionsTest : public ::testing::Test {
 protected:
  static constexpr std::int16_t find_coordinator = 10;

  TransactionsTest()
      : client_(broker_.client(RD_KAFKA_PRODUCER, {{"enable.idempotence", "true"}, {"transactional.id", "shop-1"}})) {
    auto membership = std::make_shared<Membership>();
    membership->metadata.reset(rd_kafka_consumer_group_metadata_new("shop"));
    membership_ = std::move(membership);
  }

  Status begin(Duration patience) {
    transactions_ = std::make_unique<Transactions>(client_, "shop-1", patience);
    if (auto s = transactions_->init(Duration{20'000}); !s) return s;
    return transactions_->begin();
  }
  Status send_offsets() {
    PartitionsPtr offsets(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(offsets.get(), "in", 0)->offset = 10;
    return transactions_->send_offsets(std::move(offsets), membership_);
  }

  MockBroker broker_;
  std::shared_ptr<KafkaClient> client_;
  std::shared_ptr<const Membership> membership_;
  std::unique_ptr<Transactions> transactions_;
};

TEST_F(TransactionsTest, OffsetsAreCommittedOneTransactionAfterAnother) {
  ASSERT_TRUE(begin(Duration{20'000}));
  for (int i = 0; i < 3; ++i) {
    const Status sent = send_offsets();
    ASSERT_TRUE(sent) << sent.error().message;
    const Status committed = transactions_->commit();
    ASSERT_TRUE(committed) << committed.error().message;
    ASSERT_TRUE(transactions_->begin());
  }
}

TEST_F(TransactionsTest, ACallThatDoesNotComeBackIsLeftBehind) {
  ASSERT_TRUE(begin(Duration{1000}));
  // librdkafka takes the third of these for the end of its search, forgets what it searched for, and waits on.
  constexpr auto loading = RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
  broker_.answer(find_coordinator, loading, loading, loading);
  const std::weak_ptr<KafkaClient> left_behind = client_;

  const Status sent = send_offsets();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::rollback) << sent.error().message;
  const auto began = std::chrono::steady_clock::now();
  transactions_->abort();
  transactions_.reset();
  client_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);

  // It remembers when a connection comes or goes. Then all ends that was left behind.
  broker_.go_away();
  broker_.come_back();
  for (int i = 0; i < 3000 && !left_behind.expired(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(left_behind.expired());
}

}  // namespace
}  // namespace holdfast::ingest
