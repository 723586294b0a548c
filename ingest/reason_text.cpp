#include "ingest/reason_text.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

#include "ingest/number_text.hpp"

namespace holdfast::ingest {
namespace {

/// A number as people write it: whole from ten on, one decimal below.
class Plain {
 public:
  explicit Plain(double value)
      : size_(static_cast<std::size_t>(write_number(text_.data(), value, std::abs(value) >= 10 ? 0 : 1) -
                                       text_.data())) {}
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, number_chars_max> text_;  // NOLINT(*-member-init): written as far as it is read.
  std::size_t size_;
};

std::string_view unit_of(const Plain& days) { return days.view() == "1" ? "day" : "days"; }

void write(TextArena& out, auto... parts) { (out.append(std::string_view(parts)), ...); }

void append_silence(TextArena& out, double days, double typical) {
  const Plain silence(std::trunc(days));
  write(out, "No purchase for ", silence.view(), " ", unit_of(silence));
  if (std::isnan(typical)) {
    write(out, ".");
  } else if (typical >= 1.5) {
    write(out, "; this customer usually buys every ", Plain(typical).view(), ".");
  } else {
    write(out, "; this customer usually buys every day.");
  }
}

void append_english(TextArena& out, const Reason& reason) {
  const bool raises = reason.contribution > 0;
  const std::string_view moves = raises ? " raises the risk." : " lowers the risk.";
  const std::string_view move = raises ? " raise the risk." : " lower the risk.";
  const Plain value(reason.value);
  switch (reason.feature) {
    case Feature::days_since_purchase: return append_silence(out, reason.value, reason.typical);
    case Feature::log_days_since_purchase: return append_silence(out, std::expm1(reason.value), reason.typical);
    case Feature::purchase_history:
      return write(out, value.view(), reason.value == 1 ? " purchase day" : " purchase days",
                   " so far: such customers ", raises ? "leave more" : "leave less", " often than new ones.");
    case Feature::mbg_logit: return write(out, "The rhythm of purchases", moves);
    case Feature::customer_age_days: return write(out, "A customer for ", value.view(), " ", unit_of(value), ".");
    case Feature::repeat_purchases:
    case Feature::log_repeat_purchases: return write(out, "The number of repeat purchases", moves);
    case Feature::recency_ratio:
      return write(out, "The silence is ", value.view(), " times as long as this customer's usual gap.");
    case Feature::gap_variation:
      return write(out, "Buys ", reason.value < 0.5 ? "regularly" : "irregularly", ", which", moves);
    case Feature::purchases_30d:
    case Feature::purchases_90d: return write(out, "Recent purchases", move);
    case Feature::visits_30d: return write(out, "Recent visits", move);
    case Feature::complaints_opened_60d: return write(out, "Recent complaints", move);
    case Feature::complaints_resolved_60d: return write(out, "Complaints that were resolved lately", move);
    case Feature::complaints_withdrawn_60d: return write(out, "Complaints that were withdrawn lately", move);
    case Feature::returns_60d: return write(out, "Recent returns", move);
    case Feature::open_complaints:
      return write(out, value.view(), reason.value == 1 ? " open complaint." : " open complaints.");
    case Feature::log_mean_spend: return write(out, "The usual spend", moves);
  }
}

}  // namespace

void append_reason_text(TextArena& out, const Reason& reason) { append_english(out, reason); }

}  // namespace holdfast::ingest
