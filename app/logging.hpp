#pragma once

#include <string_view>

#include "app/config.hpp"

namespace holdfast::app {

/// Makes spdlog's default logger write to stderr: text for people on a terminal, in colours unless NO_COLOR is set; one
/// JSON object a line otherwise. Customer ids are logged at level debug only. Any thread may log.
void start_logging(const LogSettings& settings);

}  // namespace holdfast::app
