#include "engine/outlook.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "engine/features.hpp"
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

/// Whether all evaluations of the risk between the two moments lie within the band, at a distance from its ends.
bool stays_within(const Band& band, const Score& score, Timestamp from, Timestamp to) {
  return (!std::isfinite(band.below) || sigmoid(score.at_most(from, to)) < band.below - distance) &&
         (!std::isfinite(band.at_least) || sigmoid(score.at_least(from, to)) > band.at_least + distance);
}

/// Relative: more than what a counter is rounded by, and a score, whose terms have some size.
constexpr double counter_rounding = 1e-7;
constexpr double score_rounding = 1e-12;
/// By which a score has to be lower for its risk to be so, however close to 1 or 0.
constexpr double lowered_min = 1e-6;

/// How far ahead to look: an active customer's next event comes before most of them.
constexpr std::array looks{Duration{std::int64_t{64} * 86'400'000}, Duration{std::int64_t{16} * 86'400'000},
                           Duration{std::int64_t{4} * 86'400'000}};

}  // namespace

// A visit changes nothing but the counter of visits. Where that lowers the score until `due_`, by more than rounding,
// of which that of the counters is most, the customer comes no sooner to a threshold than before.
bool Outlook::falls_with_visit(const Customer& now, const Model& model, Duration horizon) const {
  double lowered = 0;
  double size = std::abs(model.logistic->intercept);
  double rounded = 0;
  const double silence = static_cast<double>((due_ - now.last()).ms) / static_cast<double>(model.time_unit.ms);
  for (const Logistic::Term& term : model.logistic->terms) {
    const double weight = std::abs(term.weight);
    size += weight * (term.feature == Feature::mbg_logit ? mbg_of(now, model, horizon).logit_size(silence)
                                                         : std::max(std::abs(term.least), std::abs(term.most)));
    const auto counter = counter_of(term.feature);
    if (!counter) continue;
    const auto value = static_cast<double>(now.counters[static_cast<std::size_t>(*counter)]);
    rounded += weight * value * counter_rounding;
    if (*counter != Counter::visits_30d || term.weight >= 0 || value > term.most) continue;
    const double half_life = half_life_days[static_cast<std::size_t>(*counter)];
    const double left = std::exp2(-(due_ - now.moment()).days() / half_life);
    if ((value - 1) * left >= term.least) lowered = weight * left;
  }
  return lowered > rounded + score_rounding * size + lowered_min;
}

bool Outlook::stands(const Customer& now, EventKind event, LazyScore& score, const RiskPolicy& policy) const {
  const Timestamp t = now.moment();
  if (t >= due_ || !is_judged(now, policy)) return false;
  const Model& model = score.model();
  const Band band = band_of(now.current_level(), policy);
  if (model.logistic) {
    // Some scores never come to a threshold: then none may do so within reach.
    const bool never = due_ == after_all_time;
    if (never && now.current_level() != Level::none) return false;
    const bool just_visited = event == EventKind::visit && t > moment_;
    if (just_visited && !never && now.current_level() == Level::none && falls_with_visit(now, model, policy.horizon))
      return true;
    return stays_within(band, score.get(), t, never ? t + timer_reach : due_);
  }
  if (due_ == after_all_time) return false;
  const bool bought = now.first() != first_ || now.last() != last_ || now.x != x_;
  // The risk only rises: if it is low at the end, so it is before.
  if (bought) return now.current_level() == Level::none && score.get().risk(due_) < band.below - distance;
  if (t == moment_) return true;
  const auto unit = static_cast<double>(model.time_unit.ms);
  const auto units = [&](Duration duration) { return static_cast<double>(duration.ms) / unit; };
  const double slope = Mbg::least_slope(model.mbg, now.x, units(due_ - now.first()), units(policy.horizon));
  const bool crosses_once =
      !std::isfinite(band.below) || band.below * (1 - band.below) * slope * units(Duration{1}) > rise;
  return crosses_once && is_clear_of(band.below, slope * units(due_ - Duration{1} - t)) &&
         is_clear_of(band.at_least, slope * units(t - moment_));
}

Timestamp quiet_until(const Customer& customer, LazyScore& score, const RiskPolicy& policy) {
  const Timestamp t = customer.moment();
  const Level level = customer.current_level();
  const Band band = band_of(level, policy);
  const Timestamp last = level == Level::none ? after_all_time : expiry_of(customer, policy);
  for (const Duration ahead : looks) {
    const Timestamp until = std::min(t + ahead, last);
    if (until > t && stays_within(band, score.get(), t, until)) return until;
  }
  return t;
}

}  // namespace holdfast::engine
