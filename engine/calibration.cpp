#include "engine/calibration.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>

#include "engine/phase.hpp"
#include "engine/score.hpp"

namespace holdfast::engine {
namespace {

using Bin = CalibrationState::Bin;

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t week_ms = 7 * day_ms;
/// 1970-01-05 was a Monday.
constexpr std::int64_t first_monday_ms = 4 * day_ms;

constexpr double bins_in_logit = 4;
constexpr int middle_bin = static_cast<int>(CalibrationState::bins_size) / 2 + 1;

/// Groups that the calibration error is taken over.
constexpr double groups = 10;

/// Above the mean, which chance exceeds about once in forty times.
constexpr double chance_deviations = 2;

/// How far corrections are expected to lie from none: the share of leavers of a real shop moved by .36 within a quarter
/// (Online Retail, .520 to .429), while how far apart scores are is a matter of the model.
constexpr double intercept_deviation = 0.5;
constexpr double slope_deviation = 0.25;

/// Share of a group without anybody, where two distributions are compared.
constexpr double share_least = 1e-4;

/// The greatest whole number that is not above a / b. REQUIRES: b > 0.
std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

Timestamp week_after(Timestamp t) {
  return {(floor_div(t.ms - first_monday_ms, week_ms) + 1) * week_ms + first_monday_ms};
}

std::uint8_t number_of(std::size_t index) { return static_cast<std::uint8_t>(index + 1); }

/// The penalised log-likelihood of a correction, its gradient and its curvature (the negative Hessian).
struct Fit {
  double value = 0;
  double by_intercept = 0;
  double by_slope = 0;
  double curvature_ii = 0;
  double curvature_is = 0;
  double curvature_ss = 0;
};

Fit fit_of(std::span<const Bin> bins, const Correction& correction) {
  const double i = correction.intercept / intercept_deviation;
  const double s = (correction.slope - 1) / slope_deviation;
  Fit fit{.value = -(i * i + s * s) / 2,
          .by_intercept = -i / intercept_deviation,
          .by_slope = -s / slope_deviation,
          .curvature_ii = 1 / (intercept_deviation * intercept_deviation),
          .curvature_ss = 1 / (slope_deviation * slope_deviation)};
  for (std::size_t b = 0; b < bins.size(); ++b) {
    const double score = Calibration::score_of(number_of(b));
    const double logit = correction.intercept + correction.slope * score;
    const double risk = sigmoid(logit);
    fit.value += bins[b].left * logit - bins[b].outcomes * softplus(logit);
    const double missed = bins[b].left - bins[b].outcomes * risk;
    fit.by_intercept += missed;
    fit.by_slope += missed * score;
    const double weight = bins[b].outcomes * risk * (1 - risk);
    fit.curvature_ii += weight;
    fit.curvature_is += weight * score;
    fit.curvature_ss += weight * score * score;
  }
  return fit;
}

/// From there to the maximum of the parabola with the same gradient and curvature.
Correction newton_step(const Fit& fit) {
  const double determinant = fit.curvature_ii * fit.curvature_ss - fit.curvature_is * fit.curvature_is;
  return {(fit.curvature_ss * fit.by_intercept - fit.curvature_is * fit.by_slope) / determinant,
          (fit.curvature_ii * fit.by_slope - fit.curvature_is * fit.by_intercept) / determinant};
}

Correction within_bounds(const Correction& correction) {
  return {std::clamp(correction.intercept, -Correction::intercept_most, Correction::intercept_most),
          std::clamp(correction.slope, Correction::slope_least, Correction::slope_most)};
}

}  // namespace

Calibration::Calibration(Duration horizon, Duration half_life) : half_life_(half_life) { state_.horizon = horizon; }

void Calibration::restore(const CalibrationState& state, Timestamp now) {
  if (state.horizon != state_.horizon) return begin(now);
  state_ = state;
}

void Calibration::begin(Timestamp since) { state_ = CalibrationState{.horizon = state_.horizon, .since = since}; }

Timestamp Calibration::next_probe(std::uint64_t hash, Timestamp t) const {
  const std::int64_t offset = phase_of(hash, state_.horizon).ms;
  return {(floor_div(t.ms - offset, state_.horizon.ms) + 1) * state_.horizon.ms + offset};
}

bool Calibration::is_probe(std::uint64_t hash, Timestamp t) const { return next_probe(hash, t - Duration{1}) == t; }

std::uint8_t Calibration::bin_of(double score) {
  const double most = static_cast<double>(middle_bin - 1) / bins_in_logit;
  const double held = std::clamp(score, -most, most);
  return static_cast<std::uint8_t>(middle_bin + static_cast<int>(std::floor(held * bins_in_logit + 0.5)));
}

double Calibration::score_of(std::uint8_t bin) { return (bin - middle_bin) / bins_in_logit; }

void Calibration::ask(std::uint8_t bin, Timestamp t, Timestamp now) {
  if (t < state_.since) return;
  state_.bins[bin - 1U].asked += 1;
  expect_review(now);
}

void Calibration::learn(std::uint8_t bin, bool left, Timestamp t, Timestamp now) {
  const Timestamp asked_at = t - state_.horizon;
  if (asked_at < state_.since) return;
  const Correction told = in_force(asked_at);
  Bin& to = state_.bins[bin - 1U];
  to.outcomes += 1;
  to.left += left ? 1 : 0;
  to.told += sigmoid(told.intercept + told.slope * score_of(bin));
  expect_review(now);
}

void Calibration::expect_review(Timestamp now) { state_.next_review = std::min(state_.next_review, week_after(now)); }

void Calibration::review() {
  const Timestamp now = state_.next_review;
  state_.next_review = after_all_time;
  if (state_.reviewed != before_all_time) {
    const double kept =
        std::exp2(-static_cast<double>((now - state_.reviewed).ms) / static_cast<double>(half_life_.ms));
    for (Bin& bin : state_.bins) {
      bin.asked *= kept;
      bin.outcomes *= kept;
      bin.left *= kept;
      bin.told *= kept;
    }
  }
  state_.reviewed = now;
}

Correction Calibration::fitted() const {
  // Newton's method, its steps halved until they lead upwards: the penalised likelihood has one maximum. From nearby it
  // takes two whole steps, whose gain would be lost in the rounding of the likelihood.
  constexpr int iterations = 50;
  constexpr double nearby = 1e-4;
  Correction best;
  Fit fit = fit_of(state_.bins, best);
  int near_steps = 0;
  for (int i = 0; i < iterations && near_steps < 2; ++i) {
    Correction step = newton_step(fit);
    const bool is_near = std::abs(step.intercept) + std::abs(step.slope) < nearby;
    near_steps += is_near ? 1 : 0;
    Correction next;
    Fit there;
    do {
      next = {best.intercept + step.intercept, best.slope + step.slope};
      there = fit_of(state_.bins, next);
      step = {step.intercept / 2, step.slope / 2};
    } while (!is_near && there.value < fit.value && std::abs(step.intercept) + std::abs(step.slope) > nearby / 4);
    best = next;
    fit = there;
  }
  return within_bounds(best);
}

void Calibration::correct(Timestamp from, const Correction& correction) {
  assert(state_.past.empty() || state_.past.back().from <= from);
  state_.past.push_back({from, correction});
  // Outcomes may come of scores that are a horizon old: what was in force then is still asked for.
  while (state_.past.size() > 1 && state_.past[1].from <= from - state_.horizon) state_.past.erase(state_.past.begin());
}

void Calibration::end_corrections(Timestamp from) {
  if (!state_.past.empty() && state_.past.back().correction != Correction{}) correct(from, {});
}

Correction Calibration::in_force(Timestamp t) const {
  Correction correction;
  for (const auto& past : state_.past) {
    if (past.from <= t) correction = past.correction;
  }
  return correction;
}

// Groups are made of neighbouring bins, from the least score on, each closed once it has a tenth of all.
CalibrationReport Calibration::report() const {
  CalibrationReport report;
  double asked = 0;
  for (const Bin& bin : state_.bins) {
    report.outcomes += bin.outcomes;
    report.left += bin.left;
    report.told += bin.told;
    asked += bin.asked;
  }
  if (report.outcomes <= 0) return report;
  Bin group;
  // Of the sum of |left - told| over the groups, were all risks right.
  double mean = 0;
  double variance = 0;
  for (std::size_t b = 0; b < state_.bins.size(); ++b) {
    const Bin& bin = state_.bins[b];
    group.asked += bin.asked;
    group.outcomes += bin.outcomes;
    group.left += bin.left;
    group.told += bin.told;
    if (group.outcomes < report.outcomes / groups && b + 1 < state_.bins.size()) continue;
    report.ece += std::abs(group.left - group.told) / report.outcomes;
    // |X - E X| of a sum X of independent outcomes that is nearly normal is nearly half-normal.
    const double risk = group.outcomes > 0 ? group.told / group.outcomes : 0;
    const double of_sum = group.outcomes * risk * (1 - risk);
    mean += std::sqrt(2 / std::numbers::pi * of_sum);
    variance += (1 - 2 / std::numbers::pi) * of_sum;
    if (asked > 0) {
      const double now = std::max(group.asked / asked, share_least);
      const double then = std::max(group.outcomes / report.outcomes, share_least);
      report.drift += (now - then) * std::log(now / then);
    }
    group = {};
  }
  report.ece_chance_most = (mean + chance_deviations * std::sqrt(variance)) / report.outcomes;
  return report;
}

bool goes_on_correcting(const RiskPolicy& policy, const std::optional<CalibrationState>& before) {
  return policy.calibration == CalibrationUse::correct && before && before->horizon == policy.horizon;
}

Model corrected(const Model& model, const Correction& correction) {
  Model out = model;
  if (correction == Correction{}) return out;
  if (!out.logistic) out.logistic = Logistic{.intercept = 0, .terms = {{.feature = Feature::mbg_logit, .weight = 1}}};
  out.logistic->intercept = correction.intercept + correction.slope * bounded_weight(out.logistic->intercept);
  for (Logistic::Term& term : out.logistic->terms) term.weight = correction.slope * bounded_weight(term.weight);
  return out;
}

}  // namespace holdfast::engine
