#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string>

namespace holdfast::ingest {

/// Appends a number in decimal.
void append_number(std::string& out, std::integral auto value) {
  std::array<char, std::numeric_limits<decltype(value)>::digits10 + 2> text;  // NOLINT(*-member-init): written below.
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

/// Appends a number in plain decimal notation, exactly rounded to `decimals` places, at most 17; those at its end that
/// are zero are left out, and so is the sign of a zero.
void append_number(std::string& out, double value, int decimals);
/// The same at a place that has room for number_chars_max characters. Returns the end.
[[nodiscard]] char* write_number(char* to, double value, int decimals);
inline constexpr std::size_t number_chars_max = 1 + std::numeric_limits<double>::max_exponent10 + 1 + 1 + 17;

}  // namespace holdfast::ingest
