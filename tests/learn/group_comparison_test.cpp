#include "learn/group_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "domain/random.hpp"

namespace holdfast::learn {
namespace {

constexpr std::uint64_t least = 10;

/// So many customers of each group with so many equal rows each, of whom such shares leave.
std::vector<GroupRow> trial(std::uint32_t customers, std::uint32_t rows_each, double first_leaves, double second_leaves,
                            std::uint64_t seed) {
  Random random(seed);
  std::vector<GroupRow> rows;
  for (std::uint32_t customer = 0; customer < 2 * customers; ++customer) {
    const bool in_first = customer % 2 == 0;
    const bool left = random.uniform() < (in_first ? first_leaves : second_leaves);
    for (std::uint32_t i = 0; i < rows_each; ++i) rows.push_back({customer, in_first, left});
  }
  return rows;
}

TEST(GroupComparison, CountsRowsCustomersAndWhoLeft) {
  const std::vector<GroupRow> rows{{1, true, true}, {1, true, false}, {1, false, true}, {2, false, false}};
  const GroupComparison both = compare(rows, {}, least);
  EXPECT_EQ(both.first.rows, 2u);
  EXPECT_EQ(both.first.customers, 1u);
  EXPECT_EQ(both.first.left, 1u);
  EXPECT_EQ(both.second.customers, 2u);
  EXPECT_EQ(both.difference(), 0);
  EXPECT_FALSE(both.interval) << "of so few nothing can be told";
  EXPECT_EQ(compare({}, {}, 0).first.rows, 0u);
  EXPECT_FALSE(compare({}, {}, 0).interval);
}

TEST(GroupComparison, TheIntervalHoldsTheTruthAsOftenAsItSays) {
  int holds = 0;
  int excludes_nothing = 0;
  constexpr int trials = 200;
  for (std::uint64_t seed = 1; seed <= trials; ++seed) {
    const auto found =
        compare(trial(400, 1, 0.4, 0.5, seed), {.replicates = 200, .coverage = 0.95, .seed = seed}, least);
    ASSERT_TRUE(found.interval);
    holds += found.interval->low <= -0.1 && found.interval->high >= -0.1 ? 1 : 0;
    excludes_nothing += found.interval->high < 0 ? 1 : 0;
  }
  EXPECT_GE(holds, trials * 0.9);
  EXPECT_LE(holds, trials * 0.99);
  // 400 in each arm find a difference of .1 at .5 in four of five trials: the formula of docs/operations.md.
  EXPECT_GE(excludes_nothing, trials * 0.7);
  EXPECT_LE(excludes_nothing, trials * 0.9);
}

TEST(GroupComparison, RowsOfOneCustomerAreNoMoreThanOne) {
  const auto width = [](std::uint32_t rows_each) {
    const auto found = compare(trial(300, rows_each, 0.4, 0.5, 3), {}, least);
    return found.interval->high - found.interval->low;
  };
  EXPECT_NEAR(width(1), width(9), 0.01);
  EXPECT_GT(width(1), 0.12);
}

TEST(GroupComparison, DependsOnTheSetOfRowsAndTheSeedAlone) {
  auto rows = trial(100, 2, 0.3, 0.5, 4);
  const auto once = compare(rows, {}, least);
  std::ranges::reverse(rows);
  const auto again = compare(rows, {}, least);
  EXPECT_EQ(once.interval->low, again.interval->low);
  EXPECT_EQ(once.interval->high, again.interval->high);
  EXPECT_NE(compare(rows, {.seed = 2}, least).interval->low, once.interval->low);
}

}  // namespace
}  // namespace holdfast::learn
