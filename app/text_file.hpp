#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "domain/error.hpp"

namespace holdfast::app {

/// The content of a small file. invalid_argument: "PATH: cannot be read: why", or it is larger than `bytes_max`.
[[nodiscard]] Expected<std::string> read_text_file(const std::string& path, std::size_t bytes_max = 1 << 20);

/// Writes a file anew, as OutputFile does. failed: "cannot write PATH: why".
[[nodiscard]] Status write_text_file(const std::string& path, std::string_view text);

/// Reads a file by its path; the error says what read_text_file() would.
using FileReader = std::function<Expected<std::string>(const std::string& path)>;
/// That of the file system.
[[nodiscard]] FileReader text_files();

}  // namespace holdfast::app
