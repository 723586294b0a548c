#include "ingest/kafka_writer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "ingest/kafka_client.hpp"
#include "ingest/kafka_group.hpp"
#include "ingest/kafka_journal.hpp"
#include "ingest/kafka_reader.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/kafka_listener.hpp"

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;
using ingest::KafkaReader;
using ingest::KafkaSettings;
using ingest::make_kafka_journal_reader;
using ingest::make_kafka_reader;
using ingest::make_kafka_writer;

#define ASSERT_OK(expression)                        \
  do {                                               \
    const auto status_ = (expression);               \
    ASSERT_TRUE(status_) << status_.error().message; \
  } while (false)

std::vector<std::string> values(const std::vector<ConsumedRecord>& records) {
  std::vector<std::string> result;
  for (const ConsumedRecord& r : records) result.push_back(r.value.value_or("(none)"));
  std::sort(result.begin(), result.end());
  return result;
}

OutputRecord record(OutputTopic topic, std::string_view key, std::string_view value) {
  OutputRecord result;
  result.topic = topic;
  result.key = key;
  result.value = value;
  return result;
}

OutputRecord alert(std::string_view value) { return record(OutputTopic::alerts, "k", value); }

TaskPosition position(std::int32_t partition, std::int64_t next) {
  TaskPosition task{Partition{partition}, {}, 7};
  task.position.sources = 1;
  task.position[SourceIndex{0}] = Offset{next};
  return task;
}

/// A broker with an input topic of two partitions that holds a thousand records each, and the outputs.
class KafkaWriterTest : public ::testing::Test {
 protected:
  KafkaWriterTest() {
    broker_.create_topic("in", 2);
    broker_.create_topic("alerts", 2);
    broker_.create_topic("dead", 1);
    broker_.create_topic("journal", 2);
    for (std::int32_t p = 0; p < 2; ++p) broker_.produce_numbers("in", p, 0, 1000);
  }

  /// A reader that was assigned all partitions.
  void join(const KafkaSettings& settings) {
    settings_ = settings;
    auto reader = make_kafka_reader(settings);
    ASSERT_TRUE(reader) << reader.error().message;
    reader_ = std::move(*reader);
    ASSERT_OK(reader_->open());
    listener_ = std::make_unique<KafkaListener>(*reader_, 1);
    ASSERT_OK(listener_->poll_until([&] { return listener_->partitions.size() == 2; }));
  }
  std::unique_ptr<LogWriter> open_writer() {
    auto writer = make_kafka_writer(settings_, reader_->group());
    EXPECT_TRUE(writer) << writer.error().message;
    const Status opened = (*writer)->open();
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*writer);
  }
  std::optional<Offset> committed(std::int32_t partition) {
    const auto offsets = reader_->committed(Partition{partition});
    EXPECT_TRUE(offsets) << offsets.error().message;
    return offsets->next.front();
  }

  Broker broker_;
  KafkaSettings settings_;
  std::unique_ptr<KafkaReader> reader_;
  std::unique_ptr<KafkaListener> listener_;
};

TEST_F(KafkaWriterTest, RecordsAndPositionsBecomeVisibleTogether) {
  join(kafka_settings(broker_, {"in"}));
  const auto writer = open_writer();
  ASSERT_OK(writer->begin());
  const std::vector<HeaderView> headers{{"ce_id", "17"}};
  OutputRecord one = alert("one");
  one.headers = headers;
  one.timestamp = Timestamp{1'700'000'000'000};
  ASSERT_OK(writer->append(one));
  std::this_thread::sleep_for(200ms);  // Long enough for it to be sent.
  EXPECT_TRUE(broker_.consume_all("alerts").empty());
  EXPECT_EQ(broker_.consume_all("alerts", false).size(), 1u);
  EXPECT_EQ(committed(0), std::nullopt);
  const std::array positions{position(0, 10), position(1, 0)};
  ASSERT_OK(writer->commit(positions));
  const auto visible = broker_.consume_at_least("alerts", 1);
  ASSERT_EQ(visible.size(), 1u);
  EXPECT_EQ(visible[0].key, "k");
  EXPECT_EQ(visible[0].headers.at(0).value, "17");
  EXPECT_EQ(committed(0), Offset{10});
  EXPECT_EQ(committed(1), Offset{0});

  // An epoch without anything is one as well, and one in which a single position moved.
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->commit(positions));
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->commit(std::array{position(0, 20), position(1, 0)}));
  EXPECT_EQ(committed(0), Offset{20});
  EXPECT_EQ(committed(1), Offset{0});
}

TEST_F(KafkaWriterTest, WhatIsAbortedIsNeverVisible) {
  join(kafka_settings(broker_, {"in"}));
  const auto writer = open_writer();
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->append(alert("aborted")));
  writer->abort();
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->append(alert("kept")));
  ASSERT_OK(writer->commit(std::array{position(0, 1)}));
  EXPECT_EQ(values(broker_.consume_at_least("alerts", 1)), std::vector<std::string>{"kept"});
  EXPECT_EQ(broker_.consume_all("alerts", false).size(), 2u);
}

TEST_F(KafkaWriterTest, ASecondWriterFencesTheFirst) {
  join(kafka_settings(broker_, {"in"}));
  const auto first = open_writer();
  ASSERT_OK(first->begin());
  ASSERT_OK(first->append(alert("zombie")));
  const auto second = open_writer();
  ASSERT_OK(second->begin());
  ASSERT_OK(second->append(alert("alive")));
  const Status fenced = first->commit(std::array{position(0, 5)});
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().kind, ErrorKind::fenced) << fenced.error().message;
  ASSERT_OK(second->commit(std::array{position(0, 7)}));
  EXPECT_EQ(values(broker_.consume_at_least("alerts", 1)), std::vector<std::string>{"alive"});
  EXPECT_EQ(committed(0), Offset{7});
}

TEST_F(KafkaWriterTest, TheNextWriterEndsWhatWasLeftOpen) {
  join(kafka_settings(broker_, {"in"}));
  auto writer = open_writer();
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->append(alert("committed")));
  ASSERT_OK(writer->commit(std::array{position(0, 3)}));
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->append(alert("left")));
  std::this_thread::sleep_for(200ms);
  ASSERT_EQ(broker_.consume_all("alerts", false).size(), 2u);
  const auto began = std::chrono::steady_clock::now();
  writer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  // Behind the open transaction nothing can be seen, until it is ended.
  broker_.produce("alerts", broker_.consume_at_least("alerts", 1).at(0).partition, "k", "behind");
  EXPECT_EQ(values(broker_.consume_all("alerts")), std::vector<std::string>{"committed"});
  writer = open_writer();
  EXPECT_EQ(values(broker_.consume_at_least("alerts", 2)), (std::vector<std::string>{"behind", "committed"}));
  EXPECT_EQ(committed(0), Offset{3});
}

TEST_F(KafkaWriterTest, PositionsOfAnAssignmentThatEndedAreRefused) {
  join(kafka_settings(broker_, {"in"}, "1"));
  const auto writer = open_writer();
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->append(alert("a")));
  ASSERT_OK(writer->commit(std::array{position(0, 1), position(1, 1)}));
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->append(alert("b")));

  auto other = make_kafka_reader(kafka_settings(broker_, {"in"}, "2"));
  ASSERT_TRUE(other);
  ASSERT_OK((*other)->open());
  KafkaListener other_listener(**other, 1);
  // While it is being taken away the assignment is still ours to commit.
  Status during = fail(ErrorKind::failed, "not called");
  listener_->on_revoked = [&](bool lost) {
    EXPECT_FALSE(lost);
    during = writer->commit(std::array{position(0, 2), position(1, 2)});
  };
  ASSERT_OK(other_listener.poll_until([&] {
    EXPECT_TRUE(reader_->poll(*listener_, Duration{0}));
    return listener_->revocations == 1 && listener_->partitions.size() == 1;
  }));
  ASSERT_OK(during);
  EXPECT_EQ(committed(0), Offset{2});
  EXPECT_EQ(committed(1), Offset{2});

  reader_->close(*listener_);
  ASSERT_OK(writer->begin());
  const Status late = writer->commit(std::array{position(0, 3), position(1, 3)});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::rollback);
}

TEST_F(KafkaWriterTest, PositionsAreRefusedAtOnceWhenTheGroupWasLeft) {
  join(kafka_settings(broker_, {"in"}));
  const auto group = reader_->group();
  reader_->close(*listener_);
  const ingest::PartitionsPtr offsets(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(offsets.get(), "in", 0)->offset = 5;
  const auto began = std::chrono::steady_clock::now();
  EXPECT_NE(group->commit(*offsets, ingest::Deadline(Duration{20'000})), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

// A silence moves no position. An instance that was replaced without noticing must not write it all the same.
TEST_F(KafkaWriterTest, WhatMovesNoPositionIsFencedByTheGroupAsWell) {
  join(kafka_settings(broker_, {"in"}, "1"));
  const auto writer = open_writer();
  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->commit(std::array{position(0, 1), position(1, 1)}));

  // Takes the place in the group, and nothing else: the first one is not polled and knows nothing.
  auto other = make_kafka_reader(kafka_settings(broker_, {"in"}, "1"));
  ASSERT_TRUE(other);
  ASSERT_OK((*other)->open());
  KafkaListener other_listener(**other, 1);
  ASSERT_OK(other_listener.poll_until([&] { return other_listener.partitions.size() == 2; }));

  ASSERT_OK(writer->begin());
  ASSERT_OK(writer->append(alert("silence")));
  const Status done = writer->commit(std::array{position(0, 1), position(1, 1)});
  ASSERT_FALSE(done);
  writer->abort();
  EXPECT_TRUE(broker_.consume_all("alerts").empty());
}

TEST_F(KafkaWriterTest, ADeadLetterWhoseTopicRefusesItsTimestampSaysItInAHeader) {
  broker_.create_topic("recent", 1, {{"message.timestamp.before.max.ms", "3600000"}});
  KafkaSettings settings = kafka_settings(broker_, {"in"});
  settings.dead_letters_topic = "recent";
  join(settings);
  const auto writer = open_writer();
  const Timestamp now{
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count()};
  const std::array timestamps{Timestamp{1'700'000'000'000}, now, now + Duration{7'200'000}};
  ASSERT_OK(writer->begin());
  for (const Timestamp timestamp : timestamps) {
    OutputRecord letter = record(OutputTopic::dead_letters, "k", "{}");
    letter.timestamp = timestamp;
    ASSERT_OK(writer->append(letter));
  }
  ASSERT_OK(writer->commit(std::array{position(0, 1)}));
  const auto letters = broker_.consume_at_least("recent", 3);
  ASSERT_EQ(letters.size(), 3u);
  EXPECT_TRUE(letters[1].headers.empty());
  for (const std::size_t refused : {std::size_t{0}, std::size_t{2}}) {
    ASSERT_EQ(letters[refused].headers.size(), 1u);
    EXPECT_EQ(letters[refused].headers[0].name, "__holdfast.errors.timestamp");
    EXPECT_EQ(letters[refused].headers[0].value, std::to_string(timestamps[refused].ms));
  }
}

TEST_F(KafkaWriterTest, ADeadLetterTooLargeForItsTopicGoesWithoutItsValue) {
  broker_.create_topic("small", 1, {{"max.message.bytes", "2000"}});
  KafkaSettings settings = kafka_settings(broker_, {"in"});
  settings.dead_letters_topic = "small";
  join(settings);
  const auto writer = open_writer();
  ASSERT_OK(writer->begin());
  const std::string large(3000, 'x');
  ASSERT_OK(writer->append(record(OutputTopic::dead_letters, "k", large)));
  ASSERT_OK(writer->append(record(OutputTopic::dead_letters, "k", "{}")));
  ASSERT_OK(writer->commit(std::array{position(0, 1)}));
  const auto letters = broker_.consume_at_least("small", 2);
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].key, "k");
  EXPECT_EQ(letters[0].value, std::nullopt);
  ASSERT_EQ(letters[0].headers.size(), 1u);
  EXPECT_EQ(letters[0].headers[0].name, "__holdfast.errors.omitted");
  EXPECT_EQ(letters[1].value, "{}");
}

TEST_F(KafkaWriterTest, AtLeastOnceCommitsWhatWasDelivered) {
  KafkaSettings settings = kafka_settings(broker_, {"in"});
  settings.exactly_once = false;
  join(settings);
  const auto writer = open_writer();
  ASSERT_OK(writer->begin());
  for (int i = 0; i < 1000; ++i) ASSERT_OK(writer->append(alert(std::to_string(i))));
  EXPECT_EQ(committed(0), std::nullopt);
  ASSERT_OK(writer->commit(std::array{position(0, 10), position(1, 20)}));
  EXPECT_EQ(broker_.consume_all("alerts").size(), 1000u);
  EXPECT_EQ(committed(0), Offset{10});
  EXPECT_EQ(committed(1), Offset{20});
}

// Recovery replays the journal's steps muted: what they led to must be safe by then.
TEST_F(KafkaWriterTest, AtLeastOnceTheJournalNeverSpeaksOfAlertsThatAreLost) {
  broker_.create_topic("small", 1, {{"max.message.bytes", "2000"}});
  KafkaSettings settings = kafka_settings(broker_, {"in"});
  settings.exactly_once = false;
  settings.alerts_topic = "small";
  join(settings);
  const auto writer = open_writer();
  ASSERT_OK(writer->begin());
  std::string large;  // And nothing that compression could make small.
  for (std::mt19937 random(1); large.size() < 6000;) large += static_cast<char>('0' + random() % 64);
  ASSERT_OK(writer->append(alert(large)));
  EXPECT_FALSE(writer->append(record(OutputTopic::journal, "0", "steps")));
  EXPECT_FALSE(writer->commit(std::array{position(0, 1)}));
  EXPECT_TRUE(broker_.consume_all("journal").empty());
  EXPECT_EQ(committed(0), std::nullopt);
}

JournalEntry entry(std::int32_t partition, std::uint64_t from_step, std::size_t steps) {
  JournalEntry result;
  result.partition = Partition{partition};
  result.policy = PolicyId{42};
  result.start.sources = 1;
  for (std::size_t i = 0; i < steps; ++i) {
    Step step;
    step.number = from_step + i;
    step.end.sources = 1;
    step.end[SourceIndex{0}] = Offset{static_cast<std::int64_t>(step.number * 10)};
    result.steps.push_back(step);
  }
  return result;
}

class KafkaJournalTest : public KafkaWriterTest {
 protected:
  static Status write(LogWriter& writer, const JournalEntry& e, std::int32_t to_partition = -1) {
    const std::string key = std::to_string(e.partition.value);
    const std::string value = encode_journal_entry(e);
    OutputRecord output = record(OutputTopic::journal, key, value);
    output.partition = to_partition;
    return writer.append(output);
  }
  std::vector<std::uint64_t> first_steps(std::vector<Partition> partitions, Timestamp since = {}) {
    auto journal = make_kafka_journal_reader(settings_);
    EXPECT_TRUE(journal) << journal.error().message;
    std::vector<std::uint64_t> result;
    const Status read = (*journal)->read(partitions, since, [&](const JournalEntry& e) {
      EXPECT_EQ(e.policy, PolicyId{42});
      result.push_back(static_cast<std::uint64_t>(e.partition.value) * 1000 + e.steps.front().number);
    });
    EXPECT_TRUE(read) << read.error().message;
    return result;
  }
};

TEST_F(KafkaJournalTest, ReadsCommittedEntriesOfTheWantedTasksInOrder) {
  join(kafka_settings(broker_, {"in"}));
  auto writer = open_writer();
  ASSERT_OK(writer->begin());
  ASSERT_OK(write(*writer, entry(0, 4, 2), 0));  // In another partition than the steps before it.
  ASSERT_OK(write(*writer, entry(1, 1, 5), 1));
  ASSERT_OK(write(*writer, entry(0, 1, 3), 1));
  ASSERT_OK(write(*writer, entry(7, 1, 1), 1));
  ASSERT_OK(writer->commit({}));
  ASSERT_OK(writer->begin());
  ASSERT_OK(write(*writer, entry(0, 6, 1)));
  writer->abort();
  ASSERT_OK(writer->begin());
  ASSERT_OK(write(*writer, entry(0, 6, 3)));
  ASSERT_OK(writer->commit({}));
  ASSERT_OK(writer->begin());
  ASSERT_OK(write(*writer, entry(0, 4, 2), 1));  // Once more.
  ASSERT_OK(writer->commit({}));
  EXPECT_EQ(first_steps({Partition{0}}), (std::vector<std::uint64_t>{1, 4, 6}));
  EXPECT_EQ(first_steps({Partition{1}, Partition{0}}), (std::vector<std::uint64_t>{1, 4, 6, 1001}));
  EXPECT_EQ(first_steps({Partition{3}}), std::vector<std::uint64_t>{});
  // Without a partition of their own all of an instance go to the same one.
  std::set<std::int32_t> used;
  for (const ConsumedRecord& r : broker_.consume_at_least("journal", 6)) {
    if (decode_journal_entry(*r.value)->steps.front().number == 6) used.insert(r.partition);
  }
  EXPECT_EQ(used.size(), 1u);
}

TEST_F(KafkaJournalTest, ReadsFromAMomentOn) {
  join(kafka_settings(broker_, {"in"}));
  auto writer = open_writer();
  Timestamp middle;
  for (std::uint64_t step = 1; step <= 4; ++step) {
    if (step == 3) {
      std::this_thread::sleep_for(20ms);
      middle.ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count();
    }
    ASSERT_OK(writer->begin());
    ASSERT_OK(write(*writer, entry(0, step, 1)));
    ASSERT_OK(writer->commit({}));
  }
  EXPECT_EQ(first_steps({Partition{0}}, middle), (std::vector<std::uint64_t>{3, 4}));
  EXPECT_EQ(first_steps({Partition{0}}, middle + Duration{3'600'000}), std::vector<std::uint64_t>{});
}

TEST_F(KafkaJournalTest, WaitsForEntriesBehindAnOpenTransaction) {
  join(kafka_settings(broker_, {"in"}));
  auto writer = open_writer();
  ForeignTransaction other(broker_, "other");
  other.produce("journal", 0, "5", encode_journal_entry(entry(5, 1, 1)));
  ASSERT_OK(writer->begin());
  ASSERT_OK(write(*writer, entry(0, 1, 1), 0));
  ASSERT_OK(writer->commit({}));
  std::thread ends_it([&] {
    std::this_thread::sleep_for(1s);
    other.abort();
  });
  EXPECT_EQ(first_steps({Partition{0}, Partition{5}}), std::vector<std::uint64_t>{1});
  ends_it.join();
}

/// Runs epochs as the pipeline does: one alert for each position, and both in one transaction; on a rollback it begins
/// again at the committed position.
class Epochs {
 public:
  Epochs(std::function<std::unique_ptr<LogWriter>()> open, std::function<std::int64_t()> committed)
      : open_(std::move(open)), committed_(std::move(committed)) {}

  void run_to(std::int64_t end) {
    while (next_ < end) {
      const Status status = epoch();
      if (status) continue;
      ASSERT_EQ(status.error().kind, ErrorKind::rollback) << status.error().message;
      ++rollbacks;
      writer_.reset();
    }
  }
  int rollbacks = 0;

 private:
  Status epoch() {
    if (!writer_) {
      writer_ = open_();
      next_ = committed_();
    }
    if (auto s = writer_->begin(); !s) return s;
    for (int i = 0; i < 5; ++i) {
      if (auto s = writer_->append(alert(std::to_string(next_++))); !s) return s;
    }
    return writer_->commit(std::array{position(0, next_)});
  }

  std::function<std::unique_ptr<LogWriter>()> open_;
  std::function<std::int64_t()> committed_;
  std::unique_ptr<LogWriter> writer_;
  std::int64_t next_ = 0;
};

std::vector<std::string> numbers(int count) {
  std::vector<std::string> result;
  for (int i = 0; i < count; ++i) result.push_back(std::to_string(i));
  std::sort(result.begin(), result.end());
  return result;
}

class KafkaWriterUnderFaults : public KafkaWriterTest {
 protected:
  void begin(bool exactly_once) {
    KafkaSettings settings = kafka_settings(broker_, {"in"});
    settings.exactly_once = exactly_once;
    settings.patience = Duration{60'000};
    settings.properties["transaction.timeout.ms"] = "10000";
    join(settings);
    epochs_ = std::make_unique<Epochs>([this] { return open_writer(); },
                                       [this] { return committed(0).value_or(Offset{0}).value; });
  }
  std::unique_ptr<Epochs> epochs_;
};

TEST_F(KafkaWriterUnderFaults, NothingIsLostOrDoubledWhenTheBrokerIsKilled) {
  begin(true);
  for (int round = 1; round <= 3; ++round) {
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100 * round));
      broker_.kill9();
      broker_.restart();
    });
    epochs_->run_to(std::int64_t{1000} * round);
    killer.join();
  }
  EXPECT_EQ(values(broker_.consume_at_least("alerts", 3000)), numbers(3000));
  EXPECT_EQ(committed(0), Offset{3000});
}

TEST_F(KafkaWriterUnderFaults, AtLeastOnceLosesNothingWhenTheBrokerIsKilled) {
  begin(false);
  std::thread killer([&] {
    std::this_thread::sleep_for(100ms);
    broker_.kill9();
    broker_.restart();
  });
  epochs_->run_to(1000);
  killer.join();
  auto found = values(broker_.consume_at_least("alerts", 1000));
  found.erase(std::unique(found.begin(), found.end()), found.end());
  EXPECT_EQ(found, numbers(1000));
  EXPECT_EQ(committed(0), Offset{1000});
}

TEST_F(KafkaWriterUnderFaults, NothingIsLostOrDoubledWhenTheBrokerHangs) {
  begin(true);
  epochs_->run_to(100);
  broker_.pause();
  std::thread waker([&] {
    // Longer than a transaction may take, so that the broker gives up the one that is open.
    std::this_thread::sleep_for(15s);
    broker_.resume();
  });
  epochs_->run_to(1000);
  waker.join();
  EXPECT_EQ(values(broker_.consume_at_least("alerts", 1000)), numbers(1000));
  EXPECT_EQ(committed(0), Offset{1000});
}

TEST_F(KafkaWriterUnderFaults, AWriterWithoutABrokerIsGoneSoon) {
  begin(true);
  auto writer = open_writer();
  ASSERT_OK(writer->begin());
  for (int i = 0; i < 1000; ++i) ASSERT_OK(writer->append(alert(std::to_string(i))));
  broker_.kill9();
  const auto began = std::chrono::steady_clock::now();
  writer->abort();
  writer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(KafkaWriterUnderFaults, AReaderWhosePositionsNoBrokerTookIsGoneSoon) {
  begin(false);
  auto writer = open_writer();
  broker_.kill9();
  ASSERT_OK(writer->begin());
  const Status committed = writer->commit(std::array{position(0, 5), position(1, 5)});
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::rollback) << committed.error().message;
  const auto began = std::chrono::steady_clock::now();
  writer.reset();
  reader_->close(*listener_);
  reader_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

}  // namespace
}  // namespace holdfast::testing
