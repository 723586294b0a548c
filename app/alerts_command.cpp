#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/kafka_clients.hpp"
#include "app/logging.hpp"
#include "app/report.hpp"
#include "app/text_table.hpp"
#include "ingest/kafka_tail.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

constexpr Duration poll_wait{500};

struct Alert {
  std::string text;  ///< As the topic has it.
  Json json;
};

/// No value: somebody else's record.
std::optional<Alert> parse_alert(std::string_view value) {
  Json json = Json::parse(value, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  for (const char* const name : {"customer_id", "change", "level", "time"}) {
    if (const auto member = json.find(name); member == json.end() || !member->is_string()) return std::nullopt;
  }
  return Alert{std::string(value), std::move(json)};
}

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
    auto alert = parse_alert(value);
    if (!alert) return;
    ++changes_[alert->json.at("change")];
    latest_[alert->json.at("customer_id")] = all_.size();
    all_.push_back(std::move(*alert));
  }

  /// The customers' latest alerts that left them at a level, the largest value at risk first.
  [[nodiscard]] std::vector<const Alert*> flagged() const {
    std::vector<const Alert*> out;
    for (const auto& [customer, index] : latest_) {
      if (all_[index].json.at("level") != "none") out.push_back(&all_[index]);
    }
    std::ranges::stable_sort(out, std::greater{}, [](const Alert* alert) { return line_of(alert->json).at_risk; });
    return out;
  }
  [[nodiscard]] std::vector<const Alert*> newest(std::size_t limit) const {
    std::vector<const Alert*> out;
    for (const Alert& alert : all_) out.push_back(&alert);
    std::ranges::stable_sort(out, {}, [](const Alert* alert) { return alert->json.at("time").get<std::string>(); });
    if (limit > 0 && out.size() > limit) out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(limit));
    return out;
  }
  [[nodiscard]] std::string summary(std::size_t flagged) const {
    std::string out = fmt::format("{} alerts of {} customers", all_.size(), latest_.size());
    for (const auto& [change, count] : changes_) out += fmt::format(", {} {}", count, change);
    return out + fmt::format("; {} customers are flagged now", flagged);
  }

 private:
  std::vector<Alert> all_;
  std::map<std::string, std::size_t> latest_;  ///< By customer: of `all_`.
  std::map<std::string, std::uint64_t> changes_;
};

void print(const std::vector<const Alert*>& alerts, std::size_t limit, bool json) {
  std::vector<Line> lines;
  for (const Alert* const alert : alerts) {
    if (limit > 0 && lines.size() == limit) break;
    if (json) fmt::print("{}\n", alert->text);
    lines.push_back(line_of(alert->json));
  }
  if (!json && !lines.empty()) print_lines(lines, true);
}

int follow(ingest::KafkaTail& tail, bool json) {
  while (true) {
    const Status polled = tail.poll(
        [&](std::string_view, std::string_view value) {
          if (const auto alert = parse_alert(value)) {
            if (json) {
              fmt::print("{}\n", alert->text);
            } else {
              print_lines({line_of(alert->json)}, false);
            }
            std::fflush(stdout);
          }
        },
        poll_wait);
    if (!polled) return report(polled.error());
  }
}

}  // namespace

int alerts_command(const AlertsOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  start_logging(config->log);
  auto tail = ingest::open_kafka_tail(kafka_settings_of(*config), config->alerts_topic);
  if (!tail) return report(tail.error());
  Alerts alerts;
  while (!(*tail)->reached_end()) {
    const Status polled =
        (*tail)->poll([&](std::string_view, std::string_view value) { alerts.add(value); }, poll_wait);
    if (!polled) return report(polled.error());
  }
  const std::vector<const Alert*> flagged = alerts.flagged();
  print(options.flagged ? flagged : alerts.newest(options.limit), options.limit, options.json);
  if (!options.json) fmt::print(stderr, "{}\n", alerts.summary(flagged.size()));
  return options.follow ? follow(**tail, options.json) : 0;
}

}  // namespace holdfast::app
