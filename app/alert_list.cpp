#include "app/alert_list.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/text_table.hpp"
#include "domain/alert.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

/// A member of a type that is expected; null: there is none, or it is of another type.
template <class Type>
const Type* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const Type*>();
}

std::optional<double> number(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

/// What speaks loudest for the change; the list is ordered by size, of either sign.
std::string reason_of(const Json& alert, std::string_view change) {
  const bool lower = change == "eased" || change == "resolved";
  if (const auto* const reasons = member<Json::array_t>(alert, "reasons")) {
    for (const Json& reason : *reasons) {
      if (!reason.is_object()) continue;
      const double contribution = number(reason, "contribution").value_or(0);
      const auto* const text = member<std::string>(reason, "text");
      if (text != nullptr && (lower ? contribution < 0 : contribution > 0)) return *text;
    }
  }
  return "Nothing unusual: such is the risk of this shop's customers.";
}

std::string time_text(Timestamp time) {
  constexpr std::size_t to_the_minute = std::string_view("2011-09-30T10:15").size();
  std::string text = to_rfc3339(time).substr(0, to_the_minute);
  std::ranges::replace(text, 'T', ' ');
  return text;
}

}  // namespace

std::optional<AlertLine> read_alert(std::string_view json) {
  const Json alert = Json::parse(json, nullptr, false);
  if (!alert.is_object()) return std::nullopt;
  const auto* const customer = member<std::string>(alert, "customer_id");
  const auto* const change = member<std::string>(alert, "change");
  const auto* const level = member<std::string>(alert, "level");
  const auto* const time = member<std::string>(alert, "time");
  const auto risk = number(alert, "risk");
  if (customer == nullptr || change == nullptr || level == nullptr || time == nullptr || !risk) return std::nullopt;
  const auto moment = parse_rfc3339(*time);
  if (!moment) return std::nullopt;
  AlertLine line{.time = *moment,
                 .customer = *customer,
                 .change = *change,
                 .level = *level,
                 .is_control = false,
                 .risk = *risk,
                 .at_risk = std::nullopt,
                 .currency = "",
                 .reason = reason_of(alert, *change)};
  if (const auto* const arm = member<std::string>(alert, "arm")) line.is_control = *arm == name(Arm::control);
  if (const auto value = alert.find("value"); value != alert.end() && value->is_object()) {
    line.at_risk = number(*value, "at_risk");
    if (const auto* const currency = member<std::string>(*value, "currency")) line.currency = *currency;
  }
  return line;
}

std::string table_of(const std::vector<AlertLine>& lines, bool with_header) {
  std::vector<std::vector<std::string>> rows;
  if (with_header) rows.push_back({"TIME", "CUSTOMER", "CHANGE", "LEVEL", "RISK", "AT RISK", "WHY"});
  for (const AlertLine& line : lines) {
    rows.push_back({time_text(line.time), line.customer, line.change, line.level + (line.is_control ? ", control" : ""),
                    fmt::format("{:.0f} %", 100 * line.risk),
                    line.at_risk ? fmt::format("{:.2f} {}", *line.at_risk, line.currency) : "", line.reason});
  }
  return text_table(rows);
}

bool AlertList::add(std::string_view json) {
  auto line = read_alert(json);
  if (!line) return false;
  ++changes_[line->change];
  Customer& customer = customers_[line->customer];
  customer.flagged = line->level != "none";
  customer.latest.reset();

  Kept kept{.time = line->time, .number = alerts_++, .at_risk = line->at_risk.value_or(0), .shown = {}};
  if (wanted_.flagged && !customer.flagged) return true;
  if (!wanted_.flagged && wanted_.limit > 0 && newest_.size() == wanted_.limit && Earlier()(kept, *newest_.begin()))
    return true;
  if (wanted_.texts) {
    kept.shown.text = json;
  } else {
    kept.shown.line = std::move(*line);
  }
  if (wanted_.flagged) {
    customer.latest = std::move(kept);
    return true;
  }
  newest_.insert(std::move(kept));
  if (wanted_.limit > 0 && newest_.size() > wanted_.limit) newest_.erase(newest_.begin());
  return true;
}

std::vector<AlertList::Shown> AlertList::shown() const {
  std::vector<const Kept*> order;
  if (wanted_.flagged) {
    for (const auto& [id, customer] : customers_) {
      if (customer.latest) order.push_back(&*customer.latest);
    }
    std::ranges::sort(order, [](const Kept* a, const Kept* b) {
      return a->at_risk != b->at_risk ? a->at_risk > b->at_risk : Earlier()(*b, *a);
    });
    if (wanted_.limit > 0 && order.size() > wanted_.limit) order.resize(wanted_.limit);
  } else {
    for (const Kept& kept : newest_) order.push_back(&kept);
  }
  std::vector<Shown> out;
  out.reserve(order.size());
  for (const Kept* kept : order) out.push_back(kept->shown);
  return out;
}

std::string AlertList::summary() const {
  std::string out = fmt::format("{} alerts of {} customers", alerts_, customers_.size());
  for (const auto& [change, count] : changes_) out += fmt::format(", {} {}", count, change);
  const auto flagged = std::ranges::count_if(customers_, [](const auto& entry) { return entry.second.flagged; });
  return out + fmt::format("; {} customers are flagged now", flagged);
}

}  // namespace holdfast::app
