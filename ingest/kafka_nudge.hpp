#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "domain/ids.hpp"
#include "ingest/kafka_client.hpp"

/// Included by sources only, like kafka_client.hpp.
namespace holdfast::ingest {

/// Keeps a consumer fetching whose queues are full most of the time, because the broker sends more than is taken.
///
/// Before 2.2 librdkafka looks at a full queue again only when something wakes the thread of its broker: an answer, a
/// request, or else a second's end. Once all queues are full there is no answer to come, so that they have to hold what
/// is taken in a second: hundreds of megabytes, cold by the time they are read. So as long as many records wait, this
/// asks for a log's end every few milliseconds. Later versions look again by themselves
/// (fetch.queue.backoff.ms): then this does nothing.
class Nudge {
 public:
  Nudge(std::shared_ptr<KafkaClient> client, std::vector<std::string> topics);
  Nudge(const Nudge&) = delete;
  Nudge& operator=(const Nudge&) = delete;
  /// Waits for a request under way, at most its time-out.
  ~Nudge();

  /// More may wait in this queue. Costs next to nothing.
  void more_waits(SourceIndex source, Partition partition) {
    if (!thread_.joinable()) return;
    if (waiting_.exchange(pack(source, partition)) == nothing) waiting_.notify_one();
  }

 private:
  static constexpr std::uint64_t nothing = 0;
  static constexpr std::uint64_t stop = 1;

  static std::uint64_t pack(SourceIndex source, Partition partition) {
    return (std::uint64_t{source.value} << 32 | static_cast<std::uint32_t>(partition.value)) + 2;
  }
  void run();

  const std::shared_ptr<KafkaClient> client_;
  const std::vector<std::string> topics_;        ///< By source.
  std::atomic<std::uint64_t> waiting_{nothing};  ///< The latest of those that more_waits() named.
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace holdfast::ingest
