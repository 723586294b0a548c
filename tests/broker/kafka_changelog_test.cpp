// The changelog on a real broker: what becomes visible, what never does, and who is refused.

#include "ingest/kafka_changelog.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "domain/checkpoint_key.hpp"
#include "ingest/kafka_reader.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/kafka_listener.hpp"

namespace holdfast::testing {
namespace {

using namespace ingest;
using namespace std::chrono_literals;

constexpr Partition p0{0};

#define ASSERT_OK(expression)                                    \
  do {                                                           \
    const auto& status_ = (expression);                          \
    ASSERT_TRUE(status_.has_value()) << status_.error().message; \
  } while (false)

/// Customers as the changelog leads to them.
class Content final : public ChangelogVisitor {
 public:
  Status record(std::string_view id, std::string_view record) override {
    customers[std::string(id)] = record;
    ++records;
    return {};
  }
  Status erased(std::string_view id) override {
    customers.erase(std::string(id));
    ++records;
    return {};
  }
  Status marker(const Marker& marker, Offset behind) override {
    step = marker.step;
    next = behind;
    return {};
  }
  std::map<std::string, std::string> customers;
  std::size_t records = 0;
  std::optional<std::uint64_t> step;
  Offset next;
};

CheckpointData checkpoint(std::uint64_t step, const std::map<std::string, std::string>& changed,
                          Partition partition = p0) {
  CheckpointData data;
  data.record_size = 1;
  data.marker.partition = partition;
  data.marker.step = step;
  for (const auto& [id, record] : changed) {
    if (record.empty()) {
      data.add_erased(id);
    } else {
      data.add(id, record);
    }
  }
  return data;
}

class KafkaChangelogTest : public ::testing::Test {
 protected:
  explicit KafkaChangelogTest(const std::map<std::string, std::string>& topic = {{"cleanup.policy", "compact"}},
                              const std::string& broker = "")
      : broker_(broker) {
    broker_.create_topic("in", 2);
    broker_.create_topic("changelog", 2, topic);
  }

  /// An instance that was assigned its share of the partitions.
  struct Instance {
    std::unique_ptr<KafkaReader> reader;
    std::unique_ptr<KafkaListener> listener;
    std::unique_ptr<ChangelogWriter> writer;
  };
  KafkaSettings settings(const std::string& instance = "1") const {
    KafkaSettings out = kafka_settings(broker_, {"in"}, instance);
    out.changelog_topic = "changelog";
    out.properties["session.timeout.ms"] = "3000";
    out.properties["heartbeat.interval.ms"] = "200";
    return out;
  }
  void join(Instance& instance, const KafkaSettings& with) {
    auto reader = make_kafka_reader(with);
    ASSERT_OK(reader);
    instance.reader = std::move(*reader);
    ASSERT_OK(instance.reader->open());
    instance.listener = std::make_unique<KafkaListener>(*instance.reader, 1);
    ASSERT_OK(instance.listener->poll_until([&] { return !instance.listener->partitions.empty(); }));
    auto writer = make_kafka_changelog_writer(with, instance.reader->group());
    ASSERT_OK(writer);
    instance.writer = std::move(*writer);
  }
  /// Whatever becomes of the attempts: tried again, one of them comes through.
  static void write_until_taken(ChangelogWriter& writer, const CheckpointData& data) {
    for (int i = 0;; ++i) {
      const auto written = writer.write(data);
      if (written) return;
      ASSERT_LT(i, 20) << written.error().message;
      ASSERT_EQ(written.error().kind, ErrorKind::unavailable) << written.error().message;
      std::this_thread::sleep_for(200ms);
    }
  }
  Content content(Partition partition = p0, Offset from = Offset{0}) {
    Content out;
    auto reader = make_kafka_changelog_reader(settings());
    EXPECT_TRUE(reader) << reader.error().message;
    const auto end = (*reader)->read(partition, from, out);
    EXPECT_TRUE(end) << end.error().message;
    return out;
  }
  /// A transaction becomes visible shortly after its commit has returned.
  Content content_of_step(std::uint64_t step, Offset from = Offset{0}) {
    for (int i = 0; i < 100; ++i) {
      Content out = content(p0, from);
      if (out.step == step) return out;
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << "step " << step << " does not become visible";
    return {};
  }

  Broker broker_;
};

TEST_F(KafkaChangelogTest, CheckpointsComeBackWholeAndInOrder) {
  Instance one;
  join(one, settings());
  const auto first = one.writer->write(checkpoint(5, {{"a", "1"}, {"b", "1"}}));
  ASSERT_OK(first);
  const auto second = one.writer->write(checkpoint(9, {{"a", "2"}, {"b", ""}, {"c", "1"}}));
  ASSERT_OK(second);
  ASSERT_OK(one.writer->write(checkpoint(3, {{"z", "1"}}, Partition{1})));
  const Content all = content_of_step(9);
  EXPECT_EQ(all.customers, (std::map<std::string, std::string>{{"a", "2"}, {"c", "1"}}));
  EXPECT_EQ(all.next, *second);
  const Content rest = content_of_step(9, *first);
  EXPECT_EQ(rest.records, 3U);
  EXPECT_EQ(content(p0, *second).step, std::nullopt);
  EXPECT_EQ(make_kafka_changelog_reader(settings()).value()->partitions().value(), 2);
}

TEST_F(KafkaChangelogTest, AnEmptyOneAndAnOffsetBehindItsEndGiveNothing) {
  Content nothing;
  const auto reader = make_kafka_changelog_reader(settings());
  ASSERT_OK(reader);
  EXPECT_EQ((*reader)->read(p0, Offset{0}, nothing).value(), Offset{0});
  EXPECT_EQ((*reader)->read(p0, Offset{7}, nothing).value(), Offset{0});
  EXPECT_EQ(nothing.records, 0U);
}

// What a killed instance left open hides nothing that was there before, and nobody waits for it.
TEST_F(KafkaChangelogTest, AnOpenTransactionHidesOnlyWhatComesBehindIt) {
  Instance one;
  join(one, settings());
  ASSERT_OK(one.writer->write(checkpoint(5, {{"a", "1"}})));
  content_of_step(5);
  ForeignTransaction open(broker_, "somebody");
  open.produce("changelog", 0, std::string("\1b", 2), "9");
  ASSERT_OK(one.writer->write(checkpoint(9, {{"a", "2"}})));
  const auto began = std::chrono::steady_clock::now();
  const Content visible = content();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_EQ(visible.step, 5U);
  EXPECT_EQ(visible.customers, (std::map<std::string, std::string>{{"a", "1"}}));
  open.abort();
  EXPECT_EQ(content_of_step(9).customers, (std::map<std::string, std::string>{{"a", "2"}}));
}

// The fence: an instance whose partition the group has given to somebody else can write no checkpoint of it, and what
// it tried is seen by nobody; its next one, of a partition that it has, is taken.
TEST_F(KafkaChangelogTest, WhoLostAPartitionIsRefused) {
  Instance one;
  KafkaSettings sleepy = settings("1");
  sleepy.properties["max.poll.interval.ms"] = "3000";
  join(one, sleepy);
  ASSERT_EQ(one.listener->partitions.size(), 2U);
  ASSERT_OK(one.writer->write(checkpoint(5, {{"a", "1"}})));
  // It stops polling, as if it slept, until the group has given its partitions away.
  Instance two;
  std::this_thread::sleep_for(4s);
  join(two, settings("2"));
  const auto refused = one.writer->write(checkpoint(7, {{"a", "zombie"}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::rollback) << refused.error().message;
  ASSERT_OK(two.writer->write(checkpoint(8, {{"a", "3"}})));
  const Content all = content_of_step(8);
  EXPECT_EQ(all.customers, (std::map<std::string, std::string>{{"a", "3"}}));
}

// The same transactional id: the second process fences the first.
TEST_F(KafkaChangelogTest, TheSameInstanceTwiceIsFenced) {
  Instance one;
  join(one, settings("1"));
  ASSERT_OK(one.writer->write(checkpoint(5, {{"a", "1"}})));
  auto again = make_kafka_changelog_writer(settings("1"), one.reader->group());
  ASSERT_OK(again);
  ASSERT_OK((*again)->write(checkpoint(6, {{"a", "2"}})));
  const auto fenced = one.writer->write(checkpoint(7, {{"a", "3"}}));
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().kind, ErrorKind::fenced) << fenced.error().message;
}

TEST_F(KafkaChangelogTest, SurvivesTheDeathOfItsBroker) {
  Instance one;
  join(one, settings("1"));
  ASSERT_OK(one.writer->write(checkpoint(5, {{"a", "1"}})));
  broker_.kill9();
  broker_.restart();
  write_until_taken(*one.writer, checkpoint(6, {{"a", "2"}}));
  EXPECT_EQ(content_of_step(6).customers, (std::map<std::string, std::string>{{"a", "2"}}));
}

// A shutdown or a rebalance waits for the write under way, so it must not wait for brokers to come back.
TEST_F(KafkaChangelogTest, GivesUpWhenNothingIsTakenForAWhile) {
  Instance one;
  KafkaSettings hasty = settings("1");
  hasty.patience = Duration{3'000};
  hasty.properties["session.timeout.ms"] = "30000";  // Longer than the broker is away.
  join(one, hasty);
  ASSERT_OK(one.writer->write(checkpoint(5, {{"a", "1"}})));
  broker_.pause();
  for (std::uint64_t step = 6; step <= 7; ++step) {  // With the producer that it has, and with a new one.
    const auto began = std::chrono::steady_clock::now();
    const auto written = one.writer->write(checkpoint(step, {{"a", "2"}}));
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::unavailable) << written.error().message;
  }
  broker_.resume();
  write_until_taken(*one.writer, checkpoint(8, {{"a", "3"}}));
  EXPECT_EQ(content_of_step(8).customers, (std::map<std::string, std::string>{{"a", "3"}}));
}

TEST_F(KafkaChangelogTest, RecordsOfAnotherProgramAreDamage) {
  broker_.produce("changelog", 0, "key", "value");
  Content out;
  const auto reader = make_kafka_changelog_reader(settings());
  ASSERT_OK(reader);
  EXPECT_EQ((*reader)->read(p0, Offset{0}, out).error().kind, ErrorKind::corrupt);
}

class CompactedChangelogTest : public KafkaChangelogTest {
 protected:
  CompactedChangelogTest()
      : KafkaChangelogTest({{"cleanup.policy", "compact"},
                            {"segment.ms", "100"},
                            {"min.cleanable.dirty.ratio", "0.01"},
                            {"delete.retention.ms", "0"}},
                           "log.cleaner.backoff.ms=100\nlog.initial.task.delay.ms=100\n") {}
};

TEST_F(CompactedChangelogTest, LeadsToTheSameCustomers) {
  Instance one;
  join(one, settings());
  std::map<std::string, std::string> expected;
  for (std::uint64_t step = 1; step <= 30; ++step) {
    std::map<std::string, std::string> changed;
    for (std::uint64_t c = 0; c < 20; ++c)
      changed["C" + std::to_string((c * step) % 50)] =
          (c + step) % 7 == 0 ? "" : std::string(1, static_cast<char>('@' + step));
    for (const auto& [id, record] : changed) {
      if (record.empty()) {
        expected.erase(id);
      } else {
        expected[id] = record;
      }
    }
    ASSERT_OK(one.writer->write(checkpoint(step, changed)));
    std::this_thread::sleep_for(20ms);
  }
  for (int i = 0;; ++i) {
    const Content all = content_of_step(30);
    ASSERT_EQ(all.customers, expected);
    if (all.records < 200) break;  // Of some 600: it was compacted.
    ASSERT_LT(i, 300) << "it is not compacted: " << all.records << " records";
    // A segment is only closed by what comes after it.
    ASSERT_OK(one.writer->write(checkpoint(30, {})));
    std::this_thread::sleep_for(100ms);
  }
}

}  // namespace
}  // namespace holdfast::testing
