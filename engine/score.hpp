#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "domain/time.hpp"
#include "engine/customer.hpp"
#include "engine/mbg.hpp"
#include "engine/model.hpp"

namespace holdfast::engine {

/// The customer's MBG/NBD. REQUIRES: customer.purchases > 0.
[[nodiscard]] Mbg mbg_of(const Customer& customer, const Model& model, Duration horizon);

/// A weight or intercept as it is used: within 1e100, so that sums of weighted features stay finite.
[[nodiscard]] inline double bounded_weight(double weight) { return std::clamp(weight, -1e100, 1e100); }

/// A customer's risk as a curve over time, as it stands without further events. Borrows nothing.
///
/// The score, ln(risk / (1 - risk)), is a sum of terms each of which moves in one direction only: the MBG/NBD logit,
/// multiples of the days since the latest purchase and of their logarithm, and counters that halve at a constant pace.
class Score {
 public:
  /// REQUIRES: customer.purchases > 0. Of its curve only times at or after customer.first() have a meaning.
  Score(const Customer& customer, const Model& model, Duration horizon);

  [[nodiscard]] double risk(Timestamp t) const;

  /// The score at a moment with what its slope is made of. A slope is the sum of a part that never falls with time, of
  /// one that never rises, and of the weighted MBG/NBD slope; per millisecond.
  struct Point {
    Timestamp t;
    double value = 0;
    double rising_slope = 0;
    double falling_slope = 0;
    Mbg::Logit mbg{};
  };
  [[nodiscard]] Point at(Timestamp t) const;
  [[nodiscard]] double slope(const Point& at) const;
  /// Bounds of the score's slope between two of its points, per millisecond. REQUIRES: from.t <= to.t.
  [[nodiscard]] Slopes slopes(const Point& from, const Point& to) const;

  /// Whether the score can never fall: MBG/NBD without `logistic`.
  [[nodiscard]] bool only_rises() const { return !logistic_; }
  /// A moment by which a score that only rises has reached `value`: that at which drop-out alone accounts for it.
  [[nodiscard]] Timestamp reached_by(double value) const;
  /// A step back from `t` that leads along the curve's tangent over the logarithm of the age, on which it is nearly
  /// straight, as far as `step_ms` leads along the tangent over time; a step forward as it is.
  [[nodiscard]] double stretched(Timestamp t, double step_ms) const;

 private:
  struct Decay {
    double half_life_days = 0;
    double amount = 0;  ///< At the customer's moment.
  };

  void add_term(const Customer& customer, const Logistic::Term& term);
  void add_decay(double half_life_days, double amount);
  [[nodiscard]] double silence_units(Timestamp t) const;

  Mbg mbg_;
  Timestamp last_;
  Timestamp moment_;
  double unit_ms_;
  double origin_ms_;  ///< Where alpha + T is 0.
  bool logistic_;
  double mbg_weight_ = 1;
  double constant_ = 0;
  double per_day_ = 0;
  double per_log_day_ = 0;
  std::array<Decay, counter_count> decays_{};  ///< One for each half-life: equal ones add up.
  std::size_t decay_count_ = 0;
};

}  // namespace holdfast::engine
