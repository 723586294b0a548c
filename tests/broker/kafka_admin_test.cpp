#include "ingest/kafka_admin.hpp"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/partitioner.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/kafka_listener.hpp"

namespace holdfast::testing {
namespace {

using ingest::Finding;
using ingest::KafkaAdmin;
using ingest::KafkaSettings;
using ingest::make_kafka_admin;
using ingest::Partitioner;
using ingest::plan_topics;
using ingest::SourceFormat;
using ::testing::StartsWith;

std::vector<std::string> with_verdict(Finding::Verdict verdict, const std::vector<Finding>& findings) {
  std::vector<std::string> result;
  for (const Finding& f : findings) {
    if (f.verdict == verdict) result.push_back(f.what);
  }
  return result;
}
std::vector<std::string> problems(const std::vector<Finding>& findings) {
  return with_verdict(Finding::Verdict::fault, findings);
}

SourceFormat visits(const std::string& topic) {
  return {.name = topic,
          .topic = topic,
          .kind = EventKind::visit,
          .fields = {{"customer_id", "/who/id"}},
          .time_format = ingest::TimeFormat::any,
          .defaults = {},
          .max_ahead = Duration{3'600'000}};
}

std::string visit(const std::string& customer) { return R"({"time":1,"who":{"id":")" + customer + "\"}}"; }

class KafkaAdminTest : public ::testing::Test {
 protected:
  explicit KafkaAdminTest(const std::string& broker_settings = "")
      : broker_(broker_settings), settings_(kafka_settings(broker_, {"a", "b"})) {
    auto admin = make_kafka_admin(settings_);
    EXPECT_TRUE(admin);
    admin_ = std::move(*admin);
  }
  void create() {
    const auto created = admin_->create(plan_topics(settings_, 2, 1));
    ASSERT_TRUE(created) << created.error().message;
    ASSERT_EQ(created->size(), 5u);
  }
  /// A customer whose key belongs to a partition.
  static std::string home_of(std::int32_t partition) {
    int id = 0;
    while (partition_for(Partitioner::murmur2, std::to_string(id), 2) != partition) ++id;
    return std::to_string(id);
  }
  /// A visit under its customer's key, where murmur2 puts it, or elsewhere.
  void send_visit(const std::string& topic, const std::string& customer, bool misplaced = false) {
    const std::int32_t home = partition_for(Partitioner::murmur2, customer, 2);
    broker_.produce(topic, misplaced ? 1 - home : home, customer, visit(customer));
  }
  std::vector<Finding> check(std::size_t sample = 1000, Partitioner partitioner = Partitioner::murmur2) {
    const std::vector<SourceFormat> sources{visits("a"), visits("b")};
    return admin_->check(sources, partitioner, sample);
  }
  ::testing::AssertionResult finds(const std::string& what, std::size_t sample = 1000) {
    const auto found = problems(check(sample));
    if (found.size() == 1 && found[0].find(what) != std::string::npos) return ::testing::AssertionSuccess();
    auto result = ::testing::AssertionFailure() << found.size() << " problems:";
    for (const std::string& f : found) result << "\n" << f;
    return result;
  }

  Broker broker_;
  KafkaSettings settings_;
  std::unique_ptr<KafkaAdmin> admin_;
};

TEST_F(KafkaAdminTest, ATopicForModelsHasOnePartitionAndKeepsAll) {
  settings_.models_topic = "models";
  admin_ = std::move(*make_kafka_admin(settings_));
  const auto created = admin_->create(plan_topics(settings_, 2, 1));
  ASSERT_TRUE(created) << created.error().message;
  ASSERT_EQ(created->size(), 6u);
  const auto models = admin_->describe("models");
  ASSERT_TRUE(models && *models);
  EXPECT_EQ((*models)->partitions, 1);
  EXPECT_EQ((*models)->settings.at("retention.ms"), "-1");
  EXPECT_EQ((*models)->settings.at("cleanup.policy"), "delete");
  EXPECT_EQ(problems(check()), std::vector<std::string>());

  broker_.create_topic("many", 2);
  settings_.models_topic = "many";
  admin_ = std::move(*make_kafka_admin(settings_));
  EXPECT_TRUE(finds("topic 'many' has 2 partitions, and nobody can say which of its models is the newest"));
  settings_.models_topic = "none";
  admin_ = std::move(*make_kafka_admin(settings_));
  EXPECT_TRUE(finds("topic 'none' is missing"));
}

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
  for (int i = 0; i < 10; ++i) send_visit("a", std::to_string(i));
  const auto findings = check();
  EXPECT_EQ(problems(findings), std::vector<std::string>{});
  EXPECT_EQ(with_verdict(Finding::Verdict::open, findings), std::vector<std::string>{});
  EXPECT_THAT(
      with_verdict(Finding::Verdict::ok, findings),
      ::testing::IsSupersetOf({"group 'shop' may be used", "transactional ids that begin with 'shop-1' may be used",
                               "topic 'alerts' may be written", "topic 'dead' may be written",
                               "topic 'journal' may be written", "topic 'journal' may be read",
                               "topic 'a': all of 10 sampled records are events keyed by customer and lie where "
                               "their keys belong",
                               "topic 'b': all of 0 sampled records are events keyed by customer and lie where "
                               "their keys belong"}));
  EXPECT_THAT(with_verdict(Finding::Verdict::open, check(10, Partitioner::none)),
              ::testing::Each(::testing::HasSubstr("`partitioner` is none")));
}

TEST_F(KafkaAdminTest, AskingLeavesNoTrace) {
  create();
  ForeignTransaction running(broker_, "shop-1");
  running.produce("alerts", 0, "k", "v");
  EXPECT_EQ(problems(check()), std::vector<std::string>{});
  running.commit();  // It was not fenced.
  EXPECT_EQ(broker_.consume_at_least("alerts", 1).size(), 1U);
  for (const char* const topic : {"alerts", "dead", "journal"})
    EXPECT_EQ(broker_.consume_all(topic, false).size(), topic == std::string("alerts") ? 1U : 0U) << topic;
}

TEST_F(KafkaAdminTest, FindsMisplacedRecords) {
  create();
  for (int i = 0; i < 10; ++i) send_visit("a", std::to_string(i));
  send_visit("b", "1", true);
  EXPECT_TRUE(
      finds("topic 'b': 1 of 1 sampled records lie in another partition than their keys hash to, the first of "
            "them at partition " +
            std::to_string(1 - partition_for(Partitioner::murmur2, "1", 2)) + ", offset 0: set"));
  // A sample of the latest record of each partition misses the bad one.
  broker_.produce("b", 0, home_of(0), visit(home_of(0)));
  broker_.produce("b", 1, home_of(1), visit(home_of(1)));
  EXPECT_EQ(problems(check(2)), std::vector<std::string>{});
}

TEST_F(KafkaAdminTest, FindsRecordsThatAreNoEvents) {
  create();
  const std::string key = home_of(1);
  broker_.produce("b", 1, key, visit(key));
  broker_.produce("b", 1, key, visit("somebody else"));
  broker_.produce("b", 1, std::nullopt, visit("1"));
  broker_.produce("b", 1, key, visit("somebody else"));
  broker_.produce("b", 1, key, R"({"time":1,"customer_id":"1"})");
  const auto found = problems(check());
  ASSERT_EQ(found.size(), 3u) << ::testing::PrintToString(found);
  const std::string of = "of 5 sampled records are no events of source 'b'";
  EXPECT_THAT(found[0], StartsWith("topic 'b': 1 " + of +
                                   " (missing_field), the first of them at partition 1, offset 4: "
                                   "/who/id"));
  EXPECT_THAT(found[1],
              StartsWith("topic 'b': 1 " + of + " (missing_key), the first of them at partition 1, offset 2: "));
  EXPECT_THAT(found[2],
              StartsWith("topic 'b': 2 " + of + " (key_mismatch), the first of them at partition 1, offset 1: "));
}

TEST_F(KafkaAdminTest, FindsWrongTopics) {
  broker_.create_topic("a", 2);
  broker_.create_topic("b", 3);
  broker_.create_topic("alerts", 2, {{"cleanup.policy", "compact"}});
  broker_.create_topic("journal", 2);
  const auto found = problems(check(0, Partitioner::none));
  ASSERT_EQ(found.size(), 3u) << ::testing::PrintToString(found);
  EXPECT_NE(found[0].find("'dead' is missing"), std::string::npos) << found[0];
  EXPECT_NE(found[1].find("'a' 2, 'b' 3"), std::string::npos) << found[1];
  EXPECT_NE(found[2].find("'alerts' has cleanup.policy=compact"), std::string::npos) << found[2];
}

TEST_F(KafkaAdminTest, BrokersThatDoNotAnswerAreTheOnlyFinding) {
  KafkaSettings elsewhere = settings_;
  elsewhere.properties["bootstrap.servers"] = "127.0.0.1:1";
  elsewhere.patience = Duration{500};
  const auto found = (*make_kafka_admin(elsewhere))->check({}, Partitioner::murmur2, 10);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, Finding::Verdict::fault);
  EXPECT_NE(found[0].what.find("127.0.0.1:1"), std::string::npos) << found[0].what;
}

class KafkaRightsTest : public KafkaAdminTest {
 protected:
  KafkaRightsTest()
      : KafkaAdminTest(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            "allow.everyone.if.no.acl.found=true\n") {}
};

TEST_F(KafkaRightsTest, MissingRightsAreNamed) {
  create();
  EXPECT_EQ(problems(check()), std::vector<std::string>{});
  using enum Broker::Operation;
  const std::array readable{read, describe_configs};
  const std::array known{describe};
  broker_.allow_only(readable, Broker::Resource::topic, "alerts");
  broker_.allow_only(readable, Broker::Resource::topic, "dead");
  broker_.allow_only(known, Broker::Resource::topic, "b");
  broker_.allow_only(known, Broker::Resource::group, "shop");
  const auto found = problems(check());
  ASSERT_EQ(found.size(), 4u) << ::testing::PrintToString(found);
  EXPECT_EQ(found[0], "no right to use group 'shop': allow Read on it");
  EXPECT_EQ(found[1], "no right to write topic 'alerts': allow Write on it");
  EXPECT_EQ(found[2], "no right to write topic 'dead': allow Write on it");
  EXPECT_THAT(found[3], StartsWith("cannot read topic 'b': "));
}

}  // namespace
}  // namespace holdfast::testing
