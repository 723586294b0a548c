#pragma once

#include <limits>

#include "domain/time.hpp"
#include "engine/score.hpp"

namespace holdfast::engine {

/// Where a risk may be without anything happening.
struct Band {
  double below = std::numeric_limits<double>::infinity();      ///< A risk that has reached this has left the band,
  double at_least = -std::numeric_limits<double>::infinity();  ///< and so has one below this.
  [[nodiscard]] bool contains(double risk) const { return risk >= at_least && risk < below; }
};

/// The least t in (after, until] at which the risk lies outside of the band; after_all_time if there is none.
///
/// Exact to the millisecond: the risk at t lies outside, that at t - 1 ms within (or t is the first moment after
/// `after`), and no earlier excursion is missed however short, unless it leaves the band by less than 1e-12 of the
/// score, which is rounding. Bounded: at most 5,000 evaluations of the score, whatever the model; commonly fewer than
/// 10. Should they not suffice, returns a moment up to which there is no crossing: looking again from there goes on.
[[nodiscard]] Timestamp first_crossing(const Score& score, const Band& band, Timestamp after, Timestamp until);

}  // namespace holdfast::engine
