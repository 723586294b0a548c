#include "ingest/kafka_nudge.hpp"

#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/mock_brokers.hpp"

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;
using holdfast::testing::MockBrokers;

/// How long a nudge that is under way holds up whoever ends it.
std::chrono::duration<double> end_during_a_nudge(const std::shared_ptr<KafkaClient>& client) {
  auto nudge = std::make_unique<Nudge>(client, std::vector<std::string>{"topic"});
  nudge->more_waits(SourceIndex{0}, Partition{0});
  std::this_thread::sleep_for(100ms);
  const auto begun = std::chrono::steady_clock::now();
  nudge.reset();
  return std::chrono::steady_clock::now() - begun;
}

class NudgeTest : public ::testing::Test {
 protected:
  NudgeTest() : client_(brokers_.client(RD_KAFKA_CONSUMER, {{"group.id", "group"}})) {
    brokers_.create_topic("topic");
    // Knows the topic's leader from here on.
    EXPECT_TRUE(query_range(*client_, "topic", Partition{0}.value, Deadline(Duration{20'000})));
  }
  MockBrokers brokers_;
  std::shared_ptr<KafkaClient> client_;
};

TEST_F(NudgeTest, EndsAtOnceWithoutWork) {
  const auto begun = std::chrono::steady_clock::now();
  {
    const Nudge nudge(client_, {"topic"});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
}

TEST_F(NudgeTest, EndsWhileABrokerTakesItsTime) {
  brokers_.answer_after(15s);
  EXPECT_LT(end_during_a_nudge(client_), 5s);
}

TEST_F(NudgeTest, EndsWhileABrokerIsAway) {
  brokers_.go_away();
  EXPECT_LT(end_during_a_nudge(client_), 5s);
}

TEST_F(NudgeTest, EndsAfterATopicThatIsNotThere) {
  Nudge nudge(client_, {"no topic of this name"});
  nudge.more_waits(SourceIndex{0}, Partition{7});
}

}  // namespace
}  // namespace holdfast::ingest
