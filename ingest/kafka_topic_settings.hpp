#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "domain/error.hpp"
#include "ingest/kafka_client.hpp"

namespace holdfast::ingest {

using QueuedRequest = std::function<void(const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* answers)>;

/// Sends an admin request and waits for its answer. unavailable: none came before the deadline. `what` is for messages.
[[nodiscard]] Expected<EventPtr> ask(const KafkaClient& client, rd_kafka_admin_op_t operation, Deadline deadline,
                                     const std::string& what, const QueuedRequest& send);

/// The topic's own settings, defaults included. failed: it does not exist, or there is no right to ask.
[[nodiscard]] Expected<std::map<std::string, std::string>> query_topic_settings(const KafkaClient& client,
                                                                                const std::string& topic,
                                                                                Deadline deadline);

/// What a topic takes of a record.
struct RecordLimits {
  std::size_t bytes_max;          ///< Of key, value and headers in all.
  Duration timestamp_after_max;   ///< How far a timestamp may lie ahead of the broker's clock,
  Duration timestamp_before_max;  ///< and how far behind it.
};
/// Kafka's defaults where they cannot be found out.
[[nodiscard]] RecordLimits record_limits(const KafkaClient& client, const std::string& topic, Deadline deadline);

}  // namespace holdfast::ingest
