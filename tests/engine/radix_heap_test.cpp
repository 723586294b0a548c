#include "engine/radix_heap.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace holdfast::engine {
namespace {

TEST(RadixHeap, GivesWhatASortedMultimapGives) {
  const bool ok = rc::check("push, take, sweep", [] {
    RadixHeap heap;
    std::multimap<std::uint32_t, std::uint32_t> sorted;
    const auto moves = *rc::gen::container<std::vector<std::pair<int, std::uint32_t>>>(
        rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::arbitrary<std::uint32_t>()));
    std::uint32_t value = 0;
    for (const auto& [what, number] : moves) {
      if (what <= 4) {
        // Keys of any distance from the last one taken.
        const std::uint64_t key = heap.taken() + std::uint64_t{1} + (number >> (number % 32));
        if (key >= RadixHeap::none) continue;
        heap.push({static_cast<std::uint32_t>(key), value});
        sorted.emplace(static_cast<std::uint32_t>(key), value++);
      } else if (what == 5) {
        heap.keep_if([&](const RadixHeap::Entry& entry) { return (entry.value + number) % 3 != 0; });
        std::erase_if(sorted, [&](const auto& entry) { return (entry.second + number) % 3 == 0; });
      } else if (!sorted.empty()) {
        const std::uint32_t least = sorted.begin()->first;
        RC_ASSERT(heap.least_key() == least);
        std::vector<std::uint32_t> taken;
        heap.take_least(taken);
        std::multiset<std::uint32_t> expected;
        for (auto [it, end] = sorted.equal_range(least); it != end; ++it) expected.insert(it->second);
        RC_ASSERT(std::multiset<std::uint32_t>(taken.begin(), taken.end()) == expected);
        RC_ASSERT(heap.taken() == least);
        sorted.erase(least);
      }
      RC_ASSERT(heap.size() == sorted.size());
    }
  });
  EXPECT_TRUE(ok);
}

TEST(RadixHeap, IsEmptyAtFirst) {
  const RadixHeap heap;
  EXPECT_EQ(heap.size(), 0U);
  EXPECT_EQ(heap.least_key(), RadixHeap::none);
}

}  // namespace
}  // namespace holdfast::engine
