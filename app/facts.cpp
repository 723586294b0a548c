#include "app/facts.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "app/customer_view.hpp"
#include "domain/alert.hpp"
#include "domain/event.hpp"

namespace holdfast::app {
namespace {

console::HistogramSnapshot snapshot_of(const Histogram& histogram) {
  return {.upper_bounds = {Histogram::upper_bounds.begin(), Histogram::upper_bounds.end()},
          .counts = histogram.counts(),
          .sum = histogram.sum()};
}

std::int64_t lag_of(const PartitionStatistics& partition, std::size_t source) {
  const std::int64_t end = partition.log_end[source].get();
  return end < 0 ? 0 : std::max<std::int64_t>(end - partition.position[source].get(), 0);
}

}  // namespace

Progress progress_of(const Statistics& statistics) {
  Progress progress;
  progress.stream_time = after_all_time;
  for (const PartitionStatistics& partition : statistics.partitions) {
    if (!partition.assigned.get()) continue;
    for (std::size_t s = 0; s < statistics.sources; ++s) {
      progress.events += partition.events[s].get();
      progress.lag += lag_of(partition, s);
    }
    progress.restored += partition.restored_records.get();
    progress.loaded += partition.loaded_records.get();
    progress.misplaced += partition.misplaced.get();
    progress.other_currency += partition.other_currency.get();
    progress.customers += partition.customers.get();
    progress.state_bytes += partition.hot_bytes.get();
    progress.cold_customers += partition.cold_customers.get();
    progress.lacks_scratch = progress.lacks_scratch || partition.lacks_scratch.get();
    progress.restoring = progress.restoring || !partition.restored.get();
    if (partition.customers.get() > 0)
      progress.stream_time = std::min(progress.stream_time, Timestamp{partition.stream_time_ms.get()});
  }
  return progress;
}

void ServiceFacts::watch(Pipeline* pipeline) {
  const std::lock_guard lock(mutex_);
  pipeline_ = pipeline;
}

bool ServiceFacts::ready(std::string& why_not) {
  const std::lock_guard lock(mutex_);
  if (pipeline_ == nullptr) {
    why_not = "not connected to the brokers";
    return false;
  }
  if (pipeline_->ready()) return true;
  const Progress progress = progress_of(pipeline_->statistics());
  why_not = progress.restoring ? "the state is being restored" : "no partitions are assigned";
  return false;
}

console::Snapshot ServiceFacts::metrics() {
  console::Snapshot out;
  const auto model = models_.wanted().get().model;
  out.model_info = {model->id, model->name};
  out.models_refused_total = models_.refused();
  const std::lock_guard lock(mutex_);
  if (pipeline_ == nullptr) return out;
  const Statistics& statistics = pipeline_->statistics();
  for (std::size_t p = 0; p < statistics.partitions.size(); ++p) {
    const PartitionStatistics& partition = statistics.partitions[p];
    if (partition.standby.get()) {
      ++out.standby_partitions;
      out.state_bytes["standby"] += partition.hot_bytes.get();
    }
    if (partition.standby.get() || partition.assigned.get()) {
      out.cold_customers += partition.cold_customers.get();
      out.scratch_bytes += partition.scratch_bytes.get();
    }
    if (!partition.assigned.get()) continue;
    for (std::size_t s = 0; s < config_.sources.size(); ++s) {
      const std::string& source = config_.sources[s].name;
      out.events_total[source] += partition.events[s].get();
      for (std::size_t code = 0; code < rejection_codes; ++code) {
        const std::string name(code_name(static_cast<RejectionCode>(code)));
        out.dead_letters_total[{source, name}] += partition.rejected[s][code].get();
      }
      out.lag.push_back({source, static_cast<std::int32_t>(p), lag_of(partition, s)});
    }
    for (std::size_t change = 0; change < partition.alerts.size(); ++change) {
      for (std::size_t level = 0; level < partition.alerts[change].size(); ++level) {
        const std::uint64_t count = partition.alerts[change][level].get();
        if (count == 0) continue;
        out.alerts_total[{std::string(name(static_cast<Change>(change))),
                          std::string(name(static_cast<Level>(level)))}] += count;
      }
    }
    out.duplicates_total += partition.duplicates.get();
    out.late_events_total += partition.late.get();
    out.misplaced_total += partition.misplaced.get();
    out.other_currency_total += partition.other_currency.get();
    out.erasures_total += partition.erased.get();
    out.customers += partition.customers.get();
    out.steps_total += partition.steps.get();
    out.timers_fired_total += partition.timers.get();
    out.model_swaps_total += partition.swaps.get();
    out.model_corrections_total += partition.corrections.get();
    if (const CalibrationStatistics& now = partition.calibration; now.watched.get()) {
      out.calibration.push_back({.partition = static_cast<std::int32_t>(p),
                                 .outcomes = now.outcomes.get(),
                                 .left = now.left.get(),
                                 .expected = now.told.get(),
                                 .error = now.ece.get(),
                                 .error_by_chance = now.ece_chance_most.get(),
                                 .drift = now.drift.get(),
                                 .intercept = now.intercept.get(),
                                 .slope = now.slope.get(),
                                 .alarm = now.is_off(config_.ece_max)});
    }
    out.model_generations = std::max(out.model_generations, partition.models.get());
    out.restore_records_total += partition.restored_records.get() + partition.loaded_records.get();
    out.state_bytes["hot"] += partition.hot_bytes.get();
    if (partition.customers.get() > 0)
      out.stream_time_timestamp_seconds.emplace_back(static_cast<std::int32_t>(p),
                                                     static_cast<double>(partition.stream_time_ms.get()) / 1000);
  }
  out.event_to_alert_seconds = snapshot_of(statistics.event_to_alert_seconds);
  out.commit_seconds = snapshot_of(statistics.commit_seconds);
  out.checkpoint_seconds = snapshot_of(statistics.checkpoint_seconds);
  out.commits_total = statistics.commits.get();
  out.aborts_total = statistics.aborts.get();
  out.checkpoint_last_timestamp_seconds = static_cast<double>(statistics.checkpoint_last_ms.get()) / 1000;
  out.checkpoint_bytes_total = statistics.checkpoint_bytes.get();
  out.checkpoint_failures_total = statistics.checkpoint_failures.get();
  out.unpurged_partitions = statistics.unpurged.get();
  out.ring_full_total["input"] = statistics.input_ring_full.get();
  out.ring_full_total["output"] = statistics.output_ring_full.load(std::memory_order_relaxed);
  return out;
}

std::string ServiceFacts::status_json() {
  const auto model = models_.wanted().get().model;
  nlohmann::ordered_json out{{"application_id", config_.application_id},
                             {"instance_id", config_.instance_id},
                             {"version", HOLDFAST_VERSION},
                             {"model", {{"id", model->id}, {"name", model->name}}}};
  std::string why_not;
  out["ready"] = ready(why_not);
  if (!why_not.empty()) out["not_ready"] = why_not;
  const std::lock_guard lock(mutex_);
  auto& partitions = out["partitions"] = nlohmann::ordered_json::array();
  if (pipeline_ == nullptr) return out.dump();
  const Statistics& statistics = pipeline_->statistics();
  for (std::size_t p = 0; p < statistics.partitions.size(); ++p) {
    const PartitionStatistics& partition = statistics.partitions[p];
    if (!partition.assigned.get()) continue;
    nlohmann::ordered_json sources = nlohmann::ordered_json::object();
    for (std::size_t s = 0; s < config_.sources.size(); ++s)
      sources[config_.sources[s].name] = {{"position", partition.position[s].get()}, {"lag", lag_of(partition, s)}};
    nlohmann::ordered_json one{{"partition", p},
                               {"restored", partition.restored.get()},
                               {"caught_up", partition.caught_up.get()},
                               {"customers", partition.customers.get()},
                               {"steps", partition.steps.get()},
                               {"models", partition.models.get()}};
    if (partition.customers.get() > 0) one["stream_time"] = to_rfc3339(Timestamp{partition.stream_time_ms.get()});
    one["sources"] = std::move(sources);
    partitions.push_back(std::move(one));
  }
  auto& standbys = out["standbys"] = nlohmann::ordered_json::array();
  for (std::size_t p = 0; p < statistics.partitions.size(); ++p) {
    const PartitionStatistics& partition = statistics.partitions[p];
    if (!partition.standby.get()) continue;
    standbys.push_back({{"partition", p}, {"customers", partition.customers.get()}, {"step", partition.step.get()}});
  }
  out["commits"] = statistics.commits.get();
  if (const std::int64_t last = statistics.checkpoint_last_ms.get(); last > 0)
    out["last_checkpoint"] = to_rfc3339(Timestamp{last});
  return out.dump();
}

Expected<std::optional<std::string>> ServiceFacts::customer_json(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (pipeline_ == nullptr) return fail(ErrorKind::unavailable, "not connected to the brokers");
  const auto facts = pipeline_->find(id);
  if (!facts) return std::unexpected(facts.error());
  if (!*facts) return std::optional<std::string>{};
  const Timestamp at = std::max((*facts)->stream_time, (*facts)->customer.moment());
  return std::optional{
      describe_customer(id, (*facts)->customer, (*facts)->partition, *(*facts)->model, config_.policy, at).dump()};
}

}  // namespace holdfast::app
