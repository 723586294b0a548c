#include "ingest/kafka_transactions.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/bounded_call.hpp"
#include "ingest/kafka_client.hpp"
#include "ingest/kafka_group.hpp"
#include "tests/support/mock_brokers.hpp"

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;
using holdfast::testing::MockBrokers;
using ::testing::HasSubstr;

bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 3000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

class TransactionsTest : public ::testing::Test {
 protected:
  TransactionsTest()
      : client_(brokers_.client(
            RD_KAFKA_PRODUCER,
            {{"enable.idempotence", "true"}, {"transactional.id", "shop-1"}, {"socket.timeout.ms", "2000"}})) {
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

  const std::uint64_t left_behind_before_ = calls_left_behind();
  MockBrokers brokers_;
  const int threads_without_client_ = holdfast::testing::settled_thread_count();
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

TEST_F(TransactionsTest, ACallThatTakesLongerThanItMayIsWaitedFor) {
  ASSERT_TRUE(begin(Duration{500}));
  brokers_.answer_after(1500ms);
  const Status sent = send_offsets();
  EXPECT_EQ(calls_left_behind(), left_behind_before_) << (sent ? "" : sent.error().message);
}

TEST_F(TransactionsTest, ACallThatDoesNotComeBackIsLeftBehind) {
  ASSERT_TRUE(begin(Duration{1000}));
  // librdkafka takes the third of these for the end of its search, forgets what it searched for, and waits on.
  brokers_.refuse_coordinators(RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  const std::weak_ptr<KafkaClient> left_behind = client_;

  const Status sent = send_offsets();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::rollback);
  EXPECT_THAT(sent.error().message, HasSubstr("no answer from the group's coordinator"));
  EXPECT_EQ(calls_left_behind(), left_behind_before_ + 1);
  EXPECT_TRUE(transactions_->left_behind());
  const auto began = std::chrono::steady_clock::now();
  transactions_->abort();
  transactions_.reset();
  client_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_FALSE(left_behind.expired());

  brokers_.accept_coordinators();
  // librdkafka remembers when a connection comes or goes. Then all ends that was left behind.
  brokers_.go_away();
  brokers_.come_back();
  EXPECT_TRUE(comes_true([&] { return left_behind.expired() && rd_kafka_thread_cnt() == threads_without_client_; }))
      << rd_kafka_thread_cnt() << " threads of librdkafka, and " << threads_without_client_ << " without the client";
}

}  // namespace
}  // namespace holdfast::ingest
