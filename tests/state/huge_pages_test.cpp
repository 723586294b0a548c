#include "state/huge_pages.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::state {
namespace {

TEST(HugePages, AreAlignedZeroAndWritableToTheirEnd) {
  for (const std::size_t bytes : {std::size_t{1}, huge_page_bytes, huge_page_bytes + 1, 5 * huge_page_bytes}) {
    auto* const memory = static_cast<char*>(map_huge_pages(bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % huge_page_bytes, 0U);
    EXPECT_EQ(memory[0], 0);
    EXPECT_EQ(memory[bytes - 1], 0);
    std::memset(memory, 1, bytes);
    unmap_huge_pages(memory, bytes);
  }
}

TEST(HugePages, MoreThanThereIsThrows) { EXPECT_THROW((void)map_huge_pages(std::size_t{1} << 60), std::bad_alloc); }

TEST(HugePages, AVectorGrowsFromUsualMemoryIntoThem) {
  std::vector<std::uint32_t, HugePageAllocator<std::uint32_t>> numbers;
  for (std::uint32_t i = 0; i < 2'000'000; ++i) numbers.push_back(i);
  for (std::uint32_t i = 0; i < 2'000'000; ++i) ASSERT_EQ(numbers[i], i);
}

}  // namespace
}  // namespace holdfast::state
