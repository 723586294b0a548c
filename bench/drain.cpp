// How fast topics can be read at all: a bare librdkafka consumer, one queue a partition, that looks at nothing. The
// ceiling that Holdfast's own rate is held against. With --write-every it also writes, in transactions, as much as that
// many alerts are: the ceiling of whoever has to write them.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "bench/client.hpp"

namespace holdfast::bench {
namespace {

struct Channel {
  Queue queue;
  std::int64_t next = 0;
  std::int64_t end = 0;
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

struct Usage {
  double cpu_s = 0;  ///< Of all threads.
  std::int64_t peak_kib = 0;
};

Usage usage() {
  rusage all{};
  getrusage(RUSAGE_SELF, &all);
  return {seconds_of(all.ru_utime) + seconds_of(all.ru_stime), all.ru_maxrss};
}

void check(rd_kafka_error_t* error) {
  if (error == nullptr) return;
  const std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  throw std::runtime_error(text);
}

/// Writes records of the size and form of an alert, in a transaction every 100 ms.
class Writing {
 public:
  Writing(const std::string& bootstrap, const std::string& topic)
      : topic_(topic),
        client_(make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", bootstrap},
                                                {"transactional.id", "holdfast-bench-drain"},
                                                {"compression.codec", "lz4"},
                                                {"linger.ms", "5"},
                                                {"batch.size", "1000000"},
                                                {"queue.buffering.max.messages", "1000000"}})) {
    check(rd_kafka_init_transactions(client_.get(), 30'000));
    check(rd_kafka_begin_transaction(client_.get()));
  }

  void add() {
    const std::string id = fmt::format("{:032x}", ++written_ * 0x9e3779b97f4a7c15U);
    const std::string customer = fmt::format("c{:08}", written_ * 2654435761U % 100'000'000U);
    const std::string value = fmt::format(
        R"({{"schema":1,"alert_id":"{0}","seq":3,"episode":2,"customer_id":"{1}","change":"raised","level":"watch",)"
        R"("previous_level":"none","risk":0.{2:06},"p_alive":0.{3:06},"horizon_days":91,"time":"2025-03-04T05:06:07.{4:03}Z",)"
        R"("trigger":{{"type":"silence"}},"base":-0.731059,"reasons":[{{"feature":"recency_ratio","value":2.{2:06},)"
        R"("typical":1,"contribution":0.8{3:05},"text":"no purchase for 61 days, twice the usual 30"}},{{"feature":)"
        R"("purchase_history","value":0.{3:06},"contribution":-0.4{2:05},"text":"7 purchases since 2024-06-07"}},)"
        R"({{"feature":"open_complaints","value":1,"typical":0,"contribution":0.35,"text":"1 complaint is open"}},)"
        R"({{"feature":"visits_30d","value":0.{2:06},"contribution":0.{3:06},"text":"fewer visits than before"}}],)"
        R"("customer":{{"state":"repeat","purchases":7,"first_purchase":"2024-06-07T08:09:10Z","last_purchase":)"
        R"("2025-01-02T03:04:05Z","open_complaints":1}},"value":{{"currency":"EUR","spent":312.{4:02},"expected":88.{4:02},)"
        R"("at_risk":61.{4:02}}},"model":{{"id":"0123456789abcdef0123456789abcdef","name":"bench"}}}})",
        id, customer, written_ * 7919 % 1'000'000, written_ * 104'729 % 1'000'000, written_ % 90 + 10);
    rd_kafka_headers_t* headers = rd_kafka_headers_new(7);
    const auto header = [headers](std::string_view name, std::string_view text) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                          static_cast<ssize_t>(text.size()));
    };
    header("ce_specversion", "1.0");
    header("ce_id", id);
    header("ce_source", "/holdfast/bench");
    header("ce_type", "holdfast.alert.v1");
    header("ce_time", "2025-03-04T05:06:07.089Z");
    header("ce_subject", customer);
    header("content-type", "application/json");
    const auto sent = rd_kafka_producev(client_.get(), RD_KAFKA_V_TOPIC(topic_.c_str()),
                                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK),
                                        RD_KAFKA_V_KEY(customer.data(), customer.size()),
                                        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (sent != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(sent));
    if (written_ % 1000 == 0) rd_kafka_poll(client_.get(), 0);
  }

  void commit_if_due() {
    if (std::chrono::steady_clock::now() - begun_ < std::chrono::milliseconds(100)) return;
    commit();
    check(rd_kafka_begin_transaction(client_.get()));
    begun_ = std::chrono::steady_clock::now();
  }
  void commit() { check(rd_kafka_commit_transaction(client_.get(), 30'000)); }

 private:
  const std::string topic_;
  const Client client_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::uint64_t written_ = 0;
};

struct Options {
  std::string bootstrap = "127.0.0.1:9092";
  std::vector<std::string> topics;
  std::uint64_t write_every = 0;  ///< Events to each record that is written; 0: none is.
  std::string write_topic;
};

int run(const Options& options) {
  const auto& [bootstrap, topics, write_every, write_topic] = options;
  std::optional<Writing> writing;
  if (write_every > 0) writing.emplace(bootstrap, write_topic);
  const Client client = make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", bootstrap},
                                                        {"group.id", "holdfast-bench-drain"},
                                                        {"enable.auto.commit", "false"},
                                                        {"isolation.level", "read_committed"}});
  const PartitionList assignment(rd_kafka_topic_partition_list_new(16));
  std::vector<Channel> channels;
  std::int64_t total = 0;
  for (const auto& topic : topics) {
    const int partitions = partitions_of(client.get(), topic);
    for (int p = 0; p < partitions; ++p) {
      Channel channel;
      rd_kafka_query_watermark_offsets(client.get(), topic.c_str(), p, &channel.next, &channel.end, 10'000);
      total += channel.end - channel.next;
      rd_kafka_topic_partition_list_add(assignment.get(), topic.c_str(), p)->offset = channel.next;
      channel.queue.reset(rd_kafka_queue_get_partition(client.get(), topic.c_str(), p));
      rd_kafka_queue_forward(channel.queue.get(), nullptr);
      channels.push_back(std::move(channel));
    }
  }

  const double cpu_s_before = usage().cpu_s;
  const auto started = std::chrono::steady_clock::now();
  rd_kafka_assign(client.get(), assignment.get());
  std::vector<rd_kafka_message_t*> messages(1000);
  std::uint64_t bytes = 0;
  std::uint64_t read = 0;
  bool open = total > 0;
  while (open) {
    open = false;
    bool idle = true;
    for (Channel& channel : channels) {
      if (channel.next >= channel.end) continue;
      open = true;
      const auto count = rd_kafka_consume_batch_queue(channel.queue.get(), 0, messages.data(), messages.size());
      for (ssize_t i = 0; i < count; ++i) {
        rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
          channel.next = message->offset + 1;
          bytes += message->len;
          if (writing && ++read % write_every == 0) writing->add();
        }
        rd_kafka_message_destroy(message);
      }
      idle = idle && count <= 0;
      if (writing) writing->commit_if_due();
    }
    if (idle) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  if (writing) writing->commit();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const Usage used = usage();
  fmt::print("{}\n", nlohmann::ordered_json{{"events", total},
                                            {"bytes", bytes},
                                            {"seconds", seconds},
                                            {"events_per_second", static_cast<double>(total) / seconds},
                                            {"cpu_s", used.cpu_s - cpu_s_before},
                                            {"peak_kib", used.peak_kib}}
                         .dump());
  return 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  CLI::App app("Reads topics from beginning to end and throws everything away; prints the rate as JSON.");
  holdfast::bench::Options options;
  app.add_option("--bootstrap", options.bootstrap, "brokers")->capture_default_str();
  app.add_option("--topic", options.topics, "topic to read; may be given several times")->required();
  auto* const every =
      app.add_option("--write-every", options.write_every,
                     "events to each record that is written meanwhile, in transactions of 100 ms; it has "
                     "the size and form of an alert (default: none is)");
  app.add_option("--write-topic", options.write_topic, "topic to write to")->needs(every);
  CLI11_PARSE(app, argc, argv);
  if (options.write_every > 0 && options.write_topic.empty()) {
    fmt::print(stderr, "--write-every needs --write-topic\n");
    return 2;
  }
  try {
    return holdfast::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
