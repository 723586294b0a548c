#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/model.hpp"

namespace holdfast::app {

/// Notes for people that go into a model file, in this order.
using ModelNotes = std::vector<std::pair<std::string, std::string>>;

/// The bytes of a model file (docs/reference/configuration.md, "The model file"). Numbers have nine significant digits:
/// far more than any fit knows, and few enough for the last bits of a sum to leave the file as it is.
[[nodiscard]] std::string write_model(const engine::Model& model, const ModelNotes& notes);

}  // namespace holdfast::app
