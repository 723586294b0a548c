#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "learn/metrics.hpp"

namespace holdfast::learn {

struct BootstrapSettings {
  std::size_t replicates = 500;
  double coverage = 0.95;  ///< Of the intervals, within (0, 1).
  std::uint64_t seed = 1;
};

/// Percentile intervals of metrics (Efron, Tibshirani 1993), by drawing customers with replacement, each with all of
/// its rows: rows of one customer resemble one another, and drawing them singly would make intervals too narrow. All
/// scorers are measured on the same draws, so differences between them have intervals of their own. A function of the
/// set of rows and the seed: the order of rows does not matter.
class Bootstrap {
 public:
  /// `rankings` are of the same rows by different scores; `customers` are the rows' customers, by row.
  /// REQUIRES: all have as many rows as `customers`.
  Bootstrap(std::span<const Ranking> rankings, std::span<const std::uint32_t> customers,
            const BootstrapSettings& settings, const ProfitSettings& profit);

  /// Of a metric of the scorer with that number. No value if the metric has none in more than one replicate of twenty.
  [[nodiscard]] std::optional<ConfidenceInterval> interval(std::size_t scorer, Metric metric) const;
  /// Of the metric of `scorer` less that of `other`.
  [[nodiscard]] std::optional<ConfidenceInterval> interval_of_difference(std::size_t scorer, std::size_t other,
                                                                         Metric metric) const;

 private:
  [[nodiscard]] const std::optional<double>& value(std::size_t replicate, std::size_t scorer, Metric metric) const {
    return values_[replicate * scorers_ + scorer][static_cast<std::size_t>(metric)];
  }
  /// `measured`: on the rows as they are.
  [[nodiscard]] std::optional<ConfidenceInterval> percentiles(std::vector<double> values, Metric metric,
                                                              double measured) const;

  BootstrapSettings settings_;
  std::size_t scorers_;
  std::vector<MetricValues> measured_;  ///< By scorer, on the rows as they are.
  std::vector<MetricValues> values_;    ///< replicates x scorers
};

}  // namespace holdfast::learn
