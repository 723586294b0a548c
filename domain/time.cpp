#include "domain/time.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>

namespace holdfast {
namespace {

void write_digits(char* to, std::int64_t value, int width) {
  for (int i = width; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

/// Reads exactly `width` digits at the front of `text` and drops them; -1 if they are not there.
int take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return -1;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// Of the usual form, "2024-02-29T23:59:59.123Z" with or without milliseconds; no value for all others, right or wrong.
std::optional<Timestamp> parse_usual(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  constexpr std::size_t seconds_end = 19;
  const bool has_ms = text.size() == form.size();
  if ((!has_ms && text.size() != seconds_end + 1) || text.back() != 'Z') return std::nullopt;
  unsigned wrong = 0;
  for (std::size_t i = 0; i < text.size() - 1; ++i) {
    const auto difference = static_cast<unsigned char>(text[i] - form[i]);
    wrong |= form[i] == '0' ? static_cast<unsigned>(difference > 9) : difference;
  }
  if (wrong != 0) return std::nullopt;
  const auto digit = [&](std::size_t i) { return text[i] - '0'; };
  const auto two = [&](std::size_t i) { return digit(i) * 10 + digit(i + 1); };
  const year_month_day date{year{two(0) * 100 + two(2)}, month{static_cast<unsigned>(two(5))},
                            day{static_cast<unsigned>(two(8))}};
  const int h = two(11);
  const int mi = two(14);
  const int s = two(17);
  if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
  const int ms = has_ms ? two(20) * 10 + digit(22) : 0;
  return Timestamp{
      (sys_days{date} + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms}).time_since_epoch().count()};
}

}  // namespace

std::string to_rfc3339(Timestamp t) {
  std::string out;
  out.reserve(24);
  append_rfc3339(out, t);
  return out;
}

void append_rfc3339(std::string& out, Timestamp t) {
  std::array<char, rfc3339_chars_max> text;  // NOLINT(*-member-init): written below.
  out.append(text.data(), write_rfc3339(text.data(), t));
}

char* write_rfc3339(char* to, Timestamp t) {
  using namespace std::chrono;
  const sys_time<milliseconds> moment{milliseconds{t.ms}};
  const auto day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss time{moment - day};
  const auto year = static_cast<int>(date.year());
  if (year >= 0 && year <= 9999) {
    write_digits(to, year, 4);
    to += 4;
  } else {
    to = std::to_chars(to, to + rfc3339_chars_max, year).ptr;
  }
  constexpr std::string_view form = "-00-00T00:00:00.000Z";
  std::memcpy(to, form.data(), form.size());
  write_digits(to + 1, static_cast<unsigned>(date.month()), 2);
  write_digits(to + 4, static_cast<unsigned>(date.day()), 2);
  write_digits(to + 7, time.hours().count(), 2);
  write_digits(to + 10, time.minutes().count(), 2);
  write_digits(to + 13, time.seconds().count(), 2);
  write_digits(to + 16, time.subseconds().count(), 3);
  return to + form.size();
}

std::expected<Timestamp, std::string> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  if (const auto usual = parse_usual(text)) return *usual;
  const auto bad = [](std::string why) { return std::unexpected(std::move(why)); };

  const int y = take_digits(text, 4);
  if (y < 0 || !take(text, '-')) return bad("does not begin with a four-digit year and '-'");
  const int mo = take_digits(text, 2);
  if (mo < 0 || !take(text, '-')) return bad("has no two-digit month and '-' after the year");
  const int d = take_digits(text, 2);
  if (d < 0) return bad("has no two-digit day after the month");
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok()) return bad("names a day that the calendar does not have");

  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return bad("has no 'T' between date and time");
  const int h = take_digits(text, 2);
  if (h < 0 || h > 23 || !take(text, ':')) return bad("has no hour 00-23 and ':' after the date");
  const int mi = take_digits(text, 2);
  if (mi < 0 || mi > 59 || !take(text, ':')) return bad("has no minute 00-59 and ':' after the hour");
  const int s = take_digits(text, 2);
  if (s < 0 || s > 60) return bad("has no second 00-60 after the minute");

  int ms = 0;
  if (take(text, '.') || take(text, ',')) {
    int scale = 100;
    if (text.empty() || text.front() < '0' || text.front() > '9') return bad("has no digits after the decimal point");
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      ms += (text.front() - '0') * scale;
      scale /= 10;
      text.remove_prefix(1);
    }
  }

  minutes offset{0};
  if (!take(text, 'Z') && !take(text, 'z')) {
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return bad("has no time zone: end it with Z or an offset such as +02:00");
    const int oh = take_digits(text, 2);
    if (oh < 0 || oh > 23 || !take(text, ':')) return bad("has no hours 00-23 and ':' in its offset");
    const int om = take_digits(text, 2);
    if (om < 0 || om > 59) return bad("has no minutes 00-59 in its offset");
    offset = minutes{oh * 60 + om} * (east ? 1 : -1);
  }
  if (!text.empty()) return bad("goes on after the time zone");

  const auto moment = sys_days{date} + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms} - offset;
  return Timestamp{duration_cast<milliseconds>(moment.time_since_epoch()).count()};
}

}  // namespace holdfast
