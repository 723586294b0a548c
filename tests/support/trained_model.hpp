#pragma once

#include <functional>

#include "engine/model.hpp"

namespace holdfast::testing {

/// A model such as `train` writes: weights of learn::default_features() within their bounds, of the size they commonly
/// come out, each feature but those of MBG/NBD within a range, what is usual among customers alike, and what there was
/// to learn from. It lacks an id. `between` draws a number within two others, a model from several calls.
[[nodiscard]] engine::Model trained_model(const std::function<double(double low, double high)>& between);

}  // namespace holdfast::testing
