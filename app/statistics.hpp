#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "domain/limits.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// A number that one thread writes and others read now and then. Relaxed throughout: no reader draws a conclusion about
/// other memory from it.
template <class T>
class Gauge {
 public:
  void set(T value) { value_.store(value, std::memory_order_relaxed); }
  /// The writing thread only.
  void add(T value) { set(get() + value); }
  [[nodiscard]] T get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{};
};

/// Counts of durations; one thread writes.
class Histogram {
 public:
  static constexpr std::array<double, 14> upper_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                       0.25,  0.5,    1,     2.5,  5,     10,   30};
  void observe(double seconds);
  [[nodiscard]] std::vector<std::uint64_t> counts() const;
  [[nodiscard]] double sum() const { return sum_.get(); }

 private:
  std::array<Gauge<std::uint64_t>, upper_bounds.size() + 1> counts_;
  Gauge<double> sum_;
};

/// What outcomes say of the risks of a partition (engine::CalibrationReport), as of the latest week's begin.
struct CalibrationStatistics {
  Gauge<bool> watched;
  Gauge<double> outcomes;
  Gauge<double> left;
  Gauge<double> told;
  Gauge<double> ece;
  Gauge<double> ece_chance_most;
  Gauge<double> drift;
  Gauge<double> intercept;
  Gauge<double> slope;
  Gauge<std::int64_t> reviewed_ms;

  /// Whether the error is above `ece_max` by more than chance is likely to do.
  [[nodiscard]] bool is_off(double ece_max) const { return ece.get() - ece_chance_most.get() > ece_max; }
};

/// Written by the shard that has the task; `assigned` and `log_end` by the fetcher, `loaded_records` by the recovery.
struct PartitionStatistics {
  std::array<Gauge<std::uint64_t>, limits::sources_max> events;
  std::array<std::array<Gauge<std::uint64_t>, rejection_codes>, limits::sources_max> rejected;
  std::array<std::array<Gauge<std::uint64_t>, 4>, 6> alerts;
  Gauge<std::uint64_t> duplicates;
  Gauge<std::uint64_t> late;
  Gauge<std::uint64_t> misplaced;
  Gauge<std::uint64_t> other_currency;
  Gauge<std::uint64_t> erased;
  Gauge<std::uint64_t> steps;
  Gauge<std::uint64_t> timers;
  Gauge<std::uint64_t> swaps;
  Gauge<std::uint64_t> corrections;
  CalibrationStatistics calibration;
  Gauge<std::uint64_t> models;            ///< That its customers are under, or will be.
  Gauge<std::uint64_t> step;              ///< Number of the last one applied.
  Gauge<std::uint64_t> loaded_records;    ///< Customers' records read from checkpoints.
  Gauge<std::uint64_t> restored_records;  ///< Events replayed behind them.
  Gauge<std::uint64_t> customers;
  Gauge<std::uint64_t> hot_bytes;
  Gauge<std::uint64_t> cold_customers;  ///< Their records lie in the scratch file.
  Gauge<std::uint64_t> scratch_bytes;
  Gauge<bool> lacks_scratch;  ///< There is no space for the scratch file that is needed.
  Gauge<std::int64_t> stream_time_ms{};
  Gauge<bool> assigned;
  Gauge<bool> standby;    ///< Another instance has it, this one follows; the fields then say how far.
  Gauge<bool> restored;   ///< The replay is over.
  Gauge<bool> caught_up;  ///< Every source is read to its end and applied, the clock included.
  std::array<Gauge<std::int64_t>, limits::sources_max> position;  ///< Next offset to be applied.
  std::array<Gauge<std::int64_t>, limits::sources_max> log_end;   ///< Of the fetcher; -1: unknown.
};

/// All that is measured of a running pipeline; each number has one writing thread.
struct Statistics {
  Statistics(std::size_t sources_, std::size_t partitions_) : sources(sources_), partitions(partitions_) {}

  std::size_t sources;
  std::vector<PartitionStatistics> partitions;

  // Fetcher.
  Gauge<bool> joined;                ///< The group has given this instance its share, which may be none.
  Gauge<std::uint64_t> assignments;  ///< How often it has.

  // Committer.
  Histogram commit_seconds;
  Histogram event_to_alert_seconds;
  Gauge<std::uint64_t> commits;
  Gauge<std::uint64_t> aborts;
  // Checkpointer.
  Histogram checkpoint_seconds;
  Gauge<std::int64_t> checkpoint_last_ms;
  Gauge<std::uint64_t> checkpoint_bytes;
  Gauge<std::uint64_t> checkpoint_failures;
  Gauge<std::uint64_t> unpurged;  ///< Partitions.
  // Fetcher and shards: how often a full ring held them back.
  Gauge<std::uint64_t> input_ring_full;
  std::atomic<std::uint64_t> output_ring_full{0};  ///< All shards add to it.
};

}  // namespace holdfast::app
