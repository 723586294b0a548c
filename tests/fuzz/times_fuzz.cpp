#include "domain/time.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace holdfast::fuzz {
namespace {

constexpr Timestamp year_0{-62'167'219'200'000};
constexpr Timestamp year_10000{253'402'300'800'000};
constexpr Duration day{86'400'000};

void check_text(std::string_view text) {
  const auto time = parse_rfc3339(text);
  if (!time) {
    require(!time.error().empty(), "what is refused says why");
    return;
  }
  // Years have four digits, and an offset moves a time by less than a day.
  require(*time >= year_0 - day && *time < year_10000 + day, "a text names a time that it can name");
  if (*time < year_0 || *time >= year_10000) return;
  const std::string written = to_rfc3339(*time);
  const auto back = parse_rfc3339(written);
  require(back && *back == *time, "what is written reads as the same time");
  require(to_rfc3339(*back) == written, "a time is written in one way");
}

/// Timers come to times that lie outside of years that decoding takes, though not far.
void check_number(Timestamp time) {
  const std::string written = to_rfc3339(time);
  require(written.find('T') != std::string::npos && written.ends_with('Z'), "every time can be written");
  const std::int64_t into_day = time.ms - time.utc_day() * day.ms;
  require(into_day >= 0 && into_day < day.ms, "a time lies within its day");
  if (time < year_0 || time >= year_10000) return;
  const auto back = parse_rfc3339(written);
  require(written.size() == 24 && back && *back == time, "a time of four-digit years comes back");
}

}  // namespace
}  // namespace holdfast::fuzz

/// A text, and its first eight bytes as a number of milliseconds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::fuzz;
  Input input(data, size);
  check_text(input.rest());
  constexpr std::int64_t year_30000_ms = 884'541'340'800'000;
  check_number(holdfast::Timestamp{static_cast<std::int64_t>(input.number()) % year_30000_ms});
  return 0;
}
