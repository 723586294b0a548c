#pragma once

#include <chrono>
#include <string_view>

#include "app/history.hpp"
#include "domain/error.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// A line on stderr, written over again, for people who wait; nothing where nobody watches.
class HistoryProgressLine {
 public:
  explicit HistoryProgressLine(bool quiet);
  void show(std::string_view doing, std::uint64_t events, Timestamp stream_time);
  /// A step without a count.
  void show(std::string_view doing);
  void clear();
  /// Shows what it is told; the line must outlive it.
  [[nodiscard]] HistoryProgress watcher();
  /// Reports an error where the line was; returns the exit status.
  int give_up(const Error& error);

 private:
  bool shown_anything_ = false;
  const bool visible_;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace holdfast::app
