#include "ingest/partitioner.hpp"

#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::ingest {
namespace {

struct Vector {
  std::string_view key;
  std::int32_t hash;
};

// What Kafka's own producer, in Java, computes for these keys: the vectors of its UtilsTest.testMurmur2.
constexpr Vector java_murmur2[] = {{"21", -973'932'308},
                                   {"foobar", -790'332'482},
                                   {"a-little-bit-long-string", -985'981'536},
                                   {"a-little-bit-longer-string", -1'486'304'829},
                                   {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58'897'971},
                                   {"abc", 479'470'107}};

TEST(Partitioner, Murmur2IsThatOfJavaProducers) {
  for (const auto& [key, hash] : java_murmur2) {
    for (const std::int32_t partitions : {1, 2, 3, 4, 12, 100, 4096})
      EXPECT_EQ(partition_for(Partitioner::murmur2, key, partitions), (hash & 0x7fffffff) % partitions)
          << key << " of " << partitions;
  }
}

// CRC-32 (IEEE 802.3) of the key, modulo the partitions. The check value of the polynomial is that of "123456789".
TEST(Partitioner, ConsistentIsTheCrcOfTheKey) {
  constexpr std::uint32_t check_value = 0xcbf43926;
  for (const std::uint32_t partitions : {1U, 2U, 7U, 12U, 1000U})
    EXPECT_EQ(partition_for(Partitioner::consistent, "123456789", static_cast<std::int32_t>(partitions)),
              static_cast<std::int32_t>(check_value % partitions))
        << partitions;
}

}  // namespace
}  // namespace holdfast::ingest
