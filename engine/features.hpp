#pragma once

#include <optional>

#include "domain/alert.hpp"
#include "domain/time.hpp"
#include "engine/customer.hpp"

namespace holdfast::engine {

/// The value of a feature at `t` that needs no model; no value where the feature is absent. REQUIRES:
/// customer.purchases > 0, t >= customer.first(); neither mbg_logit nor purchase_history.
[[nodiscard]] std::optional<double> plain_feature_at(const Customer& customer, Feature feature, Timestamp t);

/// The counter behind a feature, if it is one.
[[nodiscard]] std::optional<Counter> counter_of(Feature feature);

}  // namespace holdfast::engine
