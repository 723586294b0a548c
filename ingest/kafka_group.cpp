#include "ingest/kafka_group.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace holdfast::ingest {
namespace {

constexpr std::string_view prefix = "step ";

}  // namespace

void set_step(rd_kafka_topic_partition_t& offset, std::uint64_t step) {
  const std::string text = std::string(prefix) + std::to_string(step);
  // The list frees it with free().
  void* const copy = std::malloc(text.size());  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory)
  if (copy == nullptr) return;
  std::memcpy(copy, text.data(), text.size());
  offset.metadata = copy;
  offset.metadata_size = text.size();
}

std::optional<std::uint64_t> step_of(const rd_kafka_topic_partition_t& offset) {
  const std::string_view text(static_cast<const char*>(offset.metadata),
                              offset.metadata == nullptr ? 0 : offset.metadata_size);
  if (!text.starts_with(prefix)) return std::nullopt;
  std::uint64_t step = 0;
  const auto [end, error] = std::from_chars(text.data() + prefix.size(), text.data() + text.size(), step);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return step;
}

// Not rd_kafka_commit(): what it waits for can be dropped, without an answer, while the consumer is closed.
rd_kafka_resp_err_t KafkaGroup::commit(const rd_kafka_topic_partition_list_t& offsets, const Deadline& deadline) const {
  constexpr int look_every_ms = 100;
  const QueuePtr answers(rd_kafka_queue_new(consumer_->get()));
  const auto code = rd_kafka_commit_queue(consumer_->get(), &offsets, answers.get(), nullptr, nullptr);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  for (;;) {
    const EventPtr event(rd_kafka_queue_poll(answers.get(), deadline.remaining_ms(look_every_ms)));
    if (event) return rd_kafka_event_error(event.get());
    if (rd_kafka_consumer_closed(consumer_->get()) != 0) return RD_KAFKA_RESP_ERR__DESTROY;
    if (deadline.passed()) return RD_KAFKA_RESP_ERR__TIMED_OUT;
  }
}

}  // namespace holdfast::ingest
