#include "app/shop_json.hpp"

#include <array>
#include <iterator>
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

/// Members of an event, put where the source's mapping wants them. Flat mappings, the usual case, are written as text.
class EventWriter {
 public:
  explicit EventWriter(const ingest::SourceFormat& format) : format_(format) {
    for (const auto& [field, pointer] : format.fields) flat_ = flat_ && pointer.find('/', 1) == std::string::npos;
  }

  void text(std::string_view field, std::string_view value) { write(field, fmt::format("\"{}\"", value)); }
  void number(std::string_view field, auto value) { write(field, fmt::format("{}", value)); }
  void time(Timestamp time) {
    if (format_.time_format == ingest::TimeFormat::epoch_ms) return number("time", time.ms);
    if (format_.time_format == ingest::TimeFormat::epoch_s) return number("time", static_cast<double>(time.ms) / 1000);
    text("time", to_rfc3339(time));
  }

  std::string finish() {
    if (!flat_) return nested_.dump();
    flat_text_ += '}';
    return std::move(flat_text_);
  }

 private:
  void write(std::string_view field, const std::string& json) {
    if (flat_) {
      const auto it = format_.fields.empty() ? format_.fields.end() : format_.fields.find(std::string(field));
      const std::string_view name = it == format_.fields.end() ? field : std::string_view(it->second).substr(1);
      fmt::format_to(std::back_inserter(flat_text_), "{}\"{}\":{}", flat_text_.empty() ? "{" : ",", name, json);
    } else {
      nested_[nlohmann::ordered_json::json_pointer(pointer_of(format_, field))] = nlohmann::ordered_json::parse(json);
    }
  }

  const ingest::SourceFormat& format_;
  bool flat_ = true;
  std::string flat_text_;
  nlohmann::ordered_json nested_;
};

}  // namespace

std::string shop_customer_id(std::uint32_t customer) { return fmt::format("C{:07}", customer); }

std::string shop_event_json(const ShopEvent& event, const ingest::SourceFormat& format) {
  EventWriter out(format);
  out.text("customer_id", shop_customer_id(event.customer));
  out.time(event.time);
  out.text("event_id", fmt::format("e{:010}", event.number));
  out.text("channel", channels[(event.customer + event.number) % channels.size()]);
  switch (event.kind) {
    case EventKind::purchase:
      out.number("amount", event.amount);
      out.text("currency", "EUR");
      out.text("category", categories[event.number % categories.size()]);
      out.text("order_id", fmt::format("o{:010}", event.number));
      break;
    case EventKind::complaint:
      out.text("complaint_id", fmt::format("k{:07}-{}", event.customer, event.complaint));
      out.text("status", name_of(event.status));
      out.text("category", event.is_return ? "return"sv : "delivery"sv);
      out.number("severity", 1 + event.number % 5);
      break;
    case EventKind::visit:
      out.text("page", pages[event.number % pages.size()]);
      out.number("duration_s", 5 + event.number % 300);
      out.text("session_id", fmt::format("s{:010}", event.number));
      break;
  }
  return out.finish();
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
