#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/error.hpp"
#include "ingest/kafka_settings.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::ingest {

/// A topic as it should be.
struct TopicPlan {
  std::string name;
  std::int32_t partitions = 1;
  std::int32_t replication = 1;
  std::map<std::string, std::string> settings;  ///< The topic's own, such as cleanup.policy.
  std::string purpose;                          ///< For people.
};

/// A topic as it is.
struct TopicDescription {
  std::int32_t partitions = 0;
  std::int32_t replication = 0;
  std::map<std::string, std::string> settings;
};

/// One thing that `holdfast check --connect` found out.
struct Finding {
  enum class Verdict { ok, fault, open } verdict{};  ///< open: it could not be found out.
  std::string what;  ///< A sentence: what was found, where, and if it is no good how to mend it.
};

/// All topics that an application needs. Inputs: `partitions` each, kept for 7 days (Kafka's default). Journal: one
/// partition for 8 instances or so is plenty, so 8; kept for 7 days as well, since a replay needs both or neither.
/// Alerts and dead letters: as many partitions as the inputs; dead letters take records somewhat larger than inputs do.
[[nodiscard]] std::vector<TopicPlan> plan_topics(const KafkaSettings& settings, std::int32_t partitions,
                                                 std::int32_t replication);

/// Looks after topics. Every call blocks, for settings.patience at most; unavailable: no broker answered in time.
/// Errors name the topic and, where rights are missing, which.
class KafkaAdmin {
 public:
  virtual ~KafkaAdmin() = default;
  /// Partition counts of those of `topics` that exist.
  [[nodiscard]] virtual Expected<std::map<std::string, std::int32_t>> partition_counts(
      std::span<const std::string> topics) = 0;
  /// No value: there is no such topic.
  [[nodiscard]] virtual Expected<std::optional<TopicDescription>> describe(const std::string& topic) = 0;
  /// Creates those that are not there yet and waits until brokers know them. Returns the names of the created ones.
  [[nodiscard]] virtual Expected<std::vector<std::string>> create(std::span<const TopicPlan> plans) = 0;
  /// Brokers, topics, partition counts, rights, and whether the latest `sample` records of each source are events whose
  /// keys are their customers' ids and lie in the partition that `partitioner` says. Never stops at the first finding,
  /// changes nothing, and disturbs no instance that runs.
  [[nodiscard]] virtual std::vector<Finding> check(std::span<const SourceFormat> sources, Partitioner partitioner,
                                                   std::size_t sample) = 0;
};

[[nodiscard]] Expected<std::unique_ptr<KafkaAdmin>> make_kafka_admin(const KafkaSettings& settings);

}  // namespace holdfast::ingest
