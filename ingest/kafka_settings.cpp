#include "ingest/kafka_settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "domain/limits.hpp"
#include "ingest/kafka_properties.hpp"

namespace holdfast::ingest {
namespace {

Status check_topics(const KafkaSettings& settings) {
  if (settings.source_topics.empty()) return fail(ErrorKind::invalid_argument, "no source topics: name at least one");
  if (settings.source_topics.size() > limits::sources_max) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("{} sources: at most {} are possible", settings.source_topics.size(), limits::sources_max));
  }
  std::vector<std::string> topics = settings.source_topics;
  topics.insert(topics.end(), {settings.alerts_topic, settings.dead_letters_topic, settings.journal_topic});
  if (!settings.changelog_topic.empty()) topics.push_back(settings.changelog_topic);
  if (!settings.models_topic.empty()) topics.push_back(settings.models_topic);
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
  for (const auto& [property, value] : settings.properties) {
    if (const auto problem = reserved_property_problem(property)) return fail(ErrorKind::invalid_argument, *problem);
  }
  if (!settings.properties.contains("bootstrap.servers") && !settings.properties.contains("metadata.broker.list")) {
    return fail(ErrorKind::invalid_argument, "kafka property 'bootstrap.servers' is missing: name the brokers");
  }
  if (settings.application_id.empty()) return fail(ErrorKind::invalid_argument, "application_id is empty");
  if (settings.instance_id.empty()) return fail(ErrorKind::invalid_argument, "the instance has no id");
  return check_topics(settings);
}

}  // namespace holdfast::ingest
