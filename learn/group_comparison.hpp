#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "learn/bootstrap.hpp"
#include "learn/metrics.hpp"

namespace holdfast::learn {

struct GroupRow {
  std::uint32_t customer = 0;
  bool in_first = false;  ///< Of the two groups; a customer may have rows in both.
  bool left = false;
};

struct GroupOutcome {
  std::uint64_t rows = 0;
  std::uint64_t customers = 0;
  std::uint64_t left = 0;
  [[nodiscard]] double left_share() const {
    return rows == 0 ? 0 : static_cast<double>(left) / static_cast<double>(rows);
  }
};

/// How many of two groups of rows left.
struct GroupComparison {
  GroupOutcome first;
  GroupOutcome second;
  /// Of difference(): percentiles (Efron, Tibshirani 1993) over customers drawn with replacement, each with all of its
  /// rows. No value if either group has fewer than `least_customers`.
  std::optional<ConfidenceInterval> interval;
  /// The share of the first group that left less that of the second. REQUIRES: neither is empty.
  [[nodiscard]] double difference() const { return first.left_share() - second.left_share(); }
};

/// A function of the set of rows and the seed: their order does not matter.
[[nodiscard]] GroupComparison compare(std::span<const GroupRow> rows, const BootstrapSettings& settings,
                                      std::uint64_t least_customers);

}  // namespace holdfast::learn
