#include "app/kafka_clients.hpp"

#include <string_view>

#include <spdlog/spdlog.h>

namespace holdfast::app {
namespace {

void log_line(int syslog_level, std::string_view line) {
  constexpr int syslog_error = 3;
  constexpr int syslog_warning = 4;
  if (syslog_level <= syslog_error) {
    spdlog::error("kafka: {}", line);
  } else if (syslog_level <= syslog_warning) {
    spdlog::warn("kafka: {}", line);
  } else {
    spdlog::debug("kafka: {}", line);
  }
}

}  // namespace

ingest::KafkaSettings kafka_settings_of(const Config& config) {
  ingest::KafkaSettings settings;
  settings.properties = config.kafka;
  settings.application_id = config.application_id;
  settings.instance_id = config.instance_id;
  for (const ingest::SourceFormat& source : config.sources) settings.source_topics.push_back(source.topic);
  settings.alerts_topic = config.alerts_topic;
  settings.dead_letters_topic = config.dead_letters_topic;
  settings.journal_topic = config.journal_topic;
  if (config.state.changelog) settings.changelog_topic = config.changelog_topic;
  settings.models_topic = config.models_topic;
  settings.exactly_once = config.guarantee == Guarantee::exactly_once;
  settings.max_rate = config.max_rate;
  settings.log = log_line;
  return settings;
}

}  // namespace holdfast::app
