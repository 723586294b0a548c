// Two processes that share the partitions of a shop: they join, leave, die, sleep, and take over from each other.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/broker.hpp"
#include "tests/support/generated_shop.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

constexpr GeneratedShop shop{.events = 120'000, .customers = 3'000};
constexpr int patience_s = 120;

class SeveralInstances : public ::testing::Test {
 protected:
  SeveralInstances() {
    config_ = write_shop(folder_.path(), broker_.bootstrap());
    fill_topics(shop, config_);
  }

  std::vector<std::string> arguments(const std::string& instance, const std::vector<std::string>& more) const {
    std::vector<std::string> out{"run", "-c", config_};
    for (const std::string& setting :
         {"instance_id=" + instance, "state.directory=" + (folder_.path() / ("state-" + instance)).string(),
          std::string("kafka.session.timeout.ms=6000"), std::string("kafka.heartbeat.interval.ms=300")}) {
      out.emplace_back("--set");
      out.push_back(setting);
    }
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  Process start(const std::string& instance, const std::vector<std::string>& more = {}) {
    return Process(arguments(instance, more), log(instance));
  }
  std::filesystem::path log(const std::string& instance) const { return folder_.path() / (instance + ".log"); }
  std::string said(const std::string& instance) const { return read_file(log(instance)); }

  template <class Condition>
  ::testing::AssertionResult eventually(Condition condition, const std::string& what, int seconds = patience_s) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return ::testing::AssertionFailure() << "never: " << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return ::testing::AssertionSuccess();
  }
  bool says(const std::string& instance, const std::string& text) const {
    return said(instance).find(text) != std::string::npos;
  }
  std::size_t alerts_so_far() { return broker_.consume_all("alerts").size(); }
  void expect_the_alerts_of_a_replay() {
    static const AlertsByCustomer expected = replayed(shop);
    const auto all = [&] { return alerts_so_far() >= count(expected); };
    ASSERT_TRUE(eventually(all, "all alerts")) << said("a") << said("b");
    EXPECT_EQ(difference(expected, by_customer(broker_.consume_all("alerts"))), "");
  }

  TemporaryFolder folder_;
  Broker broker_;
  std::string config_;
};

// The alerts go on without gap or double while partitions are handed over: to one that joins, back when it is stopped
// and its session is over, and to one that was killed and comes back with its directory, or without it.
TEST_F(SeveralInstances, HandPartitionsOverAndTakeThemUp) {
  Process a = start("a", {"--set", "max_rate=3000"});
  ASSERT_TRUE(eventually([&] { return alerts_so_far() > 100; }, "the first alerts")) << said("a");
  {
    Process b = start("b", {"--set", "max_rate=3000"});
    ASSERT_TRUE(eventually([&] { return says("b", "ready"); }, "b is ready")) << said("b");
    EXPECT_FALSE(says("a", "going back to the committed state")) << "an orderly hand-over\n" << said("a");
    const std::size_t before = alerts_so_far();
    ASSERT_TRUE(eventually([&] { return alerts_so_far() > before + 100; }, "alerts of both")) << said("b");
    b.kill9();
  }
  std::filesystem::remove_all(folder_.path() / "state-b");
  {
    Process b = start("b", {"--set", "max_rate=3000"});
    ASSERT_TRUE(eventually([&] { return alerts_so_far() > 600; }, "alerts of the new b")) << said("b");
    b.signal(SIGTERM);
    ASSERT_EQ(b.wait(60), 0) << said("b");
  }
  // Its partitions are taken over once its session is over.
  Process b = start("b");
  a.kill9();
  Process again = start("a");
  expect_the_alerts_of_a_replay();
}

TEST_F(SeveralInstances, AStandbyTakesOver) {
  Process a = start("a", {"--set", "state.standbys=1", "--set", "max_rate=3000"});
  Process b = start("b", {"--set", "state.standbys=1", "--set", "max_rate=3000"});
  ASSERT_TRUE(
      eventually([&] { return alerts_so_far() > 300 && says("a", "ready") && says("b", "ready"); }, "both work"))
      << said("a") << said("b");
  std::this_thread::sleep_for(std::chrono::seconds(8));  // Long enough for a checkpoint to be copied.
  a.kill9();
  expect_the_alerts_of_a_replay();
  EXPECT_TRUE(says("b", "instance 'a' is gone: the transactions it left open are ended")) << said("b");
}

// Asleep for longer than its session and its transaction, and then awake again: the other has gone on meanwhile.
TEST_F(SeveralInstances, AZombieIsFencedAndStops) {
  const std::vector<std::string> slow{
      "--set", "max_rate=3000", "--set", "kafka.transaction.timeout.ms=5000", "--set", "kafka.socket.timeout.ms=5000"};
  Process a = start("a", slow);
  Process b = start("b", slow);
  ASSERT_TRUE(
      eventually([&] { return alerts_so_far() > 300 && says("a", "ready") && says("b", "ready"); }, "both work"))
      << said("a") << said("b");
  a.signal(SIGSTOP);
  ASSERT_TRUE(eventually([&] { return says("b", "instance 'a' is gone"); }, "b takes over", 60)) << said("b");
  const std::size_t before = alerts_so_far();
  ASSERT_TRUE(eventually([&] { return alerts_so_far() > before + 100; }, "alerts of b alone")) << said("b");
  std::this_thread::sleep_for(std::chrono::seconds(5));
  a.signal(SIGCONT);
  ASSERT_EQ(a.wait(30), 1) << said("a");
  EXPECT_TRUE(says("a", "this process stood still for")) << said("a");
  EXPECT_TRUE(says("a", "others took its partitions")) << said("a");
  expect_the_alerts_of_a_replay();
}

}  // namespace
}  // namespace holdfast::testing
