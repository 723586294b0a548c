#include "engine/mbg.hpp"

#include <algorithm>
#include <cmath>

namespace holdfast::engine {
namespace {

double bounded(double value) { return std::clamp(value, 1e-50, 1e50); }

}  // namespace

Mbg::Mbg(const MbgParameters& parameters, double x, double first_to_last, double horizon)
    : k_(bounded(parameters.r) + x),
      age_at_last_(bounded(parameters.alpha) + first_to_last),
      horizon_(bounded(horizon)),
      log_odds_at_last_(std::log(bounded(parameters.a) / (bounded(parameters.b) + x))) {}

double Mbg::dropped_log_odds(double silence) const {
  return log_odds_at_last_ + k_ * std::log1p(silence / age_at_last_);
}

double Mbg::buying_exponent(double silence) const { return k_ * std::log1p(horizon_ / (age_at_last_ + silence)); }

double Mbg::p_alive(double silence) const { return 1 / (1 + std::exp(dropped_log_odds(silence))); }

double Mbg::silence_for(double log_odds) const {
  return age_at_last_ * std::expm1((log_odds - log_odds_at_last_) / k_);
}

// With odds E = (1 - PA) / PA the risk is (E + S) / (1 + E): a sum of positive parts, whatever their size.
double Mbg::risk(double silence) const {
  const double log_odds = dropped_log_odds(silence);
  const double stays_away = std::exp(-buying_exponent(silence));
  const double lesser = std::exp(-std::abs(log_odds));
  return log_odds >= 0 ? (1 + lesser * stays_away) / (1 + lesser) : (lesser + stays_away) / (1 + lesser);
}

// risk / (1 - risk) = (E + S) / (1 - S).
Mbg::Logit Mbg::logit(double silence) const {
  const double log_odds = dropped_log_odds(silence);
  const double exponent = buying_exponent(silence);
  const double difference = log_odds + exponent;
  const double lesser = std::exp(-std::abs(difference));
  const double buys = -std::expm1(-exponent);
  return {.value = std::max(log_odds, -exponent) + std::log1p(lesser) - std::log(buys),
          .age = age_at_last_ + silence,
          .dropped = (difference >= 0 ? 1 : lesser) / (1 + lesser),
          .buys = buys};
}

// The same, not in log space: where neither overflows, k is not so large that it makes much of rounding, and 1 - S is
// no difference of near equals.
double Mbg::about_logit(double silence) const {
  const double age = age_at_last_ + silence;
  const double log_odds = log_odds_at_last_ + k_ * std::log(age / age_at_last_);
  const double stays_away = std::exp(-k_ * std::log(1 + horizon_ / age));
  const double buys = 1 - stays_away;
  if (!(k_ < 100 && std::abs(log_odds) < 500 && stays_away > 1e-200 && buys > 0.1)) return logit(silence).value;
  return std::log((std::exp(log_odds) + stays_away) / buys);
}

// With k = r + x and u = alpha + T.
double Mbg::slope(const Logit& at) const {
  return k_ / (at.age + horizon_) * (horizon_ / (at.age * at.buys) + at.dropped);
}

// `buys` is at most 1 and `dropped` at least 0; what is left of the slope shrinks with u.
double Mbg::least_slope(const MbgParameters& parameters, double x, double age, double horizon) {
  const double k = bounded(parameters.r) + x;
  const double u = bounded(parameters.alpha) + age;
  const double h = bounded(horizon);
  return k / (u + h) * (h / u);
}

// ln(E + S) lies between -k h / u and ln(E) + 1, as long as that is positive, and 1 - S is no less than v / (1 + v)
// with v = k h / (u + h).
double Mbg::logit_size(double silence) const {
  constexpr double log_max = 400;  // No logarithm of times, and of parameters within their bounds, comes to it.
  const double grown = k_ * std::min(silence / age_at_last_, log_max);
  const double least_exponent = k_ * horizon_ / (age_at_last_ + silence + horizon_);
  return 1 + std::abs(log_odds_at_last_) + grown + k_ * horizon_ / age_at_last_ + std::log(1 + 1 / least_exponent);
}

// As time passes, u and `dropped` grow and `buys` shrinks: each is bounded by its values at the ends.
Slopes Mbg::slopes(const Logit& from, const Logit& to) const {
  return {.at_least = k_ / (to.age + horizon_) * (horizon_ / (to.age * from.buys) + from.dropped),
          .at_most = k_ / (from.age + horizon_) * (horizon_ / (from.age * to.buys) + to.dropped)};
}

}  // namespace holdfast::engine
