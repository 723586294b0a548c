#include <cmath>

#include "app/units.hpp"
#include "tests/fuzz/fuzz.hpp"

/// A value of the configuration with its unit.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using fuzz::require;
  const std::string_view text = fuzz::Input(data, size).rest();

  if (const auto duration = app::parse_duration(text)) {
    require(duration->ms >= 0 && duration->days() <= 36'500, "a duration lies within its limits");
    const auto back = app::parse_duration(app::to_text(*duration));
    require(back && *back == *duration, "a duration that is written reads as the same");
  } else {
    require(!duration.error().empty(), "what is no duration is said to be none");
  }
  if (const auto bytes = app::parse_size(text)) {
    require(*bytes <= std::uint64_t{1} << 50, "a size lies within its limits");
    require(!app::parse_count(text), "a size has a unit");
  }
  if (const auto count = app::parse_count(text)) {
    const auto back = app::parse_count(std::to_string(*count));
    require(back && *back == *count, "a count that is written reads as the same");
  }
  if (const auto number = app::parse_number(text)) require(std::isfinite(*number), "a number is finite");
  return 0;
}
