#include "domain/short_text.hpp"

#include <string>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(ShortText, IsEqualOnlyIfEveryByteIs) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string a;
    for (std::size_t i = 0; i < size; ++i) a += static_cast<char>(i * 7 + 200);
    EXPECT_TRUE(equal_short(a, std::string(a)));
    EXPECT_FALSE(equal_short(a, a + 'x'));
    for (std::size_t i = 0; i < size; ++i) {
      std::string b = a;
      b[i] = static_cast<char>(b[i] ^ 0x40);
      EXPECT_FALSE(equal_short(a, b)) << size << " bytes, another one at " << i;
    }
  }
}

}  // namespace
}  // namespace holdfast
