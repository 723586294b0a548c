#include "ingest/kafka_tail.hpp"

#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "ingest/kafka_client.hpp"

namespace holdfast::ingest {
namespace {

class Tail final : public KafkaTail {
 public:
  Tail(std::shared_ptr<KafkaClient> client, Duration patience)
      : client_(std::move(client)), quiet_until_(patience), patience_(patience) {}

  Status begin(const std::string& topic, Duration patience) {
    const std::array topics{topic};
    const auto counts = require_topics(*client_, topics, patience);
    if (!counts) return std::unexpected(counts.error());
    partitions_ = counts->at(topic);
    const PartitionsPtr assignment(rd_kafka_topic_partition_list_new(partitions_));
    for (std::int32_t p = 0; p < partitions_; ++p) {
      const auto range = query_range(*client_, topic, p, Deadline(patience));
      if (!range) return std::unexpected(range.error());
      rd_kafka_topic_partition_list_add(assignment.get(), topic.c_str(), p)->offset = range->first;
      if (range->end > range->first) left_[p] = range->end;
    }
    if (const auto failed = rd_kafka_assign(client_->get(), assignment.get()); failed != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(ErrorKind::failed, fmt::format("topic {}: cannot be read: {}", topic, text_of(failed)));
    return {};
  }

  Status poll(const Visitor& visit, Duration wait) override {
    auto timeout = static_cast<int>(wait.ms);
    while (const MessagePtr message{rd_kafka_consumer_poll(client_->get(), timeout)}) {
      timeout = 0;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        visit({.partition = message->partition,
               .offset = message->offset,
               .timestamp = Timestamp{rd_kafka_message_timestamp(message.get(), nullptr)},
               .value = {static_cast<const char*>(message->payload), message->len}});
        arrive(message->partition, message->offset + 1);
      } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        left_.erase(message->partition);
      } else if (kind_of(message->err, ErrorKind::failed) != ErrorKind::unavailable) {
        return fail(ErrorKind::failed,
                    fmt::format("the topic cannot be read: {}", rd_kafka_message_errstr(message.get())));
      }
      quiet_until_ = Deadline(patience_);
    }
    if (!reached_end() && quiet_until_.passed())
      return fail(ErrorKind::unavailable,
                  fmt::format("brokers at {}: nothing was heard for {} s", client_->brokers(), patience_.ms / 1000));
    return {};
  }

  [[nodiscard]] std::int32_t partitions() const override { return partitions_; }
  [[nodiscard]] bool reached_end() const override { return left_.empty(); }

 private:
  void arrive(std::int32_t partition, std::int64_t next) {
    if (const auto it = left_.find(partition); it != left_.end() && next >= it->second) left_.erase(it);
  }

  const std::shared_ptr<KafkaClient> client_;
  std::int32_t partitions_ = 0;
  std::map<std::int32_t, std::int64_t> left_;  ///< Partitions whose end, as of opening, was not reached yet.
  Deadline quiet_until_;
  const Duration patience_;
};

}  // namespace

Expected<std::unique_ptr<KafkaTail>> open_kafka_tail(const KafkaSettings& settings, const std::string& topic) {
  if (const Status fine = check_settings(settings); !fine) return std::unexpected(fine.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, {},
                                    {{"group.id", settings.application_id + "-tail"},
                                     {"enable.auto.commit", "false"},
                                     {"enable.partition.eof", "true"},
                                     {"isolation.level", "read_committed"}});
  if (!client) return std::unexpected(client.error());
  auto tail = std::make_unique<Tail>(std::move(*client), settings.patience);
  if (const Status begun = tail->begin(topic, settings.patience); !begun) return std::unexpected(begun.error());
  return tail;
}

}  // namespace holdfast::ingest
