#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "domain/time.hpp"

namespace holdfast {

/// What is made of a model's score, in log-odds: intercept + slope * score (Platt 1999; Cox 1958).
struct Correction {
  /// No correction goes further: one that turned the order of customers round would be none.
  static constexpr double intercept_most = 3;
  static constexpr double slope_least = 0.25;
  static constexpr double slope_most = 4;

  double intercept = 0;
  double slope = 1;
  friend bool operator==(const Correction&, const Correction&) = default;
};

/// How right the scores of a task's model were, as outcomes have arrived (docs/semantics.md, "Calibration"). Counts
/// fade with time, so they are no whole numbers.
struct CalibrationState {
  /// Customers whose score, at the time, lay in the same quarter of a logit.
  struct Bin {
    double asked = 0;     ///< Who were scored.
    double outcomes = 0;  ///< Of whom it is known what they did.
    double left = 0;      ///< Of those, who bought nothing within the horizon.
    double told = 0;      ///< Of those, who were expected to, by the risks in force when they were scored.
  };
  static constexpr std::size_t bins_size = 63;
  static constexpr double count_most = 1e15;

  /// A correction, and since when it is in force.
  struct Past {
    Timestamp from;
    Correction correction;
  };

  Duration horizon;                      ///< Between a score and its outcome.
  Timestamp since = before_all_time;     ///< Scores of before are those of another model.
  Timestamp reviewed = before_all_time;  ///< The counts have faded until then.
  Timestamp next_review =
      after_all_time;  ///< The begin of a week; after_all_time: nothing has come since the last one.
  std::array<Bin, bins_size> bins{};
  std::vector<Past> past{};  ///< In order of time: those of which outcomes may still come. None: no correction yet.
};

}  // namespace holdfast
