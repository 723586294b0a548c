#include "ingest/kafka_admin.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "ingest/decoder.hpp"
#include "ingest/kafka_batch.hpp"
#include "ingest/kafka_client.hpp"
#include "ingest/kafka_rights.hpp"
#include "ingest/kafka_topic_settings.hpp"

namespace holdfast::ingest {
namespace {

// As long as Kafka keeps inputs by default.
constexpr std::string_view week_ms = "604800000";
constexpr std::string_view day_ms = "86400000";
// Twice what an input record may have by default: its dead letter has headers around it, and may be compressed less.
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

/// Restores read what was not compacted yet as well: it is compacted as soon as half of it is old. What was erased must
/// go, however little changes otherwise: within a day of the note of it, and the note within another day or two.
std::map<std::string, std::string> compacted() {
  return {{"cleanup.policy", "compact"},
          {"delete.retention.ms", std::string(day_ms)},
          {"max.compaction.lag.ms", std::string(day_ms)},
          {"min.cleanable.dirty.ratio", "0.5"},
          {"segment.ms", "3600000"}};
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

using Verdict = Finding::Verdict;

Finding fine(std::string what) { return {Verdict::ok, std::move(what)}; }
Finding fault(std::string what) { return {Verdict::fault, std::move(what)}; }
Finding open(const std::string& what) { return {Verdict::open, "not checked: " + what}; }

/// Records of a source that were looked at, and those among them that are not as they should be.
struct Sample {
  struct Rejected {
    std::size_t count = 0;
    std::string first;
  };
  std::size_t records = 0;
  std::map<RejectionCode, Rejected> rejected;
  std::size_t misplaced = 0;
  std::string first_misplaced;

  void add(const EventBatch& events, std::int32_t partition) {
    for (const Event& event : events.events) {
      ++records;
      const auto place = [&] { return fmt::format("partition {}, offset {}", partition, event.offset.value); };
      if (event.rejection != nullptr) {
        Rejected& of_code = rejected[event.rejection->code];
        if (of_code.count++ == 0) of_code.first = place() + ": " + event.rejection->message;
      } else if (event.misplaced && misplaced++ == 0) {
        first_misplaced = place();
      }
    }
  }
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
  std::vector<Finding> check(std::span<const SourceFormat> sources, Partitioner partitioner,
                             std::size_t sample) override;

 private:
  using Counts = std::map<std::string, std::int32_t>;

  [[nodiscard]] Deadline deadline() const { return Deadline(settings_.patience); }
  [[nodiscard]] std::vector<std::string> outputs() const {
    std::vector<std::string> topics{settings_.alerts_topic, settings_.dead_letters_topic, settings_.journal_topic};
    if (!settings_.changelog_topic.empty()) topics.push_back(settings_.changelog_topic);
    return topics;
  }
  [[nodiscard]] Expected<Counts> check_topics(std::vector<Finding>& findings);
  [[nodiscard]] Finding check_equal_counts(const Counts& counts) const;
  [[nodiscard]] Finding check_cleanup(const std::string& topic) const;
  void check_changelog_count(const Counts& counts, std::vector<Finding>& findings) const;
  [[nodiscard]] static Finding check_models_count(const std::string& topic, std::int32_t partitions);
  [[nodiscard]] Finding check_group(const Counts& counts) const;
  [[nodiscard]] Finding check_transactions() const;
  void check_outputs(const Counts& counts, std::vector<Finding>& findings) const;
  void check_records(const SourceFormat& source, Partitioner partitioner, std::int32_t partitions, std::size_t sample,
                     std::vector<Finding>& findings) const;
  [[nodiscard]] Expected<std::unique_ptr<KafkaBatch>> latest_records(const std::string& topic, std::int32_t partition,
                                                                     std::size_t records_max) const;

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

std::vector<Finding> Admin::check(std::span<const SourceFormat> sources, Partitioner partitioner, std::size_t sample) {
  std::vector<Finding> findings;
  const auto counts = check_topics(findings);
  if (!counts) {
    findings.push_back(fault(counts.error().message));
    return findings;
  }
  findings.push_back(check_equal_counts(*counts));
  for (const std::string& topic : outputs()) {
    if (counts->contains(topic)) findings.push_back(check_cleanup(topic));
  }
  check_changelog_count(*counts, findings);
  if (const auto models = counts->find(settings_.models_topic); models != counts->end()) {
    findings.push_back(check_cleanup(models->first));
    findings.push_back(check_models_count(models->first, models->second));
  }
  findings.push_back(check_group(*counts));
  if (settings_.exactly_once || !settings_.changelog_topic.empty()) findings.push_back(check_transactions());
  check_outputs(*counts, findings);
  for (const SourceFormat& source : sources) {
    if (const auto count = counts->find(source.topic); count != counts->end())
      check_records(source, partitioner, count->second, sample, findings);
  }
  return findings;
}

Expected<Admin::Counts> Admin::check_topics(std::vector<Finding>& findings) {
  Counts all;
  std::vector<std::string> topics = settings_.source_topics;
  for (const std::string& output : outputs()) topics.push_back(output);
  if (!settings_.models_topic.empty()) topics.push_back(settings_.models_topic);
  for (const std::string& topic : topics) {
    const auto counts = query_partition_counts(*client_, std::span(&topic, 1), deadline());
    if (!counts && counts.error().kind == ErrorKind::unavailable) return counts;
    if (!counts) {
      findings.push_back(fault(counts.error().message));
    } else if (counts->empty()) {
      findings.push_back(
          fault(fmt::format("topic '{}' is missing: create it, for example with `holdfast topics --create`", topic)));
    } else {
      all.insert(counts->begin(), counts->end());
      findings.push_back(fine(fmt::format("topic '{}' is there, with {} partitions", topic, counts->at(topic))));
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
  if (different.size() <= 1) return fine("all sources have the same number of partitions");
  return fault(
      fmt::format("sources have different numbers of partitions ({}): a customer's events must meet in one "
                  "partition, so give all the same number",
                  list));
}

Finding Admin::check_cleanup(const std::string& topic) const {
  const auto found = query_topic_settings(*client_, topic, deadline());
  if (!found) return fault(found.error().message);
  const auto policy = found->find("cleanup.policy");
  if (topic == settings_.changelog_topic) {
    if (policy != found->end() && policy->second == "compact")
      return fine(fmt::format("topic '{}' keeps the latest record of every customer", topic));
    return fault(
        fmt::format("topic '{}' has cleanup.policy={}, which removes customers that were silent for long: set "
                    "it to 'compact'",
                    topic, policy == found->end() ? "delete" : policy->second));
  }
  if (policy != found->end() && policy->second.find("compact") != std::string::npos) {
    return fault(
        fmt::format("topic '{}' has cleanup.policy={}, which removes records that are needed: set it to "
                    "'delete'",
                    topic, policy->second));
  }
  return fine(fmt::format("topic '{}' keeps every record for its retention time", topic));
}

void Admin::check_changelog_count(const Counts& counts, std::vector<Finding>& findings) const {
  const auto changelog = counts.find(settings_.changelog_topic);
  const auto source = counts.find(settings_.source_topics.front());
  if (changelog == counts.end() || source == counts.end()) return;
  if (changelog->second == source->second) {
    findings.push_back(fine(fmt::format("topic '{}' has as many partitions as the sources", changelog->first)));
  } else {
    findings.push_back(
        fault(fmt::format("topic '{}' has {} partitions, '{}' has {}: the changelog needs one for each "
                          "partition of the sources. If these got more, begin anew with another "
                          "application_id",
                          changelog->first, changelog->second, source->first, source->second)));
  }
}

Finding Admin::check_models_count(const std::string& topic, std::int32_t partitions) {
  if (partitions == 1) return fine(fmt::format("topic '{}' has one partition", topic));
  return fault(
      fmt::format("topic '{}' has {} partitions, and nobody can say which of its models is the newest: name another "
                  "topic in topics.models, and let `holdfast topics --create` make it",
                  topic, partitions));
}

Finding Admin::check_group(const Counts& counts) const {
  const std::string& group = settings_.application_id;
  PartitionsPtr offsets(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(offsets.get(), settings_.source_topics.front().c_str(), 0);
  const auto code = rd_kafka_committed(client_->get(), offsets.get(), std::max(1, deadline().remaining_ms(10'000)));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fault(
        fmt::format("group '{}' cannot be asked for its offsets: {}. If it is a matter of rights, allow Read on "
                    "the group",
                    group, text_of(code)));
  }
  const auto topic = std::ranges::find_if(settings_.source_topics, [&](const auto& t) { return counts.contains(t); });
  if (topic == settings_.source_topics.end())
    return open(fmt::format("whether group '{}' may be used, since no source topic is there", group));
  const RightAnswer answer = ask_for_group_read(*client_, *topic, deadline());
  switch (answer.right) {
    case RightAnswer::Right::granted: return fine(fmt::format("group '{}' may be used", group));
    case RightAnswer::Right::denied: return fault(fmt::format("no right to use group '{}': allow Read on it", group));
    case RightAnswer::Right::unknown: break;
  }
  return open(fmt::format("whether group '{}' may be used: {}", group, answer.why));
}

// Only the id of somebody who never runs can be tried: a new producer with an id ends the one that has it.
Finding Admin::check_transactions() const {
  const std::string id = member_id(settings_);
  const RightAnswer answer = ask_for_transactions(settings_);
  if (answer.right == RightAnswer::Right::granted)
    return fine(fmt::format("transactional ids that begin with '{}' may be used", id));
  return open(fmt::format("whether transactional id '{}' may be used, which shows only once it is: {}", id,
                          answer.right == RightAnswer::Right::denied
                              ? fmt::format("there is no right to '{}'. Allow Write and Describe on transactional ids "
                                            "that begin with '{}-', or make sure that '{}' itself has them",
                                            transactional_id_for_asking(settings_), settings_.application_id, id)
                              : answer.why));
}

void Admin::check_outputs(const Counts& counts, std::vector<Finding>& findings) const {
  std::vector<std::string> topics = outputs();
  std::erase_if(topics, [&](const std::string& topic) { return !counts.contains(topic); });
  for (const auto& [topic, answer] : ask_for_write(settings_, topics)) {
    switch (answer.right) {
      case RightAnswer::Right::granted:
        findings.push_back(fine(fmt::format("topic '{}' may be written", topic)));
        break;
      case RightAnswer::Right::denied:
        findings.push_back(fault(fmt::format("no right to write topic '{}': allow Write on it", topic)));
        break;
      case RightAnswer::Right::unknown:
        findings.push_back(open(fmt::format("whether topic '{}' may be written: {}", topic, answer.why)));
        break;
    }
  }
  for (const std::string& topic : {settings_.journal_topic, settings_.changelog_topic, settings_.models_topic}) {
    if (!counts.contains(topic)) continue;
    const auto read = latest_records(topic, 0, 1);
    findings.push_back(read ? fine(fmt::format("topic '{}' may be read", topic)) : fault(read.error().message));
  }
}

void Admin::check_records(const SourceFormat& source, Partitioner partitioner, std::int32_t partitions,
                          std::size_t sample, std::vector<Finding>& findings) const {
  Sample seen;
  const std::size_t each = std::max<std::size_t>(1, sample / static_cast<std::size_t>(std::max(1, partitions)));
  EventBatch events;
  for (std::int32_t p = 0; p < partitions; ++p) {
    const auto records = latest_records(source.topic, p, each);
    if (!records) {
      findings.push_back(fault(records.error().message));
      return;
    }
    Decoder(source, Partition{p}, partitioner, partitions).decode(**records, events);
    seen.add(events, p);
  }
  for (const auto& [code, rejected] : seen.rejected) {
    findings.push_back(
        fault(fmt::format("topic '{}': {} of {} sampled records are no events of source '{}' ({}), the "
                          "first of them at {}",
                          source.topic, rejected.count, seen.records, source.name, code_name(code), rejected.first)));
  }
  if (seen.misplaced > 0) {
    findings.push_back(
        fault(fmt::format("topic '{}': {} of {} sampled records lie in another partition than their keys "
                          "hash to, the first of them at {}: set `partitioner` to what the producers use",
                          source.topic, seen.misplaced, seen.records, seen.first_misplaced)));
  }
  if (!seen.rejected.empty() || seen.misplaced > 0) return;
  const std::string events_text =
      fmt::format("topic '{}': all of {} sampled records are events keyed by customer", source.topic, seen.records);
  if (partitioner != Partitioner::none) {
    findings.push_back(fine(events_text + " and lie where their keys belong"));
    return;
  }
  findings.push_back(fine(events_text));
  findings.push_back(
      open(fmt::format("whether the records of topic '{}' lie where their keys belong, since "
                       "`partitioner` is none",
                       source.topic)));
}

/// Of the first partition also where there are none: to see whether reading is allowed.
Expected<std::unique_ptr<KafkaBatch>> Admin::latest_records(const std::string& topic, std::int32_t partition,
                                                            std::size_t records_max) const {
  const auto range = query_range(*client_, topic, partition, deadline());
  if (!range) return std::unexpected(range.error());
  auto batch = std::make_unique<KafkaBatch>(client_, records_max);
  const std::int64_t from = std::max(range->first, range->end - static_cast<std::int64_t>(records_max));
  if (from >= range->end && partition > 0) return batch;
  const TopicPtr handle(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
  if (rd_kafka_consume_start(handle.get(), partition, from) != 0) {
    return fail(ErrorKind::failed, fmt::format("cannot read topic '{}': {}", topic, text_of(rd_kafka_last_error())));
  }
  Status status;
  const Deadline limit = deadline();
  for (bool more = true; more && !limit.passed();) {
    MessagePtr message(rd_kafka_consume(handle.get(), partition, 100));
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      status = fail(kind_of(message->err, ErrorKind::failed),
                    fmt::format("cannot read topic '{}': {}. If it is a matter of rights, allow Read on the topic",
                                topic, text_of(message->err)));
      break;
    }
    more = message->offset + 1 < range->end && batch->records().size() + 1 < records_max;
    batch->add(std::move(message));
  }
  rd_kafka_consume_stop(handle.get(), partition);
  if (!status) return std::unexpected(status.error());
  return batch;
}

}  // namespace

std::vector<TopicPlan> plan_topics(const KafkaSettings& settings, std::int32_t partitions, std::int32_t replication) {
  const std::map<std::string, std::string> kept_a_week{{"cleanup.policy", "delete"},
                                                       {"retention.ms", std::string(week_ms)}};
  std::vector<TopicPlan> plans;
  plans.reserve(settings.source_topics.size() + 5);
  for (const std::string& topic : settings.source_topics) {
    plans.push_back({topic, partitions, replication, kept_a_week, "events in, keyed by customer"});
  }
  plans.push_back({settings.alerts_topic, partitions, replication, kept_a_week, "alerts out, keyed by customer"});
  auto dead_letters = kept_a_week;
  dead_letters["max.message.bytes"] = dead_letter_bytes_max;
  plans.push_back({settings.dead_letters_topic, partitions, replication, dead_letters, "records that are no events"});
  plans.push_back({settings.journal_topic, journal_partitions, replication, kept_a_week,
                   "internal: the steps that were taken, for recovery"});
  if (!settings.changelog_topic.empty())
    plans.push_back({settings.changelog_topic, partitions, replication, compacted(),
                     "internal: the customers as of the last checkpoint, for restoring them elsewhere"});
  // Not compacted: a record that turned out to be no model must not remove the one before it.
  if (!settings.models_topic.empty())
    plans.push_back({settings.models_topic,
                     1,
                     replication,
                     {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "-1"}},
                     "models, the newest in force"});
  return plans;
}

Expected<std::unique_ptr<KafkaAdmin>> make_kafka_admin(const KafkaSettings& settings) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, admin_defaults, admin_fixed(settings));
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Admin>(settings, std::move(*client));
}

}  // namespace holdfast::ingest
