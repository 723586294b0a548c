#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/kafka_clients.hpp"
#include "app/logging.hpp"
#include "app/report.hpp"
#include "app/text_table.hpp"
#include "ingest/kafka_admin.hpp"

namespace holdfast::app {
namespace {

/// A topic as it should be, and as it is.
struct TopicRow {
  ingest::TopicPlan plan;
  std::optional<ingest::TopicDescription> found;
  bool created = false;
  bool unknown = false;  ///< No broker has said whether it is there.
};

/// The plan is worth something without brokers, so they are not waited for as long as where all depends on them.
constexpr Duration patience_for_a_look{3'000};

/// As many as the source topics have that are there already; otherwise as the flag says.
Expected<std::int32_t> source_partitions(ingest::KafkaAdmin& admin, const ingest::KafkaSettings& settings,
                                         std::int32_t otherwise) {
  const auto counts = admin.partition_counts(settings.source_topics);
  if (!counts) return std::unexpected(counts.error());
  std::int32_t partitions = 0;
  for (const auto& [topic, count] : *counts) partitions = std::max(partitions, count);
  return partitions > 0 ? partitions : otherwise;
}

Status describe(ingest::KafkaAdmin& admin, std::vector<TopicRow>& rows) {
  for (TopicRow& row : rows) {
    auto found = admin.describe(row.plan.name);
    if (!found) return std::unexpected(found.error());
    row.found = std::move(*found);
  }
  return {};
}

std::vector<TopicRow> plan(const ingest::KafkaSettings& settings, std::int32_t partitions, std::int32_t replication) {
  std::vector<TopicRow> rows;
  for (ingest::TopicPlan& topic : ingest::plan_topics(settings, partitions, replication))
    rows.push_back({.plan = std::move(topic), .found = {}});
  return rows;
}

/// The plan beside what is there.
Expected<std::vector<TopicRow>> look(ingest::KafkaAdmin& admin, const ingest::KafkaSettings& settings,
                                     const TopicsOptions& options) {
  const auto partitions = source_partitions(admin, settings, options.partitions);
  if (!partitions) return std::unexpected(partitions.error());
  auto rows = plan(settings, *partitions, options.replication);
  if (const Status described = describe(admin, rows); !described) return std::unexpected(described.error());
  return rows;
}

Status create_missing(ingest::KafkaAdmin& admin, std::vector<TopicRow>& rows) {
  std::vector<ingest::TopicPlan> missing;
  for (const TopicRow& row : rows) {
    if (!row.found) missing.push_back(row.plan);
  }
  if (missing.empty()) return {};
  const auto created = admin.create(missing);
  if (!created) return std::unexpected(created.error());
  for (TopicRow& row : rows) row.created = std::find(created->begin(), created->end(), row.plan.name) != created->end();
  return describe(admin, rows);
}

std::string settings_text(const std::map<std::string, std::string>& settings) {
  std::string out;
  for (const auto& [name, value] : settings) out += fmt::format("{}{}={}", out.empty() ? "" : ",", name, value);
  return out.empty() ? "-" : out;
}

const char* standing(const TopicRow& row) {
  if (row.unknown) return "unknown";
  return row.created ? "created" : row.found ? "there" : "missing";
}

void print_text(const std::vector<TopicRow>& rows) {
  std::vector<std::vector<std::string>> table{{"TOPIC", "PARTITIONS", "REPLICATION", "IS", "SETTINGS", "PURPOSE"}};
  for (const TopicRow& row : rows) {
    const std::int32_t partitions = row.found ? row.found->partitions : row.plan.partitions;
    const std::int32_t replication = row.found ? row.found->replication : row.plan.replication;
    table.push_back({row.plan.name, std::to_string(partitions), std::to_string(replication), standing(row),
                     settings_text(row.plan.settings), row.plan.purpose});
  }
  fmt::print("{}", text_table(table));
}

void print_json(const std::vector<TopicRow>& rows) {
  auto out = nlohmann::ordered_json::array();
  for (const TopicRow& row : rows) {
    nlohmann::ordered_json topic{{"topic", row.plan.name}, {"purpose", row.plan.purpose}, {"is", standing(row)}};
    topic["planned"] = {
        {"partitions", row.plan.partitions}, {"replication", row.plan.replication}, {"settings", row.plan.settings}};
    if (row.found) topic["found"] = {{"partitions", row.found->partitions}, {"replication", row.found->replication}};
    out.push_back(std::move(topic));
  }
  fmt::print("{}\n", out.dump(2));
}

}  // namespace

int topics_command(const TopicsOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  start_logging(config->log);
  ingest::KafkaSettings settings = kafka_settings_of(*config);
  if (!options.create) settings.patience = patience_for_a_look;
  auto admin = ingest::make_kafka_admin(settings);
  if (!admin) return report(admin.error());

  auto rows = look(**admin, settings, options);
  if (!rows && rows.error().kind == ErrorKind::unavailable && !options.create) {
    fmt::print(stderr, "warning: {}; what is there is not known\n", rows.error().message);
    rows = plan(settings, options.partitions, options.replication);
    for (TopicRow& row : *rows) row.unknown = true;
  }
  if (!rows) return report(rows.error());
  if (options.create) {
    if (const Status created = create_missing(**admin, *rows); !created) return report(created.error());
  }
  if (options.json) {
    print_json(*rows);
  } else {
    print_text(*rows);
  }
  return 0;
}

}  // namespace holdfast::app
