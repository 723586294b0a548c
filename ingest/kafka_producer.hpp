#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ingest/kafka_settings.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::ingest {

/// Sends events to the source topics, as the shop's own systems would: idempotent, no transaction. One thread.
class KafkaProducer {
 public:
  virtual ~KafkaProducer() = default;
  /// Waits while the queue is full. `timestamp` -1: the producer's clock. failed: the record is not taken at all.
  [[nodiscard]] virtual Status send(const std::string& topic, std::string_view key, std::string_view value,
                                    Timestamp timestamp) = 0;
  /// Waits until all is delivered. unavailable: not within the settings' patience; failed: some were not.
  [[nodiscard]] virtual Status flush() = 0;
};

/// `partitioner` none: as murmur2. invalid_argument: the settings are refused.
[[nodiscard]] Expected<std::unique_ptr<KafkaProducer>> make_kafka_producer(const KafkaSettings& settings,
                                                                           Partitioner partitioner);

}  // namespace holdfast::ingest
