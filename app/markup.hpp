#pragma once

#include <string>
#include <string_view>

namespace holdfast::app {

/// A text as content or attribute value of HTML, SVG and XML. What XML cannot hold (control characters, bytes that are
/// no UTF-8) becomes U+FFFD.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace holdfast::app
