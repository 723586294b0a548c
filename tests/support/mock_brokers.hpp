#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "ingest/kafka_client.hpp"

namespace holdfast::testing {

/// How many threads librdkafka has, once it starts and ends no more of them.
inline int settled_thread_count() {
  int count = rd_kafka_thread_cnt();
  for (int unchanged = 0; unchanged < 20; ++unchanged) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (std::exchange(count, rd_kafka_thread_cnt()) != count) unchanged = 0;
  }
  return count;
}

/// librdkafka's own simulation of brokers, numbered from 1, for what real ones do only in moments that can't be chosen.
class MockBrokers {
 public:
  explicit MockBrokers(int count = 1) {
    std::array<char, 512> error{};
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error.data(), error.size());
    cluster_ = rd_kafka_mock_cluster_new(owner_, count);
  }
  MockBrokers(const MockBrokers&) = delete;
  MockBrokers& operator=(const MockBrokers&) = delete;
  ~MockBrokers() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }

  [[nodiscard]] std::string bootstrap() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void create_topic(const std::string& name) { rd_kafka_mock_topic_create(cluster_, name.c_str(), 1, 1); }
  void coordinate_group(const std::string& group, std::int32_t broker) {
    rd_kafka_mock_coordinator_set(cluster_, "group", group.c_str(), broker);
  }
  [[nodiscard]] std::shared_ptr<ingest::KafkaClient> client(
      rd_kafka_type_t type, const ingest::KafkaClient::Properties& properties,
      std::function<void(int, std::string_view)> log = [](int, std::string_view) {}) const {
    ingest::KafkaSettings settings;
    settings.properties["bootstrap.servers"] = bootstrap();
    settings.log = std::move(log);
    auto client = ingest::KafkaClient::create(settings, type, {}, properties);
    if (!client) throw std::runtime_error(client.error().message);
    return *client;
  }

  /// Broker 1.
  void answer_after(std::chrono::milliseconds delay) {
    rd_kafka_mock_broker_set_rtt(cluster_, 1, static_cast<int>(delay.count()));
  }
  /// All requests for a coordinator are refused so until accept_coordinators(): a search is lost however often a
  /// connection that comes or goes has it begun again.
  void refuse_coordinators(rd_kafka_resp_err_t code) {
    const std::vector<rd_kafka_resp_err_t> codes(10'000, code);
    rd_kafka_mock_push_request_errors_array(cluster_, find_coordinator, codes.size(), codes.data());
  }
  void accept_coordinators() { rd_kafka_mock_clear_request_errors(cluster_, find_coordinator); }
  void go_away(std::int32_t broker = 1) { rd_kafka_mock_broker_set_down(cluster_, broker); }
  void come_back(std::int32_t broker = 1) { rd_kafka_mock_broker_set_up(cluster_, broker); }

 private:
  static constexpr std::int16_t find_coordinator = 10;  ///< The request's number in Kafka's protocol.

  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace holdfast::testing
