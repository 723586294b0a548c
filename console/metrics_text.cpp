#include "console/metrics_text.hpp"

#include <array>
#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace holdfast::console {
namespace {

using prometheus::ClientMetric;
using Metrics = std::vector<ClientMetric>;

ClientMetric value(std::vector<ClientMetric::Label> labels, double number) {
  ClientMetric metric;
  metric.label = std::move(labels);
  // Counter and gauge alike: only the member of the family's type is printed.
  metric.counter.value = number;
  metric.gauge.value = number;
  return metric;
}

Metrics single(double number) { return {value({}, number)}; }
Metrics single(std::uint64_t number) { return single(static_cast<double>(number)); }

Metrics by_label(const char* label, const std::map<std::string, std::uint64_t>& counts) {
  Metrics metrics;
  for (const auto& [name, count] : counts) metrics.push_back(value({{label, name}}, static_cast<double>(count)));
  return metrics;
}

Metrics by_labels(const char* first, const char* second,
                  const std::map<std::pair<std::string, std::string>, std::uint64_t>& counts) {
  Metrics metrics;
  for (const auto& [names, count] : counts) {
    metrics.push_back(value({{first, names.first}, {second, names.second}}, static_cast<double>(count)));
  }
  return metrics;
}

Metrics histogram(const HistogramSnapshot& snapshot) {
  ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
    count += snapshot.counts[i];
    if (i < snapshot.upper_bounds.size()) metric.histogram.bucket.push_back({count, snapshot.upper_bounds[i]});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = snapshot.sum;
  return {metric};
}

Metrics by_partition(const Snapshot& s, double Snapshot::Calibration::* number) {
  Metrics metrics;
  for (const Snapshot::Calibration& at : s.calibration)
    metrics.push_back(value({{"partition", std::to_string(at.partition)}}, at.*number));
  return metrics;
}

Metrics alarms(const Snapshot& s) {
  Metrics metrics;
  for (const Snapshot::Calibration& at : s.calibration)
    metrics.push_back(value({{"partition", std::to_string(at.partition)}}, at.alarm ? 1 : 0));
  return metrics;
}

Metrics lag(const Snapshot& s) {
  Metrics metrics;
  for (const Snapshot::SourcePartition& at : s.lag) {
    metrics.push_back(value({{"source", at.source}, {"partition", std::to_string(at.partition)}},
                            static_cast<double>(at.lag_events)));
  }
  return metrics;
}

Metrics stream_time(const Snapshot& s) {
  Metrics metrics;
  for (const auto& [partition, seconds] : s.stream_time_timestamp_seconds) {
    metrics.push_back(value({{"partition", std::to_string(partition)}}, seconds));
  }
  return metrics;
}

struct Row {
  MetricInfo info;
  Metrics (*read)(const Snapshot& snapshot);
};

constexpr auto counter = MetricType::counter;
constexpr auto gauge = MetricType::gauge;
constexpr auto distribution = MetricType::histogram;

constexpr std::array rows{
    Row{{"holdfast_events_total", counter, "source", "Events applied, duplicates included."},
        [](const Snapshot& s) { return by_label("source", s.events_total); }},
    Row{{"holdfast_duplicates_total", counter, "",
         "Events without effect because their customer showed the same event_id before."},
        [](const Snapshot& s) { return single(s.duplicates_total); }},
    Row{{"holdfast_late_events_total", counter, "", "Events older than what their customer had seen already."},
        [](const Snapshot& s) { return single(s.late_events_total); }},
    Row{{"holdfast_misplaced_total", counter, "", "Records whose key hashes to another partition than theirs."},
        [](const Snapshot& s) { return single(s.misplaced_total); }},
    Row{{"holdfast_other_currency_total", counter, "",
         "Purchases whose amount is in another currency than the model's, or in none, so that it is not known to it."},
        [](const Snapshot& s) { return single(s.other_currency_total); }},
    Row{{"holdfast_erasures_total", counter, "", "Customers erased at their request."},
        [](const Snapshot& s) { return single(s.erasures_total); }},
    Row{{"holdfast_dead_letters_total", counter, "source,code", "Records that are no events, by reason."},
        [](const Snapshot& s) { return by_labels("source", "code", s.dead_letters_total); }},
    Row{{"holdfast_alerts_total", counter, "change,level", "Alerts, by what happened and the level it led to."},
        [](const Snapshot& s) { return by_labels("change", "level", s.alerts_total); }},
    Row{{"holdfast_customers", gauge, "", "Customers that this instance keeps."},
        [](const Snapshot& s) { return single(s.customers); }},
    Row{{"holdfast_standby_partitions", gauge, "", "Partitions of other instances that this one keeps warm."},
        [](const Snapshot& s) { return single(s.standby_partitions); }},
    Row{{"holdfast_lag_events", gauge, "source,partition", "Records in the log that are not applied yet."}, lag},
    Row{{"holdfast_stream_time_timestamp_seconds", gauge, "partition", "How far event time has come, as Unix time."},
        stream_time},
    Row{{"holdfast_event_to_alert_seconds", distribution, "",
         "From the log's timestamp of an event to the commit of its alert."},
        [](const Snapshot& s) { return histogram(s.event_to_alert_seconds); }},
    Row{{"holdfast_commit_seconds", distribution, "", "Duration of commits."},
        [](const Snapshot& s) { return histogram(s.commit_seconds); }},
    Row{{"holdfast_commits_total", counter, "", "Epochs committed."},
        [](const Snapshot& s) { return single(s.commits_total); }},
    Row{{"holdfast_aborts_total", counter, "", "Epochs given up and applied again from the committed state."},
        [](const Snapshot& s) { return single(s.aborts_total); }},
    Row{{"holdfast_steps_total", counter, "", "Steps applied."},
        [](const Snapshot& s) { return single(s.steps_total); }},
    Row{{"holdfast_timers_fired_total", counter, "", "Customers judged because time passed, without an event."},
        [](const Snapshot& s) { return single(s.timers_fired_total); }},
    Row{{"holdfast_model_info", gauge, "id,name", "1; the labels name the model that is in force for new alerts."},
        [](const Snapshot& s) {
          return Metrics{value({{"id", s.model_info.first}, {"name", s.model_info.second}}, 1)};
        }},
    Row{{"holdfast_model_generations", gauge, "",
         "Models that customers of one partition are under, or will be, the most of all partitions; 1: all are under "
         "the newest."},
        [](const Snapshot& s) { return single(s.model_generations); }},
    Row{{"holdfast_model_swaps_total", counter, "", "Models that took the place of another one, for each partition."},
        [](const Snapshot& s) { return single(s.model_swaps_total); }},
    Row{{"holdfast_models_refused_total", counter, "", "Models that could not be used; the one in force stayed."},
        [](const Snapshot& s) { return single(s.models_refused_total); }},
    Row{{"holdfast_model_corrections_total", counter, "",
         "Corrections of the model in force by outcomes, for each partition."},
        [](const Snapshot& s) { return single(s.model_corrections_total); }},
    Row{{"holdfast_calibration_outcomes", gauge, "partition",
         "Customers whose outcome is known; older ones count for less."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::outcomes); }},
    Row{{"holdfast_calibration_left", gauge, "partition", "Of those, how many bought nothing within the horizon."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::left); }},
    Row{{"holdfast_calibration_expected", gauge, "partition",
         "Of those, how many were expected to buy nothing, by the risks they had."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::expected); }},
    Row{{"holdfast_calibration_error", gauge, "partition", "Expected calibration error of those risks, 0 to 1."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::error); }},
    Row{{"holdfast_calibration_error_by_chance", gauge, "partition",
         "What that error would exceed about once in forty times, were all risks right."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::error_by_chance); }},
    Row{{"holdfast_calibration_drift", gauge, "partition",
         "Population stability index of the scores of late against those with known outcomes."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::drift); }},
    Row{{"holdfast_calibration_intercept", gauge, "partition", "Of the correction in force, in log-odds; 0: none."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::intercept); }},
    Row{{"holdfast_calibration_slope", gauge, "partition", "Of the correction in force; 1: none."},
        [](const Snapshot& s) { return by_partition(s, &Snapshot::Calibration::slope); }},
    Row{{"holdfast_calibration_alarm", gauge, "partition",
         "1: the calibration error is above calibration.ece_max and the error by chance together."},
        [](const Snapshot& s) { return alarms(s); }},
    Row{{"holdfast_checkpoint_seconds", distribution, "", "Duration of checkpoints."},
        [](const Snapshot& s) { return histogram(s.checkpoint_seconds); }},
    Row{{"holdfast_checkpoint_last_timestamp_seconds", gauge, "",
         "When the latest checkpoint was written, as Unix time; 0: none yet."},
        [](const Snapshot& s) { return single(s.checkpoint_last_timestamp_seconds); }},
    Row{{"holdfast_checkpoint_bytes_total", counter, "", "Bytes written to checkpoints."},
        [](const Snapshot& s) { return single(s.checkpoint_bytes_total); }},
    Row{{"holdfast_checkpoint_failures_total", counter, "",
         "Checkpoints that could not be written and were tried again."},
        [](const Snapshot& s) { return single(s.checkpoint_failures_total); }},
    Row{{"holdfast_unpurged_partitions", gauge, "",
         "Partitions whose checkpoints say that a customer is erased, with the customer still in files on the disk."},
        [](const Snapshot& s) { return single(s.unpurged_partitions); }},
    Row{{"holdfast_restore_records_total", counter, "", "Records applied again, muted, to restore the state."},
        [](const Snapshot& s) { return single(s.restore_records_total); }},
    Row{{"holdfast_state_bytes", gauge, "tier", "Memory that customers and their timers take."},
        [](const Snapshot& s) { return by_label("tier", s.state_bytes); }},
    Row{{"holdfast_cold_customers", gauge, "", "Customers whose records lie in a scratch file and not in memory."},
        [](const Snapshot& s) { return single(s.cold_customers); }},
    Row{{"holdfast_scratch_bytes", gauge, "", "Size of the scratch files."},
        [](const Snapshot& s) { return single(s.scratch_bytes); }},
    Row{{"holdfast_ring_full_total", counter, "ring", "How often a full queue between threads held its writer back."},
        [](const Snapshot& s) { return by_label("ring", s.ring_full_total); }},
};

constexpr auto infos = [] {
  std::array<MetricInfo, rows.size()> out{};
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = rows[i].info;
  return out;
}();

prometheus::MetricType to_prometheus(MetricType type) {
  switch (type) {
    case MetricType::counter: return prometheus::MetricType::Counter;
    case MetricType::gauge: return prometheus::MetricType::Gauge;
    case MetricType::histogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

std::span<const MetricInfo> metric_table() { return infos; }

std::string metrics_text(const Snapshot& snapshot) {
  std::vector<prometheus::MetricFamily> families;
  for (const Row& row : rows) {
    prometheus::MetricFamily family;
    family.name = row.info.name;
    family.help = row.info.help;
    family.type = to_prometheus(row.info.type);
    family.metric = row.read(snapshot);
    families.push_back(std::move(family));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

}  // namespace holdfast::console
