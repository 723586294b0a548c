#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <string_view>

namespace holdfast {

/// A span of time in whole milliseconds.
struct Duration {
  std::int64_t ms = 0;

  friend constexpr auto operator<=>(Duration, Duration) = default;
  [[nodiscard]] constexpr double days() const { return static_cast<double>(ms) / 86'400'000.0; }
};

/// A moment of event time: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
struct Timestamp {
  std::int64_t ms = 0;

  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  /// Number of the UTC day this moment lies in; days start at 00:00:00.000Z.
  [[nodiscard]] constexpr std::int64_t utc_day() const {
    return ms >= 0 ? ms / 86'400'000 : -((-ms + 86'399'999) / 86'400'000);
  }
};

constexpr Timestamp operator+(Timestamp t, Duration d) { return {t.ms + d.ms}; }
constexpr Timestamp operator-(Timestamp t, Duration d) { return {t.ms - d.ms}; }
constexpr Duration operator-(Timestamp a, Timestamp b) { return {a.ms - b.ms}; }

/// Earlier than every event: "no such moment yet".
inline constexpr Timestamp before_all_time{std::numeric_limits<std::int64_t>::min()};
/// Later than every event: "never".
inline constexpr Timestamp after_all_time{std::numeric_limits<std::int64_t>::max()};

/// Events lie within the years 1 to 9999.
inline constexpr Timestamp first_event_time{-62'135'596'800'000};
inline constexpr Timestamp last_event_time{253'402'300'799'999};
[[nodiscard]] constexpr bool is_event_time(Timestamp t) { return t >= first_event_time && t <= last_event_time; }

/// "2011-09-30T10:15:00.000Z". A year outside of 0000-9999 has more digits or a sign: decoding refuses those, but
/// timers may come to them.
[[nodiscard]] std::string to_rfc3339(Timestamp t);
/// The same at the end of a text.
void append_rfc3339(std::string& out, Timestamp t);
/// The same at a place that has room for rfc3339_chars_max characters. Returns the end.
[[nodiscard]] char* write_rfc3339(char* to, Timestamp t);
inline constexpr std::size_t rfc3339_chars_max = 36;

/// The moment that an RFC 3339 text names ("2011-09-30T10:15:00Z", fractions, offsets such as +02:00; 'T' may be a
/// space). Fractions beyond a millisecond are cut off. The error says what is wrong with the text.
[[nodiscard]] std::expected<Timestamp, std::string> parse_rfc3339(std::string_view text);

}  // namespace holdfast
