#include "ingest/kafka_admin.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "ingest/kafka_client.hpp"
#include "ingest/kafka_topic_settings.hpp"

namespace holdfast::ingest {
namespace {

// As long as Kafka keeps inputs by default.
constexpr std::string_view week_ms = "604800000";
// Twice what an input record may have by default: its dead letter has headers around it, and is not compressed with
// others.
constexpr std::string_view dead_letter_bytes_max = "2097152";
constexpr std::int32_t journal_partitions = 8;

const KafkaClient::Properties admin_defaults{
    {"fetch.wait.max.ms", "50"},
};
// A group is only asked about, never joined.
KafkaClient::Properties admin_fixed(const KafkaSettings& settings) {
  return {
      {"group.id", settings.application_id}, {"isolation.level", "read_committed"},
      {"enable.auto.commit", "false"},       {"enable.partition.eof", "true"},
      {"auto.offset.reset", "earliest"},     {"allow.auto.create.topics", "false"},
  };
}

using NewTopicPtr = Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;

Expected<NewTopicPtr> to_request(const TopicPlan& plan) {
  std::array<char, 512> why{};
  NewTopicPtr topic(
      rd_kafka_NewTopic_new(plan.name.c_str(), plan.partitions, plan.replication, why.data(), why.size()));
  if (!topic) return fail(ErrorKind::invalid_argument, fmt::format("topic '{}': {}", plan.name, why.data()));
  for (const auto& [name, value] : plan.settings) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  return topic;
}

/// Keys that were looked at, and those among them that lie elsewhere than they should.
struct KeySample {
  std::size_t records = 0;
  std::size_t without_key = 0;
  std::size_t misplaced = 0;
  std::string example;
};

class Admin final : public KafkaAdmin {
 public:
  Admin(KafkaSettings settings, std::shared_ptr<KafkaClient> client)
      : settings_(std::move(settings)), client_(std::move(client)) {}

  Expected<std::map<std::string, std::int32_t>> partition_counts(std::span<const std::string> topics) override {
    return query_partition_counts(*client_, topics, deadline());
  }
  Expected<std::optional<TopicDescription>> describe(const std::string& topic) override;
  Expected<std::vector<std::string>> create(std::span<const TopicPlan> plans) override;
  std::vector<Finding> check(const PartitionOfKey& partition_of, std::size_t sample) override;

 private:
  using Counts = std::map<std::string, std::int32_t>;

  [[nodiscard]] Deadline deadline() const { return Deadline(settings_.patience); }
  [[nodiscard]] std::vector<std::string> outputs() const {
    return {settings_.alerts_topic, settings_.dead_letters_topic, settings_.journal_topic};
  }
  [[nodiscard]] Expected<Counts> check_topics(std::vector<Finding>& findings);
  [[nodiscard]] Finding check_equal_counts(const Counts& counts) const;
  [[nodiscard]] Finding check_not_compacted(const std::string& topic) const;
  [[nodiscard]] Finding check_group() const;
  [[nodiscard]] Finding check_keys(const std::string& topic, std::int32_t partitions,
                                   const PartitionOfKey& partition_of, std::size_t sample) const;
  Status sample_partition(const std::string& topic, std::int32_t partition, std::int32_t partitions,
                          const PartitionOfKey& partition_of, std::size_t records_max, KeySample& sample) const;

  KafkaSettings settings_;
  std::shared_ptr<KafkaClient> client_;
};

// ---------------------------------------------------------------------------------------------------------------------
// Topics

Expected<std::optional<TopicDescription>> Admin::describe(const std::string& topic) {
  const auto counts = query_partition_counts(*client_, std::span(&topic, 1), deadline());
  if (!counts) return std::unexpected(counts.error());
  if (counts->empty()) return std::nullopt;
  auto topic_settings = query_topic_settings(*client_, topic, deadline());
  if (!topic_settings) return std::unexpected(topic_settings.error());
  const auto replication = query_replication(*client_, topic, deadline());
  if (!replication) return std::unexpected(replication.error());
  return TopicDescription{counts->at(topic), *replication, std::move(*topic_settings)};
}

Expected<std::vector<std::string>> Admin::create(std::span<const TopicPlan> plans) {
  std::vector<std::string> names;
  for (const TopicPlan& plan : plans) names.push_back(plan.name);
  const auto existing = partition_counts(names);
  if (!existing) return std::unexpected(existing.error());

  std::vector<NewTopicPtr> requests;
  std::vector<rd_kafka_NewTopic_t*> pointers;
  std::vector<std::string> created;
  for (const TopicPlan& plan : plans) {
    if (existing->contains(plan.name)) continue;
    auto request = to_request(plan);
    if (!request) return std::unexpected(request.error());
    pointers.push_back(request->get());
    requests.push_back(std::move(*request));
    created.push_back(plan.name);
  }
  if (created.empty()) return created;
  const auto event = ask(*client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline(), "create topics",
                         [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* answers) {
                           rd_kafka_CreateTopics(client_->get(), pointers.data(), pointers.size(), options, answers);
                         });
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  for (const auto* result : std::span(results, count)) {
    const auto code = rd_kafka_topic_result_error(result);
    // Somebody else, or an earlier try whose answer was lost.
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* why = rd_kafka_topic_result_error_string(result);
    return fail(kind_of(code, ErrorKind::failed),
                fmt::format("topic '{}' was not created: {}", rd_kafka_topic_result_name(result),
                            why == nullptr ? text_of(code) : why));
  }
  if (const auto known = require_topics(*client_, created, settings_.patience); !known) {
    return std::unexpected(known.error());
  }
  return created;
}

// ---------------------------------------------------------------------------------------------------------------------
// Checks

std::vector<Finding> Admin::check(const PartitionOfKey& partition_of, std::size_t sample) {
  std::vector<Finding> findings;
  const auto counts = check_topics(findings);
  if (!counts) {
    findings.push_back({false, counts.error().message});
    return findings;
  }
  findings.push_back(check_equal_counts(*counts));
  for (const std::string& topic : outputs()) {
    if (counts->contains(topic)) findings.push_back(check_not_compacted(topic));
  }
  findings.push_back(check_group());
  for (const std::string& topic : settings_.source_topics) {
    const auto count = counts->find(topic);
    if (count != counts->end() && partition_of) {
      findings.push_back(check_keys(topic, count->second, partition_of, sample));
    }
  }
  return findings;
}

Expected<Admin::Counts> Admin::check_topics(std::vector<Finding>& findings) {
  Counts all;
  std::vector<std::string> topics = settings_.source_topics;
  for (const std::string& output : outputs()) topics.push_back(output);
  for (const std::string& topic : topics) {
    const auto counts = query_partition_counts(*client_, std::span(&topic, 1), deadline());
    if (!counts && counts.error().kind == ErrorKind::unavailable) return counts;
    if (!counts) {
      findings.push_back({false, counts.error().message});
    } else if (counts->empty()) {
      findings.push_back(
          {false, fmt::format("topic '{}' is missing: create it, for example with `holdfast topics --create`", topic)});
    } else {
      all.insert(counts->begin(), counts->end());
      findings.push_back({true, fmt::format("topic '{}' is there, with {} partitions", topic, counts->at(topic))});
    }
  }
  return all;
}

Finding Admin::check_equal_counts(const Counts& counts) const {
  std::set<std::int32_t> different;
  std::string list;
  for (const std::string& topic : settings_.source_topics) {
    const auto count = counts.find(topic);
    if (count == counts.end()) continue;
    different.insert(count->second);
    list += fmt::format("{}'{}' {}", list.empty() ? "" : ", ", topic, count->second);
  }
  if (different.size() <= 1) return {true, "all sources have the same number of partitions"};
  return {false, fmt::format("sources have different numbers of partitions ({}): a customer's events must meet in one "
                             "partition, so give all the same number",
                             list)};
}

Finding Admin::check_not_compacted(const std::string& topic) const {
  const auto found = query_topic_settings(*client_, topic, deadline());
  if (!found) return {false, found.error().message};
  const auto policy = found->find("cleanup.policy");
  if (policy != found->end() && policy->second.find("compact") != std::string::npos) {
    return {false, fmt::format("topic '{}' has cleanup.policy={}, which removes records that are needed: set it to "
                               "'delete'",
                               topic, policy->second)};
  }
  return {true, fmt::format("topic '{}' keeps every record for its retention time", topic)};
}

Finding Admin::check_group() const {
  PartitionsPtr offsets(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(offsets.get(), settings_.source_topics.front().c_str(), 0);
  const auto code = rd_kafka_committed(client_->get(), offsets.get(), std::max(1, deadline().remaining_ms(10'000)));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    return {true, fmt::format("group '{}' may be used", settings_.application_id)};
  }
  return {false, fmt::format("group '{}' cannot be asked for its offsets: {}. If it is a matter of rights, allow Read "
                             "on the group",
                             settings_.application_id, text_of(code))};
}

Finding Admin::check_keys(const std::string& topic, std::int32_t partitions, const PartitionOfKey& partition_of,
                          std::size_t sample) const {
  KeySample keys;
  const std::size_t each = std::max<std::size_t>(1, sample / static_cast<std::size_t>(std::max(1, partitions)));
  for (std::int32_t p = 0; p < partitions; ++p) {
    const Status read = sample_partition(topic, p, partitions, partition_of, each, keys);
    if (!read) return {false, read.error().message};
  }
  if (keys.without_key > 0) {
    return {false, fmt::format("topic '{}': {} of {} sampled records have no key: producers must use the customer id "
                               "as the key",
                               topic, keys.without_key, keys.records)};
  }
  if (keys.misplaced > 0) {
    return {false, fmt::format("topic '{}': {} of {} sampled keys lie in another partition than they hash to ({}): set "
                               "`partitioner` to what the producers use",
                               topic, keys.misplaced, keys.records, keys.example)};
  }
  return {true, fmt::format("topic '{}': {} sampled keys lie where they belong", topic, keys.records)};
}

Status Admin::sample_partition(const std::string& topic, std::int32_t partition, std::int32_t partitions,
                               const PartitionOfKey& partition_of, std::size_t records_max, KeySample& sample) const {
  const auto range = query_range(*client_, topic, partition, deadline());
  if (!range) return std::unexpected(range.error());
  const std::int64_t from = std::max(range->first, range->end - static_cast<std::int64_t>(records_max));
  if (from >= range->end) return {};
  TopicPtr handle(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
  if (rd_kafka_consume_start(handle.get(), partition, from) != 0) {
    return fail(ErrorKind::failed, fmt::format("cannot read topic '{}': {}", topic, text_of(rd_kafka_last_error())));
  }
  Status status;
  const Deadline limit = deadline();
  for (std::int64_t next = from; next < range->end && !limit.passed();) {
    const MessagePtr message(rd_kafka_consume(handle.get(), partition, 100));
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      status = fail(kind_of(message->err, ErrorKind::failed),
                    fmt::format("cannot read topic '{}': {}. If it is a matter of rights, allow Read on the topic",
                                topic, text_of(message->err)));
      break;
    }
    next = message->offset + 1;
    ++sample.records;
    const std::string_view key(static_cast<const char*>(message->key), message->key == nullptr ? 0 : message->key_len);
    if (message->key == nullptr) {
      ++sample.without_key;
    } else if (const auto belongs = partition_of(key, partitions); belongs && *belongs != partition) {
      ++sample.misplaced;
      sample.example =
          fmt::format("for example offset {} of partition {} belongs to {}", message->offset, partition, *belongs);
    }
  }
  rd_kafka_consume_stop(handle.get(), partition);
  return status;
}

}  // namespace

std::vector<TopicPlan> plan_topics(const KafkaSettings& settings, std::int32_t partitions, std::int32_t replication) {
  const std::map<std::string, std::string> kept_a_week{{"cleanup.policy", "delete"},
                                                       {"retention.ms", std::string(week_ms)}};
  std::vector<TopicPlan> plans;
  for (const std::string& topic : settings.source_topics) {
    plans.push_back({topic, partitions, replication, kept_a_week, "events in, keyed by customer"});
  }
  plans.push_back({settings.alerts_topic, partitions, replication, kept_a_week, "alerts out, keyed by customer"});
  auto dead_letters = kept_a_week;
  dead_letters["max.message.bytes"] = dead_letter_bytes_max;
  plans.push_back({settings.dead_letters_topic, partitions, replication, dead_letters, "records that are no events"});
  plans.push_back({settings.journal_topic, journal_partitions, replication, kept_a_week,
                   "internal: the steps that were taken, for recovery"});
  return plans;
}

Expected<std::unique_ptr<KafkaAdmin>> make_kafka_admin(const KafkaSettings& settings) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, admin_defaults, admin_fixed(settings));
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Admin>(settings, std::move(*client));
}

}  // namespace holdfast::ingest
