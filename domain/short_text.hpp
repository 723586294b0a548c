#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace holdfast {

/// a == b, for ids: of up to 16 bytes without a call, which takes longer than comparing them.
[[nodiscard]] inline bool equal_short(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto same = [&]<class Word>(Word, std::size_t at) {
    Word x;
    Word y;
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    return x == y;
  };
  const std::size_t size = a.size();
  if (size > 16) return a == b;
  if (size >= 8) return same(std::uint64_t{}, 0) && same(std::uint64_t{}, size - 8);
  if (size >= 4) return same(std::uint32_t{}, 0) && same(std::uint32_t{}, size - 4);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace holdfast
