#include "ingest/kafka_settings.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "domain/limits.hpp"

namespace holdfast::ingest {
namespace {

struct Reserved {
  std::string_view key;
  std::string_view reason;
};

// Each of these, set otherwise, would break a promise without a word.
constexpr std::array reserved{
    Reserved{"acks", "alerts must be on all replicas before they count as sent"},
    Reserved{"allow.auto.create.topics", "a topic made by accident has the wrong number of partitions"},
    Reserved{"auto.commit.enable", "positions are committed together with their alerts"},
    Reserved{"auto.offset.reset", "a position that the log lost must stop the program, not move it"},
    Reserved{"delivery.report.only.error", "deliveries are counted"},
    Reserved{"enable.auto.commit", "positions are committed together with their alerts"},
    Reserved{"enable.auto.offset.store", "positions are committed together with their alerts"},
    Reserved{"enable.gapless.guarantee", "deliveries are retried"},
    Reserved{"enable.idempotence", "alerts must not be doubled by a retry"},
    Reserved{"enable.partition.eof", "the end of the log decides when time may move on"},
    Reserved{"group.id", "it is the application_id"},
    Reserved{"group.instance.id", "it is made of the application_id and the instance"},
    Reserved{"group.protocol", "partitions are assigned by the classic protocol"},
    Reserved{"isolation.level", "only committed events may be read"},
    Reserved{"partition.assignment.strategy", "the same partition of all sources must come to one instance"},
    Reserved{"queuing.strategy", "records are taken in offset order"},
    Reserved{"request.required.acks", "alerts must be on all replicas before they count as sent"},
    Reserved{"transactional.id", "it is made of the application_id and the instance"},
};

Status check_topics(const KafkaSettings& settings) {
  if (settings.source_topics.empty()) return fail(ErrorKind::invalid_argument, "no source topics: name at least one");
  if (settings.source_topics.size() > limits::sources_max) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("{} sources: at most {} are possible", settings.source_topics.size(), limits::sources_max));
  }
  std::vector<std::string> topics = settings.source_topics;
  topics.insert(topics.end(), {settings.alerts_topic, settings.dead_letters_topic, settings.journal_topic});
  std::sort(topics.begin(), topics.end());
  if (topics.front().empty()) return fail(ErrorKind::invalid_argument, "a topic has no name");
  const auto twice = std::adjacent_find(topics.begin(), topics.end());
  if (twice == topics.end()) return {};
  return fail(ErrorKind::invalid_argument,
              fmt::format("topic '{}' is named twice: every source and output needs a topic of its own", *twice));
}

}  // namespace

std::string member_id(const KafkaSettings& settings) { return settings.application_id + "-" + settings.instance_id; }

Status check_settings(const KafkaSettings& settings) {
  for (const Reserved& r : reserved) {
    if (settings.properties.contains(std::string(r.key))) {
      return fail(ErrorKind::invalid_argument,
                  fmt::format("kafka property '{}' belongs to Holdfast: {}. Remove it from the configuration", r.key,
                              r.reason));
    }
  }
  if (!settings.properties.contains("bootstrap.servers") && !settings.properties.contains("metadata.broker.list")) {
    return fail(ErrorKind::invalid_argument, "kafka property 'bootstrap.servers' is missing: name the brokers");
  }
  if (settings.application_id.empty()) return fail(ErrorKind::invalid_argument, "application_id is empty");
  if (settings.instance_id.empty()) return fail(ErrorKind::invalid_argument, "the instance has no id");
  return check_topics(settings);
}

}  // namespace holdfast::ingest
