#include "ingest/source_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include "domain/limits.hpp"

namespace holdfast::ingest {
namespace {

using namespace std::string_view_literals;

constexpr std::array purchase_fields{"customer_id"sv, "time"sv,        "event_id"sv, "channel"sv, "amount"sv,
                                     "currency"sv,    "list_amount"sv, "category"sv, "order_id"sv};
constexpr std::array complaint_fields{"customer_id"sv, "time"sv,     "event_id"sv, "channel"sv,  "complaint_id"sv,
                                      "status"sv,      "category"sv, "severity"sv, "agent_id"sv, "satisfied"sv};
constexpr std::array visit_fields{"customer_id"sv, "time"sv,  "event_id"sv,   "channel"sv,
                                  "page"sv,        "topic"sv, "duration_s"sv, "session_id"sv};
constexpr std::array action_fields{"customer_id"sv, "time"sv, "event_id"sv, "channel"sv, "action"sv, "reference"sv};

bool is_json_pointer(std::string_view text) {
  if (text.size() < 2 || text.front() != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  }
  return true;
}

bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
}

std::optional<std::string> default_problem(std::string_view field, const std::string& value) {
  if (field == "customer_id" || field == "time" || field == "event_id")
    return fmt::format("{} cannot have a default: it tells events apart; remove it", field);
  if ((field == "amount" || field == "list_amount") && (!is_number(value) || value.starts_with('-')))
    return fmt::format("the default of {} is '{}', which is no amount; give a number from 0 on", field, value);
  if (field == "currency" && !Currency::from(value))
    return fmt::format("the default of currency is '{}'; give an ISO 4217 code of three capital letters", value);
  constexpr std::array statuses{"opened"sv, "acknowledged"sv, "resolved"sv, "reopened"sv, "withdrawn"sv};
  if (field == "status" && std::ranges::find(statuses, value) == statuses.end())
    return fmt::format("the default of status is '{}'; give one of {}", value, fmt::join(statuses, ", "));
  if (field == "severity" && (value.size() != 1 || value[0] < '1' || value[0] > '5'))
    return fmt::format("the default of severity is '{}'; give a number from 1 to 5", value);
  if (const auto problem = action_problem(value); field == "action" && !problem.empty())
    return fmt::format("the default of action is '{}', {}", value, problem);
  return std::nullopt;
}

}  // namespace

std::string_view required_field(EventKind kind) {
  if (kind == EventKind::purchase) return "amount";
  return kind == EventKind::action ? "action" : "";
}

std::string_view action_problem(std::string_view action) {
  if (action.empty() || action.size() > limits::action_bytes_max) return "which is no name of 1 to 64 bytes";
  if (action == erase_action) return {};
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = action.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return "which is blank";
  const std::string_view word = action.substr(begin, action.find_last_not_of(blanks) - begin + 1);
  const bool alike =
      std::ranges::equal(word, erase_action, {}, [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return alike ? "which erases nobody; send erase in small letters, without blanks" : "";
}

std::span<const std::string_view> known_fields(EventKind kind) {
  switch (kind) {
    case EventKind::purchase: return purchase_fields;
    case EventKind::complaint: return complaint_fields;
    case EventKind::visit: return visit_fields;
    case EventKind::action: return action_fields;
  }
  return {};
}

std::string pointer_of(const SourceFormat& format, std::string_view field) {
  const auto it = format.fields.find(std::string(field));
  return it != format.fields.end() ? it->second : "/" + std::string(field);
}

std::optional<std::string> field_mapping_problem(const SourceFormat& format) {
  const auto known = known_fields(format.kind);
  const auto unknown = [&](const std::string& field) { return std::ranges::find(known, field) == known.end(); };
  for (const auto& [field, pointer] : format.fields) {
    if (unknown(field)) return fmt::format("there is no field '{}' here; there are {}", field, fmt::join(known, ", "));
    if (!simdjson::validate_utf8(pointer))
      return fmt::format("the place of field {} is no UTF-8, and so it is in no JSON; save the configuration as UTF-8",
                         field);
    if (!is_json_pointer(pointer))
      return fmt::format("'{}' of field {} is no JSON Pointer; write it like /customer/id", pointer, field);
  }
  for (const auto& [field, value] : format.defaults) {
    if (unknown(field)) return fmt::format("there is no field '{}' here; there are {}", field, fmt::join(known, ", "));
    if (auto problem = default_problem(field, value)) return problem;
  }
  return std::nullopt;
}

}  // namespace holdfast::ingest
