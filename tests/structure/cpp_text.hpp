#pragma once

#include <string>
#include <string_view>

namespace holdfast::structure {

enum class Literals { keep, blank };

/// C++ source with comments, and on demand the content of string and character literals, replaced by blanks. Lines and
/// columns stay where they are.
[[nodiscard]] std::string without_comments(std::string_view source, Literals literals);

}  // namespace holdfast::structure
