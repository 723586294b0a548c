#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "domain/time.hpp"

namespace holdfast::app {

/// "100ms", "30s", "5m", "12h", "91d": a whole number with its unit, at most 36500d. The error says what is wrong with
/// the text and how to mend it.
[[nodiscard]] std::expected<Duration, std::string> parse_duration(std::string_view text);

/// "2GiB", "512MiB", "10MB", "4096B": bytes, in powers of 1024 (KiB, MiB, GiB, TiB) or of 1000 (kB, MB, GB, TB).
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// A whole number, decimal, without a sign.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_count(std::string_view text);

/// A finite decimal number: "0.05", "-1e3".
[[nodiscard]] std::expected<double, std::string> parse_number(std::string_view text);

/// The shortest text that parse_duration() reads as the same: "91d", "90s", "1500ms".
[[nodiscard]] std::string to_text(Duration duration);

}  // namespace holdfast::app
