#include "app/units.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace holdfast::app {
namespace {

TEST(Units, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("100ms"), Duration{100});
  EXPECT_EQ(parse_duration("30s"), Duration{30'000});
  EXPECT_EQ(parse_duration("5m"), Duration{300'000});
  EXPECT_EQ(parse_duration("12h"), Duration{43'200'000});
  EXPECT_EQ(parse_duration("91d"), Duration{7'862'400'000});
  EXPECT_EQ(parse_duration("3 d"), Duration{259'200'000});
  EXPECT_EQ(parse_duration("0s"), Duration{0});
  EXPECT_EQ(parse_duration("36500d"), Duration{36'500LL * 86'400'000});
  for (const char* wrong :
       {"", "d", "-1d", "1.5h", "1", "1 ", "1w", "1D", "1dd", "1 d 2 h", "36501d", "9999999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
  EXPECT_EQ(parse_duration("1.5h").error(), "'1.5h' is no duration: write a whole number and a unit, such as 30s");
  EXPECT_EQ(parse_duration("40000d").error(), "'40000d' is too large");
}

TEST(Units, SizesHaveAUnit) {
  EXPECT_EQ(parse_size("2GiB"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size("512MiB"), std::uint64_t{512} << 20);
  EXPECT_EQ(parse_size("10MB"), 10'000'000u);
  EXPECT_EQ(parse_size("4096B"), 4096u);
  EXPECT_EQ(parse_size("1kB"), 1000u);
  EXPECT_EQ(parse_size("1KiB"), 1024u);
  for (const char* wrong : {"", "2", "2G", "2gib", "-1MB", "1.5GiB", "999999TiB"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(Units, NumbersAreDecimalAndFinite) {
  EXPECT_EQ(parse_count("0"), 0u);
  EXPECT_EQ(parse_count("18446744073709551615"), 18'446'744'073'709'551'615u);
  for (const char* wrong : {"", "-1", "+1", "1.0", "1e3", "0x10", " 1", "18446744073709551616"}) {
    EXPECT_FALSE(parse_count(wrong)) << wrong;
  }
  EXPECT_EQ(parse_number("0.05"), 0.05);
  EXPECT_EQ(parse_number("-1e3"), -1000.0);
  for (const char* wrong : {"", "nan", "inf", "1e999", "0,5", "0.5 "}) EXPECT_FALSE(parse_number(wrong)) << wrong;
}

TEST(Units, WhatIsPrintedIsReadAsTheSame) {
  EXPECT_EQ(to_text(Duration{0}), "0ms");
  EXPECT_EQ(to_text(Duration{90'000}), "90s");
  EXPECT_EQ(to_text(Duration{7'862'400'000}), "91d");
  EXPECT_EQ(to_text(Duration{1'500}), "1500ms");
  EXPECT_TRUE(rc::check([] {
    const Duration duration{*rc::gen::inRange<std::int64_t>(0, 36'500LL * 86'400'000 + 1)};
    const auto read = parse_duration(to_text(duration));
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->ms == duration.ms);
  }));
}

}  // namespace
}  // namespace holdfast::app
