#include "engine/score.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace holdfast::engine {
namespace {

constexpr double day_ms = 86'400'000.0;

/// Relative to its size: more than what a term rises or falls by where, but for rounding, it does the opposite. Sums of
/// terms keep their order when they are rounded.
constexpr double rounding = 1e-14;
/// As much more is Mbg::about_logit() off by.
constexpr double about_rounding = 100;

/// The value of a feature that counts.
double held(double feature, double least, double most) { return std::min(std::max(feature, least), most); }

}  // namespace

/// One moment, and what several terms need of it: worked out once, and only if one does.
class Score::Moment {
 public:
  Moment(const Score& score, Timestamp t) : score_(score), t_(t), days_((t - score.last_).days()) {}

  [[nodiscard]] Timestamp t() const { return t_; }
  /// Since the latest purchase; below 0 before it, where those since another moment are 0.
  [[nodiscard]] double days() const { return days_; }
  [[nodiscard]] double days_since(Timestamp begin) const { return std::max(0.0, (t_ - begin).days()); }
  [[nodiscard]] const Mbg::Logit& mbg() {
    if (!has_mbg_) mbg_ = score_.mbg_.logit(score_.silence_units(t_));
    has_mbg_ = true;
    return mbg_;
  }
  /// All 0 if no term needed it.
  [[nodiscard]] Mbg::Logit mbg_if_needed() const { return has_mbg_ ? mbg_ : Mbg::Logit{}; }
  /// What is left of a counter.
  [[nodiscard]] double left(double half_life) {
    if (t_ == score_.moment_) return 1;
    std::size_t i = 0;
    while (i < half_lives_ && half_life_days_[i] != half_life) ++i;
    if (i == half_lives_) {
      half_life_days_[half_lives_] = half_life;
      left_[half_lives_++] = std::exp2(-(t_ - score_.moment_).days() / half_life);
    }
    return left_[i];
  }
  [[nodiscard]] double feature(const Ranged& term) {
    using Shape = Ranged::Shape;
    switch (term.shape) {
      case Shape::mbg_logit: return mbg().value;
      case Shape::days: return term.offset + term.factor * days_;
      case Shape::logarithm: return term.curve.at(t_);
      case Shape::decay: break;
    }
    return term.factor == 0 ? 0 : term.factor * left(term.half_life_days);
  }

 private:
  const Score& score_;
  const Timestamp t_;
  const double days_;
  Mbg::Logit mbg_;
  bool has_mbg_ = false;
  std::size_t half_lives_ = 0;
  std::array<double, counter_count> half_life_days_;
  std::array<double, counter_count> left_;
};

double sigmoid(double score) {
  const double lesser = std::exp(-std::abs(score));
  return (score >= 0 ? 1 : lesser) / (1 + lesser);
}

double softplus(double score) { return std::max(score, 0.0) + std::log1p(std::exp(-std::abs(score))); }

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
  for (const Logistic::Term& term : model.logistic->terms) add_term(customer, model, term);
  find_direction();
}

void Score::add_term(const Customer& customer, const Model& model, const Logistic::Term& term) {
  if (term.has_range()) return add_ranged(customer, model, term);
  const double weight = bounded_weight(term.weight);
  if (const auto counter = counter_of(term.feature)) {
    const auto index = static_cast<std::size_t>(*counter);
    add_decay(half_life_days[index], weight * static_cast<double>(customer.counters[index]));
    return;
  }
  if (const auto curve = logarithm_of(customer, term.feature)) return add_growth(*curve, weight);
  switch (term.feature) {
    case Feature::mbg_logit: mbg_weight_ = weight; break;
    case Feature::days_since_purchase: per_day_ += weight; break;
    case Feature::customer_age_days:
      per_day_ += weight;
      constant_ += weight * (customer.last() - customer.first()).days();
      break;
    case Feature::recency_ratio:
      if (const double mean = customer.mean_gap_days(); mean > 0) per_day_ += weight / mean;
      break;
    default: constant_ += weight * standing_feature(customer, term.feature, model.currency).value_or(0);
  }
}

void Score::add_ranged(const Customer& customer, const Model& model, const Logistic::Term& term) {
  using Shape = Ranged::Shape;
  Ranged ranged{.weight = bounded_weight(term.weight), .least = term.least, .most = term.most};
  if (const auto counter = counter_of(term.feature)) {
    const auto index = static_cast<std::size_t>(*counter);
    ranged.shape = Shape::decay;
    ranged.factor = static_cast<double>(customer.counters[index]);
    ranged.half_life_days = half_life_days[index];
  } else if (term.feature == Feature::mbg_logit) {
    ranged.shape = Shape::mbg_logit;
  } else if (const auto curve = logarithm_of(customer, term.feature)) {
    ranged.shape = Shape::logarithm;
    ranged.factor = curve->factor;
    ranged.curve = *curve;
  } else if (term.feature == Feature::days_since_purchase || term.feature == Feature::customer_age_days) {
    ranged.shape = Shape::days;
    if (term.feature == Feature::customer_age_days) ranged.offset = (customer.last() - customer.first()).days();
  } else if (term.feature == Feature::recency_ratio) {
    const double mean = customer.mean_gap_days();
    if (!(mean > 0)) return;
    ranged.shape = Shape::days;
    ranged.factor = 1 / mean;
  } else {
    if (const auto value = standing_feature(customer, term.feature, model.currency))
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

void Score::add_growth(const Logarithm& curve, double weight) {
  constant_ += weight * curve.offset;
  if (weight * curve.factor == 0) return;
  growths_[growth_count_++] = {.since = curve.since, .scale_days = curve.scale_days, .amount = weight * curve.factor};
}

void Score::find_direction() {
  only_rises_ = mbg_weight_ >= 0 && per_day_ >= 0;
  for (std::size_t i = 0; i < growth_count_; ++i) only_rises_ = only_rises_ && growths_[i].amount >= 0;
  for (std::size_t i = 0; i < decay_count_; ++i) only_rises_ = only_rises_ && decays_[i].amount <= 0;
  for (std::size_t i = 0; i < ranged_count_; ++i) {
    const Ranged& term = ranged_[i];
    const bool fades = term.shape == Ranged::Shape::decay;
    const double pace = term.weight * term.factor;
    only_rises_ = only_rises_ && (fades ? pace <= 0 : pace >= 0);
  }
}

double Score::silence_units(Timestamp t) const { return static_cast<double>((t - last_).ms) / unit_ms_; }

double Score::risk(Timestamp t) const {
  return logistic_ ? sigmoid(evaluate<false>(t).value) : mbg_.risk(silence_units(t));
}

Score::Point Score::at(Timestamp t) const { return evaluate<true>(t); }

/// By which the feature moves.
double Score::per_ms(const Ranged& term, double feature, Moment& at) const {
  using Shape = Ranged::Shape;
  switch (term.shape) {
    case Shape::mbg_logit: return mbg_.slope(at.mbg()) / unit_ms_;
    case Shape::days: return term.factor / day_ms;
    case Shape::logarithm: return term.factor / (term.curve.scale_days + at.days_since(term.curve.since)) / day_ms;
    case Shape::decay: break;
  }
  return -feature * std::numbers::ln2 / (term.half_life_days * day_ms);
}

template <bool with_slopes>
Score::Point Score::evaluate(Timestamp t) const {
  Moment moment(*this, t);
  Point point{.t = t, .value = constant_};
  if (mbg_weight_ != 0) point.value += mbg_weight_ * moment.mbg().value;
  if (logistic_) {
    point.value += per_day_ * moment.days();
    point.rising_slope += per_day_ / day_ms;
  }
  for (std::size_t i = 0; i < growth_count_; ++i) {
    const auto [begin, scale, amount] = growths_[i];
    const double since = moment.days_since(begin);
    point.value += amount * std::log1p(since / scale);
    if constexpr (with_slopes)
      (amount > 0 ? point.falling_slope : point.rising_slope) += amount / (scale + since) / day_ms;
  }
  for (std::size_t i = 0; i < decay_count_; ++i) {
    const auto [half_life, amount] = decays_[i];
    const double left = amount * moment.left(half_life);
    point.value += left;
    if constexpr (with_slopes)
      (left > 0 ? point.rising_slope : point.falling_slope) -= left * std::numbers::ln2 / (half_life * day_ms);
  }
  for (std::size_t i = 0; i < ranged_count_; ++i) {
    const Ranged& term = ranged_[i];
    const double feature = moment.feature(term);
    point.value += term.weight * held(feature, term.least, term.most);
    if constexpr (with_slopes) {
      const int side = feature < term.least ? -1 : feature > term.most ? 1 : 0;
      point.ranged[i] = {.inside = term.weight * per_ms(term, feature, moment), .side = static_cast<std::int8_t>(side)};
    }
  }
  point.mbg = moment.mbg_if_needed();
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

/// No less than the size of the feature between the two, as far as its range lets it come; close is not needed.
double Score::feature_size(const Ranged& term, Moment& begin, Moment& end) const {
  using Shape = Ranged::Shape;
  switch (term.shape) {
    case Shape::mbg_logit: return mbg_.logit_size(silence_units(end.t()));
    case Shape::days: return std::max(std::abs(begin.feature(term)), std::abs(end.feature(term)));
    case Shape::logarithm: return term.curve.size();
    case Shape::decay: break;
  }
  return std::abs(begin.feature(term));
}

// Each term moves in one direction: it is greatest at one of the ends, and the other one need not be looked at.
double Score::bound(Timestamp from, Timestamp to, bool greatest) const {
  Moment begin(*this, from);
  Moment end(*this, to);
  const auto extreme = [&](double direction) -> Moment& { return (direction > 0) == greatest ? end : begin; };
  double sum = constant_;
  double size = std::abs(constant_);
  if (mbg_weight_ != 0) {
    const double logit = mbg_.about_logit(silence_units(extreme(mbg_weight_).t()));
    sum += mbg_weight_ * logit;
    size += std::abs(mbg_weight_) * (mbg_.logit_size(silence_units(to)) + about_rounding * (1 + std::abs(logit)));
  }
  if (logistic_) {
    sum += per_day_ * extreme(per_day_).days();
    size += std::abs(per_day_) * std::max(std::abs(begin.days()), std::abs(end.days()));
  }
  for (std::size_t i = 0; i < growth_count_; ++i) {
    const auto [since, scale, amount] = growths_[i];
    sum += amount * std::log1p(extreme(amount).days_since(since) / scale);
    size += std::abs(amount) * Logarithm::most;
  }
  for (std::size_t i = 0; i < decay_count_; ++i) {
    const Decay& decay = decays_[i];
    sum += decay.amount * extreme(-decay.amount).left(decay.half_life_days);
    size += std::abs(decay.amount) * begin.left(decay.half_life_days);
  }
  for (std::size_t i = 0; i < ranged_count_; ++i) {
    const Ranged& term = ranged_[i];
    const double direction = term.shape == Ranged::Shape::decay ? -term.weight : term.weight * term.factor;
    const double value = held(extreme(direction).feature(term), term.least, term.most);
    sum += term.weight * value;
    // At the other end it is the feature, or that end of the range which is closer to 0 than it or than `value`.
    size += std::abs(term.weight) * std::max(std::abs(value), feature_size(term, begin, end));
  }
  return greatest ? sum + rounding * size : sum - rounding * size;
}

}  // namespace holdfast::engine
