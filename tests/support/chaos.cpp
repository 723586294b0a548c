#include "tests/support/chaos.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "tests/support/broker.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/process.hpp"
#include "tests/support/segments.hpp"

namespace holdfast::testing {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::array hows{std::pair{Combination::How::hard, std::string_view("hard")},
                          std::pair{Combination::How::clean, std::string_view("clean")}};
constexpr std::array targets{std::pair{Combination::Target::leader, std::string_view("leader")},
                             std::pair{Combination::Target::transactions, std::string_view("transactions")},
                             std::pair{Combination::Target::group, std::string_view("group")},
                             std::pair{Combination::Target::controller, std::string_view("controller")},
                             std::pair{Combination::Target::all, std::string_view("all")}};
const std::string application = "shop";  // As in the configuration of the generated shop.
const std::string alerts_topic = "alerts";
const std::string journal_topic = "shop-holdfast-journal";

/// The group waits for an instance for so long before it gives its partitions away.
constexpr auto session = 6s;
/// Only a broken build reaches these.
constexpr auto begin_patience = 60s;
constexpr auto takeover_patience = 40s;
constexpr auto end_patience = 240s;
constexpr double stop_seconds_max = 90;

/// While nodes and instances are killed, events are to come slowly, and a few of each input rather than many of one,
/// which none could be applied of: a fetch gets one small batch of each partition, after a while.
constexpr int batch_bytes = 16'384;
constexpr std::array slow_flags{"kafka.fetch.message.max.bytes=16384", "kafka.fetch.min.bytes=1000000",
                                "kafka.fetch.wait.max.ms=100", "kafka.queued.min.messages=1"};
/// Long transactions, so that most kills fall into one.
constexpr std::array common_flags{"kafka.heartbeat.interval.ms=1000", "commit_interval=300ms"};

/// A failure of what is tested, as opposed to the test's own.
struct Broken : std::runtime_error {
  using runtime_error::runtime_error;
};

template <class T>
std::string_view name_of(const T& names, auto value) {
  return std::ranges::find(names, value, [](const auto& n) { return n.first; })->second;
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::chrono::milliseconds between(std::chrono::milliseconds low, std::chrono::milliseconds high) {
    return low + std::chrono::milliseconds(below(static_cast<std::uint64_t>((high - low).count()) + 1));
  }

 private:
  std::mt19937_64 random_;
};

// ---------------------------------------------------------------------------------------------------------------------
// Instances

/// `holdfast run`, with an identity and a state directory of its own.
class Instance {
 public:
  Instance(std::string name, std::string config, std::filesystem::path folder)
      : name_(std::move(name)), config_(std::move(config)), folder_(std::move(folder)) {}

  void start(bool slow) {
    std::vector<std::string> words{"run", "-c", config_};
    const auto set = [&words](std::string setting) {
      words.emplace_back("--set");
      words.push_back(std::move(setting));
    };
    set("instance_id=" + name_);
    set("state.directory=" + (folder_ / ("state-" + name_)).string());
    set(fmt::format("kafka.session.timeout.ms={}", std::chrono::milliseconds(session).count()));
    for (const char* flag : common_flags) set(flag);
    for (const char* flag : slow_flags) {
      if (slow) set(flag);
    }
    process_.reset();
    log_size_ = std::filesystem::exists(log()) ? std::filesystem::file_size(log()) : 0;
    process_ = std::make_unique<Process>(words, log());
  }
  void kill9() { process_->kill9(); }
  /// How often it has restored its partitions since it was started.
  [[nodiscard]] std::size_t restored() const { return occurrences("ready: ", log_size_); }
  /// It must not end by itself.
  void require_alive() {
    if (const auto status = process_->wait(0))
      throw Broken(fmt::format("instance {} ended by itself with status {}: {}", name_, *status, last_lines()));
  }
  /// Drains, commits and ends with status 0.
  void stop() {
    process_->signal(SIGTERM);
    const auto status = process_->wait(stop_seconds_max);
    if (status != 0)
      throw Broken(fmt::format("instance {} was stopped cleanly and {}: {}", name_,
                               status ? fmt::format("ended with status {}", *status) : "did not end", last_lines()));
  }
  /// How often it went back to the committed state, from its first start on.
  [[nodiscard]] std::size_t rollbacks() const { return occurrences("going back to the committed state", 0); }

 private:
  [[nodiscard]] std::filesystem::path log() const { return folder_ / (name_ + ".log"); }
  [[nodiscard]] std::size_t occurrences(std::string_view what, std::size_t from) const {
    const std::string text = read_file(log());
    std::size_t found = 0;
    for (std::size_t at = from; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++found;
    return found;
  }
  [[nodiscard]] std::string last_lines() const {
    constexpr std::size_t shown = 2000;
    const std::string text = read_file(log());
    return text.substr(text.size() > shown ? text.size() - shown : 0);
  }

  std::string name_;
  std::string config_;
  std::filesystem::path folder_;
  std::unique_ptr<Process> process_;
  std::size_t log_size_ = 0;  ///< When it was started.
};

using Instances = std::array<Instance, 2>;

/// Kills instances at random moments and starts them again, in a thread of its own. Some stay away for so long that the
/// other one gets their partitions. At its end both run.
class Killer {
 public:
  /// `in_backlog`: whether some is done, and some is left.
  Killer(Instances& instances, std::uint64_t seed, std::function<bool()> in_backlog)
      : instances_(instances),
        chance_(seed),
        in_backlog_(std::move(in_backlog)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;
  ~Killer() = default;

  void end() {
    thread_.request_stop();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }
  /// REQUIRES: it has ended.
  [[nodiscard]] int kills() const { return kills_; }
  [[nodiscard]] int kills_in_backlog() const { return kills_in_backlog_; }
  [[nodiscard]] int absences() const { return absences_; }

 private:
  void run(const std::stop_token& stop) {
    try {
      for (int n = 1; wait(stop, chance_.between(1s, 4s)); ++n) {
        for (Instance& instance : instances_) instance.require_alive();
        const std::size_t index = chance_.below(instances_.size());
        Instance& victim = instances_.at(index);
        victim.kill9();
        ++kills_;
        kills_in_backlog_ += in_backlog_() ? 1 : 0;
        // The second one is the first to last long: even short runs see partitions move.
        if (n % 3 == 2) {
          absences_ += wait_for_other(stop, instances_.at(1 - index)) ? 1 : 0;
        } else {
          (void)wait(stop, chance_.between(0s, 1s));
        }
        victim.start(true);
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  /// Waits until the other instance has got the partitions of the one that was killed, and some time more.
  bool wait_for_other(const std::stop_token& stop, const Instance& other) {
    const std::size_t before = other.restored();
    const auto deadline = Clock::now() + takeover_patience;
    while (other.restored() == before && Clock::now() < deadline) {
      if (!wait(stop, 50ms)) return false;
    }
    return wait(stop, chance_.between(0s, 2s)) && other.restored() > before;
  }

  /// False: it was told to end meanwhile.
  bool wait(const std::stop_token& stop, std::chrono::milliseconds duration) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
  }

  Instances& instances_;
  Chance chance_;
  std::function<bool()> in_backlog_;
  int kills_ = 0;
  int kills_in_backlog_ = 0;
  int absences_ = 0;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  ///< Last: it ends before what it uses.
};

// ---------------------------------------------------------------------------------------------------------------------
// Nodes

int node_of(Combination::Target target, int turn, Cluster& cluster, Chance& chance) {
  switch (target) {
    case Combination::Target::leader: {
      std::vector<std::string> topics = shop_sources();
      topics.push_back(alerts_topic);
      topics.push_back(journal_topic);
      const std::string& topic = topics.at(chance.below(topics.size()));
      return cluster.leader_of(topic, static_cast<std::int32_t>(chance.below(GeneratedShop::partitions)));
    }
    case Combination::Target::transactions:
      return cluster.transaction_coordinator(application + (chance.below(2) == 0 ? "-one" : "-two"));
    case Combination::Target::group: return cluster.group_coordinator(application);
    case Combination::Target::controller: return cluster.controller();
    case Combination::Target::all: return Cluster::nodes.at(static_cast<std::size_t>(turn) % Cluster::nodes.size());
  }
  throw std::logic_error("no such target");
}

void bounce(Combination::How how, int node, Cluster& cluster, Chance& chance) {
  if (how == Combination::How::hard) {
    cluster.kill9(node);
  } else {
    cluster.stop(node);
  }
  std::this_thread::sleep_for(chance.between(0s, 2s));
  cluster.restart(node);
  cluster.wait_until_in_sync();
}

// ---------------------------------------------------------------------------------------------------------------------
// The account

bool same(const ConsumedRecord& a, const ConsumedRecord& b) {
  return a.partition == b.partition && a.offset == b.offset && a.key == b.key && a.value == b.value;
}

std::vector<ConsumedRecord> in_order(std::vector<ConsumedRecord> records) {
  std::ranges::stable_sort(records, {}, [](const ConsumedRecord& r) { return std::pair(r.partition, r.offset); });
  return records;
}

/// Whatever a consumer was shown while nodes came and went is what the log holds for good.
void require_same(const std::vector<ConsumedRecord>& followed, const std::vector<ConsumedRecord>& fresh) {
  const auto at = std::ranges::mismatch(followed, fresh, same);
  if (at.in1 == followed.end() && at.in2 == fresh.end()) return;
  const auto text = [](const auto& record, const auto& end) {
    if (record == end) return std::string("nothing");
    return fmt::format("partition {} offset {}: {}", record->partition, record->offset, record->value.value_or(""));
  };
  throw Broken(
      fmt::format("the consumer that followed saw {} alerts, a new one sees {}; the first difference: {} and {}",
                  followed.size(), fresh.size(), text(at.in1, followed.end()), text(at.in2, fresh.end())));
}

template <class Condition>
bool wait_until(Condition holds, std::chrono::seconds patience, Instances& instances) {
  const auto deadline = Clock::now() + patience;
  while (!holds()) {
    for (Instance& instance : instances) instance.require_alive();
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

void run(const Combination& combination, const ChaosSettings& settings, const AlertsByCustomer& expected,
         const std::filesystem::path& folder, ChaosResult& result) {
  Chance chance(combination.seed);
  Cluster cluster;
  const std::string config = write_shop(folder, cluster.bootstrap());
  fill_topics(settings.shop, config, static_cast<int>(Cluster::nodes.size()),
              {"--set", fmt::format("kafka.batch.size={}", batch_bytes)});
  cluster.wait_until_in_sync();
  const std::size_t expected_count = count(expected);
  const Follower follower(cluster, alerts_topic, GeneratedShop::partitions);

  Instances instances{Instance("one", config, folder), Instance("two", config, folder)};
  for (Instance& instance : instances) instance.start(true);
  const auto in_backlog = [&] { return follower.count() > 0 && follower.count() < expected_count; };
  wait_until(in_backlog, begin_patience, instances);
  Killer killer(instances, combination.seed, in_backlog);
  for (int turn = 0; turn < settings.bounces; ++turn) {
    std::this_thread::sleep_for(chance.between(1s, 3s));
    const int node = node_of(combination.target, turn, cluster, chance);
    result.bounces_in_backlog += in_backlog() ? 1 : 0;
    ++result.bounces;
    bounce(combination.how, node, cluster, chance);
  }
  killer.end();
  result.kills = killer.kills();
  result.kills_in_backlog = killer.kills_in_backlog();
  result.absences = killer.absences();

  // The rest is done as fast as it goes.
  for (Instance& instance : instances) {
    instance.require_alive();
    instance.kill9();
    ++result.kills;
    result.kills_in_backlog += in_backlog() ? 1 : 0;
    instance.start(false);
  }
  const bool complete = wait_until(
      [&] {
        return follower.count() >= expected_count &&
               std::ranges::all_of(instances, [](const Instance& i) { return i.restored() > 0; });
      },
      end_patience, instances);
  for (Instance& instance : instances) instance.stop();

  const std::vector<ConsumedRecord> fresh = cluster.consume_all(alerts_topic);
  const auto deadline = Clock::now() + 30s;
  while (follower.count() < fresh.size() && Clock::now() < deadline) std::this_thread::sleep_for(20ms);
  result.alerts = fresh.size();
  result.aborted_alerts = cluster.consume_all(alerts_topic, false).size() - fresh.size();
  result.aborted_transactions =
      aborted_transactions(cluster.data_of(1), {alerts_topic, journal_topic, "__consumer_offsets"});
  for (const Instance& instance : instances) result.rollbacks += instance.rollbacks();
  if (const std::string why = follower.failure(); !why.empty()) throw Broken("the consumer that followed: " + why);
  require_same(in_order(follower.seen()), in_order(fresh));
  if (const std::string where = difference(expected, by_customer(fresh)); !where.empty())
    throw Broken(fmt::format("{} alerts instead of {}: {}", fresh.size(), expected_count, where));
  if (!complete) throw Broken("the alerts were complete only after the instances were stopped");
}

}  // namespace

std::vector<Combination> all_combinations(std::uint64_t seeds) {
  std::vector<Combination> all;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const auto& [how, how_name] : hows) {
      for (const auto& [target, target_name] : targets) all.push_back({how, target, seed});
    }
  }
  return all;
}

std::string to_text(const Combination& combination) {
  return fmt::format("{}:{}:{}", name_of(hows, combination.how), name_of(targets, combination.target),
                     combination.seed);
}

std::optional<Combination> combination_of(std::string_view text) {
  const std::size_t seed_at = text.rfind(':') + 1;
  std::uint64_t seed = 0;
  for (const char c : text.substr(seed_at)) {
    if (c < '0' || c > '9') return std::nullopt;
    seed = seed * 10 + static_cast<std::uint64_t>(c - '0');
  }
  for (Combination combination : all_combinations(1)) {
    combination.seed = seed;
    if (to_text(combination) == text) return combination;
  }
  return std::nullopt;
}

ChaosResult run_chaos(const Combination& combination, const ChaosSettings& settings, const AlertsByCustomer& expected,
                      const std::filesystem::path& folder) {
  const auto begin = Clock::now();
  ChaosResult result;
  try {
    run(combination, settings, expected, folder, result);
  } catch (const std::exception& e) {
    result.failure = e.what();
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

std::string to_text(const ChaosResult& result) {
  return fmt::format(
      "{} bounces ({} in the backlog), {} kills ({} in the backlog, {} long), {} rollbacks, {} alerts, {} aborted "
      "transactions ({} "
      "alerts), {:.0f} s: {}",
      result.bounces, result.bounces_in_backlog, result.kills, result.kills_in_backlog, result.absences,
      result.rollbacks, result.alerts, result.aborted_transactions, result.aborted_alerts, result.seconds,
      result.failure.empty() ? "ok" : "FAILED: " + result.failure);
}

}  // namespace holdfast::testing
