#include "ingest/kafka_nudge.hpp"

#include <chrono>
#include <utility>

#include <pthread.h>

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;

constexpr int first_version_without = 0x02020000;

constexpr auto pause = 10ms;
constexpr int time_out_ms = 500;

}  // namespace

Nudge::Nudge(std::shared_ptr<KafkaClient> client, std::vector<std::string> topics)
    : client_(std::move(client)), topics_(std::move(topics)) {
  if (rd_kafka_version() < first_version_without) thread_ = std::thread([this] { run(); });
}

Nudge::~Nudge() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  waiting_ = stop;
  waiting_.notify_one();
  thread_.join();
}

// What the answer says is of no interest, nor whether one comes: the request has woken the broker's thread.
void Nudge::run() {
  pthread_setname_np(pthread_self(), "nudge");
  while (true) {
    waiting_.wait(nothing);
    const std::uint64_t waiting = waiting_.exchange(nothing) - 2;
    if (stopping_) return;
    const PartitionsPtr asked(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(asked.get(), topics_[waiting >> 32].c_str(),
                                      static_cast<std::int32_t>(waiting & 0xffff'ffff))
        ->offset = RD_KAFKA_OFFSET_END;
    // Not rd_kafka_query_watermark_offsets(): before 2.3 it waits for as long as a broker is away.
    (void)rd_kafka_offsets_for_times(client_->get(), asked.get(), time_out_ms);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace holdfast::ingest
