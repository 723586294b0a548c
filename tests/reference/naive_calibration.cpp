// docs/semantics.md, "Calibration", a second time.

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>

#include "tests/reference/naive_engine.hpp"

namespace holdfast::reference {
namespace {

constexpr std::int64_t week_ms = 7 * std::int64_t{86'400'000};
constexpr std::int64_t monday_ms = 1'294'012'800'000;  // 2011-01-03

double sigmoid(double score) { return 1 / (1 + std::exp(-score)); }

Timestamp next_monday(Timestamp t) {
  std::int64_t monday = monday_ms + (t.ms - monday_ms) / week_ms * week_ms;
  while (monday > t.ms) monday -= week_ms;
  while (monday <= t.ms) monday += week_ms;
  return {monday};
}

/// Where a falling function has its root.
double root(double from, double to, const std::function<double(double)>& f) {
  for (int i = 0; i < 70; ++i) {
    const double middle = (from + to) / 2;
    (f(middle) > 0 ? from : to) = middle;
  }
  return (from + to) / 2;
}

}  // namespace

void NaiveEngine::restart_calibration(Timestamp since) {
  calibration_ = {};
  calibration_.since = since;
}

void NaiveEngine::go_on(const engine::RiskPolicy& policy) {
  const bool was_on = policy_.calibration != engine::CalibrationUse::off;
  const bool goes_on = was_on && policy.horizon == policy_.horizon;
  const Timestamp now = stream_time_.value_or(before_all_time);
  policy_ = policy;
  if (!goes_on) restart_calibration(now + Duration{1});
  if (policy.calibration == engine::CalibrationUse::off) calibration_ = {};
  if (!goes_on || policy.calibration != engine::CalibrationUse::correct) {
    auto& past = calibration_.corrections;
    const bool corrected = !past.empty() && (past.back().intercept != 0 || past.back().slope != 1);
    if (corrected) past.push_back({.from = now});
    for (Reign& reign : reigns_) {
      if (reign.base) reign = {.model = *reign.base, .from = reign.from, .spread = reign.spread};
    }
  }
  for (auto& [id, person] : people_) set_timer(id, person);
}

Timestamp NaiveEngine::probe_after(const std::string& id, Timestamp t) const {
  const std::uint64_t place = make_customer_key(id).hash % (std::uint64_t{1} << 32) / 256;
  const auto offset =
      static_cast<std::int64_t>(place * static_cast<std::uint64_t>(policy_.horizon.ms) / (std::uint64_t{1} << 24));
  std::int64_t at = (t.ms - offset) / policy_.horizon.ms * policy_.horizon.ms + offset;
  while (at <= t.ms) at += policy_.horizon.ms;
  while (at - policy_.horizon.ms > t.ms) at -= policy_.horizon.ms;
  return {at};
}

void NaiveEngine::probe(const std::string& id, Person& person, Timestamp t) {
  if (policy_.calibration == engine::CalibrationUse::off) return;
  if (t < *stream_time_ || probe_after(id, t - Duration{1}) != t) return;
  const Timestamp asked_at = t - policy_.horizon;
  if (person.probe && (!calibration_.since || asked_at >= *calibration_.since)) {
    double intercept = 0;
    double slope = 1;
    for (const auto& past : calibration_.corrections) {
      if (past.from > asked_at) continue;
      intercept = past.intercept;
      slope = past.slope;
    }
    NaiveCalibration::Quarter& quarter = calibration_.quarters[*person.probe];
    quarter.outcomes += 1;
    if (person.last <= asked_at) quarter.left += 1;
    quarter.told += sigmoid(intercept + slope * *person.probe / 4);
    if (!calibration_.next_review) calibration_.next_review = next_monday(*stream_time_);
  }
  person.probe.reset();
  const Reign& reign = reigns_[reign_of(id, t)];
  const engine::Model* const model = model_;
  if (reign.base) model_ = &*reign.base;
  const double quarters = std::floor(score(person, t) * 4 + 0.5);
  model_ = model;
  person.probe = static_cast<int>(std::clamp(quarters, -31.0, 31.0));
  if (calibration_.since && t < *calibration_.since) return;
  calibration_.quarters[*person.probe].asked += 1;
  if (!calibration_.next_review) calibration_.next_review = next_monday(*stream_time_);
}

void NaiveEngine::review() {
  const Timestamp now = *calibration_.next_review;
  calibration_.next_review.reset();
  for (auto& [at, quarter] : calibration_.quarters) {
    const double kept = calibration_.reviewed ? std::pow(2, -static_cast<double>((now - *calibration_.reviewed).ms) /
                                                                static_cast<double>(policy_.calibration_half_life.ms))
                                              : 1;
    for (double* count : {&quarter.asked, &quarter.outcomes, &quarter.left, &quarter.told}) *count *= kept;
  }
  calibration_.reviewed = now;
  if (policy_.calibration != engine::CalibrationUse::correct) return;
  const auto pending = std::ranges::find_if(reigns_, [](const Reign& reign) { return !reign.spread; });
  for (auto reign = std::next(reigns_.begin()); reign != pending; ++reign) {
    if (reign->from + *reign->spread >= now) return;
  }
  const Reign current = *std::prev(pending);
  const auto [intercept, slope] = best_correction();
  if (std::abs(intercept - current.intercept) < 0.005 && std::abs(slope - current.slope) < 0.005) return;
  const engine::Model base = current.base ? *current.base : current.model;
  Reign next{.model = base, .from = now, .spread = spread_for_all(), .intercept = intercept, .slope = slope};
  next.base = base;
  engine::Logistic logistic{.intercept = 0, .terms = {{.feature = Feature::mbg_logit, .weight = 1}}};
  if (base.logistic) logistic = *base.logistic;
  logistic.intercept = intercept + slope * logistic.intercept;
  for (auto& term : logistic.terms) term.weight *= slope;
  next.model.logistic = logistic;
  calibration_.corrections.push_back({.from = now, .intercept = intercept, .slope = slope});
  reigns_.insert(pending, std::move(next));
  for (auto& [id, person] : people_) set_timer(id, person);
}

/// The maximum of the likelihood times the prior: where both derivatives are 0, the outer one with the best intercept
/// for each slope.
std::pair<double, double> NaiveEngine::best_correction() const {
  const auto by_intercept = [&](double intercept, double slope) {
    double sum = -intercept / (0.5 * 0.5);
    for (const auto& [at, quarter] : calibration_.quarters)
      sum += quarter.left - quarter.outcomes * sigmoid(intercept + slope * at / 4);
    return sum;
  };
  const auto best_intercept = [&](double slope) {
    return root(-50, 50, [&](double intercept) { return by_intercept(intercept, slope); });
  };
  const auto by_slope = [&](double slope) {
    const double intercept = best_intercept(slope);
    double sum = -(slope - 1) / (0.25 * 0.25);
    for (const auto& [at, quarter] : calibration_.quarters)
      sum += (quarter.left - quarter.outcomes * sigmoid(intercept + slope * at / 4)) * at / 4;
    return sum;
  };
  const double slope = root(-20, 20, by_slope);
  return {std::clamp(best_intercept(slope), -3.0, 3.0), std::clamp(slope, 0.25, 4.0)};
}

}  // namespace holdfast::reference
