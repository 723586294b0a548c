#include "app/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <fmt/format.h>

namespace holdfast::app {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array duration_units{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                                    Unit{"d", 86'400'000}};
constexpr std::array size_units{Unit{"B", 1},
                                Unit{"kB", 1'000},
                                Unit{"MB", 1'000'000},
                                Unit{"GB", 1'000'000'000},
                                Unit{"TB", 1'000'000'000'000},
                                Unit{"KiB", std::uint64_t{1} << 10},
                                Unit{"MiB", std::uint64_t{1} << 20},
                                Unit{"GiB", std::uint64_t{1} << 30},
                                Unit{"TiB", std::uint64_t{1} << 40}};

// Beyond any shop's life, and far from where sums of times overflow.
constexpr std::uint64_t duration_ms_max = 36'500ULL * 86'400'000;
constexpr std::uint64_t size_bytes_max = std::uint64_t{1} << 50;

std::string names_of(std::span<const Unit> units) {
  std::string out;
  for (const Unit& unit : units) out += fmt::format("{}{}", out.empty() ? "" : ", ", unit.name);
  return out;
}

/// A whole number times the unit behind it. `what` and `example` are for messages.
std::expected<std::uint64_t, std::string> parse_with_unit(std::string_view text, std::span<const Unit> units,
                                                          std::uint64_t most, std::string_view what,
                                                          std::string_view example) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
  if (error == std::errc::invalid_argument || name.starts_with('.')) {
    return std::unexpected(
        fmt::format("'{}' is no {}: write a whole number and a unit, such as {}", text, what, example));
  }
  if (error == std::errc{} && name.empty()) {
    return std::unexpected(fmt::format("'{}' has no unit: add one of {}, as in {}", text, names_of(units), example));
  }
  for (const Unit& unit : units) {
    if (name != unit.name) continue;
    if (error == std::errc::result_out_of_range || number > most / unit.factor) {
      return std::unexpected(fmt::format("'{}' is too large", text));
    }
    return number * unit.factor;
  }
  return std::unexpected(fmt::format("'{}' has the unknown unit '{}': use one of {}", text, name, names_of(units)));
}

}  // namespace

std::expected<Duration, std::string> parse_duration(std::string_view text) {
  const auto ms = parse_with_unit(text, duration_units, duration_ms_max, "duration", "30s");
  if (!ms) return std::unexpected(ms.error());
  return Duration{static_cast<std::int64_t>(*ms)};
}

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  return parse_with_unit(text, size_units, size_bytes_max, "size", "2GiB");
}

std::expected<std::uint64_t, std::string> parse_count(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return std::unexpected(fmt::format("'{}' is too large", text));
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::unexpected(fmt::format("'{}' is no whole number: write digits only, such as 1000", text));
  }
  return number;
}

std::expected<double, std::string> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::unexpected(fmt::format("'{}' is no number: write digits with a decimal point, such as 0.75", text));
  }
  return number;
}

std::string to_text(Duration duration) {
  for (std::size_t i = duration_units.size(); i-- > 1;) {
    const auto factor = static_cast<std::int64_t>(duration_units[i].factor);
    if (duration.ms != 0 && duration.ms % factor == 0) {
      return fmt::format("{}{}", duration.ms / factor, duration_units[i].name);
    }
  }
  return fmt::format("{}ms", duration.ms);
}

}  // namespace holdfast::app
