// Records that are no events, of every kind, in the middle of a real log: each is a dead letter with the right code,
// and the alerts of the others are as if it had never been there.

#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/limits.hpp"
#include "ingest/kafka_producer.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

constexpr std::uint64_t good_events = 100'000;
constexpr int bad_records = 10'000;

const std::vector<std::string> sources{"purchases", "complaints", "visits"};

std::string config_yaml(const std::string& bootstrap, const std::filesystem::path& folder) {
  return "application_id: shop\n"
         "instance_id: one\n"
         "kafka: {bootstrap.servers: \"" +
         bootstrap +
         "\"}\n"
         "time: {clock: event}\n"
         "sources:\n"
         "  purchases: {topic: purchases, kind: purchase}\n"
         "  complaints: {topic: complaints, kind: complaint}\n"
         "  visits: {topic: visits, kind: visit}\n"
         "risk: {model: model.json, levels: {watch: 0.5, high: 0.7, critical: 0.85}}\n"
         "http: {listen: \"127.0.0.1:0\"}\n"
         "state: {directory: " +
         (folder / "state").string() + "}\n";
}

struct Bad {
  std::string code;
  std::string key;
  std::string value;
};

/// A record of the `i`-th kind of fault; its value is its own.
Bad bad_record(int i, std::int64_t now_ms) {
  const std::string id = "B" + std::to_string(i);
  const std::string time = "2025-05-05T10:00:00Z";
  const auto event = [&](const std::string& members) {
    return R"({"customer_id":")" + id + R"(","n":)" + std::to_string(i) + members + "}";
  };
  const std::string fine = R"(,"time":")" + time + R"(","amount":1.5)";
  switch (i % 12) {
    case 0: return {"malformed_json", id, event(fine).substr(0, 40)};
    case 1: return {"malformed_json", id, event(fine + R"(,"unread":[1,)")};
    case 2: return {"missing_field", id, event(R"(,"amount":1.5)")};
    case 3: return {"wrong_type", id, event(R"(,"time":true,"amount":1.5)")};
    case 4: return {"wrong_type", id, "[" + std::to_string(i) + "]"};
    case 5: return {"bad_time", id, event(R"(,"time":"2025-02-30T10:00:00Z","amount":1.5)")};
    case 6:
      return {"too_far_ahead", id, event(R"(,"time":)" + std::to_string(now_ms + 86'400'000) + R"(,"amount":1.5)")};
    case 7: return {"bad_value", id, event(R"(,"time":")" + time + R"(","amount":-1)")};
    case 8: return {"missing_key", "", event(fine)};
    case 9: return {"key_mismatch", id + "x", event(fine)};
    case 10: return {"bad_value", id, event(fine + R"(,"currency":"euro")")};
    default: break;
  }
  // Few of these: each is a quarter of a megabyte.
  if (i % 240 == 11)
    return {"too_large", id, event(R"(,"time":"","x":")" + std::string(limits::event_bytes_max, 'x') + '"')};
  return {"bad_time", id, event(R"(,"time":"yesterday","amount":1.5)")};
}

/// Alerts by customer; where the triggering record stands is left out, as the bad ones move it.
std::map<std::string, std::vector<std::string>> by_customer(const std::vector<std::string>& values) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& value : values) {
    auto alert = nlohmann::ordered_json::parse(value);
    alert["trigger"].erase("offset");
    out[alert["customer_id"]].push_back(alert.dump());
  }
  return out;
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

TEST(BadRecords, AreDeadLettersAndChangeNothingElse) {
  Broker broker;
  const TemporaryFolder folder;
  const std::string config = (folder.path() / "shop.yaml").string();
  write_file(config, config_yaml(broker.bootstrap(), folder.path()));
  write_file(folder.path() / "model.json",
             R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.8,"alpha":4.0,"a":0.9,"b":2.5}})");
  const auto holdfast = [](const std::vector<std::string>& arguments) {
    const Finished done = run_holdfast(arguments);
    ASSERT_EQ(done.status, 0) << done.err;
  };
  holdfast({"topics", "-c", config, "--create", "--partitions", "4"});
  holdfast({"generate", "-c", config, "--events", std::to_string(good_events), "--customers", "8000", "--seed", "3",
            "--out", folder.path().string()});

  ingest::KafkaSettings settings;
  settings.properties = {{"bootstrap.servers", broker.bootstrap()}};
  settings.application_id = "test";
  settings.instance_id = "producer";
  settings.source_topics = sources;
  settings.alerts_topic = "alerts";
  settings.dead_letters_topic = "dead-letters";
  settings.journal_topic = "journal";
  auto producer = ingest::make_kafka_producer(settings, ingest::Partitioner::murmur2);
  ASSERT_TRUE(producer.has_value()) << producer.error().message;
  const std::int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::map<std::string, std::string> code_of;  // By value.
  std::map<std::string, int> sent;             // By code.
  std::mt19937_64 random(5);
  int bad = 0;
  for (const auto& source : sources) {
    for (const auto& line : lines_of(folder.path() / (source + ".ndjson"))) {
      while (source == "purchases" && bad < bad_records && random() % 4 == 0) {
        const Bad record = bad_record(bad++, now_ms);
        code_of[record.value] = record.code;
        ++sent[record.code];
        ASSERT_TRUE((*producer)->send(source, record.key, record.value, Timestamp{-1}).has_value());
      }
      const std::string id = nlohmann::json::parse(line).at("customer_id");
      ASSERT_TRUE((*producer)->send(source, id, line, Timestamp{-1}).has_value());
    }
  }
  ASSERT_TRUE((*producer)->flush().has_value());
  ASSERT_EQ(bad, bad_records);

  holdfast({"run", "-c", config, "--exit-at-end"});
  std::vector<std::string> replay{"replay", "-c",      config,     "--partitions",
                                  "4",      "--quiet", "--alerts", (folder.path() / "alerts.ndjson").string()};
  for (const auto& source : sources) {
    replay.emplace_back("--source");
    replay.push_back(source + "=" + (folder.path() / (source + ".ndjson")).string());
  }
  holdfast(replay);

  std::vector<std::string> alerts;
  for (const auto& record : broker.consume_at_least("alerts", 1000)) alerts.push_back(record.value.value());
  EXPECT_GT(alerts.size(), 1000U);
  EXPECT_EQ(by_customer(alerts), by_customer(lines_of(folder.path() / "alerts.ndjson")));

  std::map<std::string, int> received;
  for (const auto& record : broker.consume_at_least("dead-letters", bad_records)) {
    std::map<std::string, std::string> headers;
    for (const auto& header : record.headers) headers[header.name] = header.value;
    const std::string& code = headers["__holdfast.errors.code"];
    ++received[code];
    ASSERT_TRUE(record.value.has_value());
    const auto expected = code_of.find(*record.value);
    ASSERT_NE(expected, code_of.end()) << "the bytes are not those that were sent: " << record.value->substr(0, 100);
    EXPECT_EQ(code, expected->second) << record.value->substr(0, 100) << ": " << headers["__holdfast.errors.message"];
    EXPECT_EQ(headers["__holdfast.errors.topic"], "purchases");
    EXPECT_FALSE(headers["__holdfast.errors.message"].empty());
  }
  EXPECT_EQ(received, sent);
  for (const auto& [code, count] : received) std::cout << count << ' ' << code << ' ';
  std::cout << '\n';
}

}  // namespace
}  // namespace holdfast::testing
