#pragma once

#include <string>
#include <vector>

namespace holdfast::app {

/// Rows as lines with their columns aligned, two blanks apart; no blanks at line ends.
[[nodiscard]] std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace holdfast::app
