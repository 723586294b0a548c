#include "ingest/json_layout.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::ingest {
namespace {

using ::testing::ElementsAre;

std::string written(const JsonLayout& layout, const std::vector<std::string>& values) {
  std::string out;
  layout.write(values, out);
  return out;
}

TEST(JsonLayout, PointersNameTheWay) {
  EXPECT_THAT(pointer_path("/a"), ElementsAre("a"));
  EXPECT_THAT(pointer_path("/a/b c"), ElementsAre("a", "b c"));
  EXPECT_THAT(pointer_path("/a~1b/~0/~01"), ElementsAre("a/b", "~", "~1"));
  EXPECT_THAT(pointer_path("//"), ElementsAre("", ""));
}

TEST(JsonLayout, ValuesStandWhereTheirPathsLead) {
  JsonLayout layout;
  EXPECT_TRUE(layout.add(pointer_path("/a"), 0));
  EXPECT_TRUE(layout.add(pointer_path("/b/c"), 1));
  EXPECT_TRUE(layout.add(pointer_path("/b/d/e"), 2));
  EXPECT_TRUE(layout.add(pointer_path("/t\"x\n"), 3));
  EXPECT_EQ(written(layout, {"1", "\"two\"", "[3]", "null"}),
            R"({"a":1,"b":{"c":"two","d":{"e":[3]}},"t\"x\u000a":null})");
}

TEST(JsonLayout, WhatIsAbsentLeavesNoTrace) {
  JsonLayout layout;
  layout.add(pointer_path("/a"), 0);
  layout.add(pointer_path("/b/c/d"), 1);
  layout.add(pointer_path("/b/e"), 2);
  EXPECT_EQ(written(layout, {"", "2", ""}), R"({"b":{"c":{"d":2}}})");
  EXPECT_EQ(written(layout, {"1", "", ""}), R"({"a":1})");
  EXPECT_EQ(written(layout, {"", "", "3"}), R"({"b":{"e":3}})");
  EXPECT_EQ(written(layout, {"", "", ""}), "{}");
  EXPECT_EQ(written(JsonLayout(), {}), "{}");
}

TEST(JsonLayout, ATakenPlaceStaysWithItsOwner) {
  JsonLayout layout;
  EXPECT_TRUE(layout.add(pointer_path("/a"), 0));
  EXPECT_TRUE(layout.add(pointer_path("/b/c"), 1));
  EXPECT_FALSE(layout.add(pointer_path("/a"), 2)) << "taken";
  EXPECT_FALSE(layout.add(pointer_path("/a/x"), 2)) << "within another value";
  EXPECT_FALSE(layout.add(pointer_path("/b"), 2)) << "an object";
  EXPECT_EQ(written(layout, {"1", "2", "3"}), R"({"a":1,"b":{"c":2}})");
}

}  // namespace
}  // namespace holdfast::ingest
