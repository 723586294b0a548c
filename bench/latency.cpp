// How long from an event's being sent to its alert's being visible to a read_committed consumer. Every event is the
// first purchase of a customer nobody has seen, under a configuration that alerts on it at once (bench/latency.yaml).

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/client.hpp"

namespace holdfast::bench {
namespace {

struct Options {
  std::string bootstrap = "127.0.0.1:9092";
  std::string topic = "purchases";
  std::string alerts = "alerts";
  double rate = 5000;
  double seconds = 20;
  double warm_up = 3;
  double gap = 0;
  std::uint64_t customers = 0;
  std::string visits = "visits";
};

/// A time in which no alert of a partition became visible.
struct Gap {
  int partition = 0;
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
};

struct Seen {
  std::vector<std::int64_t> latencies_us;
  std::vector<Gap> gaps;
};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Reads alerts from now on; each names in its event id when its event was sent.
Seen collect(const Options& options, const std::atomic<bool>& stop, std::atomic<bool>& reading) {
  const Client client = make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", options.bootstrap},
                                                        {"group.id", "holdfast-bench-latency"},
                                                        {"enable.auto.commit", "false"},
                                                        {"isolation.level", "read_committed"},
                                                        {"fetch.wait.max.ms", "10"}});
  const PartitionList assignment(rd_kafka_topic_partition_list_new(4));
  for (int p = 0; p < partitions_of(client.get(), options.alerts); ++p) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    rd_kafka_query_watermark_offsets(client.get(), options.alerts.c_str(), p, &low, &high, 10'000);
    rd_kafka_topic_partition_list_add(assignment.get(), options.alerts.c_str(), p)->offset = high;
  }
  rd_kafka_assign(client.get(), assignment.get());
  reading = true;
  Seen all;
  std::map<int, std::int64_t> last;
  while (!stop) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client.get(), 20);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const std::int64_t seen = now_us();
      const auto alert = nlohmann::json::parse(static_cast<const char*>(message->payload),
                                               static_cast<const char*>(message->payload) + message->len);
      const std::string sent = alert.at("trigger").value("event_id", "0");
      all.latencies_us.push_back(seen - std::stoll(sent));
      const auto [before, first] = last.try_emplace(message->partition, seen);
      if (options.gap > 0 && static_cast<double>(seen - before->second) > options.gap * 1e6)
        all.gaps.push_back({message->partition, before->second, seen});
      before->second = seen;
    }
    rd_kafka_message_destroy(message);
  }
  return all;
}

std::uint64_t send(const Options& options) {
  const Client client =
      make_client(RD_KAFKA_PRODUCER,
                  {{"bootstrap.servers", options.bootstrap}, {"linger.ms", "5"}, {"partitioner", "murmur2_random"}});
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client.get(), options.topic.c_str(), nullptr);
  const std::string run = std::to_string(now_us());
  const auto started = std::chrono::steady_clock::now();
  const auto total = static_cast<std::uint64_t>(options.rate * options.seconds);
  for (std::uint64_t i = 0; i < total; ++i) {
    std::this_thread::sleep_until(started + std::chrono::duration<double>(static_cast<double>(i) / options.rate));
    const std::string customer = "L" + run + "-" + std::to_string(i);
    const std::int64_t sent = now_us();
    const std::string value =
        fmt::format(R"({{"customer_id":"{}","time":{},"event_id":"{}","amount":12.5,"currency":"EUR"}})", customer,
                    sent / 1000, sent);
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                            value.size(), customer.data(), customer.size(), nullptr) != 0)
      rd_kafka_poll(client.get(), 1);
    if (i % 100 == 0) rd_kafka_poll(client.get(), 0);
  }
  rd_kafka_flush(client.get(), 10'000);
  rd_kafka_topic_destroy(topic);
  return total;
}

/// A visit each of so many customers, as quickly as they can be sent: customers who are known and never alerted on.
void send_visits(const Options& options) {
  const Client client =
      make_client(RD_KAFKA_PRODUCER,
                  {{"bootstrap.servers", options.bootstrap}, {"linger.ms", "20"}, {"partitioner", "murmur2_random"}});
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client.get(), options.visits.c_str(), nullptr);
  for (std::uint64_t i = 0; i < options.customers; ++i) {
    const std::string customer = "V" + std::to_string(i);
    const std::string value = fmt::format(R"({{"customer_id":"{}","time":{}}})", customer, now_us() / 1000);
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                            value.size(), customer.data(), customer.size(), nullptr) != 0)
      rd_kafka_poll(client.get(), 10);
    if (i % 1000 == 0) rd_kafka_poll(client.get(), 0);
  }
  rd_kafka_flush(client.get(), 60'000);
  rd_kafka_topic_destroy(topic);
}

int run(const Options& options) {
  if (options.customers > 0) {
    send_visits(options);
    return 0;
  }
  std::atomic<bool> stop{false};
  std::atomic<bool> reading{false};
  Seen all;
  std::jthread collecting([&] { all = collect(options, stop, reading); });
  while (!reading) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const std::uint64_t sent = send(options);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  stop = true;
  collecting.join();

  auto& latencies = all.latencies_us;
  const std::size_t seen = latencies.size();
  latencies.erase(latencies.begin(),
                  latencies.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                          static_cast<std::size_t>(options.rate * options.warm_up), seen)));
  if (latencies.empty()) throw std::runtime_error("no alert was seen: does Holdfast run with bench/latency.yaml?");
  std::ranges::sort(latencies);
  const auto at = [&](double q) {
    return static_cast<double>(latencies[static_cast<std::size_t>(q * static_cast<double>(latencies.size() - 1))]) /
           1000;
  };
  auto gaps = nlohmann::ordered_json::array();
  for (const Gap& gap : all.gaps)
    gaps.push_back({{"partition", gap.partition},
                    {"from", static_cast<double>(gap.from_us) / 1e6},
                    {"to", static_cast<double>(gap.to_us) / 1e6}});
  fmt::print("{}\n", nlohmann::ordered_json{{"sent", sent},
                                            {"alerts", seen},
                                            {"p50_ms", at(0.5)},
                                            {"p99_ms", at(0.99)},
                                            {"p999_ms", at(0.999)},
                                            {"max_ms", at(1)},
                                            {"gaps", gaps}}
                         .dump());
  return seen == sent ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  CLI::App app("Sends purchases at a steady rate and measures until each one's alert is visible; prints JSON.");
  holdfast::bench::Options options;
  app.add_option("--bootstrap", options.bootstrap, "brokers")->capture_default_str();
  app.add_option("--topic", options.topic, "where purchases go")->capture_default_str();
  app.add_option("--alerts", options.alerts, "where alerts come")->capture_default_str();
  app.add_option("--rate", options.rate, "events a second")->capture_default_str();
  app.add_option("--seconds", options.seconds, "how long to send")->capture_default_str();
  app.add_option("--warm-up", options.warm_up, "seconds at the beginning that do not count")->capture_default_str();
  app.add_option("--gap", options.gap, "list times in which no alert of a partition came, from so many seconds on");
  app.add_option("--send-visits", options.customers, "instead: one visit each of so many customers");
  app.add_option("--visits", options.visits, "where those visits go")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return holdfast::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
