#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "ingest/kafka_client.hpp"

namespace holdfast::testing {

/// librdkafka's own simulation of a broker, for what a real one does only in moments that can't be chosen.
class MockBroker {
 public:
  MockBroker() {
    std::array<char, 512> error{};
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error.data(), error.size());
    cluster_ = rd_kafka_mock_cluster_new(owner_, 1);
  }
  MockBroker(const MockBroker&) = delete;
  MockBroker& operator=(const MockBroker&) = delete;
  ~MockBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }

  void create_topic(const std::string& name) { rd_kafka_mock_topic_create(cluster_, name.c_str(), 1, 1); }
  [[nodiscard]] std::shared_ptr<ingest::KafkaClient> client(rd_kafka_type_t type,
                                                            const ingest::KafkaClient::Properties& properties) const {
    ingest::KafkaSettings settings;
    settings.properties["bootstrap.servers"] = rd_kafka_mock_cluster_bootstraps(cluster_);
    settings.log = [](int, std::string_view) {};
    auto client = ingest::KafkaClient::create(settings, type, {}, properties);
    EXPECT_TRUE(client) << client.error().message;
    return *client;
  }

  void answer_after(std::chrono::milliseconds delay) {
    rd_kafka_mock_broker_set_rtt(cluster_, 1, static_cast<int>(delay.count()));
  }
  /// The next requests of this kind, by its number in Kafka's protocol, are answered so, one each.
  template <class... Codes>
  void answer(std::int16_t request, Codes... codes) {
    rd_kafka_mock_push_request_errors(cluster_, request, sizeof...(codes), codes...);
  }
  void go_away() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void come_back() { rd_kafka_mock_broker_set_up(cluster_, 1); }

 private:
  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace holdfast::testing
