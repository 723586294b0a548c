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

/// How large the term may be, at most, for what it may be off by.
double size_of(const Logistic::Term& term, const Customer& customer) {
  const double range = std::max(std::abs(term.least), std::abs(term.most));
  if (std::isfinite(range)) return range;
  const auto curve = logarithm_of(customer, term.feature);
  return curve ? curve->size() : range;
}

/// By how much a visit has lowered the term until `due_`, at least; below 0: it may have raised it.
double Outlook::lowered_by_visit(const Logistic::Term& term, const Customer& now) const {
  constexpr double raised = -1;
  const double weight = bounded_weight(term.weight);
  const bool is_seen = now.is_seen_since_purchase();
  switch (term.feature) {
    case Feature::visits_30d: {
      if (weight > 0) return raised;
      const auto value = static_cast<double>(now.counters[static_cast<std::size_t>(Counter::visits_30d)]);
      const double half_life = half_life_days[static_cast<std::size_t>(Counter::visits_30d)];
      const double left = std::exp2(-(due_ - now.moment()).days() / half_life);
      return value <= term.most && (value - 1) * left >= term.least ? -weight * left : 0;
    }
    case Feature::log_days_since_seen: return weight < 0 ? raised : 0;
    case Feature::missed_events:  // None any more, or, in the hour of the purchase, those of one event more.
      return !seen_since_purchase_ && (is_seen ? weight < 0 : weight > 0) ? raised : 0;
    case Feature::seen_since_purchase:
      if (seen_since_purchase_ || !is_seen) return 0;
      return weight > 0 ? raised : -weight * (term.within_range(1) - term.within_range(0));
    case Feature::log_activity: {
      if (weight > 0) return raised;
      const Logarithm curve = *logarithm_of(now, term.feature);
      const double lift = std::log1p(1 / (now.events_since_first() + 1 - (now.contacts - contacts_)));
      const bool counts =
          now.contacts > contacts_ && curve.at(now.moment()) <= term.most && curve.at(due_) - 2 * lift >= term.least;
      return counts ? -weight * lift / 2 : 0;
    }
    default: return 0;
  }
}

// Where what a visit changes lowers the score until `due_`, by more than rounding, of which that of the counters is
// most, the customer comes no sooner to a threshold than before.
bool Outlook::falls_with_visit(const Customer& now, const Model& model, Duration horizon) const {
  double lowered = 0;
  double size = std::abs(model.logistic->intercept);
  double rounded = 0;
  const double silence = static_cast<double>((due_ - now.last()).ms) / static_cast<double>(model.time_unit.ms);
  for (const Logistic::Term& term : model.logistic->terms) {
    const double by_term = lowered_by_visit(term, now);
    if (by_term < 0) return false;
    lowered += by_term;
    const double weight = std::abs(term.weight);
    size += weight *
            (term.feature == Feature::mbg_logit ? mbg_of(now, model, horizon).logit_size(silence) : size_of(term, now));
    if (const auto counter = counter_of(term.feature))
      rounded += weight * static_cast<double>(now.counters[static_cast<std::size_t>(*counter)]) * counter_rounding;
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

Timestamp quiet_until(const Customer& customer, LazyScore& score, const RiskPolicy& policy, Timestamp from) {
  const Level level = customer.current_level();
  const Band band = band_of(level, policy);
  const Timestamp last = level == Level::none ? after_all_time : expiry_of(customer, policy);
  for (const Duration ahead : looks) {
    const Timestamp until = std::min(from + ahead, last);
    if (until > from && stays_within(band, score.get(), from, until)) return until;
  }
  return from;
}

}  // namespace holdfast::engine
