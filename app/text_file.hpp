#pragma once

#include <cstddef>
#include <string>

#include "domain/error.hpp"

namespace holdfast::app {

/// The content of a small file. invalid_argument: "PATH: cannot be read: why", or it is larger than `bytes_max`.
[[nodiscard]] Expected<std::string> read_text_file(const std::string& path, std::size_t bytes_max = 1 << 20);

}  // namespace holdfast::app
