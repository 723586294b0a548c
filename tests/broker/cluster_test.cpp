// A cluster of three nodes, and the shortest run of what tests/chaos/matrix.cpp does in all its combinations.

#include "tests/support/cluster.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ingest/kafka_admin.hpp"
#include "tests/support/chaos.hpp"
#include "tests/support/generated_shop.hpp"
#include "tests/support/kafka_listener.hpp"
#include "tests/support/process.hpp"

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

TEST(Cluster, AskingANodeThatHasNotHeardOfANewTopicIsNoError) {
  const Cluster cluster;
  for (int i = 0; i < 6; ++i) {
    const ingest::KafkaSettings settings = kafka_settings(cluster, {"s"});
    auto admin = ingest::make_kafka_admin(settings);
    ASSERT_TRUE(admin) << admin.error().message;
    std::vector<ingest::TopicPlan> plans;
    for (int k = 0; k < 4; ++k) {
      plans.push_back({.name = "t" + std::to_string(i) + "-" + std::to_string(k),
                       .partitions = 4,
                       .replication = 3,
                       .settings = {},
                       .purpose = ""});
    }
    const auto created = (*admin)->create(plans);
    ASSERT_TRUE(created) << created.error().message;
    for (const ingest::TopicPlan& plan : plans) {
      const auto described = (*admin)->describe(plan.name);
      ASSERT_TRUE(described) << described.error().message;
      if (*described) {
        EXPECT_EQ((*described)->replication, 3);
      }
    }
  }
}

TEST(Cluster, AlertsAreThoseOfAReplayWhileNodesAndInstancesAreKilled) {
  const ChaosSettings settings{.shop = {.events = 60'000, .customers = 4'000}, .bounces = 2};
  const Combination combination{
      .how = Combination::How::hard, .target = Combination::Target::leader, .seed = std::random_device{}()};
  const TemporaryFolder folder;
  const ChaosResult result = run_chaos(combination, settings, replayed(settings.shop), folder.path());
  std::cout << to_text(combination) << ": " << to_text(result) << '\n';
  EXPECT_EQ(result.failure, "");
  EXPECT_GT(result.bounces_in_backlog, 0);
  EXPECT_GT(result.kills_in_backlog, 0);
}

}  // namespace
}  // namespace holdfast::testing
