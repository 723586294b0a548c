#include "engine/crossing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace holdfast::engine {
namespace {

using Point = Score::Point;

// The curves move on the scale of weeks at first and of years later on: pieces of growing length are examined in turn.
constexpr std::int64_t first_piece_ms = std::int64_t{64} * 86'400'000;
constexpr std::int64_t piece_growth = 4;

// A piece is halved down to single milliseconds at most.
constexpr std::size_t halvings_max = 64;
constexpr int splits_max = 4000;
constexpr int newton_steps_max = 40;

// Newton's error is about the square of its last step over the curve's time scale of days: far below a millisecond.
constexpr double last_newton_step_ms = 1000;

// Relative to the score's size: what evaluations of it may differ by from the true curve.
constexpr double rounding = 1e-12;

double log_odds(double probability) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (probability <= 0) return -infinity;
  return probability >= 1 ? infinity : std::log(probability / (1 - probability));
}

class Search {
 public:
  Search(const Score& score, const Band& band)
      : score_(score), band_(band), upper_(log_odds(band.below)), lower_(log_odds(band.at_least)) {}

  [[nodiscard]] bool left_at(Timestamp t) const { return !band_.contains(score_.risk(t)); }

  /// The least t in (from.t, end] outside of the band, of a score that moves in one direction only there. REQUIRES:
  /// the score at `from` is within the band; the score at `end` is outside, or `end` is not to be looked at.
  [[nodiscard]] Timestamp in_monotone(const Point& from, Timestamp end, bool rises) const {
    return polish(newton(from, end, rises), from.t, end);
  }

  /// The least t in (from.t, to.t] outside of the band. REQUIRES: the score at `from` is within the band.
  [[nodiscard]] std::optional<Timestamp> in_piece(Point from, const Point& to) {
    std::array<Point, halvings_max> ends;  // Of intervals yet to be examined, the next one last.
    std::size_t waiting = 0;
    ends[waiting++] = to;
    while (waiting > 0) {
      const Point& end = ends[waiting - 1];
      const Slopes slopes = score_.slopes(from, end);
      const bool rises = slopes.at_least >= 0;
      const bool left = has_left(end);
      if (left && (rises || slopes.at_most <= 0)) return in_monotone(from, end.t, rises);
      const std::int64_t length = (end.t - from.t).ms;
      if (left && length == 1) return end.t;
      if (!left && (length == 1 || stays_within(from, end, slopes))) {
        from = end;
        --waiting;
        continue;
      }
      if (++splits_ > splits_max) return from.t;
      ends[waiting++] = score_.at(from.t + Duration{length / 2});
    }
    return std::nullopt;
  }

 private:
  /// Whether a point lies outside of the band; the risk itself decides, where the score does not show it clearly.
  [[nodiscard]] bool has_left(const Point& point) const {
    const double margin = 1e-9 * std::max(1.0, std::abs(point.value));
    if (point.value > lower_ + margin && point.value < upper_ - margin) return false;
    return left_at(point.t);
  }

  /// Whether a score with these slopes cannot leave the band between two points within: it lies below both the line of
  /// greatest slope through the one and that of least slope through the other, and likewise above two lines.
  [[nodiscard]] bool stays_within(const Point& from, const Point& to, Slopes slopes) const {
    if (slopes.at_least >= 0 || slopes.at_most <= 0) return true;
    const auto length = static_cast<double>((to.t - from.t).ms);
    const double spread = slopes.at_most - slopes.at_least;
    const double top = from.value + slopes.at_most * (to.value - from.value - slopes.at_least * length) / spread;
    const double bottom = from.value + slopes.at_least * (from.value - to.value + slopes.at_most * length) / spread;
    const auto [least, greatest] = std::minmax(from.value, to.value);
    const double flat = rounding * std::max({1.0, std::abs(least), std::abs(greatest)});
    return (top < upper_ || top <= greatest + flat) && (bottom > lower_ || bottom >= least - flat);
  }

  /// About where a monotone score leaves the band.
  [[nodiscard]] Timestamp newton(Point point, Timestamp end, bool rises) const {
    const double target = rises ? upper_ : lower_;
    std::int64_t before = point.t.ms;
    std::int64_t after = end.ms;
    for (int i = 0; i < newton_steps_max && after - before > 1; ++i) {
      const double step = (target - point.value) / score_.slopes(point, point).at_least;
      const double next = std::ceil(static_cast<double>(point.t.ms) + step);
      const bool inside = next > static_cast<double>(before) && next < static_cast<double>(after);
      if (inside && std::abs(step) < last_newton_step_ms) return {static_cast<std::int64_t>(next)};
      // The first step may well lead beyond the end: then only the end matters.
      const std::int64_t fallback = i == 0 ? after - 1 : before + (after - before) / 2;
      point = score_.at({inside ? static_cast<std::int64_t>(next) : fallback});
      ((point.value >= target) == rises ? after : before) = point.t.ms;
    }
    return {after};
  }

  /// The moment in (before, after] at which the risk leaves the band, close to `guess`. REQUIRES: the risk has not left
  /// it at `before`, and has at `after`, or `after` is not to be looked at.
  [[nodiscard]] Timestamp polish(Timestamp guess, Timestamp before, Timestamp after) const {
    const std::int64_t at = std::clamp(guess.ms, before.ms + 1, after.ms);
    std::int64_t within = before.ms;
    std::int64_t outside = after.ms;
    if (at == after.ms || left_at({at})) {
      outside = at;
      for (std::int64_t step = 1; outside - step > within; step *= 2) {
        if (!left_at({outside - step}))
          within = outside - step;
        else
          outside -= step;
      }
    } else {
      within = at;
      for (std::int64_t step = 1; within + step < outside; step *= 2) {
        if (left_at({within + step}))
          outside = within + step;
        else
          within += step;
      }
    }
    while (outside - within > 1) {
      const std::int64_t middle = within + (outside - within) / 2;
      (left_at({middle}) ? outside : within) = middle;
    }
    return {outside};
  }

  const Score& score_;
  const Band& band_;
  double upper_;
  double lower_;
  int splits_ = 0;
};

}  // namespace

Timestamp first_crossing(const Score& score, const Band& band, Timestamp after, Timestamp until) {
  if (until <= after) return after_all_time;
  Search search(score, band);
  const Timestamp begin = after + Duration{1};
  if (search.left_at(begin)) return begin;

  Point from = score.at(begin);
  if (score.only_rises()) {
    const Timestamp found = search.in_monotone(from, until + Duration{1}, true);
    return found <= until ? found : after_all_time;
  }
  for (Duration length{first_piece_ms}; from.t < until; length.ms *= piece_growth) {
    const Point to = score.at(std::min(from.t + length, until));
    if (const auto found = search.in_piece(from, to)) return *found;
    from = to;
  }
  return after_all_time;
}

}  // namespace holdfast::engine
