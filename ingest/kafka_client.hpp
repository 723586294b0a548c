#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <librdkafka/rdkafka.h>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ingest/kafka_settings.hpp"

/// What the Kafka sources share: owners for librdkafka's objects, a client handle with its callbacks, and the meaning
/// of error codes. Included by sources only; the other kafka_*.hpp show nothing of librdkafka.
namespace holdfast::ingest {

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
template <class T, auto destroy>
using Owned = std::unique_ptr<T, Destroy<destroy>>;

using ConfPtr = Owned<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using TopicConfPtr = Owned<rd_kafka_topic_conf_t, rd_kafka_topic_conf_destroy>;
using TopicPtr = Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using QueuePtr = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using PartitionsPtr = Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using MessagePtr = Owned<rd_kafka_message_t, rd_kafka_message_destroy>;
using HeadersPtr = Owned<rd_kafka_headers_t, rd_kafka_headers_destroy>;
using CallErrorPtr = Owned<rd_kafka_error_t, rd_kafka_error_destroy>;
using EventPtr = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using GroupMetadataPtr = Owned<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy>;

/// A point in time by which something is to be done, for time-outs that librdkafka takes in whole milliseconds.
class Deadline {
 public:
  explicit Deadline(Duration from_now)
      : at_(std::chrono::steady_clock::now() + std::chrono::milliseconds(from_now.ms)) {}
  [[nodiscard]] bool passed() const { return std::chrono::steady_clock::now() >= at_; }
  /// Milliseconds left, between 0 and `at_most`.
  [[nodiscard]] int remaining_ms(int at_most) const;

 private:
  std::chrono::steady_clock::time_point at_;
};

/// A transaction that an instance left open when it died hides offsets and records until the broker gives it up. How
/// long that is waited for, beyond the settings' patience.
inline constexpr Duration open_transactions_patience{60'000};

/// One librdkafka instance. Callbacks run on the thread that polls it, except for log lines. It ends with its last
/// owner, without leaving the consumer group or waiting for outstanding messages; one that librdkafka does not end in
/// time is left behind, silenced.
class KafkaClient {
 public:
  using Properties = std::map<std::string, std::string>;

  /// `defaults` give way to the settings' properties, `fixed` do not. A default that this librdkafka does not know is
  /// left out; any other property it refuses is invalid_argument.
  [[nodiscard]] static Expected<std::shared_ptr<KafkaClient>> create(const KafkaSettings& settings,
                                                                     rd_kafka_type_t type, const Properties& defaults,
                                                                     const Properties& fixed);
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }
  /// The value that a property has in the end; empty: none.
  [[nodiscard]] std::string property(const std::string& name) const;
  /// How people find the brokers: the value of bootstrap.servers.
  [[nodiscard]] std::string brokers() const { return property("bootstrap.servers"); }

  /// Must call rd_kafka_assign(). Empty: nothing is wanted.
  std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> on_rebalance;
  std::function<void(const rd_kafka_message_t&)> on_delivery;
  /// The latest complaint about brokers, for messages; empty: none yet.
  [[nodiscard]] std::string last_complaint() const;
  /// No log lines from now on: who is told of them need not outlive the client. Any thread.
  void silence();
  /// Whether all brokers were out of reach at some time since the last call.
  [[nodiscard]] bool take_outage() { return std::exchange(outage_, false); }

 private:
  KafkaClient() = default;
  static void end(KafkaClient* client);
  static Expected<ConfPtr> configure(const KafkaSettings& settings, const Properties& defaults,
                                     const Properties& fixed);
  static void set_callbacks(rd_kafka_conf_t* conf, rd_kafka_type_t type);
  static void log(const rd_kafka_t* handle, int level, const char* facility, const char* line);
  /// False: nobody is to be told.
  [[nodiscard]] bool write(int level, std::string_view line) const;
  static void error(rd_kafka_t* handle, int code, const char* reason, void* opaque);

  rd_kafka_t* handle_ = nullptr;
  mutable std::mutex mutex_;                        ///< Of what librdkafka's threads come to.
  std::function<void(int, std::string_view)> log_;  ///< Guarded.
  std::string complaint_;                           ///< Guarded.
  bool outage_ = false;
};

/// What an error code of a call means to its caller; `otherwise` where the code alone does not say.
[[nodiscard]] ErrorKind kind_of(rd_kafka_resp_err_t code, ErrorKind otherwise);

/// "Broker: Unknown member", say.
[[nodiscard]] std::string_view text_of(rd_kafka_resp_err_t code);

/// The error that made this instance unusable, if one did.
struct FatalError {
  rd_kafka_resp_err_t code{};  ///< RD_KAFKA_RESP_ERR_NO_ERROR: none.
  std::string reason;
};
[[nodiscard]] FatalError fatal_error_of(const KafkaClient& client);

/// Partition counts of those of `topics` that exist. unavailable: no broker answered before the deadline.
[[nodiscard]] Expected<std::map<std::string, std::int32_t>> query_partition_counts(const KafkaClient& client,
                                                                                   std::span<const std::string> topics,
                                                                                   Deadline deadline);
/// How many brokers keep partition 0 of a topic that exists.
[[nodiscard]] Expected<std::int32_t> query_replication(const KafkaClient& client, const std::string& topic,
                                                       Deadline deadline);
/// Partition counts of topics that must exist; those just created are waited for. invalid_argument: names what is
/// missing.
[[nodiscard]] Expected<std::map<std::string, std::int32_t>> require_topics(const KafkaClient& client,
                                                                           std::span<const std::string> topics,
                                                                           Duration patience);

/// The first offset that the log has, and the one after the last that this client may read. Asks the broker.
struct LogRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
};
[[nodiscard]] Expected<LogRange> query_range(const KafkaClient& client, const std::string& topic,
                                             std::int32_t partition, Deadline deadline);

}  // namespace holdfast::ingest
