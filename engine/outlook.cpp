#include "engine/outlook.hpp"

#include <algorithm>
#include <cmath>

#include "engine/mbg.hpp"
#include "engine/risk.hpp"
#include "engine/score.hpp"

namespace holdfast::engine {
namespace {

/// Between a risk and a threshold: far more than the rounding of either.
constexpr double distance = 1e-9;

/// By which a risk has to rise within a millisecond, so that rounding cannot make it cross a threshold several times,
/// and where it crosses does not hang on where the search begins.
constexpr double rise = 1e-14;

/// Whether a risk whose logit is at least `logits` away from that of a threshold keeps its distance.
bool is_clear_of(double threshold, double logits) {
  // threshold - sigmoid(logit(threshold) - logits) >= threshold (1 - threshold) (1 - exp(-logits)); the same above it.
  return !std::isfinite(threshold) || threshold * (1 - threshold) * std::min(logits, 1.0) / 2 > distance;
}

}  // namespace

bool Outlook::stands(const Customer& now, const Model& model, const RiskPolicy& policy) const {
  const Timestamp t = now.moment();
  if (due_ == after_all_time || t >= due_ || !is_judged(now, policy)) return false;
  const Band band = band_of(now.current_level(), policy);
  if (model.logistic) {
    const auto [least, greatest] = Score(now, model, policy.horizon).bounds(t, due_);
    return sigmoid(greatest) < band.below - distance && sigmoid(least) > band.at_least + distance;
  }
  const bool bought = now.first() != first_ || now.last() != last_ || now.x != x_;
  // The risk only rises: if it is low at the end, so it is before.
  if (bought)
    return now.current_level() == Level::none && risk_at(now, model, policy.horizon, due_) < band.below - distance;
  if (t == moment_) return true;
  const auto unit = static_cast<double>(model.time_unit.ms);
  const auto units = [&](Duration duration) { return static_cast<double>(duration.ms) / unit; };
  const double slope = Mbg::least_slope(model.mbg, now.x, units(due_ - now.first()), units(policy.horizon));
  const bool crosses_once =
      !std::isfinite(band.below) || band.below * (1 - band.below) * slope * units(Duration{1}) > rise;
  return crosses_once && is_clear_of(band.below, slope * units(due_ - Duration{1} - t)) &&
         is_clear_of(band.at_least, slope * units(t - moment_));
}

}  // namespace holdfast::engine
