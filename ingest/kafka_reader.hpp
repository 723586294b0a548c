#pragma once

#include <cstdint>
#include <memory>

#include "domain/ports.hpp"
#include "ingest/kafka_settings.hpp"

namespace holdfast::ingest {

/// A reader's place in its consumer group, as a writer needs it to commit positions. Any thread; outlives its reader.
class KafkaGroup;

/// What a reader has counted since it was made. Read by the polling thread.
struct KafkaReaderCounts {
  std::uint64_t records = 0;
  std::uint64_t batches = 0;
  std::uint64_t dropped = 0;  ///< Records below the next expected offset: delivered before, dropped here.
  std::uint64_t broker_errors = 0;
};

/// The log as Kafka has it: one consumer, one queue a source partition, range assignor with static membership,
/// read_committed. Batches may outlive the reader.
class KafkaReader : public LogReader {
 public:
  /// For make_kafka_writer(): positions are committed in this reader's name.
  [[nodiscard]] virtual std::shared_ptr<KafkaGroup> group() const = 0;
  [[nodiscard]] virtual const KafkaReaderCounts& counts() const = 0;
};

/// invalid_argument: the settings are refused.
[[nodiscard]] Expected<std::unique_ptr<KafkaReader>> make_kafka_reader(const KafkaSettings& settings);

}  // namespace holdfast::ingest
