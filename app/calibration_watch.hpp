#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

#include "app/statistics.hpp"

namespace holdfast::app {

/// Finds out where risks have come to be off, and where they have become right again: each is worth a line in the log,
/// once.
class CalibrationWatch {
 public:
  enum class News : std::uint8_t {
    none,
    off,    ///< By more than `ece_max` and what chance is likely to do.
    again,  ///< Outcomes say that they are right, where they were said to be off.
  };

  explicit CalibrationWatch(double ece_max) : ece_max_(ece_max) {}

  /// What is new of a partition. One that is no longer assigned, or whose outcomes were forgotten with the model that
  /// they were of, is neither off nor right: whatever was said of it is forgotten as well.
  News look(std::size_t partition, const PartitionStatistics& now);

 private:
  const double ece_max_;
  std::set<std::size_t> off_;  ///< Partitions that were said to be.
};

}  // namespace holdfast::app
