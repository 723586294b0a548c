#pragma once

#include "engine/model.hpp"

namespace holdfast::engine {

/// The least and the greatest slope of a curve within an interval.
struct Slopes {
  double at_least = 0;
  double at_most = 0;
};

/// MBG/NBD of one customer with x repeat purchases as a function of the silence since the latest one. Times are in the
/// model's time unit. Evaluated in log space: no argument leads to an infinity, a NaN or a difference of near equals.
class Mbg {
 public:
  /// `first_to_last` is t_x. Parameters and horizon are taken within 1e-50 and 1e50: no data tell what lies beyond.
  Mbg(const MbgParameters& parameters, double x, double first_to_last, double horizon);

  /// Probability that the customer is still active.
  [[nodiscard]] double p_alive(double silence) const;
  /// The silence after which the odds against being active have come to exp(log_odds); negative where they always have.
  [[nodiscard]] double silence_for(double log_odds) const;
  /// Probability of no purchase within the horizon.
  [[nodiscard]] double risk(double silence) const;

  /// The logit of `risk` with what its slope is made of.
  struct Logit {
    double value;
    double age;      ///< alpha + T
    double dropped;  ///< Of the odds of no purchase, the share of those who dropped out.
    double buys;     ///< 1 - S: probability that an active customer buys within the horizon.
  };
  [[nodiscard]] Logit logit(double silence) const;
  /// The logit's value, within 1e-12 of it where that is no rounding of its own, for half the cost.
  [[nodiscard]] double about_logit(double silence) const;
  /// The logit's slope, per time unit.
  [[nodiscard]] double slope(const Logit& at) const;
  /// Bounds of the logit's slope between two evaluations, per time unit.
  /// REQUIRES: from.age <= to.age.
  [[nodiscard]] Slopes slopes(const Logit& from, const Logit& to) const;

  /// What the logit's slope is at least, per time unit, as long as no more than `age` has passed since the first
  /// purchase: without an evaluation of the curve.
  [[nodiscard]] static double least_slope(const MbgParameters& parameters, double x, double age, double horizon);

  /// More than the logit's size at any silence up to this one, without an evaluation of the curve.
  [[nodiscard]] double logit_size(double silence) const;

  /// alpha + t_x
  [[nodiscard]] double age_at_last() const { return age_at_last_; }

 private:
  /// ln((1 - PA) / PA)
  [[nodiscard]] double dropped_log_odds(double silence) const;
  /// -ln(S)
  [[nodiscard]] double buying_exponent(double silence) const;

  double k_;            ///< r + x
  double age_at_last_;  ///< alpha + t_x
  double horizon_;
  double log_odds_at_last_;
};

}  // namespace holdfast::engine
