#include "app/history_progress.hpp"

#include <cstdint>
#include <cstdio>

#include <fmt/core.h>
#include <unistd.h>

#include "app/report.hpp"

namespace holdfast::app {

HistoryProgressLine::HistoryProgressLine(bool quiet) : visible_(!quiet && isatty(STDERR_FILENO) == 1) {}

void HistoryProgressLine::show(std::string_view doing, std::uint64_t events, Timestamp stream_time) {
  const auto now = std::chrono::steady_clock::now();
  if (!visible_ || now - shown_ < std::chrono::milliseconds(200)) return;
  shown_ = now;
  shown_anything_ = true;
  const bool somewhere = stream_time > before_all_time && stream_time < after_all_time;
  fmt::print(stderr, "\r{}: {} events{}\x1b[K", doing, events, somewhere ? ", at " + to_rfc3339(stream_time) : "");
  std::fflush(stderr);
}

void HistoryProgressLine::show(std::string_view doing) {
  if (!visible_) return;
  shown_anything_ = true;
  fmt::print(stderr, "\r{}\x1b[K", doing);
  std::fflush(stderr);
}

void HistoryProgressLine::clear() {
  if (shown_anything_) fmt::print(stderr, "\r\x1b[K");
  shown_anything_ = false;
}

HistoryProgress HistoryProgressLine::watcher() {
  return [this](auto... what) { show(what...); };
}

int HistoryProgressLine::give_up(const Error& error) {
  clear();
  return report(error);
}

}  // namespace holdfast::app
