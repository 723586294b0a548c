#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::console {

/// A histogram's state: counts per upper bound, not cumulated, the last one for all above.
struct HistogramSnapshot {
  std::vector<double> upper_bounds;   ///< Seconds, ascending.
  std::vector<std::uint64_t> counts;  ///< upper_bounds.size() + 1
  double sum = 0;
};

/// One reading of everything that is measured; the names are those of the metrics without their prefix `holdfast_`.
struct Snapshot {
  struct SourcePartition {
    std::string source;
    std::int32_t partition = 0;
    std::int64_t lag_events = 0;
  };
  struct Calibration {
    std::int32_t partition = 0;
    double outcomes = 0;
    double left = 0;
    double expected = 0;
    double error = 0;
    double error_by_chance = 0;
    double drift = 0;
    double intercept = 0;
    double slope = 1;
    bool alarm = false;
  };
  std::map<std::string, std::uint64_t> events_total;                                // source
  std::map<std::pair<std::string, std::string>, std::uint64_t> dead_letters_total;  // source, code
  std::map<std::pair<std::string, std::string>, std::uint64_t> alerts_total;        // change, level
  std::uint64_t duplicates_total = 0;
  std::uint64_t late_events_total = 0;
  std::uint64_t misplaced_total = 0;
  std::uint64_t other_currency_total = 0;
  std::uint64_t erasures_total = 0;
  std::uint64_t customers = 0;
  std::uint64_t standby_partitions = 0;
  std::vector<SourcePartition> lag;
  HistogramSnapshot event_to_alert_seconds;
  HistogramSnapshot commit_seconds;
  HistogramSnapshot checkpoint_seconds;
  std::uint64_t commits_total = 0;
  std::uint64_t aborts_total = 0;
  std::uint64_t steps_total = 0;
  std::uint64_t timers_fired_total = 0;
  std::pair<std::string, std::string> model_info;  // id, name
  std::uint64_t model_generations = 0;
  std::uint64_t model_swaps_total = 0;
  std::uint64_t models_refused_total = 0;
  std::uint64_t model_corrections_total = 0;
  std::vector<Calibration> calibration;          ///< None: outcomes are not watched.
  double checkpoint_last_timestamp_seconds = 0;  ///< Unix time; 0: none yet.
  std::uint64_t checkpoint_bytes_total = 0;
  std::uint64_t checkpoint_failures_total = 0;
  std::uint64_t unpurged_partitions = 0;
  std::uint64_t restore_records_total = 0;
  std::map<std::string, std::uint64_t> state_bytes;  // tier: hot, standby
  std::uint64_t cold_customers = 0;
  std::uint64_t scratch_bytes = 0;
  std::map<std::string, std::uint64_t> ring_full_total;                        // ring: input, output
  std::vector<std::pair<std::int32_t, double>> stream_time_timestamp_seconds;  // partition, Unix time
};

}  // namespace holdfast::console
