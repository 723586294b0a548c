#include "engine/habit.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "engine/features.hpp"

namespace holdfast::engine {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double mean_gap(const Customer& customer) {
  const double mean = customer.mean_gap_days();
  return mean > 0 ? mean : none;
}

/// Between purchases and contacts, up to the latest one.
double mean_gap_of_events(const Customer& customer) {
  const double mean = (customer.last_seen() - customer.first()).days() / customer.events_since_first();
  return mean > 0 && std::isfinite(mean) ? mean : none;
}

/// What a decayed counter of purchases is expected to be at `t` for who went on buying as between the first and the
/// latest purchase. That is a constant rate per day, and
///   E[c(T)] = 2^(-T/h) + rate * integral over 0..T of 2^(-s/h) ds = left + rate * (h / ln 2) * (1 - left),
/// with T the age, h the half-life and `left` = 2^(-T/h): what remains of the first purchase, which is no chance but
/// where the age begins, and the later ones.
double expected_counter(const Customer& customer, double half_life, Timestamp t) {
  const double active_days = (customer.last() - customer.first()).days();
  if (customer.x == 0 || !(active_days > 0)) return none;
  const double rate = (customer.purchases - 1.0) / active_days;
  const double left = std::exp2(-(t - customer.first()).days() / half_life);
  return left + rate * half_life / std::numbers::ln2 * (1 - left);
}

}  // namespace

double habit_at(const Customer& customer, Feature feature, Timestamp t) {
  switch (feature) {
    case Feature::days_since_purchase: return mean_gap(customer);
    case Feature::log_days_since_purchase: return std::log1p(mean_gap(customer));
    case Feature::log_days_since_seen: return std::log1p(mean_gap_of_events(customer));
    case Feature::recency_ratio: return 1;
    case Feature::purchases_30d:
    case Feature::purchases_90d:
      return expected_counter(customer, half_life_days[static_cast<std::size_t>(*counter_of(feature))], t);
    default: return none;
  }
}

}  // namespace holdfast::engine
