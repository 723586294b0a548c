// A customer who asks to be forgotten, with a real broker and the real program: what is told, and that neither the
// state directory nor the changelog nor a restore from either knows the customer afterwards.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ingest/partitioner.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using ::testing::HasSubstr;

constexpr std::int32_t partitions = 2;
constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t new_year_ms = 1'293'840'000'000;
const std::string changelog = "shop-holdfast-changelog";

// No compression hides it, and no other text contains it.
const std::string leaver = "Kq7vXw2pZr9tLm4s";
const std::string twin = "Kq7vXw2pZr9tLm4sYb";  // Stays, and stands next to the one who goes.

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit = 120s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(100ms);
  }
  return true;
}

class ErasureTest : public ::testing::Test {
 protected:
  ErasureTest() : broker_("log.cleaner.backoff.ms=100\nlog.initial.task.delay.ms=100\n") {
    write_file(folder_.path() / "model.json",
               R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.525,"alpha":6.183,"a":0.891,"b":1.614}})");
    write_file(config(),
               "application_id: shop\n"
               "instance_id: one\n"
               "kafka: {bootstrap.servers: \"" +
                   broker_.bootstrap() +
                   "\"}\n"
                   "commit_interval: 50ms\n"
                   "time: {clock: event}\n"
                   "sources:\n"
                   "  purchases: {topic: purchases, kind: purchase}\n"
                   "  complaints: {topic: complaints, kind: complaint}\n"
                   "  visits: {topic: visits, kind: visit}\n"
                   "  actions: {topic: actions, kind: action}\n"
                   "risk: {model: model.json}\n"
                   "http: {listen: \"127.0.0.1:0\"}\n"
                   "state: {directory: " +
                   state().string() + ", checkpoint_interval: 200ms}\n");
    broker_.create_topic(changelog, partitions,
                         {{"cleanup.policy", "compact"},
                          {"segment.ms", "100"},
                          {"min.cleanable.dirty.ratio", "0.01"},
                          {"delete.retention.ms", "0"}});
    const Finished made =
        run_holdfast({"topics", "-c", config(), "--create", "--partitions", std::to_string(partitions)});
    if (made.status != 0) throw std::runtime_error(made.err);
  }

  [[nodiscard]] std::string config() const { return (folder_.path() / "shop.yaml").string(); }
  [[nodiscard]] std::filesystem::path state() const { return folder_.path() / "state"; }
  [[nodiscard]] std::filesystem::path log() const { return folder_.path() / "run.log"; }

  void event(const std::string& topic, const std::string& customer, std::int64_t day, Json fields = Json::object()) {
    fields["customer_id"] = customer;
    fields["time"] = new_year_ms + day * day_ms + 1000 * ++events_;
    fields["event_id"] = "e" + std::to_string(events_);
    broker_.produce(topic, ingest::partition_for(ingest::Partitioner::murmur2, customer, partitions), customer,
                    fields.dump());
  }
  /// Somebody in every partition does something: time goes on, and a checkpoint has something to hold.
  void others_visit(std::int64_t day) {
    for (int i = 0; i < 8; ++i) event("visits", "bystander-" + std::to_string(i), day);
  }

  [[nodiscard]] std::vector<Json> alerts_of(const std::string& customer) const {
    std::vector<Json> out;
    for (const ConsumedRecord& record : broker_.consume_all("alerts")) {
      if (record.key == customer) out.push_back(Json::parse(record.value.value()));
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> files_with(const std::string& text) const {
    std::vector<std::string> names;
    std::error_code gone;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state(), gone)) {
      if (!entry.is_regular_file(gone)) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      if (bytes.find(text) != std::string::npos) names.push_back(entry.path().string());
    }
    return names;
  }
  [[nodiscard]] bool in_changelog(const std::string& text) const {
    return std::ranges::any_of(broker_.consume_all(changelog, false), [&](const ConsumedRecord& record) {
      return record.key.value_or("").find(text) != std::string::npos ||
             record.value.value_or("").find(text) != std::string::npos;
    });
  }
  [[nodiscard]] Finished inspect(const std::string& customer) const {
    return run_holdfast({"inspect", "-c", config(), "--json", customer});
  }
  [[nodiscard]] bool knows(const std::string& customer) const { return inspect(customer).status == 0; }

  const TemporaryFolder folder_;
  mutable Broker broker_;
  std::int64_t events_ = 0;
};

TEST_F(ErasureTest, LeavesNothingBehind) {
  auto process = std::make_unique<Process>(std::vector<std::string>{"run", "-c", config()}, log());
  for (const std::string& customer : {leaver, twin}) {
    event("purchases", customer, 0, {{"amount", 20}, {"currency", "GBP"}});
    event("purchases", customer, 7, {{"amount", 30}, {"currency", "GBP"}});
    event("complaints", customer, 8, {{"category", "return"}});
    event("visits", customer, 9);
  }
  others_visit(300);
  ASSERT_TRUE(eventually([&] { return !alerts_of(leaver).empty() && !alerts_of(twin).empty(); })) << read_file(log());
  ASSERT_TRUE(eventually([&] { return knows(leaver) && knows(twin); })) << inspect(leaver).err;
  EXPECT_FALSE(files_with(leaver).empty()) << "the search finds nothing that is there";

  // The request comes twice, the second time with another id.
  event("actions", leaver, 301, {{"action", "call"}});
  event("actions", leaver, 302, {{"action", "erase"}, {"reference", "ticket 5"}});
  event("actions", leaver, 303, {{"action", "erase"}});
  ASSERT_TRUE(eventually([&] { return alerts_of(leaver).back()["change"] == "erased"; })) << read_file(log());
  const std::vector<Json> told = alerts_of(leaver);
  const Json& last = told.back();
  EXPECT_EQ(last["level"], "none");
  EXPECT_EQ(last["previous_level"], told[told.size() - 2]["level"]);
  EXPECT_EQ(last["seq"], told.size());
  EXPECT_EQ(last["trigger"]["type"], "action");
  EXPECT_EQ(last["trigger"]["source"], "actions");
  EXPECT_EQ(last["reasons"], Json::array());
  EXPECT_EQ(last["customer"]["purchases"], 0);
  EXPECT_FALSE(last.contains("value"));

  // The state directory; the twin's id begins with the leaver's.
  const auto on_disk = [&] {
    std::vector<std::string> found;
    for (const std::string& file : files_with(leaver)) {
      std::string bytes = read_file(file);
      for (auto at = bytes.find(twin); at != std::string::npos; at = bytes.find(twin)) bytes.erase(at, twin.size());
      if (bytes.find(leaver) != std::string::npos) found.push_back(file);
    }
    return found;
  };
  EXPECT_TRUE(eventually([&] { return on_disk().empty(); })) << ::testing::PrintToString(on_disk());
  const Finished unknown = inspect(leaver);
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("knows this customer"));
  EXPECT_TRUE(knows(twin));

  // The changelog, once Kafka has compacted it: a segment is closed by what comes after it.
  const auto in_log = [&] {
    return std::ranges::any_of(broker_.consume_all(changelog, false), [&](const ConsumedRecord& record) {
      const std::string key = record.key.value_or("");
      return key.find(leaver) != std::string::npos && key.find(twin) == std::string::npos;
    });
  };
  std::int64_t day = 310;
  EXPECT_TRUE(eventually([&] {
    others_visit(day++);
    return !in_log();
  })) << "the changelog still has the customer";
  EXPECT_TRUE(in_changelog(twin));

  // A restart.
  process->signal(SIGTERM);
  ASSERT_EQ(process->wait(60), 0) << read_file(log());
  EXPECT_TRUE(on_disk().empty()) << ::testing::PrintToString(on_disk());
  const std::size_t alerts = alerts_of(leaver).size();
  write_file(log(), "");
  process = std::make_unique<Process>(std::vector<std::string>{"run", "-c", config()}, log());
  ASSERT_TRUE(eventually([&] { return read_file(log()).find("caught up") != std::string::npos; })) << read_file(log());
  const auto stream_time = [&] {
    return Json::parse(inspect("bystander-0").out)["checkpoint"]["stream_time"].get<std::string>();
  };
  const std::string before = stream_time();
  others_visit(day++);
  ASSERT_TRUE(eventually([&] { return stream_time() != before; })) << read_file(log());
  EXPECT_FALSE(knows(leaver));
  EXPECT_TRUE(on_disk().empty()) << ::testing::PrintToString(on_disk());

  // A restore from the changelog alone.
  process->signal(SIGTERM);
  ASSERT_EQ(process->wait(60), 0) << read_file(log());
  std::filesystem::remove_all(state());
  write_file(log(), "");
  process = std::make_unique<Process>(std::vector<std::string>{"run", "-c", config()}, log());
  ASSERT_TRUE(eventually([&] { return read_file(log()).find("caught up") != std::string::npos; })) << read_file(log());
  ASSERT_TRUE(eventually([&] { return knows(twin); })) << inspect(twin).err;
  EXPECT_FALSE(knows(leaver));
  EXPECT_TRUE(on_disk().empty()) << ::testing::PrintToString(on_disk());
  EXPECT_EQ(alerts_of(leaver).size(), alerts) << "something was told once more";

  // Who comes back is a new customer.
  event("purchases", leaver, day, {{"amount", 20}, {"currency", "GBP"}});
  event("purchases", leaver, day + 7, {{"amount", 30}, {"currency", "GBP"}});
  others_visit(day + 307);
  ASSERT_TRUE(eventually([&] { return alerts_of(leaver).size() > alerts; })) << read_file(log());
  EXPECT_EQ(alerts_of(leaver)[alerts]["seq"], 1);
  EXPECT_EQ(alerts_of(leaver)[alerts]["customer"]["purchases"], 2);
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait(60), 0) << read_file(log());
}

// Killed between the checkpoint and the purge, it is made up for at the next start.
TEST_F(ErasureTest, IsFinishedAfterKills) {
  for (int round = 0; round < 3; ++round) {
    const std::string customer = "Zw" + std::to_string(round) + leaver;
    {
      const Process process({"run", "-c", config()}, log());
      event("purchases", customer, round * 400, {{"amount", 20}});
      event("purchases", customer, round * 400 + 7, {{"amount", 30}});
      others_visit(round * 400 + 300);
      ASSERT_TRUE(eventually([&] { return knows(customer); })) << read_file(log());
      EXPECT_FALSE(files_with(customer).empty());
      event("actions", customer, round * 400 + 301, {{"action", "erase"}});
      ASSERT_TRUE(eventually([&] { return !knows(customer); })) << read_file(log());
    }  // SIGKILL.
    Process again({"run", "-c", config()}, log());
    // Before that it has no ear for signals, and opening its state may purge it already.
    const auto starts = [&] {
      const std::string said = read_file(log());
      int count = 0;
      for (std::size_t at = said.find("http: listening"); at != said.npos; at = said.find("http: listening", at + 1))
        ++count;
      return count;
    };
    ASSERT_TRUE(eventually([&] { return starts() == 2 * (round + 1); })) << read_file(log());
    EXPECT_TRUE(eventually([&] { return files_with(customer).empty(); }))
        << ::testing::PrintToString(files_with(customer));
    EXPECT_FALSE(knows(customer));
    again.signal(SIGTERM);
    EXPECT_EQ(again.wait(60), 0) << read_file(log());
  }
}

}  // namespace
}  // namespace holdfast::testing
