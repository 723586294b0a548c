#include "engine/features.hpp"

#include <algorithm>
#include <cmath>

namespace holdfast::engine {
namespace {

std::optional<double> recency_ratio(const Customer& customer, double silence_days) {
  const double mean = customer.mean_gap_days();
  if (mean == 0) return std::nullopt;
  return silence_days / mean;
}

std::optional<double> gap_variation(const Customer& customer) {
  const double mean = customer.mean_gap_days();
  if (customer.x < 2 || mean == 0) return std::nullopt;
  const double variance = static_cast<double>(customer.gap_squares) / customer.x - mean * mean;
  return std::sqrt(std::max(0.0, variance)) / mean;
}

std::optional<double> log_mean_spend(const Customer& customer, const std::optional<Currency>& currency) {
  if (!spend_is_known(customer, currency)) return std::nullopt;
  return std::log1p(customer.spent / (1.0 + customer.x));
}

double decayed(const Customer& customer, Counter counter, Timestamp t) {
  const auto index = static_cast<std::size_t>(counter);
  const double age_days = (t - customer.moment()).days();
  return static_cast<double>(customer.counters[index]) * std::exp2(-age_days / half_life_days[index]);
}

/// Something that happened `count` times in `span_days` would have happened count * ln(1 + silence / (span + 7)) times
/// in a silence behind them at a rate count / time that the silence itself keeps lowering: the integral of that rate.
/// A week is added to the span, so that two purchases of one minute are no rate of hundreds a day.
constexpr double added_days = 7;

Logarithm missed(double count, double span_days, Timestamp since) {
  return {.since = since, .scale_days = span_days + added_days, .factor = count};
}

/// As if there had been one event more in a week more: a rate from the first day on.
Logarithm log_activity(const Customer& customer) {
  return {.since = customer.first(),
          .scale_days = added_days,
          .factor = -1,
          .offset = std::log1p(customer.events_since_first())};
}

}  // namespace

double Logarithm::at(Timestamp t) const {
  return offset + factor * std::log1p(std::max(0.0, (t - since).days()) / scale_days);
}

std::optional<Logarithm> logarithm_of(const Customer& customer, Feature feature) {
  const double span_days = (customer.last() - customer.first()).days();
  switch (feature) {
    case Feature::log_days_since_purchase: return Logarithm{.since = customer.last()};
    case Feature::log_days_since_seen: return Logarithm{.since = customer.last_seen()};
    case Feature::log_activity: return log_activity(customer);
    case Feature::missed_purchases: return missed(customer.x, span_days, customer.last());
    case Feature::missed_events: {
      const double count = customer.is_seen_since_purchase() ? 0.0 : customer.events_since_first();
      return missed(count, span_days, customer.last());
    }
    default: return std::nullopt;
  }
}

std::optional<Counter> counter_of(Feature feature) {
  switch (feature) {
    case Feature::purchases_30d: return Counter::purchases_30d;
    case Feature::purchases_90d: return Counter::purchases_90d;
    case Feature::visits_30d: return Counter::visits_30d;
    case Feature::complaints_opened_60d: return Counter::complaints_opened_60d;
    case Feature::complaints_resolved_60d: return Counter::complaints_resolved_60d;
    case Feature::complaints_withdrawn_60d: return Counter::complaints_withdrawn_60d;
    case Feature::returns_60d: return Counter::returns_60d;
    default: return std::nullopt;
  }
}

std::optional<double> plain_feature_at(const Customer& customer, Feature feature, Timestamp t,
                                       const std::optional<Currency>& currency) {
  if (const auto counter = counter_of(feature)) return decayed(customer, *counter, t);
  if (const auto logarithm = logarithm_of(customer, feature)) return logarithm->at(t);
  const double silence_days = (t - customer.last()).days();
  switch (feature) {
    case Feature::days_since_purchase: return silence_days;
    case Feature::customer_age_days: return (t - customer.first()).days();
    case Feature::recency_ratio: return recency_ratio(customer, silence_days);
    default: return standing_feature(customer, feature, currency);
  }
}

std::optional<double> standing_feature(const Customer& customer, Feature feature,
                                       const std::optional<Currency>& currency) {
  switch (feature) {
    case Feature::repeat_purchases: return customer.x;
    case Feature::log_repeat_purchases: return std::log1p(customer.x);
    case Feature::gap_variation: return gap_variation(customer);
    case Feature::open_complaints: return customer.open_complaints;
    case Feature::seen_since_purchase: return customer.is_seen_since_purchase() ? 1 : 0;
    case Feature::log_mean_spend: return log_mean_spend(customer, currency);
    default: return std::nullopt;
  }
}

}  // namespace holdfast::engine
