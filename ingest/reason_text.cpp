#include "ingest/reason_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

#include "ingest/number_text.hpp"

namespace holdfast::ingest {
namespace {

/// A number as people say it, and whether it is next to nothing.
struct Spoken {
  double number = 0;
  bool few = false;
  bool whole = false;  ///< Otherwise one decimal below ten.
};

/// What is counted and fades out: below half of one, a decimal would say more than anybody knows.
Spoken faded(double value) { return {.number = value, .few = value < 0.5}; }

Spoken counted(double value) { return {.number = value, .few = value < 0.05}; }

Spoken percent(double share) { return {.number = 100 * share, .few = share < 0.005, .whole = true}; }

/// Days that have passed are full ones; usual ones are about so many.
Spoken passed(double days) {
  constexpr double rounding = 1e-6;  // A logarithm and back.
  return {.number = std::floor(days + rounding), .few = days + rounding < 1, .whole = true};
}
Spoken about(double days) { return {.number = days, .few = days < 0.5, .whole = true}; }

/// What a feature is the logarithm of; a number even where that is too large for one.
double without_logarithm(double value) { return std::min(std::expm1(value), std::numeric_limits<double>::max()); }

/// The logarithm of a number a week, as a number in thirty days.
double per_month(double log_per_week) {
  return std::min(std::exp(log_per_week) * 30 / 7, std::numeric_limits<double>::max());
}

Spoken spoken(Feature feature, double value, bool usual) {
  switch (feature) {
    case Feature::days_since_purchase:
    case Feature::customer_age_days: return usual ? about(value) : passed(value);
    case Feature::log_days_since_purchase:
    case Feature::log_days_since_seen:
      return usual ? about(without_logarithm(value)) : passed(without_logarithm(value));
    case Feature::log_repeat_purchases: return counted(without_logarithm(value));
    case Feature::log_activity: return counted(per_month(value));
    case Feature::log_mean_spend: return {.number = without_logarithm(value)};
    case Feature::gap_variation: return percent(value);
    case Feature::mbg_logit:
    case Feature::repeat_purchases:
    case Feature::recency_ratio:
    case Feature::open_complaints:
    case Feature::seen_since_purchase:
    case Feature::purchase_history: return counted(value);
    case Feature::purchases_30d:
    case Feature::purchases_90d:
    case Feature::visits_30d:
    case Feature::complaints_opened_60d:
    case Feature::complaints_resolved_60d:
    case Feature::complaints_withdrawn_60d:
    case Feature::returns_60d:
    case Feature::missed_purchases:
    case Feature::missed_events: return faded(value);
  }
  return counted(value);
}

/// Whether the contribution is what sets the customer apart from customers alike (docs/semantics.md, "Reasons"). Those
/// of mbg_logit and of its parts are set against a customer without history.
bool is_set_against_alike(const Reason& reason) {
  return !std::isnan(reason.alike) && reason.feature != Feature::mbg_logit &&
         reason.feature != Feature::purchase_history && reason.feature != Feature::days_since_purchase;
}

/// Says quantities of one feature.
class Speaker {
 public:
  Speaker(TextArena& out, Feature feature, const ReasonWords& words, const Currency& currency)
      : out_(out), words_(words), currency_(currency), feature_(feature) {}

  void say(const Phrase& phrase, std::string_view number = {}) {
    out_.append(phrase.before());
    if (!phrase.is_numbered()) return;
    out_.append(number);
    if (feature_ == Feature::log_mean_spend) say_currency();
    out_.append(phrase.after());
  }
  void say(const Quantity& quantity, Spoken how) {
    if (how.few && !quantity.few.empty()) return say(quantity.few);
    if (quantity.many.empty()) return;
    const int decimals = how.whole || std::abs(how.number) >= 10 ? 0 : 1;
    std::array<char, number_chars_max> text;  // NOLINT(*-member-init): written as far as it is read.
    const char* const end = write_number(text.data(), how.number, decimals);
    const std::string_view number(text.data(), static_cast<std::size_t>(end - text.data()));
    say(number == "1" && !quantity.one.empty() ? quantity.one : quantity.many, number);
  }

 private:
  void say_currency() {
    if (currency_.empty()) return;
    const auto named = std::ranges::find(words_.currencies, currency_.text(), &CurrencyName::code);
    if (named != words_.currencies.end()) return out_.append(named->name);
    out_.append(' ');
    out_.append(currency_.text());
  }

  TextArena& out_;
  const ReasonWords& words_;
  const Currency& currency_;
  const Feature feature_;
};

}  // namespace

void append_reason_text(TextArena& out, const Reason& reason, const ReasonWords& words, const Currency& currency) {
  const Feature feature = reason.feature;
  const Sentence& sentence = words.sentences[static_cast<std::size_t>(feature)];
  Speaker speaker(out, feature, words, currency);
  speaker.say(sentence.value, spoken(feature, reason.value, false));
  if (!std::isnan(reason.typical)) speaker.say(sentence.usual, spoken(feature, reason.typical, true));
  if (!std::isnan(reason.alike)) speaker.say(sentence.alike, spoken(feature, reason.alike, true));
  const bool raises = reason.contribution > 0;
  if (is_set_against_alike(reason)) {
    speaker.say(raises ? words.this_raises : words.this_lowers);
  } else {
    speaker.say(raises ? sentence.raises : sentence.lowers);
  }
  out.append(words.stop);
}

}  // namespace holdfast::ingest
