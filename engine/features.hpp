#pragma once

#include <cmath>
#include <optional>

#include "domain/alert.hpp"
#include "domain/time.hpp"
#include "engine/customer.hpp"

namespace holdfast::engine {

/// The value of a feature at `t` that needs no model; no value where the feature is absent. `currency`: spend in
/// another is absent; none: spend in any counts. REQUIRES: customer.purchases > 0, t >= customer.first(); neither
/// mbg_logit nor purchase_history.
[[nodiscard]] std::optional<double> plain_feature_at(const Customer& customer, Feature feature, Timestamp t,
                                                     const std::optional<Currency>& currency);

/// The same for a feature that stands still between events: of any other there is no value.
/// REQUIRES: customer.purchases > 0.
[[nodiscard]] std::optional<double> standing_feature(const Customer& customer, Feature feature,
                                                     const std::optional<Currency>& currency);

/// What a feature that grows with the logarithm of time is without further events:
/// offset + factor * ln(1 + days since `since` / scale_days).
struct Logarithm {
  /// More than the logarithm is of any time, where the scale is a day or more.
  static constexpr double most = 42;

  Timestamp since;
  double scale_days = 1;
  double factor = 1;
  double offset = 0;

  [[nodiscard]] double at(Timestamp t) const;
  /// No less than the size of any value.
  [[nodiscard]] double size() const { return std::abs(offset) + std::abs(factor) * most; }
};

/// The curve of a feature, if it is one of those. REQUIRES: customer.purchases > 0.
[[nodiscard]] std::optional<Logarithm> logarithm_of(const Customer& customer, Feature feature);

/// The counter behind a feature, if it is one.
[[nodiscard]] std::optional<Counter> counter_of(Feature feature);

}  // namespace holdfast::engine
