#pragma once

#include <span>

#include "engine/model.hpp"
#include "learn/examples.hpp"

namespace holdfast::learn {

/// What was usual among customers alike at the last cut-off, for all that the model can give as a reason: the median
/// over customers with as many purchase days, of those whom a feature was known of; of an even number of values, the
/// lesser of the two in the middle. Not known of fewer than 30 customers.
[[nodiscard]] engine::UsualValues usual_values(std::span<const Example> examples, const Cutoffs& cutoffs,
                                               const engine::Model& model);

}  // namespace holdfast::learn
