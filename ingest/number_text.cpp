#include "ingest/number_text.hpp"

#include <cmath>
#include <cstdint>
#include <system_error>

namespace holdfast::ingest {
namespace {

constexpr std::array<double, 7> powers_of_ten{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

/// Below it all products with these powers are numbers whose halves are numbers as well.
constexpr double small = 1e9;

/// The integer nearest to value * power, ties to even, of the exact product. REQUIRES: |value| < small.
std::int64_t rounded_product(double value, double power) {
  const double product = value * power;
  const double error = std::fma(value, power, -product);
  const double nearest = std::nearbyint(product);
  auto result = static_cast<std::int64_t>(nearest);
  // Only from a tie can what the product lacks lead to another integer.
  if (product - nearest == 0.5 && error > 0) ++result;
  if (product - nearest == -0.5 && error < 0) --result;
  return result;
}

}  // namespace

void append_number(std::string& out, double value, int decimals) {
  std::array<char, number_chars_max> text;  // NOLINT(*-member-init): written below.
  out.append(text.data(), write_number(text.data(), value, decimals));
}

char* write_number(char* to, double value, int decimals) {
  char* const limit = to + number_chars_max;
  char* end = to;
  if (std::abs(value) < small && decimals < static_cast<int>(powers_of_ten.size())) {
    // to_chars works with integers of any length; this takes a tenth of its time.
    const double power = powers_of_ten[static_cast<std::size_t>(decimals)];
    const std::int64_t scaled = rounded_product(value, power);
    if (scaled < 0) *end++ = '-';
    const auto digits = static_cast<std::uint64_t>(std::abs(scaled));
    const auto whole = static_cast<std::uint64_t>(power);
    end = std::to_chars(end, limit, digits / whole).ptr;
    if (auto rest = digits % whole; rest != 0) {
      *end = '.';
      for (int i = decimals; i > 0; --i, rest /= 10) end[i] = static_cast<char>('0' + rest % 10);
      end += decimals + 1;
      while (end[-1] == '0') --end;
    }
    return end;
  }
  end = std::to_chars(to, limit, value, std::chars_format::fixed, decimals).ptr;
  if (decimals > 0) {
    while (end != to && end[-1] == '0') --end;
    if (end != to && end[-1] == '.') --end;
  }
  if (end - to == 2 && to[0] == '-' && to[1] == '0') *to = *--end;  // No minus before a zero.
  return end;
}

}  // namespace holdfast::ingest
