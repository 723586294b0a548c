#include "ingest/kafka_client.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <syslog.h>

#include "ingest/bounded_call.hpp"

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;

// A broker that has not answered for this long is taken for gone; librdkafka's own default of a minute would outlast a
// transaction.
const KafkaClient::Properties common_defaults{
    {"socket.timeout.ms", "10000"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "500"},
    {"client.id", "holdfast"},
};

constexpr auto retry_pause = 100ms;
/// It takes milliseconds, or until a host's name is looked up.
constexpr Duration end_patience{10'000};
/// Where one did not end, others may not either, and a stop would wait for each of them in turn.
constexpr Duration later_end_patience{2'000};
constexpr int metadata_timeout_ms = 2000;
// Topics that were just created are unknown to some brokers for a second or two.
constexpr Duration new_topics_patience{5000};

Status set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value, bool may_be_unknown) {
  std::array<char, 512> why{};
  const auto result = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size());
  if (result == RD_KAFKA_CONF_OK) return {};
  if (result == RD_KAFKA_CONF_UNKNOWN && may_be_unknown) return {};
  return fail(ErrorKind::invalid_argument, fmt::format("kafka property '{}': {}", name, why.data()));
}

}  // namespace

int Deadline::remaining_ms(int at_most) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, at_most));
}

Expected<ConfPtr> KafkaClient::configure(const KafkaSettings& settings, const Properties& defaults,
                                         const Properties& fixed) {
  ConfPtr conf(rd_kafka_conf_new());
  for (const Properties* given : {&common_defaults, &defaults}) {
    for (const auto& [name, value] : *given) {
      if (auto s = set(conf.get(), name, value, true); !s) return std::unexpected(s.error());
    }
  }
  for (const Properties* given : {&settings.properties, &fixed}) {
    for (const auto& [name, value] : *given) {
      if (auto s = set(conf.get(), name, value, false); !s) return std::unexpected(s.error());
    }
  }
  return conf;
}

void KafkaClient::set_callbacks(rd_kafka_conf_t* conf, rd_kafka_type_t type) {
  rd_kafka_conf_set_log_cb(conf, &KafkaClient::log);
  rd_kafka_conf_set_error_cb(conf, &KafkaClient::error);
  if (type == RD_KAFKA_CONSUMER) {
    rd_kafka_conf_set_rebalance_cb(conf, [](rd_kafka_t* handle, rd_kafka_resp_err_t code,
                                            rd_kafka_topic_partition_list_t* partitions, void* self) {
      if (auto& call = static_cast<KafkaClient*>(self)->on_rebalance) {
        call(code, partitions);
      } else {
        rd_kafka_assign(handle, nullptr);
      }
    });
  } else {
    // Without it flush() looks for deliveries every 10 ms only.
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
      if (auto& call = static_cast<KafkaClient*>(self)->on_delivery) call(*message);
    });
  }
}

Expected<std::shared_ptr<KafkaClient>> KafkaClient::create(const KafkaSettings& settings, rd_kafka_type_t type,
                                                           const Properties& defaults, const Properties& fixed) {
  auto conf = configure(settings, defaults, fixed);
  if (!conf) return std::unexpected(conf.error());
  std::shared_ptr<KafkaClient> client(new KafkaClient, &KafkaClient::end);
  client->log_ = settings.log;
  set_callbacks(conf->get(), type);
  rd_kafka_conf_set_opaque(conf->get(), client.get());
  std::array<char, 512> why{};
  client->handle_ = rd_kafka_new(type, conf->get(), why.data(), why.size());
  if (client->handle_ == nullptr) {
    return fail(ErrorKind::invalid_argument, fmt::format("kafka properties are refused: {}", why.data()));
  }
  (void)conf->release();  // It belongs to the handle now.
  return client;
}

// What librdkafka's threads call must be there for as long as they are, so the object ends behind its handle.
void KafkaClient::end(KafkaClient* client) {
  const std::shared_ptr<KafkaClient> held(client);
  if (held->handle_ == nullptr) return;
  held->on_delivery = nullptr;
  held->on_rebalance = nullptr;
  // What is still to be sent would only delay the end: whoever wanted it has called flush or commit.
  if (rd_kafka_type(held->handle_) == RD_KAFKA_PRODUCER) {
    rd_kafka_purge(held->handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_poll(held->handle_, 0);
  }
  const std::string name = rd_kafka_name(held->handle_);
  const auto ended = call_within(calls_left_behind() == 0 ? end_patience : later_end_patience, [held] {
    rd_kafka_destroy_flags(held->handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return true;
  });
  if (ended) return;
  (void)held->write(LOG_WARNING, name + ": the client does not end, and is left behind");
  held->silence();
}

void KafkaClient::silence() {
  const std::lock_guard lock(mutex_);
  log_ = [](int, std::string_view) {};
}

bool KafkaClient::write(int level, std::string_view line) const {
  const std::lock_guard lock(mutex_);
  if (log_) log_(level, line);
  return log_ != nullptr;
}

std::string KafkaClient::property(const std::string& name) const {
  std::array<char, 4096> value{};
  std::size_t size = value.size();
  if (rd_kafka_conf_get(rd_kafka_conf(handle_), name.c_str(), value.data(), &size) != RD_KAFKA_CONF_OK) return {};
  return value.data();
}

std::string KafkaClient::last_complaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

void KafkaClient::log(const rd_kafka_t* handle, int level, const char* facility, const char* line) {
  const std::string_view text(line);
  // All clients are made from one set of properties, so every one is told some that are not for it.
  if (text.ends_with("property and will be ignored by this producer instance") ||
      text.ends_with("property and will be ignored by this consumer instance")) {
    return;
  }
  const auto* const self = static_cast<const KafkaClient*>(rd_kafka_opaque(handle));
  if (self == nullptr || !self->write(level, text)) rd_kafka_log_print(handle, level, facility, line);
}

void KafkaClient::error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  auto* self = static_cast<KafkaClient*>(opaque);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) self->outage_ = true;
  const std::lock_guard lock(self->mutex_);
  self->complaint_ = reason;
}

ErrorKind kind_of(rd_kafka_resp_err_t code, ErrorKind otherwise) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID: return ErrorKind::fenced;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC: return ErrorKind::failed;
    default: return otherwise;
  }
}

std::string_view text_of(rd_kafka_resp_err_t code) { return rd_kafka_err2str(code); }

FatalError fatal_error_of(const KafkaClient& client) {
  std::array<char, 512> reason{};
  const auto code = rd_kafka_fatal_error(client.get(), reason.data(), reason.size());
  return {code, reason.data()};
}

namespace {

struct MetadataDeleter {
  void operator()(const struct rd_kafka_metadata* metadata) const { rd_kafka_metadata_destroy(metadata); }
};

std::unexpected<Error> no_answer(const KafkaClient& client, rd_kafka_resp_err_t code) {
  const std::string complaint = client.last_complaint();
  return fail(kind_of(code, ErrorKind::unavailable),
              fmt::format("no answer from the brokers at {}: {}. Check bootstrap.servers and that they run",
                          client.brokers(), complaint.empty() ? text_of(code) : complaint));
}

struct TopicShape {
  std::int32_t partitions = 0;
  std::int32_t replication = 0;
};

Expected<std::optional<TopicShape>> to_shape(const struct rd_kafka_metadata_topic& found) {
  switch (found.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return TopicShape{found.partition_cnt, found.partition_cnt > 0 ? found.partitions[0].replica_cnt : 0};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return fail(ErrorKind::failed, fmt::format("no right to describe topic '{}': allow Describe on it", found.topic));
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return fail(ErrorKind::invalid_argument, fmt::format("'{}' is no name for a topic", found.topic));
    default: return std::nullopt;
  }
}

// No value: there is no such topic, or it is not ready yet.
Expected<std::optional<TopicShape>> query_shape(const KafkaClient& client, const std::string& topic,
                                                const Deadline& deadline) {
  const TopicPtr handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  if (!handle) return fail(ErrorKind::invalid_argument, fmt::format("'{}' is no name for a topic", topic));
  for (;;) {
    const struct rd_kafka_metadata* raw = nullptr;
    const auto code =
        rd_kafka_metadata(client.get(), 0, handle.get(), &raw, deadline.remaining_ms(metadata_timeout_ms));
    const std::unique_ptr<const struct rd_kafka_metadata, MetadataDeleter> metadata(raw);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) return to_shape(metadata->topics[0]);
    if (deadline.passed()) return no_answer(client, code);
    rd_kafka_poll(client.get(), 0);  // Brings complaints about brokers.
    std::this_thread::sleep_for(retry_pause);
  }
}

}  // namespace

Expected<std::map<std::string, std::int32_t>> query_partition_counts(const KafkaClient& client,
                                                                     std::span<const std::string> topics,
                                                                     Deadline deadline) {
  std::map<std::string, std::int32_t> counts;
  for (const std::string& topic : topics) {
    const auto shape = query_shape(client, topic, deadline);
    if (!shape) return std::unexpected(shape.error());
    if (*shape) counts[topic] = (*shape)->partitions;
  }
  return counts;
}

Expected<std::int32_t> query_replication(const KafkaClient& client, const std::string& topic, Deadline deadline) {
  const auto shape = query_shape(client, topic, deadline);
  if (!shape) return std::unexpected(shape.error());
  return *shape ? (*shape)->replication : 0;
}

Expected<std::map<std::string, std::int32_t>> require_topics(const KafkaClient& client,
                                                             std::span<const std::string> topics, Duration patience) {
  const Deadline young_topics(std::min(patience, new_topics_patience));
  for (;;) {
    auto counts = query_partition_counts(client, topics, Deadline(patience));
    if (!counts || counts->size() == topics.size()) return counts;
    if (young_topics.passed()) {
      std::vector<std::string> missing;
      std::copy_if(topics.begin(), topics.end(), std::back_inserter(missing),
                   [&](const std::string& t) { return !counts->contains(t); });
      return fail(ErrorKind::invalid_argument,
                  fmt::format("no topic '{}' at {}: create it, for example with `holdfast topics --create`",
                              fmt::join(missing, "', '"), client.brokers()));
    }
    std::this_thread::sleep_for(retry_pause);
  }
}

namespace {

/// Asks for one of librdkafka's logical offsets. Not rd_kafka_query_watermark_offsets(): before 2.3 it waits for a
/// leader for as long as there is none, whatever its time-out.
Expected<std::int64_t> query_offset(const KafkaClient& client, const std::string& topic, std::int32_t partition,
                                    std::int64_t logical, const Deadline& deadline) {
  for (;;) {
    PartitionsPtr asked(rd_kafka_topic_partition_list_new(1));
    auto* const at = rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), partition);
    at->offset = logical;
    auto code =
        rd_kafka_offsets_for_times(client.get(), asked.get(), std::max(1, deadline.remaining_ms(metadata_timeout_ms)));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = at->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset >= 0) return at->offset;
    const ErrorKind kind = kind_of(code, ErrorKind::unavailable);
    if (deadline.passed() || kind != ErrorKind::unavailable) {
      return fail(kind, fmt::format("cannot ask for the offsets of topic '{}' partition {}: {}", topic, partition,
                                    text_of(code)));
    }
    std::this_thread::sleep_for(retry_pause);
  }
}

}  // namespace

Expected<LogRange> query_range(const KafkaClient& client, const std::string& topic, std::int32_t partition,
                               Deadline deadline) {
  const auto first = query_offset(client, topic, partition, RD_KAFKA_OFFSET_BEGINNING, deadline);
  if (!first) return std::unexpected(first.error());
  const auto end = query_offset(client, topic, partition, RD_KAFKA_OFFSET_END, deadline);
  if (!end) return std::unexpected(end.error());
  return LogRange{*first, *end};
}

}  // namespace holdfast::ingest
