#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"

namespace holdfast::ingest {

/// What all Kafka clients of an instance are made from.
struct KafkaSettings {
  /// Handed to librdkafka as they are: bootstrap.servers, security.protocol, sasl.*, ssl.*, tuning. They win over the
  /// defaults chosen here; those that would break a promise are refused, see check_settings().
  std::map<std::string, std::string> properties;
  std::string application_id;              ///< group.id, and the prefix of transactional.id and group.instance.id.
  std::string instance_id;                 ///< Stable across restarts, unique among the instances of an application.
  std::vector<std::string> source_topics;  ///< By SourceIndex.
  std::string alerts_topic;
  std::string dead_letters_topic;
  std::string journal_topic;
  std::string changelog_topic;  ///< Empty: checkpoints stay on this machine.
  std::string models_topic{};   ///< Empty: models come from files alone.
  bool exactly_once = true;
  std::uint64_t max_rate = 0;  ///< Events/s; the pipeline applies it, not the clients.

  /// How long opening and the blocking questions wait for brokers and topics that are not there yet.
  Duration patience{15'000};
  /// What librdkafka has to say: syslog level (3 error, 4 warning, 6 information) and a line. Any thread. Empty: to
  /// stderr.
  std::function<void(int level, std::string_view line)> log;
};

/// "<application_id>-<instance_id>": group.instance.id and transactional.id.
[[nodiscard]] std::string member_id(const KafkaSettings& settings);

/// invalid_argument: names a property that belongs to Holdfast, a missing id or topic, or a topic that is named twice.
[[nodiscard]] Status check_settings(const KafkaSettings& settings);

}  // namespace holdfast::ingest
