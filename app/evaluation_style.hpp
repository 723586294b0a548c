#pragma once

#include <string_view>

namespace holdfast::app {

/// The style sheet of the page: light and dark by the reader's preference, light on paper, one column where there is no
/// room for two. Needs no escaping within a style element.
[[nodiscard]] std::string_view evaluation_style();

}  // namespace holdfast::app
