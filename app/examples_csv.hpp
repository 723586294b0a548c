#pragma once

#include <span>
#include <string>

#include "domain/error.hpp"
#include "learn/examples.hpp"

namespace holdfast::app {

/// Writes examples as CSV with a header: cutoff, customer (hash of the id, 16 hex digits), left, x, t_x and T in days,
/// and the features by their names; an absent feature is an empty cell. failed: it cannot be written.
[[nodiscard]] Status write_examples(const std::string& path, std::span<const learn::Example> examples,
                                    const learn::Cutoffs& cutoffs);

}  // namespace holdfast::app
