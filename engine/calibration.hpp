#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "domain/calibration.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"

namespace holdfast::engine {

/// What outcomes say of the risks that were told.
struct CalibrationReport {
  double outcomes = 0;  ///< Customers, faded.
  double left = 0;      ///< Of those, who bought nothing within the horizon.
  double told = 0;      ///< Of those, who were expected to.
  double ece = 0;       ///< Expected calibration error (Naeini et al. 2015) over up to ten groups of about equal size.
  double ece_chance_most = 0;  ///< What it would be above about once in forty times, were all risks right.
  double drift = 0;            ///< Population stability index of the scores of late against those with known outcomes.
};

/// Holds the risks of a task's model against what customers did, and finds the correction that would have set them
/// right. Every customer is asked for its score once in a horizon, at a moment that hangs on its id, and one horizon
/// later its outcome is known. Scores are kept by bins, so the state is of the same size for any number of customers.
class Calibration {
 public:
  /// `half_life`: of the counts.
  Calibration(Duration horizon, Duration half_life);

  /// As a marker has it: taken over if it is of the same horizon, otherwise it begins anew at `now`.
  void restore(const CalibrationState& state, Timestamp now);
  /// Another model counts: what was known is forgotten, as are scores of before `since`.
  void begin(Timestamp since);

  /// The first moment after `t` at which the customer is asked; only the lower half of the hash of its id counts.
  [[nodiscard]] Timestamp next_probe(std::uint64_t hash, Timestamp t) const;
  /// Whether it is asked at `t`.
  [[nodiscard]] bool is_probe(std::uint64_t hash, Timestamp t) const;

  /// The bin of a score in log-odds, from 1: 0 means that there is none.
  [[nodiscard]] static std::uint8_t bin_of(double score);
  /// The score in the middle of a bin.
  [[nodiscard]] static double score_of(std::uint8_t bin);

  /// A customer is asked at `t`, while time has come to `now`.
  void ask(std::uint8_t bin, Timestamp t, Timestamp now);
  /// What became of it, at the next moment at which it is asked, `t`.
  void learn(std::uint8_t bin, bool left, Timestamp t, Timestamp now);

  /// The week's begin at which review() is due; after_all_time: nothing has come since the last one.
  [[nodiscard]] Timestamp next_review() const { return state_.next_review; }
  /// Time has come to next_review(): the counts fade.
  void review();
  /// The correction that the outcomes speak for: a logistic regression of them on the scores, with a Gaussian prior
  /// around no correction at all.
  [[nodiscard]] Correction fitted() const;
  /// It is in force from then on. REQUIRES: in order of time.
  void correct(Timestamp from, const Correction& correction);
  /// None is in force from then on. REQUIRES: as correct().
  void end_corrections(Timestamp from);

  [[nodiscard]] CalibrationReport report() const;
  [[nodiscard]] const CalibrationState& state() const { return state_; }

 private:
  [[nodiscard]] Correction in_force(Timestamp t) const;
  void expect_review(Timestamp now);

  Duration half_life_;
  CalibrationState state_;
};

/// Whether the corrections of a checkpoint with this calibration stay in force: not where models are not corrected any
/// more, nor over another horizon.
[[nodiscard]] bool goes_on_correcting(const RiskPolicy& policy, const std::optional<CalibrationState>& before);

/// The model whose scores are those of `model`, corrected. What it is called stays.
[[nodiscard]] Model corrected(const Model& model, const Correction& correction);

}  // namespace holdfast::engine
