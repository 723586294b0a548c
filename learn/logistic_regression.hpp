#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "domain/error.hpp"

namespace holdfast::learn {

/// What a regression is fitted to: a matrix of features and what came of each row.
struct Design {
  std::size_t columns = 0;
  std::vector<float> values;          ///< rows x columns, row by row; finite.
  std::vector<std::uint8_t> outcome;  ///< 0 or 1, one a row.
  std::vector<float> weight = {};     ///< What a row counts, > 0; empty: 1 each.

  [[nodiscard]] std::size_t rows() const { return outcome.size(); }
  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {values.data() + i * columns, columns}; }
  [[nodiscard]] double weight_of(std::size_t i) const { return weight.empty() ? 1 : static_cast<double>(weight[i]); }
};

/// What a weight may be, in units of its column.
struct WeightBounds {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
};

struct LogisticSettings {
  /// Of the penalty ridge / 2 * sum of (weight * standard deviation of its column)^2, against the log-likelihood summed
  /// over the rows; the intercept pays none. > 0.
  double ridge = 1;
  std::vector<WeightBounds> bounds;  ///< By column; empty: none.
};

struct LogisticFit {
  double intercept = 0;
  std::vector<double> weights = {};  ///< By column; 0 for a column that never changes.
  double log_likelihood = 0;         ///< Weighted, without the penalty.
  int iterations = 0;
};

/// Regularised logistic regression: the weights that maximise the penalised log-likelihood within their bounds, by
/// Newton's method, each step solved by coordinate descent (Friedman, Hastie, Tibshirani 2010). The sums are taken in
/// the order of the rows, so the same design gives the same bits.
/// invalid_argument: no rows, or only one outcome among them. failed: no convergence.
[[nodiscard]] Expected<LogisticFit> fit_logistic(const Design& design, const LogisticSettings& settings);

/// The same under one penalty after the other, `ridges` in place of that of the settings: in their order, which had
/// better be that of their size. Each search begins where the one before has ended, which takes fewer steps.
[[nodiscard]] Expected<std::vector<LogisticFit>> fit_logistic(const Design& design, const LogisticSettings& settings,
                                                              std::span<const double> ridges);

/// The score of a row, ln(p / (1 - p)).
[[nodiscard]] double score_of(const LogisticFit& fit, std::span<const float> row);

}  // namespace holdfast::learn
