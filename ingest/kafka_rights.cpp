#include "ingest/kafka_rights.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include <fmt/format.h>

namespace holdfast::ingest {
namespace {

using Right = RightAnswer::Right;

constexpr int poll_ms = 100;

RightAnswer unknown(std::string_view why) { return {Right::unknown, std::string(why)}; }

/// `beside`: what the broker says to those who have the right.
RightAnswer answer_of(rd_kafka_resp_err_t code, rd_kafka_resp_err_t denial, rd_kafka_resp_err_t beside) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == beside) return {Right::granted, {}};
  if (code == denial) return {Right::denied, {}};
  return unknown(text_of(code));
}

}  // namespace

std::map<std::string, RightAnswer> ask_for_write(const KafkaSettings& settings, std::span<const std::string> topics) {
  std::map<std::string, RightAnswer> answers;
  for (const std::string& topic : topics) answers[topic] = unknown("no answer in time");
  const auto client =
      KafkaClient::create(settings, RD_KAFKA_PRODUCER, {},
                          {{"acks", "2"},
                           {"enable.idempotence", "false"},
                           {"retries", "0"},
                           {"linger.ms", "0"},
                           {"message.timeout.ms", fmt::format("{}", std::max<std::int64_t>(1, settings.patience.ms))}});
  if (!client) {
    for (auto& [topic, answer] : answers) answer = unknown(client.error().message);
    return answers;
  }
  std::size_t waiting = 0;
  (*client)->on_delivery = [&](const rd_kafka_message_t& message) {
    --waiting;
    answers[rd_kafka_topic_name(message.rkt)] =
        answer_of(message.err, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS);
  };
  for (const std::string& topic : topics) {
    const auto code = rd_kafka_producev((*client)->get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0),
                                        RD_KAFKA_V_VALUE(nullptr, 0), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++waiting;
    } else {
      answers[topic] = unknown(text_of(code));
    }
  }
  const Deadline deadline(settings.patience);
  while (waiting > 0 && !deadline.passed()) rd_kafka_poll((*client)->get(), poll_ms);
  (*client)->on_delivery = nullptr;
  return answers;
}

RightAnswer ask_for_group_read(const KafkaClient& client, const std::string& topic, Deadline deadline) {
  const PartitionsPtr nowhere(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(nowhere.get(), topic.c_str(), std::numeric_limits<std::int32_t>::max())->offset = 0;
  const QueuePtr answers(rd_kafka_queue_new(client.get()));
  const auto code = rd_kafka_commit_queue(client.get(), nowhere.get(), answers.get(), nullptr, nullptr);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return unknown(text_of(code));
  const EventPtr event(rd_kafka_queue_poll(answers.get(), deadline.remaining_ms(10'000)));
  if (!event) return unknown("no answer in time");
  // Without the right to read the topic it is not asked whether there is such a partition, but the group came first.
  const auto result = rd_kafka_event_error(event.get());
  if (result == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return {Right::granted, {}};
  return answer_of(result, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

// Names of instances have no tilde.
std::string transactional_id_for_asking(const KafkaSettings& settings) { return member_id(settings) + "~check"; }

RightAnswer ask_for_transactions(const KafkaSettings& settings) {
  const auto client = KafkaClient::create(
      settings, RD_KAFKA_PRODUCER, {},
      {{"enable.idempotence", "true"}, {"transactional.id", transactional_id_for_asking(settings)}});
  if (!client) return unknown(client.error().message);
  const CallErrorPtr error(
      rd_kafka_init_transactions((*client)->get(), static_cast<int>(std::max<std::int64_t>(1, settings.patience.ms))));
  const auto code = error ? rd_kafka_error_code(error.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
  return answer_of(code, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_NO_ERROR);
}

}  // namespace holdfast::ingest
