#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/kafka_client.hpp"

/// Included by sources only, like kafka_client.hpp.
namespace holdfast::ingest {

/// Fetches chosen partitions of one topic from chosen offsets, in no group, for as long as it lives.
class Fetching {
 public:
  Fetching(const KafkaClient& client, const std::string& topic)
      : topic_(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr)), queue_(rd_kafka_queue_new(client.get())) {}
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;
  /// Legacy consumers are stopped by hand, else they go on fetching.
  ~Fetching() {
    for (const std::int32_t partition : started_) rd_kafka_consume_stop(topic_.get(), partition);
  }
  /// False: rd_kafka_last_error() says why not.
  [[nodiscard]] bool start(std::int32_t partition, std::int64_t from) {
    if (rd_kafka_consume_start_queue(topic_.get(), partition, from, queue_.get()) != 0) return false;
    started_.push_back(partition);
    return true;
  }
  [[nodiscard]] rd_kafka_queue_t* queue() const { return queue_.get(); }

 private:
  TopicPtr topic_;
  QueuePtr queue_;
  std::vector<std::int32_t> started_;
};

}  // namespace holdfast::ingest
