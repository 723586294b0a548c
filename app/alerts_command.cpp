#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/alert_list.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/kafka_clients.hpp"
#include "app/logging.hpp"
#include "app/report.hpp"
#include "ingest/kafka_tail.hpp"

namespace holdfast::app {
namespace {

constexpr Duration poll_wait{500};

/// Records of the topic that are no alerts.
struct Foreign {
  std::uint64_t count = 0;
  std::string first;

  void note(const ingest::TailRecord& record) {
    if (count++ == 0) first = fmt::format("partition {}, offset {}", record.partition, record.offset);
  }
};

void print(const std::vector<AlertList::Shown>& alerts, bool json) {
  std::vector<AlertLine> lines;
  for (const auto& alert : alerts) {
    if (json) {
      fmt::print("{}\n", alert.text);
    } else {
      lines.push_back(alert.line);
    }
  }
  if (!lines.empty()) fmt::print("{}", table_of(lines, true));
}

void print_new(const ingest::TailRecord& record, const std::string& topic, bool json) {
  const auto line = read_alert(record.value);
  if (!line) {
    fmt::print(stderr, "warning: topic {}, partition {}, offset {}: the record is no alert\n", topic, record.partition,
               record.offset);
  } else if (json) {
    fmt::print("{}\n", record.value);
  } else {
    fmt::print("{}", table_of({*line}, false));
  }
  std::fflush(stdout);
}

}  // namespace

int alerts_command(const AlertsOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  start_logging(config->log);
  const std::string& topic = config->alerts_topic;
  auto tail = ingest::open_kafka_tail(kafka_settings_of(*config), topic);
  if (!tail) return report(tail.error());
  AlertList alerts({.flagged = options.flagged, .limit = options.limit, .texts = options.json});
  Foreign foreign;
  const auto take = [&](const ingest::TailRecord& record) {
    if (!alerts.add(record.value)) foreign.note(record);
  };
  while (!(*tail)->reached_end()) {
    if (const Status polled = (*tail)->poll(take, poll_wait); !polled) return report(polled.error());
  }
  print(alerts.shown(), options.json);
  if (!options.json) fmt::print(stderr, "{}\n", alerts.summary());
  if (foreign.count > 0)
    fmt::print(stderr, "warning: {} records of topic {} are no alerts and were left out; the first: {}\n",
               foreign.count, topic, foreign.first);
  while (options.follow) {
    const Status polled =
        (*tail)->poll([&](const ingest::TailRecord& record) { print_new(record, topic, options.json); }, poll_wait);
    if (!polled) return report(polled.error());
  }
  return 0;
}

}  // namespace holdfast::app
