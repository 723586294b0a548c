#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/kafka_clients.hpp"
#include "app/logging.hpp"
#include "app/model_keeper.hpp"
#include "app/report.hpp"
#include "app/text_table.hpp"
#include "ingest/kafka_producer.hpp"
#include "ingest/kafka_tail.hpp"

namespace holdfast::app {
namespace {

constexpr Duration poll_wait{500};
constexpr std::string_view record_key = "model";

/// A record of the topic, and what instances make of it.
struct Row {
  std::int64_t offset = 0;
  Timestamp written_at;
  std::string name;
  std::string id;
  std::string is;  ///< "in force", "superseded", "refused".
  std::string fault;
};

Expected<std::vector<Row>> read_topic(const Config& config) {
  auto tail = open_models_topic(config);
  if (!tail) return std::unexpected(tail.error());
  KnownModels known(config.sources);
  std::vector<Row> rows;
  const auto take = [&](const ingest::TailRecord& record) {
    if (record.value.data() == nullptr) return;
    Row& row = rows.emplace_back();
    row.offset = record.offset;
    row.written_at = record.timestamp;
    const auto model = model_for(config, known, record.value, fmt::format("offset {}", record.offset));
    row.is = model ? "superseded" : "refused";
    if (model) {
      row.name = (*model)->name;
      row.id = (*model)->id;
    } else {
      row.fault = model.error().message;
    }
  };
  while (!(*tail)->reached_end()) {
    if (const Status polled = (*tail)->poll(take, poll_wait); !polled) return std::unexpected(polled.error());
  }
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row->is == "refused") continue;
    row->is = "in force";
    break;
  }
  return rows;
}

Status use(const Config& config, const std::string& path) {
  const auto bytes = text_files()(path);
  if (!bytes) return fail(ErrorKind::invalid_argument, "--use: " + bytes.error().message);
  KnownModels known(config.sources);
  const auto model = model_for(config, known, *bytes, path);
  if (!model) return std::unexpected(model.error());
  for (const std::string& warning : warnings_of(config, *bytes, path)) fmt::print(stderr, "warning: {}\n", warning);
  auto producer = ingest::make_kafka_producer(kafka_settings_of(config), ingest::Partitioner::none);
  if (!producer) return std::unexpected(producer.error());
  if (auto sent = (*producer)->send(config.models_topic, record_key, *bytes, Timestamp{-1}); !sent) return sent;
  if (auto done = (*producer)->flush(); !done) return done;
  fmt::print(stderr, "{} ({}) is in topic {}: instances that run take it within seconds\n", (*model)->name,
             (*model)->id, config.models_topic);
  return {};
}

void print_text(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> table{{"OFFSET", "WRITTEN", "IS", "NAME", "ID"}};
  for (const Row& row : rows)
    table.push_back({std::to_string(row.offset), to_rfc3339(row.written_at), row.is, row.name, row.id});
  fmt::print("{}", text_table(table));
  for (const Row& row : rows) {
    if (!row.fault.empty()) fmt::print("{}\n", row.fault);
  }
}

void print_json(const std::vector<Row>& rows) {
  auto out = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json one{{"offset", row.offset}, {"written_at", to_rfc3339(row.written_at)}, {"is", row.is}};
    if (row.fault.empty()) {
      one["name"] = row.name;
      one["id"] = row.id;
    } else {
      one["fault"] = row.fault;
    }
    out.push_back(std::move(one));
  }
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

int models_command(const ModelsOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  start_logging(config->log);
  if (config->models_topic.empty())
    return report({ErrorKind::invalid_argument,
                   "topics.models names no topic: instances take their model from risk.model alone (SIGHUP has them "
                   "read it again). Set it, and create the topic with `holdfast topics --create`"});
  if (!options.use.empty()) {
    if (const Status used = use(*config, options.use); !used) return report(used.error());
  }
  const auto rows = read_topic(*config);
  if (!rows) return report(rows.error());
  if (options.json) {
    print_json(*rows);
  } else {
    print_text(*rows);
  }
  return 0;
}

}  // namespace holdfast::app
