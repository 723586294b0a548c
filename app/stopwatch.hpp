#pragma once

#include <cstdint>

#include "domain/ports.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// Time that has passed, whatever happens to the wall clock meanwhile.
class Stopwatch {
 public:
  /// Starts. The clock must outlive the stopwatch.
  explicit Stopwatch(const Clock& clock) : clock_(&clock), started_us_(clock.steady_us()) {}

  void restart() { started_us_ = clock_->steady_us(); }
  [[nodiscard]] Duration elapsed() const { return {elapsed_us() / 1000}; }
  [[nodiscard]] double seconds() const { return static_cast<double>(elapsed_us()) / 1e6; }

 private:
  [[nodiscard]] std::int64_t elapsed_us() const { return clock_->steady_us() - started_us_; }

  const Clock* clock_;
  std::int64_t started_us_;
};

}  // namespace holdfast::app
