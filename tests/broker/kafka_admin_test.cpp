#include "ingest/kafka_admin.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/broker.hpp"
#include "tests/support/kafka_listener.hpp"

namespace holdfast::testing {
namespace {

using ingest::Finding;
using ingest::KafkaAdmin;
using ingest::KafkaSettings;
using ingest::make_kafka_admin;
using ingest::plan_topics;

/// Where the test's own producers put a key: by its first digit.
std::optional<std::int32_t> by_digit(std::string_view key, std::int32_t partitions) {
  if (key.empty() || key[0] < '0' || key[0] > '9') return std::nullopt;
  return (key[0] - '0') % partitions;
}

std::vector<std::string> problems(const std::vector<Finding>& findings) {
  std::vector<std::string> result;
  for (const Finding& f : findings) {
    if (!f.ok) result.push_back(f.what);
  }
  return result;
}

class KafkaAdminTest : public ::testing::Test {
 protected:
  KafkaAdminTest() : settings_(kafka_settings(broker_, {"a", "b"})) {
    auto admin = make_kafka_admin(settings_);
    EXPECT_TRUE(admin);
    admin_ = std::move(*admin);
  }
  void create() {
    const auto created = admin_->create(plan_topics(settings_, 2, 1));
    ASSERT_TRUE(created) << created.error().message;
    ASSERT_EQ(created->size(), 5u);
  }
  ::testing::AssertionResult finds(const std::string& what, std::size_t sample = 1000) {
    const auto found = problems(admin_->check(by_digit, sample));
    if (found.size() == 1 && found[0].find(what) != std::string::npos) return ::testing::AssertionSuccess();
    auto result = ::testing::AssertionFailure() << found.size() << " problems:";
    for (const std::string& f : found) result << "\n" << f;
    return result;
  }

  Broker broker_;
  KafkaSettings settings_;
  std::unique_ptr<KafkaAdmin> admin_;
};

TEST_F(KafkaAdminTest, CreatesEachTopicOnceAsPlanned) {
  create();
  const auto again = admin_->create(plan_topics(settings_, 4, 1));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->empty());
  const std::vector<std::string> names{"a", "journal", "nowhere"};
  const auto counts = admin_->partition_counts(names);
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(*counts, (std::map<std::string, std::int32_t>{{"a", 2}, {"journal", 8}}));
  const auto dead = admin_->describe("dead");
  ASSERT_TRUE(dead) << dead.error().message;
  ASSERT_TRUE(*dead);
  EXPECT_EQ((*dead)->replication, 1);
  EXPECT_EQ((*dead)->settings.at("max.message.bytes"), "2097152");
  EXPECT_EQ((*dead)->settings.at("cleanup.policy"), "delete");
  EXPECT_FALSE(admin_->describe("nowhere").value().has_value());
}

TEST_F(KafkaAdminTest, ReplicationThatIsNotPossibleIsRefusedWithItsReason) {
  const auto created = admin_->create(plan_topics(settings_, 2, 3));
  ASSERT_FALSE(created);
  EXPECT_NE(created.error().message.find("replication factor"), std::string::npos) << created.error().message;
}

TEST_F(KafkaAdminTest, FindsNothingWrongWithAGoodSetup) {
  create();
  for (int i = 0; i < 10; ++i) broker_.produce("a", i % 2, std::to_string(i), "{}");
  EXPECT_EQ(problems(admin_->check(by_digit, 1000)), std::vector<std::string>{});
  EXPECT_GE(admin_->check(by_digit, 1000).size(), 10u);
}

TEST_F(KafkaAdminTest, FindsMisplacedAndMissingKeys) {
  create();
  for (int i = 0; i < 10; ++i) broker_.produce("a", i % 2, std::to_string(i), "{}");
  broker_.produce("b", 0, "1", "{}");
  EXPECT_TRUE(finds("topic 'b': 1 of 1 sampled keys lie in another partition"));
  broker_.produce("b", 0, "2", "{}");
  // A sample of the latest record of each partition misses the bad one.
  EXPECT_EQ(problems(admin_->check(by_digit, 2)), std::vector<std::string>{});
  broker_.produce("b", 1, std::nullopt, "{}");
  EXPECT_TRUE(finds("topic 'b': 1 of 3 sampled records have no key"));
}

TEST_F(KafkaAdminTest, FindsWrongTopics) {
  broker_.create_topic("a", 2);
  broker_.create_topic("b", 3);
  broker_.create_topic("alerts", 2, {{"cleanup.policy", "compact"}});
  broker_.create_topic("journal", 2);
  const auto found = problems(admin_->check(nullptr, 0));
  ASSERT_EQ(found.size(), 3u) << ::testing::PrintToString(found);
  EXPECT_NE(found[0].find("'dead' is missing"), std::string::npos) << found[0];
  EXPECT_NE(found[1].find("'a' 2, 'b' 3"), std::string::npos) << found[1];
  EXPECT_NE(found[2].find("'alerts' has cleanup.policy=compact"), std::string::npos) << found[2];
}

TEST_F(KafkaAdminTest, BrokersThatDoNotAnswerAreTheOnlyFinding) {
  KafkaSettings elsewhere = settings_;
  elsewhere.properties["bootstrap.servers"] = "127.0.0.1:1";
  elsewhere.patience = Duration{500};
  const auto found = (*make_kafka_admin(elsewhere))->check(by_digit, 10);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].ok);
  EXPECT_NE(found[0].what.find("127.0.0.1:1"), std::string::npos) << found[0].what;
}

}  // namespace
}  // namespace holdfast::testing
