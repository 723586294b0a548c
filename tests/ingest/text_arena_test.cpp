#include "ingest/text_arena.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::ingest {
namespace {

/// Texts of all sizes around those of the arena's blocks.
std::vector<std::string> texts() {
  std::vector<std::string> out;
  for (const std::size_t size : {0, 1, 1000, 200'000, 100'000, 262'144, 1'000'000, 3, 0}) {
    out.emplace_back(size, static_cast<char>('a' + out.size()));
  }
  return out;
}

/// Piece by piece, with a piece of its own size in the end.
std::string_view write(TextArena& arena, std::string_view text) {
  while (text.size() > 1) {
    const std::string_view piece = text.substr(0, text.size() / 2);
    arena.append(piece);
    text.remove_prefix(piece.size());
  }
  if (!text.empty()) arena.append(text.front());
  return arena.finish();
}

TEST(TextArena, FinishedTextsStayWhereTheyAre) {
  TextArena arena;
  for (int use = 0; use < 3; ++use) {
    std::vector<std::string_view> written;
    for (const std::string& text : texts()) written.push_back(write(arena, text));
    EXPECT_EQ(std::vector<std::string>(written.begin(), written.end()), texts());
    arena.clear(use == 0 ? 300'000 : 100'000'000);
  }
}

TEST(TextArena, AnEmptyTextHasAPlace) {
  TextArena arena;
  EXPECT_NE(arena.finish().data(), nullptr);
}

TEST(TextArena, AnEmptyPieceAddsNothingWhereverItPoints) {
  TextArena arena;
  arena.append(std::string_view{});
  arena.append("text");
  arena.append(std::string_view{});
  EXPECT_EQ(arena.finish(), "text");
}

TEST(TextArena, MemoryIsUsedAgain) {
  TextArena arena;
  const char* const first = write(arena, "first").data();
  const std::string_view large = write(arena, std::string(1'000'000, 'x'));
  arena.clear(10'000'000);
  EXPECT_EQ(write(arena, "again").data(), first);
  EXPECT_EQ(write(arena, std::string(1'000'000, 'y')).data(), large.data());
  arena.clear(0);
  EXPECT_EQ(write(arena, "anew"), "anew");
}

TEST(TextArena, KnowsHowLongTheTextUnderWayIs) {
  TextArena arena;
  EXPECT_EQ(arena.size(), 0U);
  arena.append("four");
  EXPECT_EQ(arena.size(), 4U);
  arena.append(std::string(300'000, ' '));
  EXPECT_EQ(arena.size(), 300'004U);
  (void)arena.finish();
  EXPECT_EQ(arena.size(), 0U);
}

}  // namespace
}  // namespace holdfast::ingest
