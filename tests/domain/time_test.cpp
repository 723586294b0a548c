#include "domain/time.hpp"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace holdfast {
namespace {

constexpr std::int64_t year_0000 = -62'167'219'200'000;
constexpr std::int64_t year_10000 = 253'402'300'800'000;

TEST(Time, TextsNameTheirMoments) {
  const std::pair<const char*, std::int64_t> known[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2011-09-30T10:15:00.000Z", 1'317'377'700'000},
      {"2011-09-30t10:15:00z", 1'317'377'700'000},
      {"2011-09-30 10:15:00Z", 1'317'377'700'000},
      {"2011-09-30T12:15:00+02:00", 1'317'377'700'000},
      {"2011-09-30T03:45:00-06:30", 1'317'377'700'000},
      {"2000-02-29T23:59:59.999Z", 951'868'799'999},
      {"1969-12-31T23:59:59.999Z", -1},
      {"1969-12-31T23:59:59.9999999Z", -1},
      {"2011-09-30T10:15:00.5Z", 1'317'377'700'500},
      {"2011-09-30T10:15:00.123456789Z", 1'317'377'700'123},
      {"0000-01-01T00:00:00Z", year_0000},
      {"9999-12-31T23:59:59.999Z", year_10000 - 1},
  };
  for (const auto& [text, ms] : known) {
    const auto parsed = parse_rfc3339(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error();
    EXPECT_EQ(parsed->ms, ms) << text;
  }
}

TEST(Time, WhatIsNoMomentIsRefusedWithAReason) {
  for (const char* text : {"",
                           "2011",
                           "2011-09-30",
                           "2011-09-30T10:15",
                           "2011-09-30T10:15:00",
                           "2011-09-30T10:15:00 Z",
                           "2011-09-30T10:15:00.Z",
                           "2011-13-01T00:00:00Z",
                           "2011-00-01T00:00:00Z",
                           "2011-02-29T00:00:00Z",
                           "1900-02-29T00:00:00Z",
                           "2011-04-31T00:00:00Z",
                           "2011-04-00T00:00:00Z",
                           "2011-09-30T24:00:00Z",
                           "2011-09-30T10:60:00Z",
                           "2011-09-30T10:15:61Z",
                           "2011-09-30T10:15:00+24:00",
                           "2011-09-30T10:15:00+02:60",
                           "2011-09-30T10:15:00+0200",
                           "2011-09-30T10:15:00ZZ",
                           "+011-09-30T10:15:00Z",
                           "2011/09/30T10:15:00Z",
                           "20110930T101500Z",
                           " 2011-09-30T10:15:00Z",
                           "2011-09-30T10:15:00Z ",
                           "2011-09-30T1O:15:00Z"}) {
    const auto parsed = parse_rfc3339(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_FALSE(parsed.error().empty()) << text;
  }
}

TEST(Time, EveryMomentComesBackFromItsText) {
  EXPECT_TRUE(rc::check("format and parse", [] {
    const Timestamp t{*rc::gen::inRange(year_0000, year_10000)};
    const std::string text = to_rfc3339(t);
    RC_ASSERT(text.size() == 24U);
    const auto back = parse_rfc3339(text);
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == t);
  }));
}

TEST(Time, TextsSortAsTheirMoments) {
  EXPECT_TRUE(rc::check("order", [] {
    const Timestamp a{*rc::gen::inRange(year_0000, year_10000)};
    const Timestamp b{*rc::gen::inRange(year_0000, year_10000)};
    RC_ASSERT((a < b) == (to_rfc3339(a) < to_rfc3339(b)));
  }));
}

TEST(Time, YearsBeyondFourDigitsAreWrittenInFull) {
  EXPECT_EQ(to_rfc3339(Timestamp{year_0000 - 1}), "-1-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(Timestamp{year_10000 + 1}), "10000-01-01T00:00:00.001Z");
  EXPECT_EQ(to_rfc3339(Timestamp{327416947200000}), "12345-06-07T00:00:00.000Z");
}

TEST(Time, UtcDaysBeginAtMidnightOnBothSidesOf1970) {
  EXPECT_EQ(Timestamp{0}.utc_day(), 0);
  EXPECT_EQ(Timestamp{86'399'999}.utc_day(), 0);
  EXPECT_EQ(Timestamp{86'400'000}.utc_day(), 1);
  EXPECT_EQ(Timestamp{-1}.utc_day(), -1);
  EXPECT_EQ(Timestamp{-86'400'000}.utc_day(), -1);
  EXPECT_EQ(Timestamp{-86'400'001}.utc_day(), -2);
}

}  // namespace
}  // namespace holdfast
