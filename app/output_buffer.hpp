#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "domain/limits.hpp"
#include "domain/record.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// Records on their way from a shard to the committer. Reused: its strings keep their memory, unless it is much.
class OutputBuffer {
 public:
  struct Record {
    OutputTopic topic{};
    bool has_key = false;
    bool has_value = false;
    std::string key;
    std::string value;
    std::vector<Header> headers;
    Timestamp timestamp{-1};
    Timestamp logged_at{-1};  ///< Of the input record that led to it; -1: none, or unknown.
  };

  /// A record to fill in; its content is that of an earlier use.
  Record& add() {
    if (size_ == records_.size()) records_.emplace_back();
    return records_[size_++];
  }
  void clear() {
    if (bytes() > limits::output_bytes_max) records_ = {};
    size_ = counted_ = bytes_ = 0;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Of keys and values.
  [[nodiscard]] std::size_t bytes() {
    for (; counted_ < size_; ++counted_) bytes_ += records_[counted_].key.size() + records_[counted_].value.size();
    return bytes_;
  }
  [[nodiscard]] bool is_full() { return size_ >= limits::output_records_max || bytes() >= limits::output_bytes_max; }
  [[nodiscard]] const Record& operator[](std::size_t i) const { return records_[i]; }

 private:
  std::vector<Record> records_;
  std::size_t size_ = 0;
  std::size_t counted_ = 0;  ///< Records whose bytes are in `bytes_`.
  std::size_t bytes_ = 0;
};

[[nodiscard]] inline OutputRecord view(const OutputBuffer::Record& record) {
  return {.topic = record.topic,
          .key = record.has_key ? std::string_view(record.key) : std::string_view(),
          .value = record.has_value ? std::string_view(record.value) : std::string_view(),
          .headers = record.headers,
          .timestamp = record.timestamp};
}

}  // namespace holdfast::app
