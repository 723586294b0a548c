#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/kafka_clients.hpp"
#include "app/report.hpp"
#include "app/text_table.hpp"
#include "ingest/kafka_tail.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

constexpr Duration poll_wait{500};

struct Line {
  std::string time;
  std::string customer;
  std::string change;
  std::string level;
  std::string risk;
  double at_risk = 0;
  std::string at_risk_text;
  std::string reason;
};

/// What speaks loudest for the change; the list is ordered by size, of either sign.
std::string reason_of(const Json& alert) {
  const std::string change = alert.value("change", "");
  const bool lower = change == "eased" || change == "resolved";
  for (const auto& reason : alert.value("reasons", Json::array())) {
    const double contribution = reason.value("contribution", 0.0);
    if (lower ? contribution < 0 : contribution > 0) return reason.value("text", "");
  }
  return "Nothing unusual: such is the risk of this shop's customers.";
}

Line line_of(const Json& alert) {
  Line line{.time = alert.value("time", "").substr(0, 16),
            .customer = alert.value("customer_id", ""),
            .change = alert.value("change", ""),
            .level = alert.value("level", ""),
            .risk = fmt::format("{:.0f} %", 100 * alert.value("risk", 0.0)),
            .at_risk_text = "",
            .reason = ""};
  std::ranges::replace(line.time, 'T', ' ');
  if (const auto value = alert.find("value"); value != alert.end() && value->contains("at_risk")) {
    line.at_risk = value->value("at_risk", 0.0);
    line.at_risk_text = fmt::format("{:.2f} {}", line.at_risk, value->value("currency", ""));
  }
  line.reason = reason_of(alert);
  return line;
}

void print_lines(const std::vector<Line>& lines, bool with_header) {
  std::vector<std::vector<std::string>> rows;
  if (with_header) rows.push_back({"TIME", "CUSTOMER", "CHANGE", "LEVEL", "RISK", "AT RISK", "WHY"});
  for (const Line& line : lines)
    rows.push_back({line.time, line.customer, line.change, line.level, line.risk, line.at_risk_text, line.reason});
  fmt::print("{}", text_table(rows));
}

/// All that the topic tells, in the order of its partitions' arrival.
class Alerts {
 public:
  void add(std::string_view value) {
    Json alert = Json::parse(value, nullptr, false);
    if (!alert.is_object()) return;
    ++changes_[alert.value("change", "?")];
    latest_[alert.value("customer_id", "")] = alert;
    all_.push_back(std::move(alert));
  }

  [[nodiscard]] std::vector<Json> flagged() const {
    std::vector<Json> out;
    for (const auto& [customer, alert] : latest_) {
      if (alert.value("level", "none") != "none") out.push_back(alert);
    }
    std::ranges::stable_sort(out, [](const Json& a, const Json& b) { return line_of(a).at_risk > line_of(b).at_risk; });
    return out;
  }
  [[nodiscard]] std::vector<Json> newest(std::size_t limit) const {
    std::vector<Json> out = all_;
    std::ranges::stable_sort(out, {}, [](const Json& alert) { return alert.value("time", ""); });
    if (limit > 0 && out.size() > limit) out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(limit));
    return out;
  }
  [[nodiscard]] std::string summary(std::size_t flagged) const {
    std::string out = fmt::format("{} alerts of {} customers", all_.size(), latest_.size());
    for (const auto& [change, count] : changes_) out += fmt::format(", {} {}", count, change);
    return out + fmt::format("; {} customers are flagged now", flagged);
  }

 private:
  std::vector<Json> all_;
  std::map<std::string, Json> latest_;
  std::map<std::string, std::uint64_t> changes_;
};

void print(const std::vector<Json>& alerts, std::size_t limit, bool json) {
  std::vector<Line> lines;
  for (const Json& alert : alerts) {
    if (limit > 0 && lines.size() == limit) break;
    if (json) fmt::print("{}\n", alert.dump());
    lines.push_back(line_of(alert));
  }
  if (!json && !lines.empty()) print_lines(lines, true);
}

int follow(ingest::KafkaTail& tail, bool json) {
  while (true) {
    const Status polled = tail.poll(
        [&](std::string_view, std::string_view value) {
          if (json) {
            fmt::print("{}\n", value);
          } else if (const Json alert = Json::parse(value, nullptr, false); alert.is_object()) {
            print_lines({line_of(alert)}, false);
          }
          std::fflush(stdout);
        },
        poll_wait);
    if (!polled) return report(polled.error());
  }
}

}  // namespace

int alerts_command(const AlertsOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  auto tail = ingest::open_kafka_tail(kafka_settings_of(*config), config->alerts_topic);
  if (!tail) return report(tail.error());
  Alerts alerts;
  while (!(*tail)->reached_end()) {
    const Status polled =
        (*tail)->poll([&](std::string_view, std::string_view value) { alerts.add(value); }, poll_wait);
    if (!polled) return report(polled.error());
  }
  const std::vector<Json> flagged = alerts.flagged();
  print(options.flagged ? flagged : alerts.newest(options.limit), options.limit, options.json);
  if (!options.json) fmt::print(stderr, "{}\n", alerts.summary(flagged.size()));
  return options.follow ? follow(**tail, options.json) : 0;
}

}  // namespace holdfast::app
