#include "ingest/reason_text.hpp"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace holdfast::ingest {
namespace {

/// Whole numbers above ten, one decimal below: as people speak.
std::string plain(double value) {
  if (std::abs(value) >= 10) return fmt::format("{:.0f}", value);
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string days(double value) {
  const std::string number = plain(value);
  return number + (number == "1" ? " day" : " days");
}

void append_english(std::string& out, const Reason& reason) {
  const bool raises = reason.contribution > 0;
  const auto write = [&out]<class... T>(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(out), format, std::forward<T>(values)...);
  };
  switch (reason.feature) {
    case Feature::days_since_purchase:
    case Feature::log_days_since_purchase:
      if (std::isnan(reason.typical)) return write("No purchase for {}.", days(std::trunc(reason.value)));
      return write("No purchase for {}; this customer usually buys every {}.", days(std::trunc(reason.value)),
                   reason.typical >= 1.5 ? plain(reason.typical) : "day");
    case Feature::purchase_history:
      return write("{} purchase {} so far: such customers {} often than new ones.", plain(reason.value),
                   reason.value == 1 ? "day" : "days", raises ? "leave more" : "leave less");
    case Feature::mbg_logit: return write("The rhythm of purchases {} the risk.", raises ? "raises" : "lowers");
    case Feature::customer_age_days: return write("A customer for {}.", days(reason.value));
    case Feature::repeat_purchases:
    case Feature::log_repeat_purchases:
      return write("The number of repeat purchases {} the risk.", raises ? "raises" : "lowers");
    case Feature::recency_ratio:
      return write("The silence is {} times as long as this customer's usual gap.", plain(reason.value));
    case Feature::gap_variation:
      return write("Buys {}, which {} the risk.", reason.value < 0.5 ? "regularly" : "irregularly",
                   raises ? "raises" : "lowers");
    case Feature::purchases_30d:
    case Feature::purchases_90d: return write("Recent purchases {} the risk.", raises ? "raise" : "lower");
    case Feature::visits_30d: return write("Recent visits {} the risk.", raises ? "raise" : "lower");
    case Feature::complaints_opened_60d: return write("Recent complaints {} the risk.", raises ? "raise" : "lower");
    case Feature::complaints_resolved_60d:
      return write("Complaints that were resolved lately {} the risk.", raises ? "raise" : "lower");
    case Feature::complaints_withdrawn_60d:
      return write("Complaints that were withdrawn lately {} the risk.", raises ? "raise" : "lower");
    case Feature::returns_60d: return write("Recent returns {} the risk.", raises ? "raise" : "lower");
    case Feature::open_complaints:
      return write("{} open {}.", plain(reason.value), reason.value == 1 ? "complaint" : "complaints");
    case Feature::log_mean_spend: return write("The usual spend {} the risk.", raises ? "raises" : "lowers");
  }
}

}  // namespace

void append_reason_text(std::string& out, const Reason& reason) { append_english(out, reason); }

}  // namespace holdfast::ingest
