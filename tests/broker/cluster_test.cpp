// A cluster of three nodes.

#include "tests/support/cluster.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::testing {
namespace {

TEST(Cluster, WhatANodeDidMovesToAnotherWhenItIsKilled) {
  Cluster cluster;
  cluster.create_topic("t", 1);
  {
    ForeignTransaction transaction(cluster, "x");
    transaction.produce("t", 0, "k", "v");
    transaction.commit();
  }
  EXPECT_EQ(cluster.consume_at_least("t", 1).size(), 1U);
  cluster.wait_until_in_sync();
  const auto roles = [&] {
    return std::array{cluster.controller(), cluster.leader_of("t", 0), cluster.transaction_coordinator("x"),
                      cluster.group_coordinator("g")};
  };
  const int node = cluster.controller();
  cluster.kill9(node);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::ranges::count(roles(), node) > 0) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  cluster.restart(node);
  cluster.wait_until_in_sync();
  EXPECT_EQ(cluster.consume_all("t").size(), 1U);
}

}  // namespace
}  // namespace holdfast::testing
