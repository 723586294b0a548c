#include "console/metrics_text.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::console {
namespace {

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << "\nis not in\n" << text;
}

TEST(MetricsText, CountersAndGaugesCarryTheirLabels) {
  Snapshot s;
  s.events_total = {{"purchases", 123'456'789'012}, {"visits", 2}};
  s.dead_letters_total = {{{"visits", "bad_time"}, 3}};
  s.alerts_total = {{{"raised", "high"}, 4}};
  s.customers = 5;
  s.lag = {{.source = "visits", .partition = 2, .lag_events = 6}};
  s.state_bytes = {{"hot", 7}};
  s.ring_full_total = {{"input", 8}, {"output", 9}};
  s.stream_time_timestamp_seconds = {{1, 1'317'377'700.125}};
  const std::string text = metrics_text(s);
  expect_part(text,
              "# HELP holdfast_events_total Events applied, duplicates included.\n"
              "# TYPE holdfast_events_total counter\n"
              "holdfast_events_total{source=\"purchases\"} 123456789012\n"
              "holdfast_events_total{source=\"visits\"} 2\n");
  expect_part(text, "\nholdfast_dead_letters_total{source=\"visits\",code=\"bad_time\"} 3\n");
  expect_part(text, "\nholdfast_alerts_total{change=\"raised\",level=\"high\"} 4\n");
  expect_part(text, "# TYPE holdfast_customers gauge\nholdfast_customers 5\n");
  expect_part(text, "\nholdfast_lag_events{source=\"visits\",partition=\"2\"} 6\n");
  expect_part(text, "\nholdfast_state_bytes{tier=\"hot\"} 7\n");
  expect_part(text, "\nholdfast_ring_full_total{ring=\"input\"} 8\nholdfast_ring_full_total{ring=\"output\"} 9\n");
  expect_part(text, "\nholdfast_stream_time_timestamp_seconds{partition=\"1\"} 1317377700.125\n");
}

TEST(MetricsText, EveryNumberHasItsName) {
  Snapshot s;
  s.duplicates_total = 11;
  s.late_events_total = 12;
  s.misplaced_total = 13;
  s.commits_total = 14;
  s.aborts_total = 15;
  s.steps_total = 16;
  s.timers_fired_total = 17;
  s.checkpoint_last_timestamp_seconds = 18;
  s.checkpoint_bytes_total = 19;
  s.checkpoint_failures_total = 20;
  s.restore_records_total = 21;
  s.erasures_total = 22;
  s.unpurged_partitions = 23;
  s.cold_customers = 24;
  s.scratch_bytes = 25;
  s.other_currency_total = 26;
  const std::string text = metrics_text(s);
  for (const char* line :
       {"\nholdfast_duplicates_total 11\n", "\nholdfast_late_events_total 12\n", "\nholdfast_misplaced_total 13\n",
        "\nholdfast_commits_total 14\n", "\nholdfast_aborts_total 15\n", "\nholdfast_steps_total 16\n",
        "\nholdfast_timers_fired_total 17\n", "\nholdfast_checkpoint_last_timestamp_seconds 18\n",
        "\nholdfast_checkpoint_bytes_total 19\n", "\nholdfast_checkpoint_failures_total 20\n",
        "\nholdfast_restore_records_total 21\n", "\nholdfast_erasures_total 22\n",
        "\nholdfast_unpurged_partitions 23\n", "\nholdfast_cold_customers 24\n", "\nholdfast_scratch_bytes 25\n",
        "\nholdfast_other_currency_total 26\n"}) {
    expect_part(text, line);
  }
}

TEST(MetricsText, CalibrationIsThatOfEachPartition) {
  Snapshot s;
  expect_part(metrics_text(s), "\nholdfast_model_corrections_total 0\n");
  EXPECT_EQ(metrics_text(s).find("\nholdfast_calibration_alarm{"), std::string::npos) << "nothing is watched";
  s.calibration.push_back({.partition = 2,
                           .outcomes = 1000.5,
                           .left = 400,
                           .expected = 500,
                           .error = 0.1,
                           .error_by_chance = 0.015,
                           .drift = 0.02,
                           .intercept = -0.5,
                           .slope = 0.9,
                           .alarm = true});
  const std::string text = metrics_text(s);
  for (const char* line :
       {"\nholdfast_calibration_outcomes{partition=\"2\"} 1000.5\n",
        "\nholdfast_calibration_left{partition=\"2\"} 400\n", "\nholdfast_calibration_expected{partition=\"2\"} 500\n",
        "\nholdfast_calibration_error{partition=\"2\"} 0.1\n",
        "\nholdfast_calibration_error_by_chance{partition=\"2\"} 0.015\n",
        "\nholdfast_calibration_drift{partition=\"2\"} 0.02\n",
        "\nholdfast_calibration_intercept{partition=\"2\"} -0.5\n",
        "\nholdfast_calibration_slope{partition=\"2\"} 0.9\n", "\nholdfast_calibration_alarm{partition=\"2\"} 1\n"}) {
    expect_part(text, line);
  }
}

TEST(MetricsText, HistogramsAreCumulated) {
  Snapshot s;
  s.commit_seconds = {.upper_bounds = {0.01, 0.1, 1}, .counts = {1, 2, 3, 4}, .sum = 5.5};
  expect_part(metrics_text(s),
              "# TYPE holdfast_commit_seconds histogram\n"
              "holdfast_commit_seconds_count 10\n"
              "holdfast_commit_seconds_sum 5.5\n"
              "holdfast_commit_seconds_bucket{le=\"0.01\"} 1\n"
              "holdfast_commit_seconds_bucket{le=\"0.1\"} 3\n"
              "holdfast_commit_seconds_bucket{le=\"1\"} 6\n"
              "holdfast_commit_seconds_bucket{le=\"+Inf\"} 10\n");
}

TEST(MetricsText, LabelsAreEscaped) {
  Snapshot s;
  s.events_total = {{"a\"b\\c\nd", 1}};
  expect_part(metrics_text(s), "holdfast_events_total{source=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(MetricTable, NamesFollowTheConventionsAndAreUnique) {
  std::set<std::string> names;
  for (const MetricInfo& metric : metric_table()) {
    const std::string name(metric.name);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(name.starts_with("holdfast_")) << name;
    EXPECT_EQ(name.ends_with("_total"), metric.type == MetricType::counter) << name;
    EXPECT_TRUE(metric.help.ends_with('.')) << name;
  }
}

}  // namespace
}  // namespace holdfast::console
