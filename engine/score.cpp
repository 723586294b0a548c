#include "engine/score.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/features.hpp"

namespace holdfast::engine {
namespace {

constexpr double day_ms = 86'400'000.0;

double sigmoid(double score) {
  const double lesser = std::exp(-std::abs(score));
  return (score >= 0 ? 1 : lesser) / (1 + lesser);
}

}  // namespace

Mbg mbg_of(const Customer& customer, const Model& model, Duration horizon) {
  const auto unit = static_cast<double>(model.time_unit.ms);
  return {model.mbg, static_cast<double>(customer.x),
          static_cast<double>((customer.last() - customer.first()).ms) / unit, static_cast<double>(horizon.ms) / unit};
}

Score::Score(const Customer& customer, const Model& model, Duration horizon)
    : mbg_(mbg_of(customer, model, horizon)),
      last_(customer.last()),
      moment_(customer.moment()),
      unit_ms_(static_cast<double>(model.time_unit.ms)),
      origin_ms_(static_cast<double>(last_.ms) - unit_ms_ * mbg_.age_at_last()),
      logistic_(model.logistic.has_value()) {
  if (!logistic_) return;
  mbg_weight_ = 0;
  constant_ = bounded_weight(model.logistic->intercept);
  for (const Logistic::Term& term : model.logistic->terms) add_term(customer, term);
}

void Score::add_term(const Customer& customer, const Logistic::Term& term) {
  const double weight = bounded_weight(term.weight);
  if (const auto counter = counter_of(term.feature)) {
    const auto index = static_cast<std::size_t>(*counter);
    add_decay(half_life_days[index], weight * static_cast<double>(customer.counters[index]));
    return;
  }
  switch (term.feature) {
    case Feature::mbg_logit: mbg_weight_ = weight; break;
    case Feature::days_since_purchase: per_day_ += weight; break;
    case Feature::log_days_since_purchase: per_log_day_ = weight; break;
    case Feature::customer_age_days:
      per_day_ += weight;
      constant_ += weight * (customer.last() - customer.first()).days();
      break;
    case Feature::recency_ratio:
      if (const double mean = customer.mean_gap_days(); mean > 0) per_day_ += weight / mean;
      break;
    default: constant_ += weight * plain_feature_at(customer, term.feature, moment_).value_or(0);
  }
}

void Score::add_decay(double half_life, double amount) {
  if (amount == 0) return;
  std::size_t i = 0;
  while (i < decay_count_ && decays_[i].half_life_days != half_life) ++i;
  if (i == decay_count_) decays_[decay_count_++].half_life_days = half_life;
  decays_[i].amount += amount;
}

double Score::silence_units(Timestamp t) const { return static_cast<double>((t - last_).ms) / unit_ms_; }

double Score::risk(Timestamp t) const { return logistic_ ? sigmoid(at(t).value) : mbg_.risk(silence_units(t)); }

Score::Point Score::at(Timestamp t) const {
  Point point{.t = t, .value = constant_};
  if (mbg_weight_ != 0) {
    point.mbg = mbg_.logit(silence_units(t));
    point.value += mbg_weight_ * point.mbg.value;
  }
  if (!logistic_) return point;

  const double days = (t - last_).days();
  point.value += per_day_ * days;
  point.rising_slope += per_day_ / day_ms;
  if (per_log_day_ != 0) {
    const double since = std::max(0.0, days);
    point.value += per_log_day_ * std::log1p(since);
    (per_log_day_ > 0 ? point.falling_slope : point.rising_slope) += per_log_day_ / (1 + since) / day_ms;
  }
  const double age_days = (t - moment_).days();
  for (std::size_t i = 0; i < decay_count_; ++i) {
    const auto [half_life, amount] = decays_[i];
    const double left = amount * std::exp2(-age_days / half_life);
    point.value += left;
    (left > 0 ? point.rising_slope : point.falling_slope) -= left * std::numbers::ln2 / (half_life * day_ms);
  }
  return point;
}

Timestamp Score::reached_by(double value) const {
  const double t = static_cast<double>(last_.ms) + unit_ms_ * mbg_.silence_for(value);
  return {static_cast<std::int64_t>(std::clamp(t, static_cast<double>(last_.ms), 9e18))};
}

double Score::stretched(Timestamp t, double step_ms) const {
  if (!(step_ms < 0)) return step_ms;
  const double age_ms = static_cast<double>(t.ms) - origin_ms_;
  return age_ms * std::expm1(step_ms / age_ms);
}

double Score::slope(const Point& at) const {
  const double plain = at.rising_slope + at.falling_slope;
  return mbg_weight_ == 0 ? plain : plain + mbg_weight_ / unit_ms_ * mbg_.slope(at.mbg);
}

Slopes Score::slopes(const Point& from, const Point& to) const {
  Slopes slopes{.at_least = from.rising_slope + to.falling_slope, .at_most = to.rising_slope + from.falling_slope};
  if (mbg_weight_ == 0) return slopes;
  Slopes mbg = mbg_.slopes(from.mbg, to.mbg);
  if (mbg_weight_ < 0) std::swap(mbg.at_least, mbg.at_most);
  slopes.at_least += mbg_weight_ / unit_ms_ * mbg.at_least;
  slopes.at_most += mbg_weight_ / unit_ms_ * mbg.at_most;
  return slopes;
}

}  // namespace holdfast::engine
