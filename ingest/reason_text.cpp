#include "ingest/reason_text.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace holdfast::ingest {
namespace {

/// As people speak: whole numbers from ten on, one decimal below.
class Plain {
 public:
  explicit Plain(double value) {
    size_ = fmt::format_to_n(text_.data(), text_.size(), "{:.{}f}", value, std::abs(value) >= 10 ? 0 : 1).size;
    if (view().ends_with(".0")) size_ -= 2;
  }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 512> text_;  ///< Room for every double in plain notation.
  std::size_t size_ = 0;
};

std::string_view unit_of(const Plain& days) { return days.view() == "1" ? "day" : "days"; }

void append_silence(std::string& out, double days, double typical) {
  const Plain silence(std::trunc(days));
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "No purchase for {} {}", silence.view(), unit_of(silence));
  if (std::isnan(typical)) {
    fmt::format_to(to, ".");
  } else if (typical >= 1.5) {
    fmt::format_to(to, "; this customer usually buys every {}.", Plain(typical).view());
  } else {
    fmt::format_to(to, "; this customer usually buys every day.");
  }
}

void append_english(std::string& out, const Reason& reason) {
  const bool raises = reason.contribution > 0;
  const auto write = [&out]<class... T>(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(out), format, std::forward<T>(values)...);
  };
  switch (reason.feature) {
    case Feature::days_since_purchase: return append_silence(out, reason.value, reason.typical);
    case Feature::log_days_since_purchase: return append_silence(out, std::expm1(reason.value), reason.typical);
    case Feature::purchase_history:
      return write("{} purchase {} so far: such customers {} often than new ones.", Plain(reason.value).view(),
                   reason.value == 1 ? "day" : "days", raises ? "leave more" : "leave less");
    case Feature::mbg_logit: return write("The rhythm of purchases {} the risk.", raises ? "raises" : "lowers");
    case Feature::customer_age_days: {
      const Plain age(reason.value);
      return write("A customer for {} {}.", age.view(), unit_of(age));
    }
    case Feature::repeat_purchases:
    case Feature::log_repeat_purchases:
      return write("The number of repeat purchases {} the risk.", raises ? "raises" : "lowers");
    case Feature::recency_ratio:
      return write("The silence is {} times as long as this customer's usual gap.", Plain(reason.value).view());
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
      return write("{} open {}.", Plain(reason.value).view(), reason.value == 1 ? "complaint" : "complaints");
    case Feature::log_mean_spend: return write("The usual spend {} the risk.", raises ? "raises" : "lowers");
  }
}

}  // namespace

void append_reason_text(std::string& out, const Reason& reason) { append_english(out, reason); }

}  // namespace holdfast::ingest
