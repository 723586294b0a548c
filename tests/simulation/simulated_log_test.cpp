// The simulated log passes the cases that a real broker passes (tests/broker/log_cases_test.cpp).

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/simulation/process.hpp"
#include "tests/support/log_cases.hpp"
#include "tests/support/simulated_clients.hpp"

namespace holdfast::testing {
namespace {

class SimulatedWorld final : public LogWorld {
 public:
  SimulatedWorld() {
    log_.set_now(Timestamp{1'700'000'000'000});
    log_.group.partitions = 2;
    log_.create_topic("in", 2);
    for (const char* topic : {"alerts", "dead", "journal"}) log_.create_topic(topic, 1);
    log_.create_topic("changelog", 2);
  }

  class Ports final : public Instance {
   public:
    Ports(SimulatedWorld& world, const std::string& id)
        : world_(world), node_(world.node(id)), reader_(node_), writer_(node_, reader_), changelog_(node_, reader_) {
      world_.ports_.push_back(this);
    }
    ~Ports() override { std::erase(world_.ports_, this); }
    LogReader& reader() override { return reader_; }
    LogWriter& writer() override { return writer_; }
    ChangelogWriter& changelog() override { return changelog_; }
    void keep_alive() {
      reader_.keep_alive();
      writer_.send_all();
    }
    SimulatedNode& node() { return node_; }
    [[nodiscard]] const SimulatedGroup::Member& member() const { return reader_.membership()->member; }

   private:
    SimulatedWorld& world_;
    SimulatedNode node_;
    SimulatedReader reader_;
    SimulatedWriter writer_;
    SimulatedChangelogWriter changelog_;
  };

  std::unique_ptr<Instance> instance(const std::string& id) override { return std::make_unique<Ports>(*this, id); }
  std::unique_ptr<JournalReader> journal() override { return std::make_unique<SimulatedJournal>(own_); }
  std::unique_ptr<ChangelogReader> changelog() override { return std::make_unique<SimulatedChangelogReader>(own_); }
  void pass(Duration time) override {
    for (Ports* const ports : ports_) ports->keep_alive();
    log_.pass(time);
  }
  void produce(const std::string& topic, std::int32_t partition, const std::string& value) override {
    log_.append(topic, partition, {.timestamp = log_.now(), .appended = {}, .key = "k", .value = value, .headers = {}});
  }
  std::vector<std::string> values(const std::string& topic, bool read_committed) override {
    std::vector<std::string> out;
    for (std::int32_t p = 0; p < log_.partitions(topic); ++p) {
      for (const LoggedRecord& record : log_.at(topic, p).records) {
        if (record.control || (read_committed && record.aborted)) continue;
        if (!read_committed || record.offset < log_.at(topic, p).stable_end()) out.push_back(*record.value);
      }
    }
    return out;
  }
  Expected<CommittedTask> committed_meanwhile(Instance& instance, Partition partition, Offset offset) override {
    auto& ports = dynamic_cast<Ports&>(instance);
    const auto producer = log_.init_producer("pending", Duration{20'000});
    const std::vector<std::pair<SimulatedGroup::Place, CommittedOffset>> offsets{
        {{"in", partition.value}, {.offset = offset.value, .metadata = {}}}};
    EXPECT_EQ(log_.send_offsets(producer, ports.member(), offsets), Refusal::none);
    const Timestamp began = log_.now();
    ports.node().wait = [&] {
      pass(Duration{100});
      if ((log_.now() - began).ms != 1'000) return;
      EXPECT_EQ(log_.end_transaction(producer, true), Refusal::none);
    };
    auto committed = ports.reader().committed(partition);
    EXPECT_GE((log_.now() - began).ms, 1'000);
    return committed;
  }
  void compact(const std::function<bool()>& write_more) override {
    EXPECT_FALSE(write_more());
    log_.compact("changelog", 0, log_.at("changelog", 0).end, log_.now());
  }

 private:
  SimulatedNode node(const std::string& id) {
    SimulatedNode out{.log = log_, .clock = clock_, .settings = {}, .random = std::mt19937_64(7), .wait = {}};
    out.settings.application_id = "shop";
    out.settings.instance_id = id;
    out.settings.source_topics = {"in"};
    out.settings.alerts_topic = "alerts";
    out.settings.dead_letters_topic = "dead";
    out.settings.journal_topic = "journal";
    out.settings.changelog_topic = "changelog";
    out.transaction_timeout = Duration{2'000};
    out.wait = [this] { pass(Duration{100}); };
    return out;
  }

  SimulatedLog log_{7};
  MachineClock clock_{log_, Duration{0}};
  std::vector<Ports*> ports_;
  SimulatedNode own_ = node("own");
};

INSTANTIATE_TEST_SUITE_P(Simulated, LogCases,
                         ::testing::Values(MakeLogWorld([] { return std::make_unique<SimulatedWorld>(); })),
                         [](const auto&) { return std::string("Log"); });

}  // namespace
}  // namespace holdfast::testing
