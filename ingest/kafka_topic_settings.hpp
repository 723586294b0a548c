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

/// Bytes of key, value and headers that a single record of the topic may have in all; Kafka's default where it cannot
/// be found out.
[[nodiscard]] std::size_t record_bytes_max(const KafkaClient& client, const std::string& topic, Deadline deadline);

}  // namespace holdfast::ingest
