#pragma once

#include <memory>
#include <span>
#include <vector>

#include "domain/record.hpp"
#include "ingest/kafka_client.hpp"

namespace holdfast::ingest {

/// Records in librdkafka's own memory. Released as one by whichever thread drops it; keeps its client alive.
class KafkaBatch final : public RecordBatch {
 public:
  KafkaBatch(std::shared_ptr<const KafkaClient> client, std::size_t capacity);
  ~KafkaBatch() override;

  /// REQUIRES: fewer than `capacity` were added; the message is a record, not an event.
  void add(MessagePtr message);

  [[nodiscard]] std::span<const RawRecord> records() const override { return records_; }
  [[nodiscard]] std::vector<Header> headers(std::size_t index) const override;

 private:
  std::shared_ptr<const KafkaClient> client_;
  std::vector<rd_kafka_message_t*> messages_;
  std::vector<RawRecord> records_;
};

}  // namespace holdfast::ingest
