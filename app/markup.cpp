#include "app/markup.hpp"

#include <cstddef>

namespace holdfast::app {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

bool continues(unsigned char byte) { return (byte & 0xc0) == 0x80; }

/// The length of the UTF-8 character at the front; 0 if there is none, or none that XML can hold.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return first >= 0x20 || first == '\n' || first == '\t' ? 1 : 0;
  if (first >= 0xc2 && first <= 0xdf) return continues(static_cast<unsigned char>(byte(1))) ? 2 : 0;
  const unsigned second = byte(1);
  if (!continues(static_cast<unsigned char>(second)) || !continues(static_cast<unsigned char>(byte(2)))) return 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second >= 0xa0;
    const bool no_character = first == 0xef && second == 0xbf && byte(2) >= 0xbe;
    return overlong || surrogate || no_character ? 0 : 3;
  }
  if (first < 0xf0 || first > 0xf4 || !continues(static_cast<unsigned char>(byte(3)))) return 0;
  return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90) ? 0 : 4;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    switch (text.front()) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += length == 0 ? replacement : text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace holdfast::app
