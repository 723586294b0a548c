#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <limits>
#include <string>
#include <system_error>

namespace holdfast::ingest {

/// Appends a number in decimal.
void append_number(std::string& out, std::integral auto value) {
  std::array<char, std::numeric_limits<decltype(value)>::digits10 + 2> text;  // NOLINT(*-member-init): written below.
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

/// Appends a number in plain decimal notation, exactly rounded to `decimals` places, at most 17; those at its end that
/// are zero are left out, and so is the sign of a zero.
inline void append_number(std::string& out, double value, int decimals) {
  constexpr int longest = 1 + std::numeric_limits<double>::max_exponent10 + 1 + 1 + 17;
  std::array<char, longest> text;  // NOLINT(*-member-init): written below.
  char* const begin = text.data();
  char* end = std::to_chars(begin, begin + text.size(), value, std::chars_format::fixed, decimals).ptr;
  if (decimals > 0) {
    while (end != begin && end[-1] == '0') --end;
    if (end != begin && end[-1] == '.') --end;
  }
  const bool minus_zero = end - begin == 2 && begin[0] == '-' && begin[1] == '0';
  out.append(minus_zero ? begin + 1 : begin, end);
}

}  // namespace holdfast::ingest
