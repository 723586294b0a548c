#pragma once

#include <string>

namespace holdfast::console {

/// The libraries that this layer runs with, for people: "Boost 1.74".
[[nodiscard]] std::string library_versions();

}  // namespace holdfast::console
