#pragma once

#include <string>

#include "domain/error.hpp"

namespace holdfast::console {

/// The token in a file, without blanks and line breaks at its end. invalid_argument: it cannot be read or is empty.
[[nodiscard]] Expected<std::string> read_token(const std::string& path);

}  // namespace holdfast::console
