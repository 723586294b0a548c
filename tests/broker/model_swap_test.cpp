// New models while the whole program works off a backlog from a real broker: by file and SIGHUP, by topic, with kills
// in between, and corrections of the models as outcomes arrive. The alerts are those of `holdfast replay --swap` with
// the same models at the same moments.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/step.hpp"
#include "ingest/partitioner.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/generated_shop.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr GeneratedShop shop_size{.events = 300'000, .customers = 20'000};
/// Events lie up to so far ahead of the clock: the first swap begins in the midst of them.
constexpr Duration ahead{20'000};
/// Within which all come under a new model, of as many as a partition has.
constexpr Duration spread{131'072};

Timestamp now() {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

/// More, or less, patient than that of the generated shop.
std::string model(const std::string& name, double alpha, const std::string& more = "") {
  return R"({"name":")" + name + R"(","time_unit":"7d","horizon":"91d","mbg":{"r":0.8,"alpha":)" +
         std::to_string(alpha) +
         R"(,"a":0.9,"b":2.5},"gamma_gamma":{"p":6.25,"q":3.74,"v":15.44},"logistic":{"intercept":0.1,)"
         R"("weights":{"mbg_logit":1.0,"visits_30d":-0.05)" +
         more + "}}}";
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit = 60s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

void require(const std::vector<std::string>& arguments) {
  const Finished done = run_holdfast(arguments);
  if (done.status != 0) throw std::runtime_error(arguments[0] + " failed: " + done.err + done.out);
}

class ModelSwap : public ::testing::Test {
 protected:
  ModelSwap() : end_(now() + ahead) {
    write_shop(folder_.path(), broker_.bootstrap(),
               "max_rate: 10000\ntopics: {models: models}\ncalibration: {mode: correct}\n");
    write_file(folder_.path() / "first.json", read_file(folder_.path() / "model.json"));
    fill_topics(shop_size, config(), 1, {"--to", to_rfc3339(end_), "--set", "time.clock=wall"});
  }

  [[nodiscard]] std::string config() const { return (folder_.path() / "shop.yaml").string(); }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  [[nodiscard]] std::filesystem::path log() const { return folder_.path() / "run.log"; }
  [[nodiscard]] std::vector<std::string> run_it(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"run", "-c", config(), "--set", "time.clock=wall"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  bool logged(const std::string& text) const { return read_file(log()).find(text) != std::string::npos; }

  /// The moments from which tasks took the model, as committed, by partition.
  std::map<std::int32_t, Timestamp> swaps_to(const std::string& bytes) {
    std::map<std::int32_t, Timestamp> moments;
    for (const ConsumedRecord& record : broker_.consume_all("shop-holdfast-journal")) {
      const auto entry = decode_journal_entry(record.value.value());
      if (!entry) throw std::runtime_error(entry.error().message);
      for (const Step& step : entry->steps) {
        if (step.swap == nullptr || step.swap->from == before_all_time || step.swap->model != bytes) continue;
        if (!moments.emplace(entry->partition.value, step.swap->from).second)
          throw std::runtime_error("a task took the model twice");
      }
    }
    return moments;
  }
  /// Waits until all tasks have taken it, and returns the moment, which is the same for all.
  Timestamp moment_of_swap_to(const std::string& bytes) {
    std::map<std::int32_t, Timestamp> moments;
    EXPECT_TRUE(eventually([&] { return (moments = swaps_to(bytes)).size() == GeneratedShop::partitions; }))
        << read_file(log());
    std::set<Timestamp> distinct;
    for (const auto& [partition, moment] : moments) distinct.insert(moment);
    EXPECT_EQ(distinct.size(), 1U) << "the tasks took it from different moments on";
    return distinct.empty() ? Timestamp{0} : *distinct.begin();
  }

  /// Somebody who never buys, and so is never alerted on, looks at something just now.
  void visit(int bystander) {
    const std::string id = "bystander-" + std::to_string(bystander);
    visits_.push_back(R"({"customer_id":")" + id + R"(","time":")" + to_rfc3339(now()) + R"("})");
    broker_.produce("visits", ingest::partition_for(ingest::Partitioner::murmur2, id, GeneratedShop::partitions), id,
                    visits_.back());
  }
  void visits_for(std::chrono::milliseconds duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
      visit(i % 1000);
      std::this_thread::sleep_for(1ms);
    }
  }

  /// Those of `holdfast replay` with these models.
  AlertsByCustomer replayed(const std::vector<std::pair<Timestamp, std::string>>& swaps) {
    const std::string alerts = path("alerts.ndjson");
    require({"generate", "-c", config(), "--events", std::to_string(shop_size.events), "--customers",
             std::to_string(shop_size.customers), "--seed", "7", "--to", to_rfc3339(end_), "--out",
             folder_.path().string()});
    std::ofstream visits(path("visits.ndjson"), std::ios::app);
    for (const std::string& visit : visits_) visits << visit << '\n';
    visits.close();
    std::vector<std::string> arguments{"replay",
                                       "-c",
                                       config(),
                                       "--set",
                                       "risk.model=" + path("first.json"),
                                       "--partitions",
                                       std::to_string(GeneratedShop::partitions),
                                       "--alerts",
                                       alerts};
    for (const auto& [from, model] : swaps)
      arguments.insert(arguments.end(), {"--swap", to_rfc3339(from) + "=" + model});
    for (const auto& source : shop_sources())
      arguments.insert(arguments.end(), {"--source", source + "=" + path(source + ".ndjson")});
    require(arguments);
    AlertsByCustomer out;
    std::ifstream in(alerts);
    for (std::string line; std::getline(in, line);) out[Json::parse(line).at("customer_id")].push_back(line);
    return out;
  }

  TemporaryFolder folder_;
  Broker broker_;
  const Timestamp end_;
  std::vector<std::string> visits_;  ///< In the order in which they were sent.
};

/// By the name of the model, whether the model itself was the reason, and whether it was corrected.
std::map<std::string, std::size_t> counts_of(const AlertsByCustomer& alerts) {
  std::map<std::string, std::size_t> counts;
  for (const auto& [customer, lines] : alerts) {
    for (const std::string& line : lines) {
      const Json alert = Json::parse(line);
      const bool by_model = alert.at("trigger").at("type") == "model";
      ++counts[alert.at("model").at("name").get<std::string>() + (by_model ? " by itself" : "")];
      if (alert.at("model").contains("correction")) ++counts["corrected"];
    }
  }
  return counts;
}

AlertsByCustomer up_to(Timestamp until, const AlertsByCustomer& alerts) {
  AlertsByCustomer out;
  for (const auto& [customer, lines] : alerts) {
    for (const std::string& line : lines) {
      if (*parse_rfc3339(Json::parse(line).at("time").get<std::string>()) <= until) out[customer].push_back(line);
    }
  }
  return out;
}

TEST_F(ModelSwap, ByFileAndByTopicWithKillsInBetweenIsAsInAReplay) {
  const std::string second = model("second", 1);
  const std::string third = model("third", 12);
  std::mt19937_64 random(std::random_device{}());
  int kills = 0;
  Timestamp from_second;
  {
    Process run(run_it(), log());
    ASSERT_TRUE(eventually([&] { return logged("ready: "); })) << read_file(log());
    write_file(path("model.json"), "{}");
    run.signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return logged("model refused: "); })) << read_file(log());
    EXPECT_TRUE(logged("mbg: is missing; every model needs it")) << "all faults are said: " << read_file(log());
    write_file(path("model.json"), second);
    write_file(path("second.json"), second);
    run.signal(SIGHUP);
    from_second = moment_of_swap_to(second);
    run.kill9();
    ++kills;
  }
  // Some kills in the backlog, where stream time has not come to the model, the others while customers come under it.
  std::optional<Timestamp> from_third;
  int between = 0;
  while (!from_third || now() < *from_third + spread + Duration{2'000}) {
    const bool backlog = kills < 4;
    Process run(run_it({"--set", backlog ? "max_rate=10000" : "max_rate=0"}), log());
    if (!backlog && !from_third && now() > from_second + Duration{spread.ms / 2}) {
      write_file(path("third.json"), third);
      write_file(path("bad.json"), model("bad", 7, R"(,"moon_phase":1)"));
      const Finished refused = run_holdfast({"models", "-c", config(), "--use", path("bad.json")});
      EXPECT_EQ(refused.status, 2);
      EXPECT_THAT(refused.err, HasSubstr("logistic.weights.moon_phase: unknown key"));
      const Finished used = run_holdfast({"models", "-c", config(), "--use", path("third.json")});
      ASSERT_EQ(used.status, 0) << used.err;
      EXPECT_THAT(used.out, HasSubstr("in force"));
      // A producer that does not look at what it sends.
      broker_.produce("models", 0, "model", model("bad", 7, R"(,"moon_phase":1)"));
      from_third = moment_of_swap_to(third);
    }
    visits_for(std::chrono::milliseconds(backlog ? 800 + random() % 1000 : 2'000 + random() % 6'000));
    ASSERT_FALSE(run.wait(0)) << read_file(log());
    run.kill9();
    ++kills;
    between += now() > from_second && now() < from_third.value_or(from_second) + spread ? 1 : 0;
  }
  // In every partition somebody comes last: that is how far the alerts of a replay go.
  for (int i = 0; i < 100; ++i) visit(i);
  const Timestamp until = now() - Duration{100};
  Process run(run_it({"--exit-at-end", "--set", "max_rate=0"}), log());
  ASSERT_EQ(run.wait(180), 0) << read_file(log());

  const Finished listed = run_holdfast({"models", "-c", config(), "--json"});
  ASSERT_EQ(listed.status, 0) << listed.err;
  const Json models = Json::parse(listed.out);
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].at("is"), "in force");
  EXPECT_EQ(models[0].at("name"), "third");
  EXPECT_EQ(models[1].at("is"), "refused");

  const AlertsByCustomer expected =
      up_to(until, replayed({{from_second, path("second.json")}, {*from_third, path("third.json")}}));
  const auto counts = counts_of(expected);
  for (const auto& [what, count] : counts) std::cout << count << " alerts of model " << what << '\n';
  std::cout << kills << " kills, " << between << " of them while customers came under a new model; " << visits_.size()
            << " visits meanwhile; the models " << (*from_third - from_second).ms << " ms apart\n";
  EXPECT_GT(between, 10);
  EXPECT_GT(counts.at("second by itself"), 100U);
  EXPECT_GT(counts.at("third by itself"), 100U);
  EXPECT_GT(counts.at("corrected"), 1000U);
  EXPECT_EQ(difference(expected, up_to(until, by_customer(broker_.consume_at_least("alerts", count(expected))))), "");
}

}  // namespace
}  // namespace holdfast::testing
