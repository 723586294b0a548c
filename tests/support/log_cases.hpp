#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "domain/ports.hpp"
#include "tests/support/kafka_listener.hpp"

/// What Holdfast relies on of a log, as cases that the simulated one and a real broker have to pass alike: a simulation
/// is worth no more than its likeness. Topics: "in" of two partitions, "alerts", "dead", "journal" and "changelog" of
/// one, the last one compacted; transactions of alerts end after two seconds.
namespace holdfast::testing {

class LogWorld {
 public:
  virtual ~LogWorld() = default;

  /// The ports of one process. A crash drops them.
  class Instance {
   public:
    virtual ~Instance() = default;
    virtual LogReader& reader() = 0;
    virtual LogWriter& writer() = 0;
    virtual ChangelogWriter& changelog() = 0;
  };
  /// Not opened yet.
  virtual std::unique_ptr<Instance> instance(const std::string& id) = 0;
  virtual std::unique_ptr<JournalReader> journal() = 0;
  virtual std::unique_ptr<ChangelogReader> changelog() = 0;
  /// What is on its way arrives meanwhile.
  virtual void pass(Duration time) = 0;
  virtual void produce(const std::string& topic, std::int32_t partition, const std::string& value) = 0;
  /// Values of a topic, as read_committed sees them, or all that it holds.
  virtual std::vector<std::string> values(const std::string& topic, bool read_committed) = 0;
  /// An offset of "in" sent in a transaction in the instance's name, which is committed while committed() waits for it.
  virtual Expected<CommittedTask> committed_meanwhile(Instance& instance, Partition partition, Offset offset) = 0;
  /// Has the changelog compacted. Brokers leave alone what was written last, so `write_more` is called until it says
  /// that the effect can be seen.
  virtual void compact(const std::function<bool()>& write_more) = 0;
};

struct MakeLogWorld : std::function<std::unique_ptr<LogWorld>()> {
  using function::function;
};
/// Otherwise the names of tests hold its bytes, which change from run to run.
inline void PrintTo(const MakeLogWorld& /*make*/, std::ostream* out) { *out << "a log"; }

class LogCases : public ::testing::TestWithParam<MakeLogWorld> {
 protected:
  static constexpr Partition p0{0};
  using Instance = LogWorld::Instance;

  /// One that has opened its writer and is to join.
  std::unique_ptr<Instance> start(const std::string& id) {
    auto made = world_->instance(id);
    const Status opened = made->writer().open();
    EXPECT_TRUE(opened) << opened.error().message;
    const Status joins = made->reader().open();
    EXPECT_TRUE(joins) << joins.error().message;
    return made;
  }
  void poll_until(KafkaListener& listener, const std::function<bool()>& done) {
    const Status polled = listener.poll_until([&] {
      world_->pass(Duration{20});
      return done();
    });
    ASSERT_TRUE(polled) << polled.error().message;
  }
  void join(KafkaListener& listener, std::size_t partitions = 2) {
    poll_until(listener, [&] { return listener.partitions.size() == partitions; });
  }
  /// The values that can be seen, once they are these; a commit takes effect shortly after it has returned.
  void expect_visible(const std::string& topic, const std::vector<std::string>& wanted) {
    for (int i = 0; i < 200 && world_->values(topic, true) != wanted; ++i) world_->pass(Duration{100});
    EXPECT_EQ(world_->values(topic, true), wanted);
  }
  void expect_stored(const std::string& topic, std::size_t count) {
    for (int i = 0; i < 100 && world_->values(topic, false).size() != count; ++i) world_->pass(Duration{50});
    ASSERT_EQ(world_->values(topic, false).size(), count);
  }
  static OutputRecord alert(std::string_view value) {
    OutputRecord record;
    record.topic = OutputTopic::alerts;
    record.key = "k";
    record.value = value;
    return record;
  }
  static std::vector<TaskPosition> at(std::int64_t next, std::uint64_t step = 7) {
    TaskPosition task{p0, {}, step};
    task.position.sources = 1;
    task.position.next[0] = Offset{next};
    return {task};
  }
  static CheckpointData checkpoint(std::uint64_t step, const std::map<std::string, std::string>& changed) {
    CheckpointData data;
    data.record_size = 1;
    data.marker.partition = p0;
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
  static void expect_good(const Status& status) { ASSERT_TRUE(status) << status.error().message; }
  static void expect_kind(const Status& status, ErrorKind kind) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, kind) << status.error().message;
  }

  /// What a changelog leads to.
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
    Status marker(const Marker& marker, Offset) override {
      step = marker.step;
      return {};
    }
    std::map<std::string, std::string> customers;
    std::size_t records = 0;
    std::uint64_t step = 0;
    Offset end;
  };
  Content content() {
    Content out;
    const auto end = world_->changelog()->read(p0, Offset{0}, out);
    EXPECT_TRUE(end) << end.error().message;
    if (end) out.end = *end;
    return out;
  }
  Content content_of_step(std::uint64_t step) {
    for (int i = 0; i < 100; ++i) {
      if (Content out = content(); out.step == step) return out;
      world_->pass(Duration{50});
    }
    ADD_FAILURE() << "step " << step << " does not become visible";
    return {};
  }

  const std::unique_ptr<LogWorld> world_ = GetParam()();
};

TEST_P(LogCases, RecordsAndPositionsBecomeVisibleWithTheCommitOnly) {
  const auto one = start("1");
  KafkaListener listener(one->reader(), 1);
  join(listener);
  expect_good(one->writer().begin());
  expect_good(one->writer().append(alert("a")));
  expect_stored("alerts", 1);
  EXPECT_TRUE(world_->values("alerts", true).empty());
  EXPECT_EQ(one->reader().committed(p0)->next.front(), std::nullopt);
  expect_good(one->writer().commit(at(0, 7)));
  expect_visible("alerts", {"a"});
  EXPECT_EQ(one->reader().committed(p0)->next.front(), Offset{0});
  EXPECT_EQ(one->reader().committed(p0)->step, 7U);
}

TEST_P(LogCases, WhatIsAbortedIsNeverVisible) {
  const auto one = start("1");
  expect_good(one->writer().begin());
  expect_good(one->writer().append(alert("aborted")));
  expect_stored("alerts", 1);
  one->writer().abort();
  expect_good(one->writer().begin());
  expect_good(one->writer().append(alert("kept")));
  expect_good(one->writer().commit({}));
  expect_visible("alerts", {"kept"});
  EXPECT_EQ(world_->values("alerts", false).size(), 2U);
}

TEST_P(LogCases, WhatStandsBehindAnOpenTransactionIsHiddenUntilTheNextWriterEndsIt) {
  auto one = start("1");
  expect_good(one->writer().begin());
  expect_good(one->writer().append(alert("left")));
  expect_stored("alerts", 1);
  one.reset();
  world_->produce("alerts", 0, "behind");
  EXPECT_TRUE(world_->values("alerts", true).empty());
  const auto next = start("1");
  expect_visible("alerts", {"behind"});
}

TEST_P(LogCases, ASecondWriterFencesTheFirst) {
  const auto first = start("1");
  expect_good(first->writer().begin());
  expect_good(first->writer().append(alert("zombie")));
  expect_stored("alerts", 1);
  const auto second = world_->instance("1");
  expect_good(second->writer().open());
  expect_kind(first->writer().commit({}), ErrorKind::fenced);
  expect_good(second->writer().begin());
  expect_good(second->writer().append(alert("alive")));
  expect_good(second->writer().commit({}));
  expect_visible("alerts", {"alive"});
}

TEST_P(LogCases, ATransactionThatTakesTooLongIsAbortedAndItsWriterBeginsAnew) {
  const auto one = start("1");
  expect_good(one->writer().begin());
  expect_good(one->writer().append(alert("slow")));
  expect_stored("alerts", 1);
  world_->produce("alerts", 0, "behind");
  EXPECT_TRUE(world_->values("alerts", true).empty());
  expect_visible("alerts", {"behind"});
  expect_kind(one->writer().commit({}), ErrorKind::rollback);
}

TEST_P(LogCases, PartitionsThatAreBeingTakenAwayCanStillBeCommittedAndThenNoMore) {
  const auto one = start("1");
  KafkaListener first(one->reader(), 1);
  join(first);
  first.hold_released = true;
  const auto two = start("2");
  KafkaListener second(two->reader(), 1);
  poll_until(second, [&] {
    EXPECT_TRUE(one->reader().poll(first, Duration{0}));
    return first.revocations == 1;
  });
  expect_good(one->writer().begin());
  expect_good(one->writer().append(alert("in time")));
  expect_good(one->writer().commit(at(0)));
  first.hold_released = false;
  poll_until(second, [&] {
    EXPECT_TRUE(one->reader().poll(first, Duration{0}));
    return second.partitions.size() == 1 && first.partitions.size() == 1;
  });
  EXPECT_NE(first.partitions, second.partitions);
  one->reader().close(first);
  expect_good(one->writer().begin());
  expect_kind(one->writer().commit(at(0)), ErrorKind::rollback);
  expect_visible("alerts", {"in time"});
}

TEST_P(LogCases, AMemberWhosePlaceWasTakenCommitsNothingMore) {
  const auto one = start("1");
  KafkaListener first(one->reader(), 1);
  join(first);
  ASSERT_TRUE(one->changelog().write(checkpoint(1, {{"a", "1"}})));
  // Takes the place in the group, and nothing else: the first one is not polled and knows nothing.
  const auto other = world_->instance("1");
  expect_good(other->reader().open());
  KafkaListener second(other->reader(), 1);
  join(second);
  expect_good(one->writer().begin());
  expect_good(one->writer().append(alert("zombie")));
  EXPECT_FALSE(one->writer().commit(at(0)));
  one->writer().abort();
  EXPECT_FALSE(one->changelog().write(checkpoint(2, {{"a", "2"}})));
  EXPECT_TRUE(world_->values("alerts", true).empty());
  EXPECT_EQ(content_of_step(1).customers, (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST_P(LogCases, AnOffsetThatATransactionHasSentIsWaitedFor) {
  const auto one = start("1");
  KafkaListener listener(one->reader(), 1);
  join(listener);
  expect_good(one->writer().begin());
  expect_good(one->writer().commit(at(1)));
  const auto committed = world_->committed_meanwhile(*one, p0, Offset{5});
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(committed->next.front(), Offset{5});
}

TEST_P(LogCases, AReaderSeesTheStableEndBehindTheEndsOfTransactions) {
  const auto one = start("1");
  for (const char* value : {"0", "1", "2"}) world_->produce("in", 0, value);
  KafkaListener listener(one->reader(), 1);
  poll_until(listener, [&] { return listener.end({0, 0}) == 3; });
  EXPECT_EQ(listener.values[KafkaListener::Input(0, 0)], (std::vector<std::string>{"0", "1", "2"}));
  for (const std::int64_t outside : {-1, 4}) {
    const Status refused = one->reader().start(SourceIndex{0}, p0, Offset{outside});
    expect_kind(refused, ErrorKind::incompatible);
  }
}

TEST_P(LogCases, AJournalIsReadInOrderOfItsSteps) {
  const auto one = start("1");
  const auto write = [&](std::uint64_t step, bool commit) {
    JournalEntry entry{.partition = p0, .policy = PolicyId{42}, .start = {}, .steps = {}};
    entry.start.sources = 1;
    Step& made = entry.steps.emplace_back();
    made.number = step;
    made.end.sources = 1;
    const std::string value = encode_journal_entry(entry);
    OutputRecord record;
    record.topic = OutputTopic::journal;
    record.key = "0";
    record.value = value;
    expect_good(one->writer().begin());
    expect_good(one->writer().append(record));
    if (commit) {
      expect_good(one->writer().commit({}));
    } else {
      world_->pass(Duration{200});
      one->writer().abort();
    }
  };
  write(2, true);
  write(3, false);
  write(1, true);
  write(2, true);  // Once more.
  std::vector<std::uint64_t> steps;
  const std::vector<Partition> wanted{p0};
  expect_good(world_->journal()->read(wanted, Timestamp{0},
                                      [&](const JournalEntry& entry) { steps.push_back(entry.steps.front().number); }));
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{1, 2}));
}

TEST_P(LogCases, ACompactedChangelogLeadsToTheSame) {
  const auto one = start("1");
  KafkaListener listener(one->reader(), 1);
  join(listener);
  for (std::uint64_t step = 1; step <= 5; ++step)
    ASSERT_TRUE(
        one->changelog().write(checkpoint(step, {{"a", std::to_string(step)}, {"b" + std::to_string(step), "1"}})));
  ASSERT_TRUE(one->changelog().write(checkpoint(6, {{"a", ""}})));
  constexpr std::size_t written = 11;
  const Content before = content_of_step(6);  // A broker may have been at it already.
  EXPECT_LE(before.records, written);
  EXPECT_EQ(before.customers,
            (std::map<std::string, std::string>{{"b1", "1"}, {"b2", "1"}, {"b3", "1"}, {"b4", "1"}, {"b5", "1"}}));
  world_->compact([&] {
    EXPECT_TRUE(one->changelog().write(checkpoint(6, {})));
    return content_of_step(6).records < written;
  });
  const Content after = content_of_step(6);
  EXPECT_EQ(after.customers, before.customers);
  EXPECT_GE(after.end, before.end);
  EXPECT_LT(after.records, written);
}

}  // namespace holdfast::testing
