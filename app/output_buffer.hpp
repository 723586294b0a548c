#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "domain/limits.hpp"
#include "domain/record.hpp"
#include "domain/time.hpp"
#include "ingest/text_arena.hpp"

namespace holdfast::app {

/// Records on their way from a shard to the committer, with the memory that they point into. That is used again.
class OutputBuffer {
 public:
  /// Where texts of records that are added may lie.
  [[nodiscard]] ingest::TextArena& text() { return text_; }
  /// Copies what lies elsewhere.
  [[nodiscard]] std::string_view keep(std::string_view text) {
    text_.append(text);
    return text_.finish();
  }
  /// All that the record points at must stay until the buffer is cleared; the span of headers need not.
  /// `logged_at`: of the input record that led to it; -1: none, or unknown.
  void add(const OutputRecord& record, Timestamp logged_at = Timestamp{-1}) {
    records_.push_back({record, headers_.size(), record.headers.size(), logged_at});
    headers_.insert(headers_.end(), record.headers.begin(), record.headers.end());
    bytes_ += record.key.size() + record.value.size();
  }
  void clear() {
    records_.clear();
    headers_.clear();
    text_.clear(limits::output_bytes_kept);
    bytes_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  /// Of keys and values.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool is_full() const {
    return size() >= limits::output_records_max || bytes() >= limits::output_bytes_max;
  }
  /// Its headers hold until something is added, the rest until the buffer is cleared.
  [[nodiscard]] OutputRecord operator[](std::size_t i) const {
    const Entry& entry = records_[i];
    OutputRecord record = entry.record;
    record.headers = std::span(headers_).subspan(entry.first_header, entry.header_count);
    return record;
  }
  [[nodiscard]] Timestamp logged_at(std::size_t i) const { return records_[i].logged_at; }

 private:
  struct Entry {
    OutputRecord record;
    std::size_t first_header = 0;
    std::size_t header_count = 0;
    Timestamp logged_at;
  };

  ingest::TextArena text_;
  std::vector<Entry> records_;
  std::vector<HeaderView> headers_;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::app
