#include "engine/score.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/features.hpp"

namespace holdfast::engine {
namespace {

constexpr double day_ms = 86'400'000.0;

/// Relative to its size: more than what a term rises or falls by where, but for rounding, it does the opposite. Sums of
/// terms keep their order when they are rounded.
constexpr double rounding = 1e-14;

}  // namespace

double sigmoid(double score) {
  const double lesser = std::exp(-std::abs(score));
  return (score >= 0 ? 1 : lesser) / (1 + lesser);
}

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
  find_direction();
}

void Score::add_term(const Customer& customer, const Logistic::Term& term) {
  if (term.has_range()) return add_ranged(customer, term);
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

void Score::add_ranged(const Customer& customer, const Logistic::Term& term) {
  using Shape = Ranged::Shape;
  Ranged ranged{.weight = bounded_weight(term.weight), .least = term.least, .most = term.most};
  if (const auto counter = counter_of(term.feature)) {
    const auto index = static_cast<std::size_t>(*counter);
    ranged.shape = Shape::decay;
    ranged.factor = static_cast<double>(customer.counters[index]);
    ranged.half_life_days = half_life_days[index];
  } else if (term.feature == Feature::mbg_logit) {
    ranged.shape = Shape::mbg_logit;
    ranged_mbg_ = true;
  } else if (term.feature == Feature::log_days_since_purchase) {
    ranged.shape = Shape::log_days;
  } else if (term.feature == Feature::days_since_purchase || term.feature == Feature::customer_age_days) {
    ranged.shape = Shape::days;
    ranged.factor = 1;
    if (term.feature == Feature::customer_age_days) ranged.offset = (customer.last() - customer.first()).days();
  } else if (term.feature == Feature::recency_ratio) {
    const double mean = customer.mean_gap_days();
    if (!(mean > 0)) return;
    ranged.shape = Shape::days;
    ranged.factor = 1 / mean;
  } else {
    if (const auto value = plain_feature_at(customer, term.feature, moment_))
      constant_ += ranged.weight * term.within_range(*value);
    return;
  }
  ranged_[ranged_count_++] = ranged;
}

void Score::add_decay(double half_life, double amount) {
  if (amount == 0) return;
  std::size_t i = 0;
  while (i < decay_count_ && decays_[i].half_life_days != half_life) ++i;
  if (i == decay_count_) decays_[decay_count_++].half_life_days = half_life;
  decays_[i].amount += amount;
}

void Score::find_direction() {
  only_rises_ = mbg_weight_ >= 0 && per_day_ >= 0 && per_log_day_ >= 0;
  for (std::size_t i = 0; i < decay_count_; ++i) only_rises_ = only_rises_ && decays_[i].amount <= 0;
  for (std::size_t i = 0; i < ranged_count_; ++i) {
    const Ranged& term = ranged_[i];
    const bool fades = term.shape == Ranged::Shape::decay;
    only_rises_ = only_rises_ && (fades ? term.weight * term.factor <= 0 : term.weight >= 0);
  }
}

double Score::silence_units(Timestamp t) const { return static_cast<double>((t - last_).ms) / unit_ms_; }

double Score::risk(Timestamp t) const { return logistic_ ? sigmoid(at(t).value) : mbg_.risk(silence_units(t)); }

Score::Value Score::value_at(const Ranged& term, Timestamp t, const Mbg::Logit& mbg) const {
  using Shape = Ranged::Shape;
  switch (term.shape) {
    case Shape::mbg_logit: return {mbg.value, mbg_.slope(mbg) / unit_ms_};
    case Shape::days: return {term.offset + term.factor * (t - last_).days(), term.factor / day_ms};
    case Shape::log_days: {
      const double since = std::max(0.0, (t - last_).days());
      return {std::log1p(since), 1 / (1 + since) / day_ms};
    }
    case Shape::decay: break;
  }
  const double left = term.factor * std::exp2(-(t - moment_).days() / term.half_life_days);
  return {left, -left * std::numbers::ln2 / (term.half_life_days * day_ms)};
}

Score::Point Score::at(Timestamp t) const {
  Point point{.t = t, .value = constant_};
  if (needs_mbg()) {
    point.mbg = mbg_.logit(silence_units(t));
    if (mbg_weight_ != 0) point.value += mbg_weight_ * point.mbg.value;
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
  for (std::size_t i = 0; i < ranged_count_; ++i) {
    const Ranged& term = ranged_[i];
    const Value value = value_at(term, t, point.mbg);
    point.value += term.weight * std::min(std::max(value.feature, term.least), term.most);
    const int side = value.feature < term.least ? -1 : value.feature > term.most ? 1 : 0;
    point.ranged[i] = {.inside = term.weight * value.per_ms, .side = static_cast<std::int8_t>(side)};
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
  double slope = at.rising_slope + at.falling_slope;
  if (mbg_weight_ != 0) slope += mbg_weight_ / unit_ms_ * mbg_.slope(at.mbg);
  for (std::size_t i = 0; i < ranged_count_; ++i) slope += at.ranged[i].side == 0 ? at.ranged[i].inside : 0;
  return slope;
}

Slopes Score::slopes(const Point& from, const Point& to) const {
  Slopes slopes{.at_least = from.rising_slope + to.falling_slope, .at_most = to.rising_slope + from.falling_slope};
  if (mbg_weight_ != 0) {
    Slopes mbg = mbg_.slopes(from.mbg, to.mbg);
    if (mbg_weight_ < 0) std::swap(mbg.at_least, mbg.at_most);
    slopes.at_least += mbg_weight_ / unit_ms_ * mbg.at_least;
    slopes.at_most += mbg_weight_ / unit_ms_ * mbg.at_most;
  }
  for (std::size_t i = 0; i < ranged_count_; ++i) {
    const RangedSlope& begin = from.ranged[i];
    const RangedSlope& end = to.ranged[i];
    if (begin.side == end.side && begin.side != 0) continue;
    // Without the range: that of the MBG/NBD logit has bounds of its own, the others have their extremes at the ends.
    Slopes inside{.at_least = std::min(begin.inside, end.inside), .at_most = std::max(begin.inside, end.inside)};
    if (ranged_[i].shape == Ranged::Shape::mbg_logit) {
      inside = mbg_.slopes(from.mbg, to.mbg);
      const double weight = ranged_[i].weight / unit_ms_;
      inside = {.at_least = weight * (weight < 0 ? inside.at_most : inside.at_least),
                .at_most = weight * (weight < 0 ? inside.at_least : inside.at_most)};
    }
    const bool stands_still_in_part = begin.side != 0 || end.side != 0;
    slopes.at_least += stands_still_in_part ? std::min(0.0, inside.at_least) : inside.at_least;
    slopes.at_most += stands_still_in_part ? std::max(0.0, inside.at_most) : inside.at_most;
  }
  return slopes;
}

// Each term is least and greatest at the ends.
Score::Bounds Score::bounds(Timestamp from, Timestamp to) const {
  Bounds bounds{.least = constant_, .greatest = constant_};
  double size = std::abs(constant_);
  const auto add = [&](double at_from, double at_to) {
    bounds.least += std::min(at_from, at_to);
    bounds.greatest += std::max(at_from, at_to);
    size += std::max(std::abs(at_from), std::abs(at_to));
  };
  const Mbg::Logit mbg_from = needs_mbg() ? mbg_.logit(silence_units(from)) : Mbg::Logit{};
  const Mbg::Logit mbg_to = needs_mbg() ? mbg_.logit(silence_units(to)) : Mbg::Logit{};
  // A logit that is close to 0 is what greater logarithms leave.
  if (mbg_weight_ != 0) add(mbg_weight_ * mbg_from.value, mbg_weight_ * mbg_to.value);
  size += std::abs(mbg_weight_);
  if (logistic_) {
    const double days_from = (from - last_).days();
    const double days_to = (to - last_).days();
    add(per_day_ * days_from, per_day_ * days_to);
    if (per_log_day_ != 0)
      add(per_log_day_ * std::log1p(std::max(0.0, days_from)), per_log_day_ * std::log1p(std::max(0.0, days_to)));
    for (std::size_t i = 0; i < decay_count_; ++i) {
      const auto [half_life, amount] = decays_[i];
      add(amount * std::exp2(-(from - moment_).days() / half_life),
          amount * std::exp2(-(to - moment_).days() / half_life));
    }
  }
  for (std::size_t i = 0; i < ranged_count_; ++i) {
    const Ranged& term = ranged_[i];
    const auto held = [&term](double value) { return std::min(std::max(value, term.least), term.most); };
    add(term.weight * held(value_at(term, from, mbg_from).feature),
        term.weight * held(value_at(term, to, mbg_to).feature));
    if (term.shape == Ranged::Shape::mbg_logit) size += std::abs(term.weight);
  }
  bounds.least -= rounding * size;
  bounds.greatest += rounding * size;
  return bounds;
}

}  // namespace holdfast::engine
