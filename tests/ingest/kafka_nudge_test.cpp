#include "ingest/kafka_nudge.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;

/// A broker that can be made to be away.
class MockBroker {
 public:
  MockBroker() {
    std::array<char, 512> error{};
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error.data(), error.size());
    cluster_ = rd_kafka_mock_cluster_new(owner_, 1);
    rd_kafka_mock_topic_create(cluster_, "topic", 1, 1);
  }
  MockBroker(const MockBroker&) = delete;
  MockBroker& operator=(const MockBroker&) = delete;
  ~MockBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }
  [[nodiscard]] std::shared_ptr<KafkaClient> consumer() const {
    KafkaSettings settings;
    settings.properties["bootstrap.servers"] = rd_kafka_mock_cluster_bootstraps(cluster_);
    settings.log = [](int, std::string_view) {};
    auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, {}, {{"group.id", "group"}});
    EXPECT_TRUE(client);
    return *client;
  }
  void answer_after(std::chrono::milliseconds delay) {
    rd_kafka_mock_broker_set_rtt(cluster_, 1, static_cast<int>(delay.count()));
  }
  void go_away() { rd_kafka_mock_broker_set_down(cluster_, 1); }

 private:
  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

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
  NudgeTest() : client_(broker_.consumer()) {
    // Knows the topic's leader from here on.
    EXPECT_TRUE(query_range(*client_, "topic", Partition{0}.value, Deadline(Duration{20'000})));
  }
  MockBroker broker_;
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
  broker_.answer_after(15s);
  EXPECT_LT(end_during_a_nudge(client_), 5s);
}

TEST_F(NudgeTest, EndsWhileABrokerIsAway) {
  broker_.go_away();
  EXPECT_LT(end_during_a_nudge(client_), 5s);
}

TEST_F(NudgeTest, EndsAfterATopicThatIsNotThere) {
  Nudge nudge(client_, {"no topic of this name"});
  nudge.more_waits(SourceIndex{0}, Partition{7});
}

}  // namespace
}  // namespace holdfast::ingest
