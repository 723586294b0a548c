#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "domain/error.hpp"

namespace holdfast::learn {

/// A smooth function of a few variables.
using Objective = std::function<double(std::span<const double>)>;

struct Interval {
  double least = 0;
  double most = 0;
};

struct Maximum {
  std::vector<double> at;
  double value = 0;
};

struct SearchSettings {
  double step = 0.5;        ///< How far it looks at first, in each direction.
  double precision = 1e-7;  ///< Of the place.
};

/// The greatest value near `start` of a function within a box, by BOBYQA (Powell 2009), begun anew from where it ends
/// until that gains nothing. Evaluates the function a few hundred times, always in the same order.
/// REQUIRES: the function is finite within the box; start lies in it.
/// failed: the search broke down.
[[nodiscard]] Expected<Maximum> maximise(const Objective& objective, std::span<const Interval> box,
                                         std::span<const double> start, const SearchSettings& settings);

/// Standard errors of the place of a log-likelihood's maximum, its variables being logarithms of parameters: square
/// roots of the diagonal of the inverse of its negative second derivative, by central differences. No value where that
/// is not positive definite or as good as flat in some direction: the data leave that direction open.
[[nodiscard]] std::optional<std::vector<double>> standard_errors(const Objective& objective,
                                                                 std::span<const double> at);

}  // namespace holdfast::learn
