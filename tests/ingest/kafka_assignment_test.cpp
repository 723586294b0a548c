#include "ingest/kafka_assignment.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string int16(int value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
std::string int32(int value) { return int16(value >> 16) + int16(value & 0xffff); }

/// As Kafka's ConsumerProtocolAssignment, version 1: version, topics with their partitions, user data.
std::string assignment(const std::vector<std::pair<std::string, std::vector<int>>>& topics) {
  std::string bytes = int16(1) + int32(static_cast<int>(topics.size()));
  for (const auto& [topic, partitions] : topics) {
    bytes += int16(static_cast<int>(topic.size())) + topic + int32(static_cast<int>(partitions.size()));
    for (const int p : partitions) bytes += int32(p);
  }
  return bytes + int32(-1);
}

TEST(AssignedPartitions, AreThoseOfTheTopicInOrder) {
  const std::string bytes = assignment({{"visits", {0, 1}}, {"purchases", {7, 300, 2}}});
  EXPECT_THAT(assigned_partitions(bytes, "purchases").value(), ElementsAre(Partition{2}, Partition{7}, Partition{300}));
  EXPECT_THAT(assigned_partitions(bytes, "complaints").value(), IsEmpty());
  EXPECT_THAT(assigned_partitions("", "purchases").value(), IsEmpty());
}

TEST(AssignedPartitions, WhatIsCutShortIsRefused) {
  const std::string bytes = assignment({{"visits", {0, 1}}, {"purchases", {7}}});
  for (std::size_t size = 1; size + 4 < bytes.size(); ++size)
    EXPECT_FALSE(assigned_partitions(bytes.substr(0, size), "purchases")) << size;
}

TEST(InstanceOfMember, StandsBetweenApplicationAndUuid) {
  const std::string uuid = "-3f2504e0-4f89-11d3-9a0c-0305e82c3301";
  EXPECT_EQ(instance_of_member("shop-a" + uuid, "shop"), "a");
  EXPECT_EQ(instance_of_member("shop-host-7.example" + uuid, "shop"), "host-7.example");
  EXPECT_EQ(instance_of_member("shop-eu-a" + uuid, "shop-eu"), "a");
  EXPECT_EQ(instance_of_member("rdkafka" + uuid, "shop"), "");
  EXPECT_EQ(instance_of_member("shop" + uuid, "shop"), "");
  EXPECT_EQ(instance_of_member("", "shop"), "");
}

}  // namespace
}  // namespace holdfast::ingest
