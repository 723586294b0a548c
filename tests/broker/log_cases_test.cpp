// A real broker passes the cases that the simulated log passes (tests/simulation/simulated_log_test.cpp).

#include "tests/support/log_cases.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ingest/kafka_changelog.hpp"
#include "ingest/kafka_client.hpp"
#include "ingest/kafka_group.hpp"
#include "ingest/kafka_journal.hpp"
#include "ingest/kafka_reader.hpp"
#include "ingest/kafka_transactions.hpp"
#include "ingest/kafka_writer.hpp"
#include "tests/support/broker.hpp"

namespace holdfast::testing {
namespace {

template <class T>
T value_of(Expected<T> made) {
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

class BrokerWorld final : public LogWorld {
 public:
  BrokerWorld() {
    broker_.create_topic("in", 2);
    for (const char* topic : {"alerts", "dead", "journal"}) broker_.create_topic(topic, 1);
    broker_.create_topic("changelog", 2,
                         {{"cleanup.policy", "compact"}, {"segment.ms", "100"}, {"min.cleanable.dirty.ratio", "0.01"}});
  }

  class Ports final : public Instance {
   public:
    explicit Ports(const ingest::KafkaSettings& settings)
        : reader_(value_of(ingest::make_kafka_reader(settings))),
          writer_(value_of(ingest::make_kafka_writer(settings, reader_->group()))),
          changelog_(value_of(ingest::make_kafka_changelog_writer(settings, reader_->group()))) {}
    LogReader& reader() override { return *reader_; }
    LogWriter& writer() override { return *writer_; }
    ChangelogWriter& changelog() override { return *changelog_; }
    [[nodiscard]] std::shared_ptr<ingest::KafkaGroup> group() const { return reader_->group(); }

   private:
    std::unique_ptr<ingest::KafkaReader> reader_;
    std::unique_ptr<LogWriter> writer_;
    std::unique_ptr<ChangelogWriter> changelog_;
  };

  std::unique_ptr<Instance> instance(const std::string& id) override { return std::make_unique<Ports>(settings(id)); }
  std::unique_ptr<JournalReader> journal() override {
    return value_of(ingest::make_kafka_journal_reader(settings("own")));
  }
  std::unique_ptr<ChangelogReader> changelog() override {
    return value_of(ingest::make_kafka_changelog_reader(settings("own")));
  }
  void pass(Duration time) override { std::this_thread::sleep_for(std::chrono::milliseconds(time.ms)); }
  void produce(const std::string& topic, std::int32_t partition, const std::string& value) override {
    broker_.produce(topic, partition, "k", value);
  }
  std::vector<std::string> values(const std::string& topic, bool read_committed) override {
    std::vector<std::string> out;
    for (const ConsumedRecord& record : broker_.consume_all(topic, read_committed)) out.push_back(*record.value);
    return out;
  }
  Expected<CommittedTask> committed_meanwhile(Instance& instance, Partition partition, Offset offset) override {
    const ingest::KafkaSettings own = settings("pending");
    const auto client = value_of(ingest::KafkaClient::create(
        own, RD_KAFKA_PRODUCER, {}, {{"enable.idempotence", "true"}, {"transactional.id", "pending"}}));
    ingest::Transactions transaction(client, "pending");
    ingest::PartitionsPtr offsets(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(offsets.get(), "in", partition.value)->offset = offset.value;
    EXPECT_TRUE(transaction.init(own.patience));
    EXPECT_TRUE(transaction.begin());
    EXPECT_TRUE(transaction.send_offsets(std::move(offsets), dynamic_cast<Ports&>(instance).group()->membership()));
    std::thread later([&] {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      EXPECT_TRUE(transaction.commit());
    });
    const auto began = std::chrono::steady_clock::now();
    auto committed = instance.reader().committed(partition);
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900));
    later.join();
    return committed;
  }
  void compact(const std::function<bool()>& write_more) override {
    for (int i = 0; i < 300 && !write_more(); ++i) pass(Duration{200});
  }

 private:
  ingest::KafkaSettings settings(const std::string& id) const {
    ingest::KafkaSettings out = kafka_settings(broker_, {"in"}, id);
    out.changelog_topic = "changelog";
    out.properties["transaction.timeout.ms"] = "2000";
    out.properties["socket.timeout.ms"] = "2000";
    out.properties["session.timeout.ms"] = "6000";
    out.properties["heartbeat.interval.ms"] = "200";
    return out;
  }

  Broker broker_{
      "transaction.abort.timed.out.transaction.cleanup.interval.ms=200\nlog.cleaner.backoff.ms=100\n"
      "log.initial.task.delay.ms=100\n"};
};

INSTANTIATE_TEST_SUITE_P(Broker, LogCases,
                         ::testing::Values(MakeLogWorld([] { return std::make_unique<BrokerWorld>(); })),
                         [](const auto&) { return std::string("Log"); });

}  // namespace
}  // namespace holdfast::testing
