#include "engine/crossing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace holdfast::engine {
namespace {

using Point = Score::Point;

// The curves move on the scale of weeks at first and of years later on: pieces of growing length are examined in turn.
constexpr std::int64_t first_piece_ms = std::int64_t{64} * 86'400'000;
constexpr std::int64_t piece_growth = 4;

// Where to look first for a crossing under terms that only rise.
constexpr Duration first_guess{std::int64_t{30} * 86'400'000};

// A piece is halved down to single milliseconds at most.
constexpr std::size_t halvings_max = 64;
constexpr int splits_max = 2000;
constexpr int newton_steps_max = 40;

// Newton's error is about the square of its last step over the curve's time scale of weeks: far below a millisecond.
constexpr double last_newton_step_ms = 20'000;

// Relative to the score's size: what evaluations of it may differ by from the true curve.
constexpr double rounding = 1e-12;

constexpr double infinity = std::numeric_limits<double>::infinity();

double log_odds(double probability) {
  if (probability <= 0) return -infinity;
  return probability >= 1 ? infinity : std::log(probability / (1 - probability));
}

Timestamp middle(Timestamp a, Timestamp b) { return {a.ms + (b.ms - a.ms) / 2}; }

class Search {
 public:
  Search(const Score& score, const Band& band)
      : score_(score), band_(band), upper_(log_odds(band.below)), lower_(log_odds(band.at_least)) {}

  [[nodiscard]] bool left_at(Timestamp t) const { return !band_.contains(score_.risk(t)); }

  /// The least t in (before, end] outside of the band, of a score that moves in one direction only there. REQUIRES: the
  /// risk is within the band at `before`, and outside of it at `end`; neither is looked at again.
  [[nodiscard]] Timestamp in_monotone(Timestamp guess, Timestamp before, Timestamp end, bool rises) const {
    return polish(newton(guess, before, end, rises), before, end);
  }

  /// The least t in (after, until] outside of the band, of a score that never falls.
  [[nodiscard]] Timestamp in_rising(Timestamp after, Timestamp until) const {
    const Timestamp begin = after + Duration{1};
    if (lower_ > -infinity && left_at(begin)) return begin;
    if (upper_ == infinity) return after_all_time;
    const Timestamp guess = score_.is_mbg_alone() ? score_.reached_by(upper_) : after + first_guess;
    const Timestamp found = in_monotone(guess, after, until + Duration{1}, true);
    return found <= until ? found : after_all_time;
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
      if (left && (rises || slopes.at_most <= 0)) return in_monotone(on_chord(from, end, rises), from.t, end.t, rises);
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

  [[nodiscard]] double target(bool rises) const { return rises ? upper_ : lower_; }

  /// Where the line through two points leaves the band.
  [[nodiscard]] Timestamp on_chord(const Point& from, const Point& to, bool rises) const {
    const double share = (target(rises) - from.value) / (to.value - from.value);
    const auto length = static_cast<double>((to.t - from.t).ms);
    return share >= 0 && share <= 1 ? from.t + Duration{static_cast<std::int64_t>(share * length)} : to.t;
  }

  /// About where a score that moves in one direction only leaves the band. REQUIRES: as polish().
  [[nodiscard]] Timestamp newton(Timestamp guess, Timestamp before, Timestamp end, bool rises) const {
    Timestamp after = end;
    Timestamp at = std::clamp(guess, before + Duration{1}, end);
    for (int i = 0; i < newton_steps_max && (after - before).ms > 1; ++i) {
      if (at == end) at = end - Duration{1};
      const Point point = score_.at(at);
      ((point.value >= target(rises)) == rises ? after : before) = at;
      const double step = score_.stretched(at, (target(rises) - point.value) / score_.slope(point));
      const double next = std::ceil(static_cast<double>(at.ms) + step);
      if (std::abs(step) < last_newton_step_ms) return {static_cast<std::int64_t>(next)};
      if (next > static_cast<double>(before.ms) && next < static_cast<double>(after.ms)) {
        at = {static_cast<std::int64_t>(next)};
      } else {
        // The first step forward may well lead beyond the end: then only the end matters.
        at = next >= static_cast<double>(end.ms) && after == end ? end : middle(before, after);
      }
    }
    return after;
  }

  /// The moment in (before, after] at which the risk leaves the band, close to `guess`. REQUIRES: the risk has not left
  /// it at `before`, and has at `after`, or `after` is not to be looked at.
  [[nodiscard]] Timestamp polish(Timestamp guess, Timestamp before, Timestamp after) const {
    const Timestamp at = std::clamp(guess, before + Duration{1}, after);
    if (at == after || left_at(at)) {
      after = at;
      for (Duration step{1}; after - step > before; step.ms *= 2) {
        (left_at(after - step) ? after : before) = after - step;
      }
    } else {
      before = at;
      for (Duration step{1}; before + step < after; step.ms *= 2) {
        (left_at(before + step) ? after : before) = before + step;
      }
    }
    while ((after - before).ms > 1) {
      const Timestamp between = middle(before, after);
      (left_at(between) ? after : before) = between;
    }
    return after;
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
  if (score.only_rises()) return search.in_rising(after, until);

  if (search.left_at(begin)) return begin;
  Point from = score.at(begin);
  for (Duration length{first_piece_ms}; from.t < until; length.ms *= piece_growth) {
    const Point to = score.at(std::min(from.t + length, until));
    if (const auto found = search.in_piece(from, to)) return *found;
    from = to;
  }
  return after_all_time;
}

}  // namespace holdfast::engine
