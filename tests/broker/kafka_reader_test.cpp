#include "ingest/kafka_reader.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/broker.hpp"
#include "tests/support/kafka_listener.hpp"

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;
using ingest::KafkaReader;
using ingest::KafkaSettings;
using ingest::make_kafka_reader;

constexpr KafkaListener::Input first{0, 0};

std::vector<std::string> numbers(int from, int count) {
  std::vector<std::string> result;
  for (int i = from; i < from + count; ++i) result.push_back(std::to_string(i));
  return result;
}

class KafkaReaderTest : public ::testing::Test {
 protected:
  std::unique_ptr<KafkaReader> open(const KafkaSettings& settings) {
    auto reader = make_kafka_reader(settings);
    EXPECT_TRUE(reader) << reader.error().message;
    const auto opened = (*reader)->open();
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*reader);
  }
  Error refusal(KafkaSettings settings) {
    settings.patience = Duration{2000};
    auto reader = make_kafka_reader(settings);
    if (!reader) return reader.error();
    const auto opened = (*reader)->open();
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }

  Broker broker_;
};

#define ASSERT_OK(expression)                        \
  do {                                               \
    const auto status_ = (expression);               \
    ASSERT_TRUE(status_) << status_.error().message; \
  } while (false)

TEST_F(KafkaReaderTest, DeliversEverySourcePartitionFromWhereItIsStarted) {
  broker_.create_topic("a", 2);
  broker_.create_topic("b", 2);
  broker_.produce_numbers("a", 0, 0, 2500);
  broker_.produce_numbers("a", 1, 0, 10);
  broker_.produce_numbers("b", 0, 0, 5);
  const auto reader = open(kafka_settings(broker_, {"a", "b"}));
  EXPECT_EQ(reader->partitions(), 2);
  KafkaListener listener(*reader, 2);
  listener.from = {{{0, 0}, 700}, {{0, 1}, 10}};
  ASSERT_OK(listener.poll_until([&] {
    return listener.end({0, 0}) == 2500 && listener.end({0, 1}) == 10 && listener.end({1, 0}) == 5 &&
           listener.end({1, 1}) == 0;
  }));
  EXPECT_EQ(listener.values[first], numbers(700, 1800));
  EXPECT_EQ(listener.offsets[first].front(), 700);
  EXPECT_EQ(listener.values[KafkaListener::Input(1, 0)], numbers(0, 5));
  EXPECT_EQ(listener.count({0, 1}), 0u);
  EXPECT_EQ(listener.count({1, 1}), 0u);
  EXPECT_EQ(reader->log_end(SourceIndex{0}, Partition{0}), Offset{2500});
  EXPECT_EQ(reader->counts().records, 1805u);
}

TEST_F(KafkaReaderTest, NothingIsDeliveredBeforeStart) {
  broker_.create_topic("a", 1);
  broker_.produce_numbers("a", 0, 0, 10);
  const auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  ASSERT_OK(listener.poll_until([&] { return listener.assignments == 1; }, false));
  const auto until = std::chrono::steady_clock::now() + 700ms;
  ASSERT_OK(listener.poll_until([&] { return std::chrono::steady_clock::now() > until; }, false));
  EXPECT_EQ(listener.count(first), 0u);
  EXPECT_TRUE(listener.ends.empty());
  ASSERT_OK(reader->start(SourceIndex{0}, Partition{0}, Offset{4}));
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 10; }, false));
  EXPECT_EQ(listener.values[first], numbers(4, 6));
}

TEST_F(KafkaReaderTest, PartitionsThatAreStartedLaterDisturbNoOther) {
  broker_.create_topic("a", 3);
  for (std::int32_t p = 0; p < 3; ++p) broker_.produce_numbers("a", p, 0, 20'000);
  const auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  ASSERT_OK(listener.poll_until([&] { return listener.assignments == 1; }, false));
  for (std::int32_t p = 0; p < 3; ++p) {
    ASSERT_OK(reader->start(SourceIndex{0}, Partition{p}, Offset{0}));
    ASSERT_OK(listener.poll_until([&] { return listener.count({0, p}) >= 1000; }, false));
  }
  const auto all_read = [&] {
    return listener.end({0, 0}) == 20'000 && listener.end({0, 1}) == 20'000 && listener.end({0, 2}) == 20'000;
  };
  ASSERT_OK(listener.poll_until(all_read, false));
  for (std::uint8_t p = 0; p < 3; ++p) EXPECT_EQ(listener.values[KafkaListener::Input(0, p)], numbers(0, 20'000));
}

TEST_F(KafkaReaderTest, ReportsTheEndBehindTransactionMarkers) {
  broker_.create_topic("a", 1);
  ForeignTransaction one(broker_, "one");
  one.produce("a", 0, "k", "committed");
  one.commit();
  ForeignTransaction two(broker_, "two");
  two.produce("a", 0, "k", "aborted");
  two.abort();
  const auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 4; }));
  EXPECT_EQ(listener.values[first], std::vector<std::string>{"committed"});

  ForeignTransaction three(broker_, "three");
  three.produce("a", 0, "k", "later");
  three.commit();
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 6; }));
  EXPECT_EQ(listener.values[first].back(), "later");
}

TEST_F(KafkaReaderTest, WhatAnOpenTransactionHidesIsNotDelivered) {
  broker_.create_topic("a", 1);
  broker_.produce("a", 0, "k", "before");
  ForeignTransaction open_one(broker_, "open");
  open_one.produce("a", 0, "k", "inside");
  broker_.produce("a", 0, "k", "behind");
  const auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 1; }));
  EXPECT_EQ(listener.values[first], std::vector<std::string>{"before"});
  open_one.commit();
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 4; }));
  EXPECT_EQ(listener.values[first], (std::vector<std::string>{"before", "inside", "behind"}));
}

TEST_F(KafkaReaderTest, UnequalPartitionCountsAreRefused) {
  broker_.create_topic("a", 2);
  broker_.create_topic("b", 3);
  const Error error = refusal(kafka_settings(broker_, {"a", "b"}));
  EXPECT_EQ(error.kind, ErrorKind::invalid_argument);
  EXPECT_NE(error.message.find("'a' has 2 partitions, 'b' has 3"), std::string::npos) << error.message;
}

TEST_F(KafkaReaderTest, MissingTopicsAndBrokersAreNamed) {
  broker_.create_topic("a", 1);
  Error error = refusal(kafka_settings(broker_, {"a", "nowhere"}));
  EXPECT_EQ(error.kind, ErrorKind::invalid_argument);
  EXPECT_NE(error.message.find("'nowhere'"), std::string::npos) << error.message;
  KafkaSettings elsewhere = kafka_settings(broker_, {"a"});
  elsewhere.properties["bootstrap.servers"] = "127.0.0.1:1";
  error = refusal(elsewhere);
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_NE(error.message.find("127.0.0.1:1"), std::string::npos) << error.message;
}

TEST_F(KafkaReaderTest, StartOutsideOfTheLogIsRefused) {
  broker_.create_topic("a", 1);
  broker_.produce_numbers("a", 0, 0, 10);
  broker_.delete_records("a", 0, 4);
  const auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  ASSERT_OK(listener.poll_until([&] { return listener.assignments == 1; }, false));
  EXPECT_EQ(reader->first_offset(SourceIndex{0}, Partition{0}).value(), Offset{4});
  for (const std::int64_t outside : {0, 3, 11}) {
    const Status status = reader->start(SourceIndex{0}, Partition{0}, Offset{outside});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::incompatible);
  }
  ASSERT_OK(reader->start(SourceIndex{0}, Partition{0}, Offset{10}));
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 10; }, false));
}

TEST_F(KafkaReaderTest, KeepsKeysHeadersAndTimestamps) {
  broker_.create_topic("a", 1);
  const std::vector<Header> headers{{"trace", "1", true}, {"empty", "", true}, {"null", "", false}};
  broker_.produce("a", 0, std::nullopt, "no key", headers);
  broker_.produce("a", 0, "", std::nullopt);
  auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  listener.keep_batches = true;
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 2; }));
  // Batches outlive their reader.
  reader.reset();
  std::vector<RawRecord> records;
  for (const auto& b : listener.batches) records.insert(records.end(), b->records().begin(), b->records().end());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].key.data(), nullptr);
  EXPECT_EQ(records[0].value, "no key");
  EXPECT_GT(records[0].timestamp.ms, 1'500'000'000'000);
  EXPECT_NE(records[1].key.data(), nullptr);
  EXPECT_EQ(records[1].key.size(), 0u);
  EXPECT_EQ(records[1].value.data(), nullptr);
  const auto found = listener.batches.front()->headers(0);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].name, "trace");
  EXPECT_EQ(found[0].value, "1");
  EXPECT_TRUE(found[1].has_value);
  EXPECT_FALSE(found[2].has_value);
}

TEST_F(KafkaReaderTest, WhatIsNotWantedWaits) {
  broker_.create_topic("a", 1);
  broker_.create_topic("b", 1);
  broker_.produce_numbers("a", 0, 0, 100);
  broker_.produce_numbers("b", 0, 0, 100);
  const auto reader = open(kafka_settings(broker_, {"a", "b"}));
  KafkaListener listener(*reader, 2);
  listener.closed[0] = true;
  ASSERT_OK(listener.poll_until([&] { return listener.end({1, 0}) == 100; }));
  const auto until = std::chrono::steady_clock::now() + 500ms;
  ASSERT_OK(listener.poll_until([&] { return std::chrono::steady_clock::now() > until; }));
  EXPECT_EQ(listener.count({0, 0}), 0u);
  listener.closed.clear();
  ASSERT_OK(listener.poll_until([&] { return listener.end({0, 0}) == 100; }));
  EXPECT_EQ(listener.values[first], numbers(0, 100));
}

TEST_F(KafkaReaderTest, WaitsWithoutSpinningUntilRecordsComeOrSomebodyWakesIt) {
  broker_.create_topic("a", 1);
  const auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 0; }));
  // Brings the quiet after the first fetches.
  for (int i = 0; i < 5; ++i) ASSERT_OK(reader->poll(listener, Duration{200}));

  std::thread waker([&] {
    std::this_thread::sleep_for(300ms);
    reader->wake();
  });
  auto began = std::chrono::steady_clock::now();
  const std::clock_t cpu_began = std::clock();
  ASSERT_OK(reader->poll(listener, Duration{20'000}));
  const auto waited = std::chrono::steady_clock::now() - began;
  waker.join();
  EXPECT_LT(waited, 5s);
  EXPECT_LT(static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC, 0.25);

  std::thread producer([&] {
    std::this_thread::sleep_for(300ms);
    broker_.produce("a", 0, "k", "now");
  });
  began = std::chrono::steady_clock::now();
  while (listener.count(first) == 0) ASSERT_OK(reader->poll(listener, Duration{20'000}));
  producer.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(KafkaReaderTest, PartitionsMoveToANewInstanceAndBack) {
  broker_.create_topic("a", 2);
  broker_.create_topic("b", 2);
  const auto one = open(kafka_settings(broker_, {"a", "b"}, "1"));
  KafkaListener first_listener(*one, 2);
  ASSERT_OK(first_listener.poll_until([&] { return first_listener.partitions.size() == 2; }));

  KafkaSettings of_two = kafka_settings(broker_, {"a", "b"}, "2");
  of_two.properties["session.timeout.ms"] = "3000";
  auto two = open(of_two);
  KafkaListener second_listener(*two, 2);
  bool lost = true;
  first_listener.on_revoked = [&](bool l) { lost = l; };
  ASSERT_OK(first_listener.poll_until([&] {
    EXPECT_TRUE(two->poll(second_listener, Duration{0}));
    return first_listener.partitions.size() == 1 && second_listener.partitions.size() == 1;
  }));
  EXPECT_EQ(first_listener.revocations, 1);
  EXPECT_FALSE(lost);
  EXPECT_NE(first_listener.partitions, second_listener.partitions);

  two->close(second_listener);
  EXPECT_TRUE(second_listener.partitions.empty());
  EXPECT_EQ(second_listener.revocations, 1);
  two.reset();
  // A static member's place is kept until its session ends.
  ASSERT_OK(first_listener.poll_until([&] { return first_listener.partitions.size() == 2; }));
}

TEST_F(KafkaReaderTest, AnInstanceIdThatIsUsedTwiceFencesTheFirst) {
  broker_.create_topic("a", 1);
  KafkaSettings settings = kafka_settings(broker_, {"a"});
  settings.properties["heartbeat.interval.ms"] = "200";
  const auto one = open(settings);
  KafkaListener first_listener(*one, 1);
  ASSERT_OK(first_listener.poll_until([&] { return first_listener.end(first) == 0; }));
  const auto two = open(settings);
  KafkaListener second_listener(*two, 1);
  ASSERT_OK(second_listener.poll_until([&] { return second_listener.end(first) == 0; }));
  const Status fenced = first_listener.poll_until([] { return false; });
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().kind, ErrorKind::fenced) << fenced.error().message;
  one->close(first_listener);
  EXPECT_TRUE(first_listener.partitions.empty());
}

TEST_F(KafkaReaderTest, GoesOnAfterTheBrokerWasKilled) {
  broker_.create_topic("a", 1);
  broker_.create_topic("b", 1);
  broker_.produce_numbers("a", 0, 0, 300'000);
  broker_.produce_numbers("b", 0, 0, 10);
  KafkaSettings settings = kafka_settings(broker_, {"a", "b"});
  settings.properties["queued.min.messages"] = "1000";
  const auto reader = open(settings);
  KafkaListener listener(*reader, 2);
  ASSERT_OK(listener.poll_until([&] { return listener.count(first) > 20'000; }));
  broker_.kill9();
  const auto until = std::chrono::steady_clock::now() + 1s;
  ASSERT_OK(listener.poll_until([&] { return std::chrono::steady_clock::now() > until; }));
  EXPECT_LT(listener.count(first), 300'000u);
  EXPECT_EQ(listener.end(first), -1) << "an end that nobody said";
  broker_.restart();
  broker_.produce_numbers("a", 0, 300'000, 1000);
  broker_.produce_numbers("b", 0, 10, 1000);
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 301'000 && listener.end({1, 0}) == 1010; }));
  EXPECT_EQ(listener.values[first], numbers(0, 301'000));
  EXPECT_EQ(listener.values[KafkaListener::Input(1, 0)], numbers(0, 1010));
}

TEST_F(KafkaReaderTest, AReaderWithoutABrokerIsGoneSoonAndItsPlaceIsGivenBack) {
  broker_.create_topic("a", 1);
  broker_.produce_numbers("a", 0, 0, 10);
  auto reader = open(kafka_settings(broker_, {"a"}));
  KafkaListener listener(*reader, 1);
  listener.keep_batches = true;
  ASSERT_OK(listener.poll_until([&] { return listener.end(first) == 10; }));
  broker_.kill9();
  const auto began = std::chrono::steady_clock::now();
  reader.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
  broker_.restart();
  // The batches of the first one are still there.
  const auto next = open(kafka_settings(broker_, {"a"}));
  KafkaListener next_listener(*next, 1);
  const auto joined = std::chrono::steady_clock::now();
  ASSERT_OK(next_listener.poll_until([&] { return next_listener.end(first) == 10; }));
  EXPECT_LT(std::chrono::steady_clock::now() - joined, 10s) << "the session of the first one had to end";
}

TEST_F(KafkaReaderTest, ComesBackAfterTheBrokerHungForLongerThanItsSession) {
  broker_.create_topic("a", 1);
  broker_.produce_numbers("a", 0, 0, 10);
  KafkaSettings settings = kafka_settings(broker_, {"a"});
  settings.properties["session.timeout.ms"] = "2000";
  settings.properties["heartbeat.interval.ms"] = "300";
  auto reader = open(settings);
  auto listener = std::make_unique<KafkaListener>(*reader, 1);
  ASSERT_OK(listener->poll_until([&] { return listener->end(first) == 10; }));
  broker_.pause();
  const auto until = std::chrono::steady_clock::now() + 6s;
  ASSERT_OK(listener->poll_until([&] { return std::chrono::steady_clock::now() > until; }));
  broker_.resume();
  broker_.produce_numbers("a", 0, 10, 10);
  // Either the membership survived, or it was lost and given again, or a new consumer is needed: never a stop.
  Status status = listener->poll_until([&] { return listener->end(first) == 20; });
  if (!status) {
    ASSERT_EQ(status.error().kind, ErrorKind::rollback) << status.error().message;
    reader->close(*listener);
    reader = open(settings);
    listener = std::make_unique<KafkaListener>(*reader, 1);
    ASSERT_OK(listener->poll_until([&] { return listener->end(first) == 20; }));
  }
  EXPECT_EQ(listener->values[first].back(), "19");
}

TEST(KafkaSettingsTest, PropertiesThatWouldBreakAPromiseAreRefused) {
  const KafkaSettings good = kafka_settings("localhost:1", {"a"});
  EXPECT_TRUE(make_kafka_reader(good));
  for (const char* key : {"enable.auto.commit", "isolation.level", "transactional.id", "group.id", "acks"}) {
    KafkaSettings bad = good;
    bad.properties[key] = "1";
    const auto reader = make_kafka_reader(bad);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().kind, ErrorKind::invalid_argument);
    EXPECT_NE(reader.error().message.find(key), std::string::npos);
  }
  KafkaSettings unknown = good;
  unknown.properties["bootstrap.serverz"] = "x";
  EXPECT_EQ(make_kafka_reader(unknown).error().kind, ErrorKind::invalid_argument);
  KafkaSettings twice = good;
  twice.source_topics = {"a", "alerts"};
  EXPECT_EQ(make_kafka_reader(twice).error().kind, ErrorKind::invalid_argument);
}

}  // namespace
}  // namespace holdfast::testing
