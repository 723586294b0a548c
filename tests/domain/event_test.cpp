#include "domain/event.hpp"

#include <string>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(EventBatch, KeepsTextsWhereTheyAreWhenItMoves) {
  EventBatch batch;
  batch.reset(11);
  const std::string_view hello = batch.keep("hello");
  EXPECT_EQ(batch.keep(""), "");
  const std::string_view world = batch.keep(std::string("world!"));
  const EventBatch moved = std::move(batch);
  EXPECT_EQ(hello, "hello");
  EXPECT_EQ(world, "world!");
}

TEST(EventBatch, AnEmptyTextNeedsNoRoom) {
  EventBatch batch;
  EXPECT_EQ(batch.keep(std::string_view{}), "");
}

TEST(EventBatch, ForgetsAtAResetAndKeepsTheMemory) {
  EventBatch batch;
  batch.reset(100);
  const char* const at = batch.keep("first").data();
  batch.events.emplace_back();
  batch.events.back().rejection = batch.keep(Rejection{});
  batch.reset(50);
  EXPECT_TRUE(batch.events.empty());
  EXPECT_EQ(batch.keep("second").data(), at);
}

TEST(RejectionCode, EachHasANameOfItsOwn) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < rejection_codes; ++i) names.push_back(code_name(static_cast<RejectionCode>(i)));
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_NE(names[i], "unknown");
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(names[i], names[j]);
  }
}

}  // namespace
}  // namespace holdfast
