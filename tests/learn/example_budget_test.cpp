#include "learn/example_budget.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::learn {
namespace {

std::vector<std::uint64_t> hashes(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> made(count);
  for (std::uint64_t& hash : made) hash = random();
  return made;
}

TEST(ExampleBudget, TakesAllThatFit) {
  ExampleBudget budget(100);
  for (const std::uint64_t hash : hashes(100)) EXPECT_TRUE(budget.take(hash));
  EXPECT_EQ(budget.hash_max(), ~std::uint64_t{0});
}

TEST(ExampleBudget, HalvesUntilTheRestFits) {
  ExampleBudget budget(1'000);
  const auto all = hashes(10'000);
  for (const std::uint64_t hash : all) (void)budget.take(hash);
  const auto left = std::ranges::count_if(all, [&](std::uint64_t hash) { return hash <= budget.hash_max(); });
  EXPECT_LE(left, 1'000);
  EXPECT_GT(left, 400) << "with one halving less they would not have fitted";
  EXPECT_TRUE(budget.take(budget.hash_max()));
  EXPECT_FALSE(budget.take(budget.hash_max() + 1));
}

TEST(ExampleBudget, EndsAtTheSameLimitWhoeverComesFirst) {
  auto all = hashes(20'000);
  const auto limit_of = [&](std::size_t threads) {
    ExampleBudget budget(1'500);
    std::vector<std::jthread> running;
    for (std::size_t t = 0; t < threads; ++t)
      running.emplace_back([&, t] {
        for (std::size_t i = t; i < all.size(); i += threads) (void)budget.take(all[i]);
      });
    running.clear();
    return budget.hash_max();
  };
  const std::uint64_t limit = limit_of(1);
  EXPECT_EQ(limit_of(4), limit);
  std::ranges::sort(all);
  EXPECT_EQ(limit_of(1), limit);
  std::ranges::reverse(all);
  EXPECT_EQ(limit_of(1), limit);
}

TEST(ExampleBudget, OneCustomerAloneMayBeTooMany) {
  ExampleBudget budget(3);
  for (int i = 0; i < 10; ++i) (void)budget.take(0);
  EXPECT_EQ(budget.hash_max(), 0u) << "and stays";
  EXPECT_TRUE(budget.take(0));
}

}  // namespace
}  // namespace holdfast::learn
