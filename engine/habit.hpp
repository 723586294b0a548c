#pragma once

#include "domain/alert.hpp"
#include "domain/time.hpp"
#include "engine/customer.hpp"

namespace holdfast::engine {

/// The value that a feature would usually have at `t` for this very customer, as far as its record can tell; NaN where
/// it cannot (docs/semantics.md, "Reasons"). In the feature's unit. REQUIRES: as plain_feature_at().
[[nodiscard]] double habit_at(const Customer& customer, Feature feature, Timestamp t);

}  // namespace holdfast::engine
