#include "ingest/number_text.hpp"

#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace holdfast::ingest {
namespace {

std::string text_of(auto... number) {
  std::string text = "n";
  append_number(text, number...);
  return text.substr(1);
}

/// What C's library writes, without the zeros behind the point.
std::string printed(double value, int decimals) {
  std::string text(400, ' ');
  text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.*f", decimals, value)));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

TEST(NumberText, WritesIntegersToTheirLimits) {
  EXPECT_EQ(text_of(0), "0");
  EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
  EXPECT_EQ(text_of(std::numeric_limits<std::uint32_t>::max()), "4294967295");
}

TEST(NumberText, LeavesOutZerosBehindThePointOnly) {
  EXPECT_EQ(text_of(1.5, 6), "1.5");
  EXPECT_EQ(text_of(100.0, 6), "100");
  EXPECT_EQ(text_of(100.0, 0), "100");
  EXPECT_EQ(text_of(-1e-9, 6), "0");
  EXPECT_EQ(text_of(-0.0, 0), "0");
  EXPECT_EQ(text_of(-10.0, 1), "-10");
}

TEST(NumberText, RoundsExactlyWhatTheDoubleIs) {
  EXPECT_EQ(text_of(0.125, 2), "0.12") << "a tie goes to the even digit";
  EXPECT_EQ(text_of(1.005, 2), "1") << "the double below it";
  EXPECT_EQ(text_of(std::numeric_limits<double>::denorm_min(), 17), "0");
  EXPECT_EQ(text_of(std::numeric_limits<double>::lowest(), 17), printed(std::numeric_limits<double>::lowest(), 17));
}

TEST(NumberText, AgreesWithTheLibraryOfC) {
  EXPECT_TRUE(rc::check("append_number", [] {
    const auto value = *rc::gen::arbitrary<double>();
    const auto scaled = static_cast<double>(*rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000)) / 4096;
    const auto decimals = *rc::gen::inRange(0, 18);
    RC_ASSERT(text_of(value, decimals) == printed(value, decimals));
    RC_ASSERT(text_of(scaled, decimals) == printed(scaled, decimals));
  }));
}

}  // namespace
}  // namespace holdfast::ingest
