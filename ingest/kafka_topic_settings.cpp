#include "ingest/kafka_topic_settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <span>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace holdfast::ingest {
namespace {

constexpr std::int64_t kafka_message_bytes_max = 1'048'588;
constexpr std::int64_t timestamp_any_ms = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t batch_overhead_bytes_max = 512;
constexpr int request_timeout_ms = 5000;
// Whoever asks has been told of the topic by some broker; the one that is asked now may hear of it a little later.
constexpr Duration new_topic_patience{5000};
constexpr std::chrono::milliseconds retry_pause{100};

using AdminOptionsPtr = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using ConfigResourcePtr = Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;

}  // namespace

Expected<EventPtr> ask(const KafkaClient& client, rd_kafka_admin_op_t operation, Deadline deadline,
                       const std::string& what, const QueuedRequest& send) {
  for (;;) {
    const AdminOptionsPtr options(rd_kafka_AdminOptions_new(client.get(), operation));
    std::array<char, 256> why{};
    const int timeout_ms = std::max(1, deadline.remaining_ms(request_timeout_ms));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, why.data(), why.size());
    const QueuePtr answers(rd_kafka_queue_new(client.get()));
    send(options.get(), answers.get());
    EventPtr event(rd_kafka_queue_poll(answers.get(), timeout_ms + 1000));
    const auto code = event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
    const ErrorKind kind = kind_of(code, ErrorKind::unavailable);
    if (kind != ErrorKind::unavailable || deadline.passed()) {
      return fail(kind, fmt::format("cannot {} at {}: {}", what, client.brokers(), text_of(code)));
    }
  }
}

namespace {

/// The settings, or why the broker that was asked does not give them.
struct TopicAnswer {
  rd_kafka_resp_err_t code{};
  std::map<std::string, std::string> settings;
};

Expected<TopicAnswer> ask_for_settings(const KafkaClient& client, const std::string& topic, Deadline deadline) {
  const ConfigResourcePtr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const auto event = ask(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline, fmt::format("describe topic '{}'", topic),
                         [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* answers) {
                           rd_kafka_ConfigResource_t* one = resource.get();
                           rd_kafka_DescribeConfigs(client.get(), &one, 1, options, answers);
                         });
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  if (count != 1) return fail(ErrorKind::failed, fmt::format("no settings of topic '{}' in the answer", topic));
  TopicAnswer answer{.code = rd_kafka_ConfigResource_error(resources[0]), .settings = {}};
  const auto** entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  for (const auto* entry : std::span(entries, count)) {
    const char* value = rd_kafka_ConfigEntry_value(entry);
    if (value != nullptr) answer.settings[rd_kafka_ConfigEntry_name(entry)] = value;
  }
  return answer;
}

}  // namespace

Expected<std::map<std::string, std::string>> query_topic_settings(const KafkaClient& client, const std::string& topic,
                                                                  Deadline deadline) {
  const Deadline young_topic(new_topic_patience);
  for (;;) {
    auto answer = ask_for_settings(client, topic, deadline);
    if (!answer) return std::unexpected(answer.error());
    if (answer->code == RD_KAFKA_RESP_ERR_NO_ERROR) return std::move(answer->settings);
    if (answer->code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || young_topic.passed() || deadline.passed())
      return fail(ErrorKind::failed,
                  fmt::format("cannot read the settings of topic '{}': {}", topic, text_of(answer->code)));
    std::this_thread::sleep_for(retry_pause);
  }
}

RecordLimits record_limits(const KafkaClient& client, const std::string& topic, Deadline deadline) {
  const auto settings = query_topic_settings(client, topic, deadline);
  const auto number = [&](const char* name, std::int64_t otherwise) {
    if (!settings) return otherwise;
    const auto found = settings->find(name);
    if (found != settings->end())
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), otherwise);
    return otherwise;
  };
  // Before Kafka 3.6 one setting stands for both directions. A topic that stamps its records itself takes any.
  const bool stamps = settings && settings->contains("message.timestamp.type") &&
                      settings->at("message.timestamp.type") == "LogAppendTime";
  const std::int64_t both = number("message.timestamp.difference.max.ms", timestamp_any_ms);
  const auto bytes_max = static_cast<std::size_t>(number("max.message.bytes", kafka_message_bytes_max));
  return {.bytes_max = bytes_max - std::min(bytes_max, batch_overhead_bytes_max),
          .timestamp_after_max = {stamps ? timestamp_any_ms : number("message.timestamp.after.max.ms", both)},
          .timestamp_before_max = {stamps ? timestamp_any_ms : number("message.timestamp.before.max.ms", both)}};
}

}  // namespace holdfast::ingest
