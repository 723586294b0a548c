#include "ingest/kafka_writer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "domain/limits.hpp"
#include "ingest/kafka_client.hpp"
#include "ingest/kafka_group.hpp"
#include "ingest/kafka_topic_settings.hpp"
#include "ingest/kafka_transactions.hpp"

namespace holdfast::ingest {
namespace {

const KafkaClient::Properties writer_defaults{
    {"linger.ms", "5"},
    {"batch.size", "1000000"},
    // Alerts of a batch share most of their text; what compressing costs is less than what the brokers save.
    {"compression.codec", "lz4"},
    // The first commit after another one meets a transaction that is still being completed; the default pause of 100 ms
    // before the next try would be most of the latency. The price is in docs/decisions/0019-bounded-calls.md.
    {"retry.backoff.ms", "5"},
    {"transaction.timeout.ms", "30000"},
    // A dead letter is its whole original with headers around it.
    {"message.max.bytes", "16777216"},
    {"partitioner", "murmur2_random"},
};

constexpr std::size_t output_topics = 3;

KafkaClient::Properties writer_fixed(const KafkaSettings& settings) {
  KafkaClient::Properties fixed{
      {"enable.idempotence", "true"},
      {"allow.auto.create.topics", "false"},
  };
  if (settings.exactly_once) fixed["transactional.id"] = member_id(settings);
  return fixed;
}

/// A place for the journal records of this instance that is the same after a restart.
std::int32_t own_partition(const KafkaSettings& settings, std::int32_t partitions) {
  return static_cast<std::int32_t>(fingerprint(settings.instance_id) % static_cast<std::uint64_t>(partitions));
}

rd_kafka_vu_t field(rd_kafka_vtype_t type) {
  rd_kafka_vu_t result{};
  result.vtype = type;
  return result;
}

HeadersPtr to_headers(std::span<const HeaderView> headers) {
  HeadersPtr result(rd_kafka_headers_new(headers.size()));
  for (const HeaderView& h : headers) {
    rd_kafka_header_add(result.get(), h.name.data(), static_cast<ssize_t>(h.name.size()),
                        h.has_value ? h.value.data() : nullptr, static_cast<ssize_t>(h.value.size()));
  }
  return result;
}

std::size_t size_of(const OutputRecord& record) {
  std::size_t size = record.key.size() + record.value.size();
  for (const HeaderView& h : record.headers) size += h.name.size() + h.value.size() + 10;
  return size;
}

/// Whether a commit that failed so may succeed if it is tried again.
bool passes(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND: return true;
    default: return false;
  }
}

class Writer final : public LogWriter {
 public:
  Writer(KafkaSettings settings, std::shared_ptr<KafkaClient> client, std::shared_ptr<KafkaGroup> group)
      : settings_(std::move(settings)),
        client_(std::move(client)),
        group_(std::move(group)),
        transactions_(client_, member_id(settings_)) {
    client_->on_delivery = [this](const rd_kafka_message_t& message) { delivered(message); };
  }
  ~Writer() override { client_->on_delivery = nullptr; }

  Status open() override;
  Status begin() override;
  Status append(const OutputRecord& record) override;
  Status commit(std::span<const TaskPosition> positions) override;
  void abort() override;

 private:
  Status open_topics();
  Status commit_transaction(PartitionsPtr offsets, std::shared_ptr<const Membership> membership);
  Status commit_delivered(const rd_kafka_topic_partition_list_t& offsets);
  Status flush();
  PartitionsPtr moved(std::span<const TaskPosition> positions) const;
  void add(rd_kafka_topic_partition_list_t& list, const TaskPosition& task, SourceIndex source) const;
  void remember(std::span<const TaskPosition> positions);
  void delivered(const rd_kafka_message_t& message);
  rd_kafka_resp_err_t produce(const OutputRecord& record);
  Status produce_patiently(const OutputRecord& record);
  Status append_dead_letter(const OutputRecord& record);
  [[nodiscard]] bool takes_timestamp(Timestamp timestamp) const;
  [[nodiscard]] rd_kafka_topic_t* topic(OutputTopic t) const { return topics_[static_cast<std::size_t>(t)].get(); }

  KafkaSettings settings_;
  std::shared_ptr<KafkaClient> client_;
  std::shared_ptr<KafkaGroup> group_;
  Transactions transactions_;
  std::array<TopicPtr, output_topics> topics_;
  std::int32_t journal_partition_ = 0;
  RecordLimits dead_letter_limits_{};
  std::map<Partition, Positions> committed_;  ///< By this writer, under `assignment_`.
  std::uint64_t assignment_ = 0;
  std::optional<Error> lost_;  ///< The first record since begin() that could not be delivered.
};

// ---------------------------------------------------------------------------------------------------------------------
// Opening

Status Writer::open() {
  if (auto s = open_topics(); !s) return s;
  if (!settings_.exactly_once) return {};
  return transactions_.init(std::max(settings_.patience, transactions_.timeout()));
}

Status Writer::open_topics() {
  const std::array<std::string, output_topics> names{settings_.alerts_topic, settings_.dead_letters_topic,
                                                     settings_.journal_topic};
  const auto counts = require_topics(*client_, names, settings_.patience);
  if (!counts) return std::unexpected(counts.error());
  // A topic that librdkafka meets for the first time inside a transaction holds it up for most of a second.
  for (std::size_t i = 0; i < output_topics; ++i) {
    topics_[i].reset(rd_kafka_topic_new(client_->get(), names[i].c_str(), nullptr));
  }
  journal_partition_ = own_partition(settings_, counts->at(settings_.journal_topic));
  dead_letter_limits_ = record_limits(*client_, settings_.dead_letters_topic, Deadline(settings_.patience));
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Appending

Status Writer::begin() {
  lost_.reset();
  return settings_.exactly_once ? transactions_.begin() : Status{};
}

Status Writer::append(const OutputRecord& record) {
  rd_kafka_poll(client_->get(), 0);
  if (lost_) return std::unexpected(*lost_);
  // Without transactions the journal must not speak of alerts that may yet be lost: nobody would make them again.
  if (!settings_.exactly_once && record.topic == OutputTopic::journal) {
    if (auto s = flush(); !s) return s;
  }
  return record.topic == OutputTopic::dead_letters ? append_dead_letter(record) : produce_patiently(record);
}

// What its topic does not take would be refused at every attempt, and one bad record would stop everything: that part
// is left out, and a header says so.
Status Writer::append_dead_letter(const OutputRecord& record) {
  const bool too_large = size_of(record) > dead_letter_limits_.bytes_max;
  const bool out_of_time = record.timestamp.ms >= 0 && !takes_timestamp(record.timestamp);
  if (!too_large && !out_of_time) return produce_patiently(record);
  std::vector<HeaderView> headers(record.headers.begin(), record.headers.end());
  std::string omitted;
  std::string timestamp;
  OutputRecord rest = record;
  if (too_large) {
    omitted = fmt::format("value of {} bytes: the topic takes {} at most", record.value.size(),
                          dead_letter_limits_.bytes_max);
    headers.emplace_back("__holdfast.errors.omitted", omitted);
    rest.value = {};
  }
  if (out_of_time) {
    timestamp = fmt::format("{}", record.timestamp.ms);
    headers.emplace_back("__holdfast.errors.timestamp", timestamp);
    rest.timestamp = Timestamp{-1};
  }
  rest.headers = headers;
  return produce_patiently(rest);
}

bool Writer::takes_timestamp(Timestamp timestamp) const {
  // The broker's clock decides, so the edges are kept clear of.
  constexpr std::int64_t margin_ms = 60'000;
  const std::int64_t ahead_ms = timestamp.ms - std::chrono::duration_cast<std::chrono::milliseconds>(
                                                   std::chrono::system_clock::now().time_since_epoch())
                                                   .count();
  return ahead_ms <= std::max<std::int64_t>(dead_letter_limits_.timestamp_after_max.ms - margin_ms, 0) &&
         -ahead_ms <= std::max<std::int64_t>(dead_letter_limits_.timestamp_before_max.ms - margin_ms, 0);
}

Status Writer::produce_patiently(const OutputRecord& record) {
  const Deadline deadline(transactions_.timeout());
  for (;;) {
    const auto code = produce(record);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || deadline.passed()) {
      return transactions_.meaning(
          "produce", code, fmt::format("topic '{}': {}", rd_kafka_topic_name(topic(record.topic)), text_of(code)));
    }
    rd_kafka_poll(client_->get(), 10);
  }
}

rd_kafka_resp_err_t Writer::produce(const OutputRecord& record) {
  std::array<rd_kafka_vu_t, 7> fields;
  std::size_t n = 0;
  fields[n] = field(RD_KAFKA_VTYPE_RKT);
  fields[n++].u.rkt = topic(record.topic);
  fields[n] = field(RD_KAFKA_VTYPE_MSGFLAGS);
  fields[n++].u.i = RD_KAFKA_MSG_F_COPY;
  fields[n] = field(RD_KAFKA_VTYPE_PARTITION);
  const bool own = record.topic == OutputTopic::journal && record.partition < 0;
  fields[n++].u.i32 = own ? journal_partition_ : record.partition;
  fields[n] = field(RD_KAFKA_VTYPE_KEY);
  fields[n++].u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
  fields[n] = field(RD_KAFKA_VTYPE_VALUE);
  fields[n++].u.mem = {const_cast<char*>(record.value.data()), record.value.size()};
  if (record.timestamp.ms >= 0) {
    fields[n] = field(RD_KAFKA_VTYPE_TIMESTAMP);
    fields[n++].u.i64 = record.timestamp.ms;
  }
  HeadersPtr headers;
  if (!record.headers.empty()) {
    headers = to_headers(record.headers);
    fields[n] = field(RD_KAFKA_VTYPE_HEADERS);
    fields[n++].u.headers = headers.get();
  }
  const CallErrorPtr error(rd_kafka_produceva(client_->get(), fields.data(), n));
  if (error) return rd_kafka_error_code(error.get());
  (void)headers.release();  // They belong to the message now.
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Writer::delivered(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR || lost_) return;
  const auto status = transactions_.meaning("delivery", message.err,
                                            fmt::format("topic '{}' partition {}: {}", rd_kafka_topic_name(message.rkt),
                                                        message.partition, text_of(message.err)));
  lost_ = status.error();
}

// ---------------------------------------------------------------------------------------------------------------------
// Committing

Status Writer::commit(std::span<const TaskPosition> positions) {
  const auto membership = group_->membership();
  if (!membership && !positions.empty()) {
    return fail(ErrorKind::rollback, "the group took the partitions away before their positions were committed");
  }
  if (membership && membership->assignment != assignment_) {
    assignment_ = membership->assignment;
    committed_.clear();
  }
  PartitionsPtr offsets = moved(positions);
  const Status done =
      settings_.exactly_once ? commit_transaction(std::move(offsets), membership) : commit_delivered(*offsets);
  if (done) remember(positions);
  return done;
}

PartitionsPtr Writer::moved(std::span<const TaskPosition> positions) const {
  PartitionsPtr result(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const TaskPosition& task : positions) {
    const auto before = committed_.find(task.partition);
    for (std::uint8_t i = 0; i < task.position.sources; ++i) {
      const SourceIndex source{i};
      // Timers alone move no position. That of the first source goes all the same: it carries the number of the step,
      // and only with positions does the group say whether this instance still has its partitions.
      if (i > 0 && before != committed_.end() && before->second[source] == task.position[source]) continue;
      add(*result, task, source);
    }
  }
  return result;
}

void Writer::add(rd_kafka_topic_partition_list_t& list, const TaskPosition& task, SourceIndex source) const {
  const std::string& name = settings_.source_topics[source.value];
  auto* const added = rd_kafka_topic_partition_list_add(&list, name.c_str(), task.partition.value);
  added->offset = task.position[source].value;
  if (source == SourceIndex{0}) set_step(*added, task.step);
}

void Writer::remember(std::span<const TaskPosition> positions) {
  for (const TaskPosition& task : positions) committed_[task.partition] = task.position;
}

Status Writer::commit_transaction(PartitionsPtr offsets, std::shared_ptr<const Membership> membership) {
  if (offsets->cnt > 0) {
    if (auto s = transactions_.send_offsets(std::move(offsets), std::move(membership)); !s) return s;
  }
  const Status committed = transactions_.commit();
  // That a record was not delivered says more than that the commit failed for it.
  if (!committed && lost_ && lost_->kind == ErrorKind::failed) return std::unexpected(*lost_);
  return committed;
}

Status Writer::commit_delivered(const rd_kafka_topic_partition_list_t& offsets) {
  if (auto s = flush(); !s) return s;
  if (offsets.cnt == 0) return {};
  const Deadline deadline(transactions_.timeout());
  for (;;) {
    const auto code = group_->commit(offsets, deadline);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (!passes(code) || deadline.passed()) return transactions_.meaning("commit", code, text_of(code));
    rd_kafka_poll(client_->get(), 100);
  }
}

Status Writer::flush() {
  const Deadline deadline(transactions_.timeout());
  while (rd_kafka_flush(client_->get(), deadline.remaining_ms(1000)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (deadline.passed()) return fail(ErrorKind::rollback, "records were not delivered in time");
  }
  if (lost_) return std::unexpected(*lost_);
  return {};
}

void Writer::abort() {
  if (settings_.exactly_once) transactions_.abort();
}

}  // namespace

Expected<std::unique_ptr<LogWriter>> make_kafka_writer(const KafkaSettings& settings,
                                                       std::shared_ptr<KafkaGroup> group) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_PRODUCER, writer_defaults, writer_fixed(settings));
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Writer>(settings, std::move(*client), std::move(group));
}

}  // namespace holdfast::ingest
