#include "ingest/kafka_changelog.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "domain/checkpoint_key.hpp"
#include "ingest/kafka_client.hpp"
#include "ingest/kafka_fetching.hpp"
#include "ingest/kafka_group.hpp"
#include "ingest/kafka_transactions.hpp"

namespace holdfast::ingest {
namespace {

const KafkaClient::Properties writer_defaults{
    {"linger.ms", "20"},
    {"batch.size", "1000000"},
    {"compression.codec", "lz4"},
    // Millions of records take their time. Nobody waits for such a transaction: until it ends, readers have the
    // checkpoint before it.
    {"transaction.timeout.ms", "300000"},
};

const KafkaClient::Properties reader_defaults{
    {"fetch.wait.max.ms", "50"},
    // A queue that was full is looked at again after a second, so a million records should fit: on the way to 1 M
    // customers that took 6 s of 9.
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "131072"},
    // From librdkafka 2.2 on.
    {"fetch.queue.backoff.ms", "1"},
};

KafkaClient::Properties reader_fixed() {
  return {{"isolation.level", "read_committed"},
          {"enable.auto.commit", "false"},
          {"enable.partition.eof", "true"},
          {"allow.auto.create.topics", "false"},
          {"auto.offset.reset", "earliest"}};
}

constexpr std::size_t poll_every = 1000;
constexpr std::size_t batch = 1000;
constexpr int wait_ms = 10;

/// One life of the producer: after an error that leaves the outcome open there is another one.
struct Producer {
  Producer(std::shared_ptr<KafkaClient> client_, const std::string& id, Duration patience)
      : client(std::move(client_)), transactions(client, id, patience), deadline(patience) {
    client->on_delivery = [this, patience](const rd_kafka_message_t& message) {
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        last_offset = std::max(last_offset, message.offset);
        deadline = Deadline(patience);
      } else if (lost == RD_KAFKA_RESP_ERR_NO_ERROR) {
        lost = message.err;
      }
    };
  }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer() { client->on_delivery = nullptr; }

  std::shared_ptr<KafkaClient> client;
  TopicPtr topic;  ///< Must not outlive the client.
  Transactions transactions;
  std::int64_t last_offset = -1;  ///< Of those delivered since begin().
  rd_kafka_resp_err_t lost{};     ///< Why a record was not delivered.
  Deadline deadline;              ///< By which the next record is to be delivered: millions may take their time.
};

class Writer final : public ChangelogWriter {
 public:
  Writer(KafkaSettings settings, std::shared_ptr<KafkaGroup> group)
      : settings_(std::move(settings)), group_(std::move(group)), id_(member_id(settings_) + "-changelog") {}

  Expected<Offset> write(const CheckpointData& data) override {
    // The place in the group from before the first record: a later one would let records pass that are older than it.
    const auto membership = group_->membership();
    if (!membership) return fail(ErrorKind::rollback, "the group took the partitions away");
    if (auto s = open(); !s) return std::unexpected(s.error());
    const auto written = write_transaction(data, membership);
    if (written) return written;
    const Error error = written.error();
    producer_->transactions.abort();
    producer_.reset();
    return fail(error.kind, fmt::format("topic '{}' partition {}: {}", settings_.changelog_topic,
                                        data.marker.partition.value, error.message));
  }

 private:
  Status open() {
    if (producer_) return {};
    auto client = KafkaClient::create(
        settings_, RD_KAFKA_PRODUCER, writer_defaults,
        {{"enable.idempotence", "true"}, {"allow.auto.create.topics", "false"}, {"transactional.id", id_}});
    if (!client) return std::unexpected(client.error());
    auto producer = std::make_unique<Producer>(std::move(*client), id_, settings_.patience);
    producer->topic.reset(rd_kafka_topic_new(producer->client->get(), settings_.changelog_topic.c_str(), nullptr));
    const Status opened = producer->transactions.init(settings_.patience);
    if (!opened) {
      const ErrorKind kind = opened.error().kind == ErrorKind::rollback ? ErrorKind::unavailable : opened.error().kind;
      return fail(kind, opened.error().message);
    }
    producer_ = std::move(producer);
    return {};
  }

  Expected<Offset> write_transaction(const CheckpointData& data, std::shared_ptr<const Membership> membership) {
    Producer& producer = *producer_;
    producer.last_offset = -1;
    producer.lost = RD_KAFKA_RESP_ERR_NO_ERROR;
    producer.deadline = Deadline(settings_.patience);
    if (auto s = producer.transactions.begin(); !s) return std::unexpected(again(s.error()));
    if (auto s = produce(data); !s) return std::unexpected(again(s.error()));
    if (auto s = flush(); !s) return std::unexpected(again(s.error()));
    const Offset behind{producer.last_offset + 1};
    PartitionsPtr offsets(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(offsets.get(), settings_.changelog_topic.c_str(), data.marker.partition.value)
        ->offset = behind.value;
    // An error here may be the group's refusal, which does not pass: as it stands.
    if (auto s = producer.transactions.send_offsets(std::move(offsets), std::move(membership)); !s)
      return std::unexpected(producer.transactions.left_behind() ? again(s.error()) : s.error());
    if (auto s = producer.transactions.commit(); !s) return std::unexpected(again(s.error()));
    return behind;
  }

  /// An outcome that is not known is no loss: the same can be written again, and the later one counts.
  static Error again(Error error) {
    if (error.kind == ErrorKind::rollback) error.kind = ErrorKind::unavailable;
    return error;
  }

  Status produce(const CheckpointData& data) {
    const std::int32_t partition = data.marker.partition.value;
    std::string key;
    std::size_t sent = 0;
    for (const auto& entry : data.entries) {
      checkpoint_key::put_record(key, data.id(entry));
      if (auto s = send(partition, key, data.record(entry)); !s) return s;
      if (++sent % poll_every == 0) rd_kafka_poll(producer_->client->get(), 0);
    }
    return send(partition, checkpoint_key::marker, encode_marker(data.marker));
  }

  /// `value` without data: none, which erases the key.
  Status send(std::int32_t partition, std::string_view key, std::string_view value) {
    Producer& producer = *producer_;
    for (;;) {
      if (rd_kafka_produce(producer.topic.get(), partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                           value.size(), key.data(), key.size(), nullptr) == 0)
        return {};
      const auto code = rd_kafka_last_error();
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || producer.deadline.passed())
        return producer.transactions.meaning("produce", code, text_of(code));
      rd_kafka_poll(producer.client->get(), 10);
    }
  }

  Status flush() {
    Producer& producer = *producer_;
    while (rd_kafka_flush(producer.client->get(), producer.deadline.remaining_ms(1000)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (producer.deadline.passed()) return fail(ErrorKind::unavailable, "records were not delivered in time");
    }
    if (producer.lost != RD_KAFKA_RESP_ERR_NO_ERROR)
      return producer.transactions.meaning("delivery", producer.lost, text_of(producer.lost));
    return {};
  }

  const KafkaSettings settings_;
  const std::shared_ptr<KafkaGroup> group_;
  const std::string id_;
  std::unique_ptr<Producer> producer_;
};

class Reader final : public ChangelogReader {
 public:
  Reader(KafkaSettings settings, std::shared_ptr<KafkaClient> client)
      : settings_(std::move(settings)), client_(std::move(client)) {}

  Expected<std::int32_t> partitions() override {
    const std::array names{settings_.changelog_topic};
    const auto counts = require_topics(*client_, names, settings_.patience);
    if (!counts) return std::unexpected(counts.error());
    return counts->at(settings_.changelog_topic);
  }

  Expected<Offset> read(Partition partition, Offset from, ChangelogVisitor& visitor) override {
    const auto range = query_range(*client_, settings_.changelog_topic, partition.value, Deadline(settings_.patience));
    if (!range) return std::unexpected(range.error());
    std::int64_t next = std::max(from.value, range->first);
    Fetching fetching(*client_, settings_.changelog_topic);
    if (next < range->end && !fetching.start(partition.value, next))
      return fail(ErrorKind::failed,
                  fmt::format("{}: cannot be read: {}", place(partition, next), text_of(rd_kafka_last_error())));
    Deadline deadline(settings_.patience);  // From the latest record on.
    std::vector<rd_kafka_message_t*> messages(batch);
    while (next < range->end) {
      if (deadline.passed())
        return fail(ErrorKind::unavailable, fmt::format("{}: could not be read on to {}: brokers are away",
                                                        place(partition, next), range->end));
      const auto count = rd_kafka_consume_batch_queue(fetching.queue(), wait_ms, messages.data(), messages.size());
      Status status;
      for (std::size_t i = 0; i < static_cast<std::size_t>(std::max<ssize_t>(count, 0)); ++i) {
        const MessagePtr message(messages[i]);
        // What was committed since is cut off anywhere by the size of a batch: half a checkpoint.
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset >= range->end) {
          next = range->end;
          continue;
        }
        if (status) status = take(*message, next, visitor);
      }
      if (!status) return std::unexpected(status.error());
      if (count > 0) deadline = Deadline(settings_.patience);
    }
    return Offset{range->end};
  }

 private:
  [[nodiscard]] std::string place(Partition partition, std::int64_t offset) const {
    return fmt::format("topic '{}' partition {} offset {}", settings_.changelog_topic, partition.value, offset);
  }

  Status take(const rd_kafka_message_t& message, std::int64_t& next, ChangelogVisitor& visitor) const {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      next = std::max(next, message.offset);
      return {};
    }
    const Partition partition{message.partition};
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const ErrorKind kind = kind_of(message.err, ErrorKind::unavailable);
      if (kind == ErrorKind::unavailable) return {};  // It goes on once brokers are back; the deadline bounds it.
      return fail(kind, fmt::format("{}: {}", place(partition, next), rd_kafka_message_errstr(&message)));
    }
    next = message.offset + 1;
    const std::string_view key(static_cast<const char*>(message.key), message.key == nullptr ? 0 : message.key_len);
    const std::string_view value(static_cast<const char*>(message.payload), message.len);
    if (key == checkpoint_key::marker) {
      const auto marker = decode_marker(value);
      if (!marker)
        return fail(marker.error().kind,
                    fmt::format("{}: {}", place(partition, message.offset), marker.error().message));
      return visitor.marker(*marker, Offset{next});
    }
    const auto id = checkpoint_key::id_of(key);
    if (!id)
      return fail(ErrorKind::corrupt, fmt::format("{}: its key is none of a checkpoint: does another program write to "
                                                  "the changelog?",
                                                  place(partition, message.offset)));
    return message.payload == nullptr ? visitor.erased(*id) : visitor.record(*id, value);
  }

  const KafkaSettings settings_;
  const std::shared_ptr<KafkaClient> client_;
};

}  // namespace

Expected<std::unique_ptr<ChangelogWriter>> make_kafka_changelog_writer(const KafkaSettings& settings,
                                                                       std::shared_ptr<KafkaGroup> group) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  return std::make_unique<Writer>(settings, std::move(group));
}

Expected<std::unique_ptr<ChangelogReader>> make_kafka_changelog_reader(const KafkaSettings& settings) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, reader_defaults, reader_fixed());
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Reader>(settings, std::move(*client));
}

}  // namespace holdfast::ingest
