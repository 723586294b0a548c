#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "domain/record.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// Records on their way from a shard to the committer. Reused: its strings keep their memory.
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
  void clear() { size_ = 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Record& operator[](std::size_t i) const { return records_[i]; }

 private:
  std::vector<Record> records_;
  std::size_t size_ = 0;
};

[[nodiscard]] inline OutputRecord view(const OutputBuffer::Record& record) {
  return {.topic = record.topic,
          .key = record.has_key ? std::string_view(record.key) : std::string_view(),
          .value = record.has_value ? std::string_view(record.value) : std::string_view(),
          .headers = record.headers,
          .timestamp = record.timestamp};
}

}  // namespace holdfast::app
