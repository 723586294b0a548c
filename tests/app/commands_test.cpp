#include "app/commands.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command_line.hpp"
#include "engine/customer.hpp"
#include "state/checkpoint_store.hpp"
#include "tests/support/process.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t day_ms = 86'400'000;
constexpr Timestamp start{15'000 * day_ms};

const std::string all_sources =
    "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
    "  complaints: {topic: complaints, kind: complaint}\n  visits: {topic: visits, kind: visit}\n"
    "risk: {model: model.json}\n";

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    testing::write_file(folder_.path() / "model.json",
                        R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6}})");
    configure("application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n");
  }

  void configure(const std::string& text) { testing::write_file(config(), text); }
  [[nodiscard]] std::string config() const { return (folder_.path() / "shop.yaml").string(); }

  struct Run {
    int status = 0;
    std::string out;
    std::string err;
  };
  Run run(std::vector<std::string> arguments) {
    std::vector<const char*> argv{"holdfast"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Run run;
    run.status = run_program(static_cast<int>(argv.size()), argv.data());
    run.out = ::testing::internal::GetCapturedStdout();
    run.err = ::testing::internal::GetCapturedStderr();
    return run;
  }

  /// A state directory with one customer: two purchases, ten days apart.
  void write_state(PolicyId policy) {
    engine::Customer customer{};
    const auto buy = [&](Timestamp time, std::string_view event_id) {
      Event event;
      event.kind = EventKind::purchase;
      event.time = time;
      event.customer = make_customer_key("C1");
      event.event_id = event_id;
      engine::apply_event(customer, event);
    };
    buy(start, "a");
    buy(start + Duration{10 * day_ms}, "b");

    auto store = state::RocksStore::open(
        {.directory = folder_.path() / "state", .application_id = "shop", .env = nullptr, .read_only = false});
    ASSERT_TRUE(store) << store.error().message;
    CheckpointData data;
    data.marker.partition = Partition{3};
    data.marker.policy = policy;
    data.marker.record_format = engine::customer_format;
    data.marker.step = 42;
    data.marker.position.sources = 1;
    data.marker.position.next[0] = Offset{2};
    data.marker.stream_time = start + Duration{20 * day_ms};
    data.marker.customers = 1;
    data.marker.taken_at = start + Duration{30 * day_ms};
    data.record_size = sizeof(customer);
    data.entries.push_back({.at = 0, .id_size = 2});
    data.bytes = "C1" + std::string(reinterpret_cast<const char*>(&customer), sizeof(customer));
    const Status written = (*store)->write(data);
    ASSERT_TRUE(written) << written.error().message;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(CommandsTest, UsageErrorsHaveStatusTwo) {
  for (const std::vector<std::string>& arguments : std::initializer_list<std::vector<std::string>>{
           {},
           {"check"},
           {"chekc", "-c", config()},
           {"check", "-c", config(), "--set", "novalue"},
           {"check", "-c", config(), "extra"},
           {"replay", "-c", config()},
           {"replay", "-c", config(), "--source", "purchases"},
           {"replay", "-c", config(), "--source", "a=b", "--until", "tomorrow"},
           {"replay", "-c", config(), "--source", "a=b", "--threads", "0"},
           {"evaluate", "-c", config(), "--replicates", "19"},
           {"evaluate", "-c", config(), "--replicates", "1000000000000000"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--kafka", "--out", "x"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--out", "x", "--days",
            "nan"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--out", "x", "--days",
            "1e300"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--out", "x", "--days",
            "0"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--out", "x", "--rate",
            "inf"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "18446744073709551616", "--out",
            "x"},
           {"generate", "-c", config(), "--events", "0", "--customers", "1", "--seed", "1", "--out", "x"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--out", "x", "--from",
            "2011-01-02", "--to", "2011-01-01"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--out", "x", "--from",
            "2011-01-01", "--to", "2011-01-01"},
           {"generate", "-c", config(), "--events", "1", "--customers", "1", "--seed", "1", "--out", "x", "--from",
            "2011-01-01", "--to", "2012-01-01", "--days", "3"},
           {"inspect", "-c", config()}}) {
    const Run result = run(arguments);
    EXPECT_EQ(result.status, 2) << ::testing::PrintToString(arguments);
    EXPECT_EQ(result.out, "") << ::testing::PrintToString(arguments);
    EXPECT_NE(result.err, "") << ::testing::PrintToString(arguments);
  }
  EXPECT_EQ(run({"chekc"}).err,
            "there is no command 'chekc'; did you mean check?\nRun with --help for more information.\n");
}

TEST_F(CommandsTest, HelpBeginsWithExamplesAndVersionNamesTheLibraries) {
  for (const std::vector<std::string>& command : std::initializer_list<std::vector<std::string>>{
           {}, {"run"}, {"replay"}, {"check"}, {"topics"}, {"generate"}, {"inspect"}}) {
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--help");
    const Run result = run(arguments);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.out.substr(0, 21), "Examples:\n  holdfast ") << ::testing::PrintToString(arguments);
  }
  const Run version = run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(version.out.starts_with("holdfast ")) << version.out;
  for (const char* library : {"librdkafka ", "RocksDB ", "simdjson ", "Boost "}) {
    EXPECT_NE(version.out.find(library), std::string::npos) << version.out;
  }
}

TEST_F(CommandsTest, CheckSaysInWhichCurrencyTheModelIs) {
  testing::write_file(folder_.path() / "model.json",
                      R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6},)"
                      R"("gamma_gamma":{"p":6.2,"q":3.7,"v":15.4},"currency":"GBP"})");
  const Run text = run({"check", "-c", config()});
  EXPECT_NE(text.out.find("mbg alone, with value, amounts in GBP\n"), std::string::npos) << text.out;
  const Json facts = Json::parse(run({"check", "-c", config(), "--json"}).out);
  EXPECT_EQ(facts["model"]["has_value"], true);
  EXPECT_EQ(facts["model"]["currency"], "GBP");
}

TEST_F(CommandsTest, CheckPrintsWhatIsInForce) {
  const Run text = run({"check", "-c", config(), "--set", "max_rate=5"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_TRUE(std::regex_search(text.out, std::regex("\nmax_rate +5 +flag --set max_rate\n"))) << text.out;
  EXPECT_TRUE(text.out.ends_with(config() + ": no faults\n")) << text.out;

  const Run json = run({"check", "-c", config(), "--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  const Json facts = Json::parse(json.out);
  EXPECT_EQ(facts["ok"], true);
  EXPECT_EQ(facts["model"]["name"], "m");
  EXPECT_EQ(facts["journal"], "shop-holdfast-journal");
  EXPECT_EQ(facts["settings"][0], (Json{{"key", "application_id"}, {"value", "shop"}, {"origin", config() + ":1:1"}}));
}

TEST_F(CommandsTest, CheckAndReplayWarnOfWeightsForWhatNoSourceTellsOf) {
  testing::write_file(folder_.path() / "model.json",
                      R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6},)"
                      R"("trained_with":["purchase","visit"],)"
                      R"("logistic":{"intercept":0,"weights":{"mbg_logit":1,"visits_30d":-1}}})");
  const std::string warning = "logistic.weights.visits_30d: no source has kind visit, so the feature is absent";
  const Run text = run({"check", "-c", config()});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find(warning), std::string::npos) << text.out;
  EXPECT_TRUE(std::regex_search(text.out, std::regex("\ntrained with +purchase, visit\n"))) << text.out;
  const Json facts = Json::parse(run({"check", "-c", config(), "--json"}).out);
  EXPECT_EQ(facts["ok"], true);
  ASSERT_EQ(facts["warnings"].size(), 1u);
  EXPECT_NE(facts["warnings"][0].get<std::string>().find(warning), std::string::npos) << facts["warnings"];

  const std::string in = (folder_.path() / "in.ndjson").string();
  testing::write_file(in, R"({"customer_id":"C1","time":1,"amount":2})");
  const Run replayed = run({"replay", "-c", config(), "--source", "purchases=" + in});
  EXPECT_EQ(replayed.status, 0);
  EXPECT_NE(replayed.err.find("warning: "), std::string::npos) << replayed.err;
  EXPECT_NE(replayed.err.find(warning), std::string::npos) << replayed.err;
  const Run in_json = run({"replay", "-c", config(), "--source", "purchases=" + in, "--json"});
  EXPECT_EQ(Json::parse(in_json.err)["warnings"].size(), 1u);
}

// The alerts of one log in both languages: the same but for their sentences.
TEST_F(CommandsTest, ReplaySpeaksChinese) {
  testing::write_file(folder_.path() / "model.json",
                      R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6},)"
                      R"("alike":{"repeat":{"days_since_purchase":40},"loyal":{"days_since_purchase":12}},)"
                      R"("logistic":{"intercept":0.1,"weights":{"mbg_logit":1,"purchases_30d":-0.2,"visits_30d":-0.1,)"
                      R"("complaints_opened_60d":0.3,"log_mean_spend":-0.05}}})");
  configure(all_sources + "alerts: {language: zh}\n");
  const std::string folder = folder_.path().string();
  ASSERT_EQ(run({"generate", "-c", config(), "--events", "3000", "--customers", "200", "--seed", "1", "--out", folder,
                 "--to", "2011-01-01"})
                .status,
            0);
  std::vector<std::string> arguments{"replay", "-c", config(), "--quiet"};
  for (const std::string source : {"purchases", "complaints", "visits"})
    arguments.insert(arguments.end(), {"--source", source + "=" + folder + "/" + source + ".ndjson"});
  const Run chinese = run(arguments);
  ASSERT_EQ(chinese.status, 0) << chinese.err;
  arguments.insert(arguments.end(), {"--set", "alerts.language=en"});
  const Run english = run(arguments);
  ASSERT_EQ(english.status, 0) << english.err;

  std::istringstream chinese_lines(chinese.out);
  std::istringstream english_lines(english.out);
  std::set<std::string> said;
  std::set<std::string> compared;
  for (std::string line; std::getline(chinese_lines, line);) {
    Json alert = Json::parse(line);
    ASSERT_TRUE(std::getline(english_lines, line));
    Json same = Json::parse(line);
    for (std::size_t i = 0; i < alert["reasons"].size(); ++i) {
      Json& reason = alert["reasons"][i];
      const auto text = reason["text"].get<std::string>();
      EXPECT_TRUE(text.ends_with("。")) << text;
      const auto feature = reason["feature"].get<std::string>();
      said.insert(feature);
      for (const char* const with : {"typical", "alike"}) {
        if (reason.contains(with)) compared.insert(feature + " " + with);
      }
      EXPECT_TRUE(same["reasons"][i]["text"].get<std::string>().ends_with(".")) << same["reasons"][i];
      reason.erase("text");
      same["reasons"][i].erase("text");
    }
    EXPECT_EQ(alert, same);
  }
  EXPECT_EQ(english_lines.peek(), std::istringstream::traits_type::eof());
  EXPECT_EQ(said, (std::set<std::string>{"days_since_purchase", "purchase_history", "purchases_30d", "visits_30d",
                                         "complaints_opened_60d", "log_mean_spend"}));
  EXPECT_EQ(compared, (std::set<std::string>{"days_since_purchase typical", "days_since_purchase alike",
                                             "purchases_30d typical"}));
}

TEST_F(CommandsTest, CheckReportsFaults) {
  configure("application_id: shop\nrisk: {horizon: 1}\n");
  const Run text = run({"check", "-c", config()});
  EXPECT_EQ(text.status, 2);
  EXPECT_EQ(text.out, "");
  EXPECT_NE(text.err.find("shop.yaml:2:8: risk.horizon: '1' has no unit"), std::string::npos) << text.err;
  const Run json = run({"check", "-c", config(), "--json"});
  EXPECT_EQ(json.status, 2);
  EXPECT_EQ(Json::parse(json.out)["ok"], false);
  EXPECT_EQ(Json::parse(json.out)["faults"].size(), 2u);

  configure("application_id: shop\nsources:\n  p: {topic: p, kind: purchase}\nhttp: {token_file: nowhere}\n");
  const Run token = run({"check", "-c", config()});
  EXPECT_EQ(token.status, 2);
  EXPECT_EQ(token.err, config() + ":4:8: http.token_file: " + (folder_.path() / "nowhere").string() +
                           " cannot be read, or is no token\n");
}

TEST_F(CommandsTest, TheSameSeedGeneratesTheSameFiles) {
  const auto generate = [&](const std::string& folder, const std::string& seed) {
    const Run result = run({"generate", "-c", config(), "--events", "3000", "--customers", "200", "--seed", seed,
                            "--out", (folder_.path() / folder).string()});
    EXPECT_EQ(result.status, 0) << result.err;
  };
  const auto content = [&](const std::string& folder, const std::string& name) {
    return testing::read_file(folder_.path() / folder / name);
  };
  configure(all_sources);
  generate("a", "1");
  generate("b", "1");
  generate("c", "2");
  std::ptrdiff_t lines = 0;
  for (const std::string name : {"purchases.ndjson", "complaints.ndjson", "visits.ndjson", "truth.ndjson"}) {
    EXPECT_FALSE(content("a", name).empty()) << name;
    EXPECT_EQ(content("a", name), content("b", name)) << name;
    EXPECT_NE(content("a", name), content("c", name)) << name;
    if (name != "truth.ndjson") lines += std::ranges::count(content("a", name), '\n');
  }
  EXPECT_EQ(lines, 3000);
  EXPECT_EQ(std::ranges::count(content("a", "truth.ndjson"), '\n'), 200);
}

TEST_F(CommandsTest, SourcesOfOneKindShareTheCustomersAndOthersAreSaidToBeLeftOut) {
  configure(
      "application_id: shop\nsources:\n  eu: {topic: eu, kind: purchase}\n  us: {topic: us, kind: purchase}\n"
      "  visits: {topic: visits, kind: visit}\n");
  const Run result = run({"generate", "-c", config(), "--events", "3000", "--customers", "100", "--seed", "1", "--out",
                          folder_.path().string()});
  ASSERT_EQ(result.status, 0) << result.err;
  std::map<std::string, std::set<std::string>> customers;
  std::uint64_t lines = 0;
  for (const std::string source : {"eu", "us", "visits"}) {
    std::istringstream in(testing::read_file(folder_.path() / (source + ".ndjson")));
    for (std::string line; std::getline(in, line); ++lines) customers[source].insert(Json::parse(line)["customer_id"]);
  }
  EXPECT_EQ(customers["eu"].size(), 50U);
  EXPECT_EQ(customers["us"].size(), 50U);
  for (const std::string& customer : customers["eu"]) EXPECT_FALSE(customers["us"].contains(customer)) << customer;
  EXPECT_TRUE(result.err.starts_with(std::to_string(lines) + " events of 100 customers in ")) << result.err;
  EXPECT_TRUE(result.err.ends_with("\n" + std::to_string(3000 - lines) +
                                   " events were left out: there is no source of kind complaint\n"))
      << result.err;
}

TEST_F(CommandsTest, TheTruthIsOfTheTimeOfTheEvents) {
  configure(all_sources);
  const auto generate = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"generate",
                                       "-c",
                                       config(),
                                       "--events",
                                       "2000",
                                       "--customers",
                                       "200",
                                       "--seed",
                                       "1",
                                       "--out",
                                       folder_.path().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ASSERT_EQ(run(arguments).status, 0);
    struct Seen {
      std::string first;
      std::string last;
    };
    std::map<std::string, Seen> purchases;
    double events = 0;
    std::istringstream in(testing::read_file(folder_.path() / "purchases.ndjson"));
    for (std::string line; std::getline(in, line); ++events) {
      const Json event = Json::parse(line);
      auto& seen = purchases[event["customer_id"]];
      if (seen.first.empty()) seen.first = event["time"];
      seen.last = event["time"];
    }
    std::size_t left = 0;
    std::istringstream truths(testing::read_file(folder_.path() / "truth.ndjson"));
    for (std::string line; std::getline(truths, line);) {
      const Json truth = Json::parse(line);
      const auto& seen = purchases.at(truth["customer_id"]);
      EXPECT_EQ(truth["joined"], seen.first);
      if (!truth.contains("left")) continue;
      ++left;
      EXPECT_EQ(truth["left"], seen.last);
    }
    EXPECT_GT(left, 10U);
  };
  generate({"--from", "2011-01-01", "--to", "2011-03-01"});
  generate({"--rate", "20000"});
}

TEST_F(CommandsTest, ReplayGivesAlertsDeadLettersAndASummary) {
  configure(all_sources);
  const std::string folder = folder_.path().string();
  ASSERT_EQ(run({"generate", "-c", config(), "--events", "3000", "--customers", "200", "--seed", "1", "--out", folder,
                 "--to", "2011-01-01"})
                .status,
            0);
  testing::write_file(folder + "/bad.ndjson", "{}\nno event\n");
  std::vector<std::string> arguments{"replay", "-c", config(), "--json", "--dead-letters", folder + "/dead.ndjson"};
  for (const std::string source : {"purchases", "complaints", "visits"})
    arguments.insert(arguments.end(), {"--source", source + "=" + folder + "/" + source + ".ndjson"});
  arguments.insert(arguments.end(), {"--source", "visits=" + folder + "/bad.ndjson"});

  const Run plain = run(arguments);
  ASSERT_EQ(plain.status, 0) << plain.err;
  const Json summary = Json::parse(plain.err);
  EXPECT_EQ(summary["events"]["purchases"].get<int>() + summary["events"]["complaints"].get<int>() +
                summary["events"]["visits"].get<int>(),
            3000);
  EXPECT_EQ(summary["dead_letters"], (Json{{"visits", {{"malformed_json", 1}, {"missing_field", 1}}}}));
  int alerts = 0;
  for (const auto& [change, count] : summary["alerts"].items()) alerts += count.get<int>();
  EXPECT_GT(alerts, 100);
  EXPECT_EQ(std::ranges::count(plain.out, '\n'), alerts);
  EXPECT_EQ(std::ranges::count(testing::read_file(folder + "/dead.ndjson"), '\n'), 2);

  // The clock moves on past the last event: silences come due that it had not reached, and nothing else changes.
  arguments.insert(arguments.end(), {"--until", "2014-01-01", "--quiet"});
  const Run later = run(arguments);
  ASSERT_EQ(later.status, 0) << later.err;
  EXPECT_EQ(later.err, "");
  EXPECT_GT(later.out.size(), plain.out.size());
  EXPECT_TRUE(later.out.starts_with(plain.out));
  EXPECT_NE(later.out.find("\"change\":\"expired\""), std::string::npos);

  const Run unknown = run({"replay", "-c", config(), "--source", "orders=" + folder + "/bad.ndjson"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_EQ(unknown.err,
            "--source orders: the configuration has no such source; it has purchases, complaints, visits\n");
}

TEST_F(CommandsTest, TheTopicsThatAreNeededAreKnownWithoutBrokers) {
  configure(
      "application_id: shop\nsources:\n  purchases: {topic: orders, kind: purchase}\n"
      "kafka: {bootstrap.servers: \"127.0.0.1:1\"}\n");
  const Run result = run({"topics", "-c", config(), "--partitions", "12", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("warning: no answer from the brokers at 127.0.0.1:1"), std::string::npos) << result.err;
  const Json topics = Json::parse(result.out);
  ASSERT_EQ(topics.size(), 5U);
  EXPECT_EQ(topics[0]["topic"], "orders");
  for (const Json& topic : topics) {
    EXPECT_EQ(topic["is"], "unknown");
    EXPECT_FALSE(topic.contains("found"));
  }
  EXPECT_EQ(topics[0]["planned"]["partitions"], 12);
}

TEST_F(CommandsTest, NoFileIsReadAndWrittenOrWrittenTwice) {
  configure(all_sources);
  const std::string folder = folder_.path().string();
  const std::string in = folder + "/in.ndjson";
  const std::string event = R"({"customer_id":"C1","time":1,"amount":2})";
  testing::write_file(in, event);
  std::filesystem::create_symlink(in, folder + "/link");
  std::filesystem::create_hard_link(in, folder + "/hard");
  std::filesystem::create_directory(folder + "/sub");
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"replay", "-c", config(), "--source", "purchases=" + in};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Run result = run(arguments);
    EXPECT_EQ(result.status, 2) << ::testing::PrintToString(more) << result.err;
    EXPECT_NE(result.err.find("are the same "), std::string::npos) << result.err;
    EXPECT_EQ(testing::read_file(in), event);
  };
  for (const std::string same : {"/in.ndjson", "/link", "/hard", "/sub/../in.ndjson"}) {
    refused({"--alerts", folder + same});
    refused({"--dead-letters", folder + same});
    refused({"--source", "visits=" + folder + same});
  }
  refused({"--alerts", folder + "/out", "--dead-letters", folder + "/sub/../out"});
  refused({"--dead-letters", "-"});
  refused({"--source", "visits=-", "--source", "complaints=-"});
  const Run twice = run({"load", "-c", config(), "--source", "visits=-", "--source", "complaints=-"});
  EXPECT_EQ(twice.status, 2);
  EXPECT_EQ(twice.err, "--source visits=- and --source complaints=- are the same stream: name another\n");

  const Run fine = run({"replay", "-c", config(), "--source", "purchases=" + in, "--alerts", "/dev/null",
                        "--dead-letters", "/dev/null", "--source", "visits=/dev/null"});
  EXPECT_EQ(fine.status, 0) << fine.err;
}

TEST_F(CommandsTest, CsvWithNestedFieldsComesThroughAPipe) {
  configure(
      "application_id: shop\nsources:\n  orders: {topic: orders, kind: purchase, fields: {customer_id: "
      "/customer/id}}\n");
  const std::string pipe = (folder_.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::jthread writer([&] { testing::write_file(pipe, "customer/id,time,amount\nC1,1,2\nC2,1,x\n"); });
  const Run result = run({"replay", "-c", config(), "--source", "orders=" + pipe, "--json"});
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);  // Should the program not have opened it.
  writer.join();
  close(reader);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(Json::parse(result.err)["events"]["orders"], 1);
  EXPECT_EQ(Json::parse(result.err)["dead_letters"], (Json{{"orders", {{"wrong_type", 1}}}}));
}

TEST_F(CommandsTest, WhatKafkaClientsSayIsNoData) {
  // A client with a broker within itself, and a setting that it warns of.
  configure(all_sources + "kafka: {bootstrap.servers: nowhere, test.mock.num.brokers: 1, sasl.mechanism: PLAIN}\n");
  const std::string orders = (folder_.path() / "orders.ndjson").string();
  testing::write_file(orders, R"({"customer_id":"C1","time":1,"amount":2})");
  for (const std::vector<std::string>& arguments : std::initializer_list<std::vector<std::string>>{
           {"alerts", "-c", config()},
           {"load", "-c", config(), "--source", "purchases=" + orders},
           {"generate", "-c", config(), "--events", "10", "--customers", "2", "--seed", "1", "--kafka"}}) {
    const Run result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "") << arguments[0];
    EXPECT_NE(result.err.find("sasl.mechanism"), std::string::npos) << arguments[0] << ": " << result.err;
  }
}

TEST_F(CommandsTest, NoEventOfAFileIsTooFarAheadWhateverUntilSays) {
  configure(all_sources);
  const std::string in = (folder_.path() / "in.ndjson").string();
  std::string events;
  for (const char* const time : {"2011-01-01", "2011-06-01", "2190-01-01"})
    events += R"({"customer_id":"C1","amount":2,"time":")" + std::string(time) + "T00:00:00Z\"}\n";
  testing::write_file(in, events + "no event\n[]\n");
  const std::vector<std::string> arguments{"replay", "-c", config(), "--source", "purchases=" + in};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), more.begin(), more.end());
    const Run result = run(all);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  };
  const Run plain = with({"--json"});
  const Json summary = Json::parse(plain.err);
  EXPECT_EQ(summary["events"]["purchases"], 3);
  EXPECT_EQ(summary["last_event"], "2190-01-01T00:00:00.000Z");
  EXPECT_EQ(with({"--until", "2011-02-01"}).out, plain.out);
  EXPECT_GT(with({"--until", "2191-01-01"}).out.size(), plain.out.size());

  // For people.
  const std::string text = with({"--until", "2011-02-01"}).err;
  EXPECT_NE(text.find("\ndead letters  1 malformed_json (purchases), 1 wrong_type (purchases)\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\nlast event    2190-01-01T00:00:00.000Z\n"), std::string::npos) << text;
  EXPECT_NE(text.find("warning: --until 2011-02-01T00:00:00.000Z lies before the last event"), std::string::npos)
      << text;
  EXPECT_NE(text.find("lies in the future"), std::string::npos) << text;
}

TEST_F(CommandsTest, InspectShowsACustomerOfTheLatestCheckpoint) {
  const auto loaded = load_config(config(), {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  write_state(loaded->policy_id());

  const Run json = run({"inspect", "-c", config(), "C1", "--json"});
  ASSERT_EQ(json.status, 0) << json.err;
  EXPECT_EQ(json.err, "");
  const Json facts = Json::parse(json.out);
  EXPECT_EQ(facts["customer_id"], "C1");
  EXPECT_EQ(facts["partition"], 3);
  EXPECT_EQ(facts["purchases"], 2);
  EXPECT_EQ(facts["first_purchase"], to_rfc3339(start));
  EXPECT_EQ(facts["as_of"], to_rfc3339(start + Duration{20 * day_ms}));
  EXPECT_EQ(facts["checkpoint"]["step"], 42);

  const Run later =
      run({"inspect", "-c", config(), "C1", "--json", "--at", to_rfc3339(start + Duration{200 * day_ms})});
  ASSERT_EQ(later.status, 0) << later.err;
  EXPECT_GT(Json::parse(later.out)["risk"].get<double>(), facts["risk"].get<double>());

  const Run text = run({"inspect", "-c", config(), "C1"});
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_TRUE(std::regex_search(text.out, std::regex("\npurchases +2\n"))) << text.out;
  EXPECT_NE(text.out.find("\n  purchase_history"), std::string::npos) << text.out;
}

TEST_F(CommandsTest, InspectSaysWhatItCannotShow) {
  write_state(PolicyId{1});
  const Run other_policy = run({"inspect", "-c", config(), "C1"});
  EXPECT_EQ(other_policy.status, 0);
  EXPECT_EQ(other_policy.err,
            "warning: the checkpoint was written under another policy; the risk below is this one's\n");
  const Run unknown = run({"inspect", "-c", config(), "C2"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.out, "");
  EXPECT_TRUE(unknown.err.starts_with("C2: no checkpoint in ")) << unknown.err;
  const Run early = run({"inspect", "-c", config(), "C1", "--at", to_rfc3339(start)});
  EXPECT_EQ(early.status, 2);
  EXPECT_NE(early.err.find("what was known before is not kept"), std::string::npos) << early.err;
  const Run no_state = run({"inspect", "-c", config(), "C1", "--set", "state.directory=/nowhere/state"});
  EXPECT_EQ(no_state.status, 1) << no_state.err;
  EXPECT_NE(no_state.err.find("/nowhere/state"), std::string::npos) << no_state.err;
}

}  // namespace
}  // namespace holdfast::app
