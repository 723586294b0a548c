#include "domain/random.hpp"

#include <array>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

// The first outputs for seed 0, from the authors' reference.
TEST(Random, IsSplitMix64) {
  Random random(0);
  EXPECT_EQ(random.next(), 0xe220a8397b1dcdafU);
  EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4U);
  EXPECT_EQ(random.next(), 0x06c45d188009454fU);
}

TEST(Random, DistributionsHaveTheirMeans) {
  Random random(7);
  constexpr int draws = 200'000;
  double exponential = 0;
  double normal = 0;
  double square = 0;
  double gamma = 0;
  double beta = 0;
  for (int i = 0; i < draws; ++i) {
    exponential += random.exponential(3);
    const double z = random.normal();
    normal += z;
    square += z * z;
    gamma += random.gamma(0.5, 4);
    beta += random.beta(1.5, 4.5);
  }
  // Five standard errors of each mean.
  EXPECT_NEAR(exponential / draws, 3, 0.034);
  EXPECT_NEAR(normal / draws, 0, 0.012);
  EXPECT_NEAR(square / draws, 1, 0.016);
  EXPECT_NEAR(gamma / draws, 2, 0.032);
  EXPECT_NEAR(beta / draws, 0.25, 0.002);
}

TEST(Random, EachNumberBelowAnEndIsAsLikely) {
  Random random(3);
  std::array<int, 7> drawn{};
  constexpr int draws = 70'000;
  for (int i = 0; i < draws; ++i) ++drawn[random.below(7)];
  // Five standard deviations of each count.
  for (const int count : drawn) EXPECT_NEAR(count, draws / 7, 463);
  EXPECT_EQ(random.below(1), 0U);
}

}  // namespace
}  // namespace holdfast
