#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "domain/error.hpp"
#include "domain/ids.hpp"
#include "ingest/kafka_settings.hpp"
#include "ingest/record_source.hpp"

namespace holdfast::ingest {

/// The source topics as they are when this is opened, to be read from their beginning to their end by a consumer that
/// belongs to no group and sees committed records only. It commits nothing and disturbs nobody.
class KafkaHistory {
 public:
  virtual ~KafkaHistory() = default;
  /// Of each source topic.
  [[nodiscard]] virtual std::int32_t partitions() const = 0;
  /// The records of one partition; each once. It lives on its own. unavailable, from next(): no broker for longer than
  /// the settings' patience.
  [[nodiscard]] virtual std::unique_ptr<RecordSource> read(SourceIndex source, Partition partition) = 0;
};

/// invalid_argument: a topic is missing, or they differ in their numbers of partitions.
[[nodiscard]] Expected<std::unique_ptr<KafkaHistory>> open_kafka_history(const KafkaSettings& settings);

}  // namespace holdfast::ingest
