#pragma once

#include <span>
#include <string>
#include <string_view>

#include "console/metrics.hpp"

namespace holdfast::console {

enum class MetricType { counter, gauge, histogram };

/// A metric as docs/reference/metrics.md lists it.
struct MetricInfo {
  std::string_view name;  ///< Prefix `holdfast_` included.
  MetricType type{};
  std::string_view labels;  ///< "source,code"; empty: none.
  std::string_view help;
};

/// Every metric there is, in the order in which they are printed.
[[nodiscard]] std::span<const MetricInfo> metric_table();

/// The reading in the Prometheus text format 0.0.4.
[[nodiscard]] std::string metrics_text(const Snapshot& snapshot);

}  // namespace holdfast::console
