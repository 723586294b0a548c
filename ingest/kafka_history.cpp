#include "ingest/kafka_history.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "domain/limits.hpp"
#include "ingest/kafka_batch.hpp"
#include "ingest/kafka_client.hpp"

namespace holdfast::ingest {
namespace {

constexpr int wait_ms = 200;

/// One partition up to where it ended when the history was opened.
class PartitionHistory final : public RecordSource {
 public:
  PartitionHistory(std::shared_ptr<KafkaClient> client, std::string name, QueuePtr queue, LogRange range,
                   Duration patience)
      : client_(std::move(client)),
        name_(std::move(name)),
        queue_(std::move(queue)),
        next_(range.first),
        end_(range.end),
        patience_(patience) {}

  Expected<std::unique_ptr<RecordBatch>> next(std::size_t records_max) override {
    std::array<rd_kafka_message_t*, limits::batch_records_max> messages;
    const std::size_t most = std::min(records_max, messages.size());
    const Deadline deadline(patience_);
    while (next_ < end_) {
      auto count = rd_kafka_consume_batch_queue(queue_.get(), 0, messages.data(), most);
      // A time-out above 0 would wait for a full batch: so it waits for one.
      if (count <= 0) count = rd_kafka_consume_batch_queue(queue_.get(), wait_ms, messages.data(), 1);
      if (count > 0) {
        auto batch = take(std::span(messages).first(static_cast<std::size_t>(count)));
        if (!batch || *batch != nullptr) return batch;
      } else if (deadline.passed()) {
        return fail(ErrorKind::unavailable,
                    fmt::format("brokers at {}: nothing of {} was heard for {} s, and it has records up to offset {}",
                                client_->brokers(), name_, patience_.ms / 1000, end_ - 1));
      }
    }
    return nullptr;
  }

 private:
  /// Null: there were none among them.
  Expected<std::unique_ptr<RecordBatch>> take(std::span<rd_kafka_message_t*> messages) {
    auto batch = std::make_unique<KafkaBatch>(client_, messages.size() + 1);
    Status status;
    for (rd_kafka_message_t* const message : messages) {
      MessagePtr owned(message);
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        next_ = std::max(next_, message->offset);
      } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        status = fail(ErrorKind::failed, fmt::format("{}: records were removed while they were read (retention); begin "
                                                     "again",
                                                     name_));
      } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (kind_of(message->err, ErrorKind::failed) != ErrorKind::unavailable)
          status =
              fail(ErrorKind::failed, fmt::format("{} cannot be read: {}", name_, rd_kafka_message_errstr(message)));
      } else if (message->offset >= next_ && message->offset < end_) {
        next_ = message->offset + 1;
        batch->add(std::move(owned));
      }
    }
    if (!status) return std::unexpected(status.error());
    if (batch->records().empty()) return nullptr;
    return batch;
  }

  const std::shared_ptr<KafkaClient> client_;
  const std::string name_;
  const QueuePtr queue_;
  std::int64_t next_;
  const std::int64_t end_;
  const Duration patience_;
};

class History final : public KafkaHistory {
 public:
  History(std::shared_ptr<KafkaClient> client, const KafkaSettings& settings)
      : client_(std::move(client)), topics_(settings.source_topics), patience_(settings.patience) {}

  Status begin() {
    const auto counts = require_topics(*client_, topics_, patience_);
    if (!counts) return std::unexpected(counts.error());
    partitions_ = counts->at(topics_.front());
    for (const std::string& topic : topics_) {
      if (counts->at(topic) != partitions_)
        return fail(ErrorKind::invalid_argument,
                    fmt::format("topic {} has {} partitions and topic {} has {}: they must have equally many",
                                topics_.front(), partitions_, topic, counts->at(topic)));
    }
    const PartitionsPtr assignment(rd_kafka_topic_partition_list_new(partitions_ * static_cast<int>(topics_.size())));
    for (const std::string& topic : topics_) {
      for (std::int32_t p = 0; p < partitions_; ++p) {
        const auto range = query_range(*client_, topic, p, Deadline(patience_));
        if (!range) return std::unexpected(range.error());
        ranges_.push_back(*range);
        queues_.emplace_back(rd_kafka_queue_get_partition(client_->get(), topic.c_str(), p));
        // What comes is kept apart, so that reading one partition never drops what another one has sent.
        rd_kafka_queue_forward(queues_.back().get(), nullptr);
        if (range->end > range->first)
          rd_kafka_topic_partition_list_add(assignment.get(), topic.c_str(), p)->offset = range->first;
      }
    }
    if (const auto failed = rd_kafka_assign(client_->get(), assignment.get()); failed != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(ErrorKind::failed, fmt::format("the source topics cannot be read: {}", text_of(failed)));
    return {};
  }

  [[nodiscard]] std::int32_t partitions() const override { return partitions_; }

  [[nodiscard]] std::unique_ptr<RecordSource> read(SourceIndex source, Partition partition) override {
    const std::size_t i =
        source.value * static_cast<std::size_t>(partitions_) + static_cast<std::size_t>(partition.value);
    return std::make_unique<PartitionHistory>(client_,
                                              fmt::format("topic {}, {}", topics_[source.value], to_string(partition)),
                                              std::move(queues_[i]), ranges_[i], patience_);
  }

 private:
  const std::shared_ptr<KafkaClient> client_;
  const std::vector<std::string> topics_;
  const Duration patience_;
  std::int32_t partitions_ = 0;
  std::vector<LogRange> ranges_;  ///< By source and partition, as are the queues.
  std::vector<QueuePtr> queues_;
};

}  // namespace

Expected<std::unique_ptr<KafkaHistory>> open_kafka_history(const KafkaSettings& settings) {
  if (const Status fine = check_settings(settings); !fine) return std::unexpected(fine.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, {{"queued.min.messages", "4000"}},
                                    {{"group.id", settings.application_id + "-history"},
                                     {"enable.auto.commit", "false"},
                                     {"enable.partition.eof", "true"},
                                     {"auto.offset.reset", "error"},  // Else what retention removes is skipped unseen.
                                     {"allow.auto.create.topics", "false"},
                                     {"isolation.level", "read_committed"}});
  if (!client) return std::unexpected(client.error());
  auto history = std::make_unique<History>(std::move(*client), settings);
  if (const Status begun = history->begin(); !begun) return std::unexpected(begun.error());
  return history;
}

}  // namespace holdfast::ingest
