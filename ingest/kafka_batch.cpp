#include "ingest/kafka_batch.hpp"

namespace holdfast::ingest {
namespace {

std::string_view view(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string_view{} : std::string_view{static_cast<const char*>(bytes), size};
}

RawRecord to_record(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type{};
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  return {
      .offset = Offset{message.offset},
      .timestamp = Timestamp{type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp},
      .key = view(message.key, message.key_len),
      .value = view(message.payload, message.len),
  };
}

}  // namespace

KafkaBatch::KafkaBatch(std::shared_ptr<const KafkaClient> client, std::size_t capacity) : client_(std::move(client)) {
  messages_.reserve(capacity);
  records_.reserve(capacity);
}

KafkaBatch::~KafkaBatch() {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
}

void KafkaBatch::add(MessagePtr message) {
  records_.push_back(to_record(*message));
  messages_.push_back(message.release());
}

std::vector<Header> KafkaBatch::headers(std::size_t index) const {
  std::vector<Header> result;
  rd_kafka_headers_t* headers = nullptr;  // Belongs to the message.
  if (rd_kafka_message_headers(messages_[index], &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return result;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
    result.push_back({name, std::string(view(value, size)), value != nullptr});
  }
  return result;
}

}  // namespace holdfast::ingest
