// A service as operations have it: it runs, is asked, watched, looked into and stopped.

#include <chrono>
#include <csignal>
#include <functional>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/time.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/http.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;

// An id that no other text contains.
const std::string customer = "jane.doe+4711@example.org";
const std::string customer_path = "/api/v1/customers/jane.doe%2B4711@example.org";

class OperationsTest : public ::testing::Test {
 protected:
  OperationsTest() {
    // A shop where seconds are a long time, so that a silence is soon noticed.
    write_file(folder_.path() / "model.json",
               R"({"name":"hasty","time_unit":"1s","horizon":"600s",
                   "mbg":{"r":0.8,"alpha":1.0,"a":0.6,"b":2.0},"gamma_gamma":{"p":6.25,"q":3.74,"v":15.44},
                   "currency":"EUR"})");
    write_file(config(),
               "application_id: shop\n"
               "instance_id: one\n"
               "kafka: {bootstrap.servers: \"" +
                   broker_.bootstrap() +
                   "\"}\n"
                   "commit_interval: 50ms\n"
                   "sources:\n"
                   "  purchases: {topic: purchases, kind: purchase}\n"
                   "  visits: {topic: visits, kind: visit}\n"
                   "risk:\n"
                   "  model: model.json\n"
                   "  min_purchases: 1\n"
                   "  levels: {watch: 0.4, high: 0.5, critical: 0.6}\n"
                   "  hysteresis: 0.02\n"
                   "http: {listen: \"127.0.0.1:0\"}\n"
                   "state: {directory: " +
                   (folder_.path() / "state").string() + ", checkpoint_interval: 200ms}\n");
  }

  [[nodiscard]] std::string config() const { return (folder_.path() / "shop.yaml").string(); }
  [[nodiscard]] std::filesystem::path log() const { return folder_.path() / "run.log"; }
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    write_file(folder_.path() / name, content);
    return (folder_.path() / name).string();
  }
  [[nodiscard]] std::string checkpoint_of_customer() const {
    return run_holdfast({"inspect", "-c", config(), customer, "--json"}).out;
  }

  /// The port that the service has found for itself.
  [[nodiscard]] std::uint16_t port() const {
    const std::string text = read_file(log());
    std::smatch found;
    if (!std::regex_search(text, found, std::regex("listening on 127.0.0.1 port ([0-9]+)"))) return 0;
    return static_cast<std::uint16_t>(std::stoi(found[1]));
  }

  static ::testing::AssertionResult comes_true(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return ::testing::AssertionFailure() << "has not come true within a minute";
  }

  static std::string now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return to_rfc3339(Timestamp{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()});
  }

  Broker broker_;
  const TemporaryFolder folder_;
};

TEST_F(OperationsTest, AServiceFromItsTopicsToItsEnd) {
  // Topics: what is missing is said, then made; then nothing is missing, and nothing to be found fault with.
  const Finished missing = run_holdfast({"check", "-c", config(), "--connect"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.out + missing.err, HasSubstr("purchases"));
  const Finished created = run_holdfast({"topics", "-c", config(), "--create", "--partitions", "2"});
  ASSERT_EQ(created.status, 0) << created.err;
  EXPECT_THAT(created.out, HasSubstr("shop-holdfast-journal"));
  const Finished checked = run_holdfast({"check", "-c", config(), "--connect"});
  EXPECT_EQ(checked.status, 0) << checked.out << checked.err;

  Process service({"run", "-c", config()}, log());
  ASSERT_TRUE(comes_true([&] { return port() != 0 && http_get(port(), "/-/healthy").status == 200; }))
      << read_file(log());
  ASSERT_TRUE(comes_true([&] { return http_get(port(), "/-/ready").status == 200; })) << read_file(log());

  // Events of one's own: what is none is counted and named, all others are sent.
  const std::string bought = now();
  const Finished loaded =
      run_holdfast({"load", "-c", config(), "--source",
                    "purchases=" + file("p.ndjson", R"({"customer_id":")" + customer + R"(","time":")" + bought +
                                                        R"(","amount":12.5,"currency":"GBP","event_id":"e-1"})" +
                                                        "\n{\"customer_id\":\n"),
                    "--source", "visits=" + file("v.csv", "customer_id,time\nsomebody," + bought + "\n")});
  EXPECT_EQ(loaded.status, 1) << loaded.err;
  EXPECT_THAT(loaded.out + loaded.err, HasSubstr("1 records are no events and were left out; the first: record 2: "));
  broker_.produce("visits", 0, "somebody", "no event");

  // Nothing more happens, and that is what the alerts are about.
  std::vector<ConsumedRecord> records = broker_.consume_at_least("alerts", 3);
  ASSERT_EQ(records.size(), 3U);
  std::string time = bought;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const json alert = json::parse(records[i].value.value());
    EXPECT_EQ(records[i].key, customer);
    EXPECT_EQ(alert["seq"], i + 1);
    EXPECT_EQ(alert["change"], i == 0 ? "raised" : "escalated");
    EXPECT_EQ(alert["level"], std::vector<std::string>({"watch", "high", "critical"})[i]);
    EXPECT_EQ(alert["trigger"], json({{"type", "silence"}}));
    EXPECT_GT(alert["time"].get<std::string>(), time) << "each at its own moment";
    EXPECT_LE(alert["time"].get<std::string>(), now()) << "not before it was due";
    time = alert["time"];
  }

  // What it says of itself.
  const std::string metrics = http_get(port(), "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("holdfast_events_total{source=\"purchases\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("holdfast_dead_letters_total{source=\"visits\",code=\"malformed_json\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("holdfast_alerts_total{change=\"raised\",level=\"watch\"} 1\n"));
  EXPECT_THAT(metrics, ContainsRegex("holdfast_timers_fired_total [1-9]"));
  EXPECT_THAT(metrics, HasSubstr("holdfast_other_currency_total 1\n"));
  EXPECT_THAT(read_file(log()), HasSubstr("amounts come in another currency than the model's, or in none"));
  const json status = json::parse(http_get(port(), "/api/v1/status").body);
  EXPECT_EQ(status["ready"], true);
  EXPECT_EQ(status["application_id"], "shop");
  const json known = json::parse(http_get(port(), customer_path).body);
  EXPECT_EQ(known["customer_id"], customer);
  EXPECT_EQ(known["level"], "critical");
  EXPECT_EQ(known["alerts"], 3);
  EXPECT_EQ(http_get(port(), "/api/v1/customers/nobody").status, 404U);

  // What the commands show of it while it runs.
  const Finished table = run_holdfast({"alerts", "-c", config(), "--flagged"});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, ContainsRegex("jane.doe.4711@example.org +escalated +critical +[0-9]+ %"));
  const Finished lines = run_holdfast({"alerts", "-c", config(), "--json"});
  EXPECT_EQ(lines.out, *records[0].value + "\n" + *records[1].value + "\n" + *records[2].value + "\n");
  ASSERT_TRUE(comes_true([&] {
    const json at_checkpoint = json::parse(checkpoint_of_customer(), nullptr, false);
    return at_checkpoint.is_object() && at_checkpoint["alerts"] == 3;
  })) << run_holdfast({"inspect", "-c", config(), customer}).err;

  // Another process on its directory is refused, and harms nothing.
  const Finished second = run_holdfast({"run", "-c", config(), "--set", "instance_id=two"});
  EXPECT_THAT(second.status, AnyOf(Eq(1), Eq(2)));
  EXPECT_THAT(second.err, HasSubstr((folder_.path() / "state").string()));
  EXPECT_EQ(http_get(port(), "/-/ready").status, 200U);

  // A customer who comes back: the episode ends at once.
  broker_.produce("purchases", records[0].partition, customer,
                  R"({"customer_id":")" + customer + R"(","time":")" + now() + R"(","amount":7,"event_id":"e-2"})");
  const json resolved = json::parse(*broker_.consume_at_least("alerts", 4).at(3).value);
  EXPECT_EQ(resolved["change"], "resolved");
  EXPECT_EQ(resolved["trigger"]["event_id"], "e-2");

  service.signal(SIGTERM);
  ASSERT_EQ(service.wait(30), 0) << read_file(log());

  // The log: a JSON object a line, and nobody's id in it.
  std::istringstream in(read_file(log()));
  std::size_t count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    const json entry = json::parse(line, nullptr, false);
    ASSERT_TRUE(entry.is_object()) << line;
    EXPECT_TRUE(entry.contains("time") && entry.contains("level") && entry.contains("message")) << line;
    EXPECT_THAT(line, Not(HasSubstr("4711")));
  }
  EXPECT_GT(count, 3U);
  EXPECT_THAT(read_file(log()), HasSubstr("stopped: all that was taken is committed"));
}

TEST_F(OperationsTest, ADirectoryOfAnotherApplicationIsLeftAlone) {
  ASSERT_EQ(run_holdfast({"topics", "-c", config(), "--create", "--partitions", "1"}).status, 0);
  ASSERT_EQ(run_holdfast({"run", "-c", config(), "--exit-at-end"}).status, 0);
  const Finished other = run_holdfast({"run", "-c", config(), "--set", "application_id=other", "--exit-at-end"});
  EXPECT_THAT(other.status, AnyOf(Eq(1), Eq(2)));
  EXPECT_THAT(other.err, HasSubstr("shop"));
  const Finished again = run_holdfast({"run", "-c", config(), "--exit-at-end"});
  EXPECT_EQ(again.status, 0) << again.err;
}

}  // namespace
}  // namespace holdfast::testing
