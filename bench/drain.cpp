// How fast topics can be read at all: a bare librdkafka consumer, one queue a partition, that looks at nothing. The
// ceiling that Holdfast's own rate is held against.

#include <chrono>
#include <cstdint>
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

int run(const std::string& bootstrap, const std::vector<std::string>& topics) {
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
        }
        rd_kafka_message_destroy(message);
      }
      idle = idle && count <= 0;
    }
    if (idle) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
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
  std::string bootstrap = "127.0.0.1:9092";
  std::vector<std::string> topics;
  app.add_option("--bootstrap", bootstrap, "brokers")->capture_default_str();
  app.add_option("--topic", topics, "topic to read; may be given several times")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    return holdfast::bench::run(bootstrap, topics);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
