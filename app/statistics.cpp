#include "app/statistics.hpp"

#include <algorithm>

namespace holdfast::app {

void Histogram::observe(double seconds) {
  const auto bound = std::lower_bound(upper_bounds.begin(), upper_bounds.end(), seconds);
  counts_[static_cast<std::size_t>(bound - upper_bounds.begin())].add(1);
  sum_.add(seconds);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> out;
  out.reserve(counts_.size());
  for (const auto& count : counts_) out.push_back(count.get());
  return out;
}

}  // namespace holdfast::app
