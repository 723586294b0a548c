#include "app/shop_json.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace holdfast::app {
namespace {

using namespace std::string_view_literals;

constexpr std::array channels{"web"sv, "store"sv, "app"sv, "phone"sv};
constexpr std::array categories{"garden"sv, "kitchen"sv, "toys"sv, "books"sv, "office"sv, "travel"sv};
constexpr std::array pages{"/offers"sv, "/new"sv, "/basket"sv, "/orders"sv, "/help"sv};

std::string_view name_of(ComplaintStatus status) {
  constexpr std::array names{"opened"sv, "acknowledged"sv, "resolved"sv, "reopened"sv, "withdrawn"sv};
  return names[static_cast<std::size_t>(status)];
}

std::span<const std::string_view> fields_of(EventKind kind) {
  static constexpr std::array purchase{"customer_id"sv, "time"sv,     "event_id"sv, "channel"sv,
                                       "amount"sv,      "currency"sv, "category"sv, "order_id"sv};
  static constexpr std::array complaint{"customer_id"sv,  "time"sv,   "event_id"sv, "channel"sv,
                                        "complaint_id"sv, "status"sv, "category"sv, "severity"sv};
  static constexpr std::array visit{"customer_id"sv, "time"sv,       "event_id"sv,  "channel"sv,
                                    "page"sv,        "duration_s"sv, "session_id"sv};
  switch (kind) {
    case EventKind::purchase: return purchase;
    case EventKind::complaint: return complaint;
    case EventKind::visit: return visit;
    case EventKind::action: break;
  }
  return {};
}

std::string json_text(std::string_view plain) { return fmt::format("\"{}\"", plain); }

std::string time_json(Timestamp time, ingest::TimeFormat format) {
  if (format == ingest::TimeFormat::epoch_ms) return fmt::format("{}", time.ms);
  if (format == ingest::TimeFormat::epoch_s) return fmt::format("{}", static_cast<double>(time.ms) / 1000);
  return json_text(to_rfc3339(time));
}

}  // namespace

std::string shop_customer_id(std::uint32_t customer) { return fmt::format("C{:07}", customer); }

ShopJson::ShopJson(const ingest::SourceFormat& format, const Currency& currency)
    : time_format_(format.time_format), currency_(json_text(currency.text())) {
  const auto fields = fields_of(format.kind);
  const auto path_of = [&](std::size_t field) { return ingest::pointer_path(pointer_of(format, fields[field])); };
  const auto is_required = [&](std::size_t field) {
    return fields[field] == "customer_id" || fields[field] == "time" || fields[field] == "amount";
  };
  // A mapping may leave no room for some of them beside the required ones.
  ingest::JsonLayout room;
  std::vector<bool> fits(fields.size());
  for (const bool required : {true, false}) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (is_required(i) == required) fits[i] = room.add(path_of(i), i);
    }
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fits[i]) layout_.add(path_of(i), i);
  }
}

std::string ShopJson::event(const ShopEvent& event) {
  // In the order of fields_of().
  values_ = {json_text(shop_customer_id(event.customer)), time_json(event.time, time_format_),
             json_text(fmt::format("e{:010}", event.number)),
             json_text(channels[(event.customer + event.number) % channels.size()])};
  switch (event.kind) {
    case EventKind::purchase:
      values_.insert(values_.end(), {fmt::format("{}", event.amount), currency_,
                                     json_text(categories[event.number % categories.size()]),
                                     json_text(fmt::format("o{:010}", event.number))});
      break;
    case EventKind::complaint:
      values_.insert(
          values_.end(),
          {json_text(fmt::format("k{:07}-{}", event.customer, event.complaint)), json_text(name_of(event.status)),
           json_text(event.is_return ? "return"sv : "delivery"sv), fmt::format("{}", 1 + event.number % 5)});
      break;
    case EventKind::visit:
      values_.insert(values_.end(),
                     {json_text(pages[event.number % pages.size()]), fmt::format("{}", 5 + event.number % 300),
                      json_text(fmt::format("s{:010}", event.number))});
      break;
    case EventKind::action: break;  // The shop's staff does nothing.
  }
  std::string json;
  layout_.write(values_, json);
  return json;
}

std::string shop_truth_json(std::uint32_t customer, const ShopTruth& truth) {
  nlohmann::ordered_json out{{"customer_id", shop_customer_id(customer)}, {"joined", to_rfc3339(truth.joined)}};
  if (truth.left) out["left"] = to_rfc3339(*truth.left);
  out["purchases"] = truth.purchases;
  out["events_per_day"] = truth.events_per_day;
  out["drop_out"] = truth.drop_out;
  out["mean_amount"] = truth.mean_amount;
  return out.dump();
}

}  // namespace holdfast::app
