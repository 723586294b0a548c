#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "domain/time.hpp"
#include "engine/customer.hpp"
#include "engine/features.hpp"
#include "engine/mbg.hpp"
#include "engine/model.hpp"

namespace holdfast::engine {

/// The customer's MBG/NBD. REQUIRES: customer.purchases > 0.
[[nodiscard]] Mbg mbg_of(const Customer& customer, const Model& model, Duration horizon);

/// A weight or intercept as it is used.
[[nodiscard]] inline double bounded_weight(double weight) {
  return std::clamp(weight, -model_number_max, model_number_max);
}

/// 1 / (1 + exp(-score)), whatever its size.
[[nodiscard]] double sigmoid(double score);
/// ln(1 + exp(score)), whatever its size.
[[nodiscard]] double softplus(double score);

/// A customer's risk as a curve over time, as it stands without further events. Borrows nothing.
///
/// The score, ln(risk / (1 - risk)), is a sum of terms each of which moves in one direction only: the MBG/NBD logit,
/// multiples of the days since the latest purchase, logarithms of days since some moment, and counters that halve at a
/// constant pace.
/// A term whose feature has a range stands still while the feature is beyond it.
class Score {
 public:
  /// REQUIRES: customer.purchases > 0. Of its curve only times at or after customer.first() have a meaning.
  Score(const Customer& customer, const Model& model, Duration horizon);

  [[nodiscard]] double risk(Timestamp t) const;

  static constexpr std::size_t log_count = 5;  ///< Features that logarithm_of() knows.

  /// A term with a range moves at the pace of its feature, or not at all.
  struct RangedSlope {
    double inside = 0;     ///< Per millisecond, as if there were no range.
    std::int8_t side = 0;  ///< Of the range, on which the feature is: -1 below, 0 within, 1 above.
  };
  static constexpr std::size_t ranged_max = counter_count + log_count + 4;  ///< Every feature that moves with time.

  /// The score at a moment with what its slope is made of. A slope is the sum of a part that never falls with time, of
  /// one that never rises, of the weighted MBG/NBD slope, and of those of the terms with a range; per millisecond.
  struct Point {
    Timestamp t;
    double value = 0;
    double rising_slope = 0;
    double falling_slope = 0;
    Mbg::Logit mbg{};
    std::array<RangedSlope, ranged_max> ranged{};  ///< As many as there are such terms.
  };
  [[nodiscard]] Point at(Timestamp t) const;
  [[nodiscard]] double slope(const Point& at) const;
  /// Bounds of the score's slope between two of its points, per millisecond. REQUIRES: from.t <= to.t.
  [[nodiscard]] Slopes slopes(const Point& from, const Point& to) const;

  /// What the score is at most, and at least, between two moments, also as it comes out of at(), whose rounding grows
  /// with the size of the terms, however small their sum is. REQUIRES: from <= to.
  [[nodiscard]] double at_most(Timestamp from, Timestamp to) const { return bound(from, to, true); }
  [[nodiscard]] double at_least(Timestamp from, Timestamp to) const { return bound(from, to, false); }

  /// Whether the score is that of MBG/NBD and nothing else.
  [[nodiscard]] bool is_mbg_alone() const { return !logistic_; }
  /// Whether no term can fall.
  [[nodiscard]] bool only_rises() const { return only_rises_; }
  /// A moment by which a score of MBG/NBD alone has reached `value`: that at which drop-out alone accounts for it.
  [[nodiscard]] Timestamp reached_by(double value) const;
  /// A step back from `t` that leads along the curve's tangent over the logarithm of the age, on which it is nearly
  /// straight, as far as `step_ms` leads along the tangent over time; a step forward as it is.
  [[nodiscard]] double stretched(Timestamp t, double step_ms) const;

 private:
  struct Decay {
    double half_life_days = 0;
    double amount = 0;  ///< At the customer's moment.
  };
  /// amount * ln(1 + days since `since` / scale_days)
  struct Growth {
    Timestamp since;
    double scale_days = 1;
    double amount = 0;
  };
  /// weight * (feature held within least and most).
  struct Ranged {
    enum class Shape : std::uint8_t { mbg_logit, days, logarithm, decay } shape{};
    double weight = 0;
    double least = 0;
    double most = 0;
    double factor = 1;  ///< days: of the feature a day; decay: at the customer's moment.
    double offset = 0;  ///< days: at the latest purchase.
    double half_life_days = 0;
    Logarithm curve{};
  };
  class Moment;

  void add_term(const Customer& customer, const Model& model, const Logistic::Term& term);
  void add_ranged(const Customer& customer, const Model& model, const Logistic::Term& term);
  void add_decay(double half_life_days, double amount);
  void add_growth(const Logarithm& curve, double weight);
  void find_direction();
  [[nodiscard]] double silence_units(Timestamp t) const;
  template <bool with_slopes>
  [[nodiscard]] Point evaluate(Timestamp t) const;
  [[nodiscard]] double per_ms(const Ranged& term, double feature, Moment& at) const;
  [[nodiscard]] double feature_size(const Ranged& term, Moment& begin, Moment& end) const;
  [[nodiscard]] double bound(Timestamp from, Timestamp to, bool greatest) const;

  Mbg mbg_;
  Timestamp last_;
  Timestamp moment_;
  double unit_ms_;
  double origin_ms_;  ///< Where alpha + T is 0.
  bool logistic_;
  bool only_rises_ = true;
  double mbg_weight_ = 1;
  double constant_ = 0;
  double per_day_ = 0;
  std::array<Growth, log_count> growths_{};
  std::size_t growth_count_ = 0;
  std::array<Decay, counter_count> decays_{};  ///< One for each half-life: equal ones add up.
  std::size_t decay_count_ = 0;
  std::array<Ranged, ranged_max> ranged_{};
  std::size_t ranged_count_ = 0;
};

/// The score of a customer, made when it is first asked for: until then the customer must stay as it is. The model must
/// outlive it.
class LazyScore {
 public:
  LazyScore(const Customer& customer, const Model& model, Duration horizon)
      : customer_(customer), model_(model), horizon_(horizon) {}

  /// REQUIRES: customer.purchases > 0.
  [[nodiscard]] const Score& get() {
    if (!score_) score_.emplace(customer_, model_, horizon_);
    return *score_;
  }
  [[nodiscard]] const Model& model() const { return model_; }

 private:
  const Customer& customer_;
  const Model& model_;
  const Duration horizon_;
  std::optional<Score> score_;
};

}  // namespace holdfast::engine
