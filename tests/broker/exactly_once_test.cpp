// The whole program against a real broker: whatever is killed and whenever, the alerts that a read_committed consumer
// sees are those of a run that nobody disturbed, and those of `holdfast replay` over the same events.

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include "tests/support/broker.hpp"
#include "tests/support/generated_shop.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

constexpr GeneratedShop shop_size{.events = 300'000, .customers = 20'000};

/// A broker with the events in its topics, and the files to run Holdfast with.
struct Shop {
  explicit Shop(const std::string& more = "") {
    write_shop(folder.path(), broker.bootstrap(), more);
    fill_topics(shop_size, config());
  }

  [[nodiscard]] std::string config() const { return (folder.path() / "shop.yaml").string(); }
  [[nodiscard]] std::filesystem::path log() const { return folder.path() / "run.log"; }
  /// What a read_committed consumer sees; a commit may take a moment to be seen.
  [[nodiscard]] AlertsByCustomer alerts(std::size_t at_least) const {
    return by_customer(broker.consume_at_least("alerts", at_least));
  }

  TemporaryFolder folder;
  mutable Broker broker;
};

/// What nobody disturbed gives; computed once.
const AlertsByCustomer& expected() {
  static const AlertsByCustomer alerts = replayed(shop_size);
  return alerts;
}

std::size_t expected_count() { return count(expected()); }

void expect_as_expected(const AlertsByCustomer& got) { ASSERT_EQ(difference(expected(), got), ""); }

struct Destroy {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};

/// Looks at a broker from outside.
class Observer {
 public:
  Observer(const std::string& bootstrap, const std::string& isolation) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 512> error{};
    const std::map<std::string, std::string> settings{
        {"bootstrap.servers", bootstrap}, {"group.id", "shop"}, {"isolation.level", isolation}};
    for (const auto& [name, value] : settings)
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error.data(), error.size());
    client_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf, error.data(), error.size()));
    if (!client_) throw std::runtime_error(error.data());
  }

  /// Sum of the group's committed offsets of all sources.
  std::int64_t committed() {
    const std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy> list(
        rd_kafka_topic_partition_list_new(static_cast<int>(shop_sources().size()) * GeneratedShop::partitions));
    for (const auto& source : shop_sources()) {
      for (int p = 0; p < GeneratedShop::partitions; ++p)
        rd_kafka_topic_partition_list_add(list.get(), source.c_str(), p);
    }
    if (rd_kafka_committed(client_.get(), list.get(), 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return -1;
    std::int64_t sum = 0;
    for (int i = 0; i < list->cnt; ++i) sum += std::max<std::int64_t>(list->elems[i].offset, 0);
    return sum;
  }

  /// Sum of the ends of the partitions that Holdfast writes to, by one request to be quick; under read_committed an end
  /// is before the first open transaction.
  std::int64_t ends() {
    const std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy> list(
        rd_kafka_topic_partition_list_new(GeneratedShop::partitions + GeneratedShop::journal_partitions));
    const auto add = [&list](const char* topic, int count) {
      for (int p = 0; p < count; ++p)
        rd_kafka_topic_partition_list_add(list.get(), topic, p)->offset = RD_KAFKA_OFFSET_END;
    };
    add("alerts", GeneratedShop::partitions);
    add("shop-holdfast-journal", GeneratedShop::journal_partitions);
    if (rd_kafka_offsets_for_times(client_.get(), list.get(), 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return -1;
    std::int64_t sum = 0;
    for (int i = 0; i < list->cnt; ++i) sum += list->elems[i].offset;
    return sum;
  }

 private:
  std::unique_ptr<rd_kafka_t, Destroy> client_;
};

bool transaction_open(Observer& committed, Observer& uncommitted) {
  // Asked in this order, what was committed in between is not taken for open.
  const std::int64_t written = uncommitted.ends();
  return committed.ends() < written;
}

/// A checkpoint's file that was being written, or waited to be taken in, when the process died.
bool checkpoint_running(const std::filesystem::path& state) {
  std::error_code none_yet;
  const std::filesystem::directory_iterator files(state / "tmp", none_yet);
  return !none_yet && files != std::filesystem::directory_iterator();
}

TEST(ExactlyOnce, AnUndisturbedRunGivesTheAlertsOfAReplay) {
  const Shop shop;
  Process run({"run", "-c", shop.config(), "--exit-at-end"}, shop.log());
  ASSERT_EQ(run.wait(180), 0) << read_file(shop.log());
  EXPECT_GT(expected_count(), 5'000U) << "too few alerts to prove anything";
  expect_as_expected(shop.alerts(expected_count()));
}

/// Kills the process while `holds`: stops it, looks again, and lets it go on if the moment has passed meanwhile. Gives
/// up aiming after `seconds` and kills it all the same.
template <class Condition>
void kill_while(Process& run, Condition holds, double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < deadline) {
    if (!holds()) {
      std::this_thread::yield();
      continue;
    }
    run.signal(SIGSTOP);
    if (holds()) break;
    run.signal(SIGCONT);
  }
  run.kill9();
}

TEST(ExactlyOnce, SurvivesSigkillAtAnyMoment) {
  constexpr int random_kills = 20;
  constexpr int aimed_kills = 5;
  // Slow enough that all the kills fall inside the backlog.
  const Shop shop("max_rate: 5000\n");
  const std::filesystem::path state = shop.folder.path() / "state";
  Observer committed(shop.broker.bootstrap(), "read_committed");
  Observer uncommitted(shop.broker.bootstrap(), "read_uncommitted");
  std::mt19937_64 random(std::random_device{}());
  int in_backlog = 0;
  int in_transaction = 0;
  int in_checkpoint = 0;
  for (int kill = 0; kill < random_kills + 2 * aimed_kills; ++kill) {
    Process run({"run", "-c", shop.config(), "--exit-at-end"}, shop.log());
    const double seconds = 0.8 + static_cast<double>(random() % 1500) / 1000;
    ASSERT_FALSE(run.wait(seconds)) << "ended before it was killed: " << read_file(shop.log());
    // The last ones wait for the moments that chance hits least.
    if (kill >= random_kills + aimed_kills) {
      kill_while(run, [&] { return checkpoint_running(state); }, 10);
    } else if (kill >= random_kills) {
      kill_while(run, [&] { return transaction_open(committed, uncommitted); }, 10);
    } else {
      run.kill9();
    }
    in_backlog += committed.committed() < static_cast<std::int64_t>(shop_size.events) ? 1 : 0;
    in_transaction += transaction_open(committed, uncommitted) ? 1 : 0;
    in_checkpoint += checkpoint_running(state) ? 1 : 0;
  }
  Process run({"run", "-c", shop.config(), "--exit-at-end", "--set", "max_rate=0"}, shop.log());
  ASSERT_EQ(run.wait(180), 0) << read_file(shop.log());
  std::cout << random_kills << " kills at random moments and " << 2 * aimed_kills << " aimed ones, " << in_backlog
            << " inside the backlog, " << in_transaction << " inside an open transaction, " << in_checkpoint
            << " inside the writing of a checkpoint\n";
  EXPECT_EQ(in_backlog, random_kills + 2 * aimed_kills);
  EXPECT_GT(in_transaction, 0);
  EXPECT_GT(in_checkpoint, 0);
  expect_as_expected(shop.alerts(expected_count()));
}

TEST(ExactlyOnce, SigtermDrainsAndCommits) {
  const Shop shop("max_rate: 40000\n");
  {
    Process run({"run", "-c", shop.config()}, shop.log());
    ASSERT_FALSE(run.wait(4)) << read_file(shop.log());
    run.signal(SIGTERM);
    ASSERT_EQ(run.wait(20), 0) << read_file(shop.log());
  }
  Observer committed(shop.broker.bootstrap(), "read_committed");
  const std::int64_t position = committed.committed();
  EXPECT_GT(position, 0);
  EXPECT_LT(position, static_cast<std::int64_t>(shop_size.events)) << "the stop came too late to prove anything";
  Process run({"run", "-c", shop.config(), "--exit-at-end"}, shop.folder.path() / "second.log");
  ASSERT_EQ(run.wait(120), 0);
  EXPECT_NE(read_file(shop.folder.path() / "second.log").find(", 0 events replayed behind them"), std::string::npos)
      << "a clean stop leaves nothing to replay: " << read_file(shop.folder.path() / "second.log");
  expect_as_expected(shop.alerts(expected_count()));
}

TEST(ExactlyOnce, AStopWithoutABrokerIsNoSuccessAndLosesNothing) {
  Shop shop("max_rate: 40000\n");
  {
    // The broker's own patience is as short as the test's; commits are far enough apart that none comes in between.
    Process run(
        {"run", "-c", shop.config(), "--set", "kafka.transaction.timeout.ms=10000", "--set", "commit_interval=8s"},
        shop.log());
    Observer committed(shop.broker.bootstrap(), "read_committed");
    Observer uncommitted(shop.broker.bootstrap(), "read_uncommitted");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!transaction_open(committed, uncommitted)) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << read_file(shop.log());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    shop.broker.kill9();
    run.signal(SIGTERM);
    EXPECT_EQ(run.wait(45), 1) << read_file(shop.log());
    EXPECT_NE(read_file(shop.log()).find("stopped before all that was taken was committed"), std::string::npos)
        << read_file(shop.log());
  }
  shop.broker.restart();
  Process run({"run", "-c", shop.config(), "--exit-at-end", "--set", "max_rate=0"}, shop.log());
  ASSERT_EQ(run.wait(180), 0) << read_file(shop.log());
  expect_as_expected(shop.alerts(expected_count()));
}

/// Turns a bit in the middle of every file of checkpoints.
std::size_t damage_checkpoints(const std::filesystem::path& state) {
  std::size_t damaged = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(state)) {
    if (entry.path().extension() != ".sst") continue;
    std::string bytes = read_file(entry.path());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_file(entry.path(), bytes);
    ++damaged;
  }
  return damaged;
}

void damage_and_lose_checkpoints(const std::string& changelog, const std::string& said) {
  const Shop shop("max_rate: 40000\n");
  const std::filesystem::path state = shop.folder.path() / "state";
  const std::vector<std::string> run_it{"run", "-c", shop.config(), "--set", "state.changelog=" + changelog};
  const auto run_for_a_while = [&](const std::string& log) {
    Process run(run_it, shop.folder.path() / log);
    ASSERT_FALSE(run.wait(5)) << read_file(shop.folder.path() / log);
    run.signal(SIGTERM);
    ASSERT_EQ(run.wait(30), 0) << read_file(shop.folder.path() / log);
  };
  run_for_a_while("first.log");
  ASSERT_GT(damage_checkpoints(state), 0U);
  run_for_a_while("damaged.log");
  EXPECT_NE(read_file(shop.folder.path() / "damaged.log").find(said), std::string::npos)
      << read_file(shop.folder.path() / "damaged.log");
  std::filesystem::remove_all(state);
  std::vector<std::string> to_the_end = run_it;
  to_the_end.insert(to_the_end.end(), {"--exit-at-end", "--set", "max_rate=0"});
  Process run(to_the_end, shop.log());
  ASSERT_EQ(run.wait(180), 0) << read_file(shop.log());
  expect_as_expected(shop.alerts(expected_count()));
}

TEST(ExactlyOnce, DamagedAndLostCheckpointsAreRestoredFromTheChangelog) {
  damage_and_lose_checkpoints("on", "is restored from the changelog");
}

TEST(ExactlyOnce, DamagedAndLostCheckpointsAreRebuiltFromTheLogIfThereIsNoChangelog) {
  damage_and_lose_checkpoints("off", "is restored from the log");
}

TEST(AtLeastOnce, RepeatsAlertsButLosesNone) {
  const Shop shop("max_rate: 40000\nguarantee: at_least_once\n");
  std::mt19937_64 random(std::random_device{}());
  for (int kills = 0; kills < 5; ++kills) {
    Process run({"run", "-c", shop.config(), "--exit-at-end"}, shop.log());
    if (run.wait(1 + static_cast<double>(random() % 1000) / 1000)) break;
    run.kill9();
  }
  Process run({"run", "-c", shop.config(), "--exit-at-end"}, shop.log());
  ASSERT_EQ(run.wait(180), 0) << read_file(shop.log());
  AlertsByCustomer once;
  std::size_t repeated = 0;
  for (const auto& [customer, alerts] : shop.alerts(expected_count())) {
    for (const auto& alert : alerts) {
      auto& seen = once[customer];
      if (std::ranges::find(seen, alert) == seen.end()) {
        seen.push_back(alert);
      } else {
        ++repeated;
      }
    }
  }
  std::cout << repeated << " alerts were repeated\n";
  expect_as_expected(once);
}

TEST(ExactlyOnce, SurvivesTheDeathOfItsBroker) {
  Shop shop("max_rate: 10000\n");
  Process run({"run", "-c", shop.config(), "--exit-at-end"}, shop.log());
  std::mt19937_64 random(std::random_device{}());
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(run.wait(2.5)) << "ended before the broker was killed: " << read_file(shop.log());
    shop.broker.kill9();
    std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % 2500));
    shop.broker.restart();
  }
  ASSERT_EQ(run.wait(240), 0) << read_file(shop.log());
  expect_as_expected(shop.alerts(expected_count()));
}

}  // namespace
}  // namespace holdfast::testing
