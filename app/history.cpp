#include "app/history.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "app/kafka_clients.hpp"
#include "app/named_files.hpp"
#include "ingest/kafka_history.hpp"

namespace holdfast::app {
namespace {

constexpr std::size_t batch_records = 1000;
constexpr std::int64_t cutoffs_max = 1000;
constexpr std::size_t action_names_max = 250;

/// An event that lies this far before one that stood before it in its log is out of order, and so is a log with more
/// than a share of these: the engine takes each log as it is, and would have passed a cut-off before it came to most of
/// what happened until then.
constexpr Duration disorder{86'400'000};
constexpr double disorder_share_max = 0.01;

/// Drops what a replay puts out, and hands its progress on.
class NoOutput final : public ReplayOutput {
 public:
  explicit NoOutput(const HistoryProgress& progress) : progress_(progress) {}
  Status alert(std::string_view) override { return {}; }
  Status dead_letter(SourceIndex, const Rejection&) override { return {}; }
  void progress(std::uint64_t events, Timestamp stream_time) override { progress_("replaying", events, stream_time); }

 private:
  const HistoryProgress& progress_;
};

void take_note(HistorySpan& span, const Event& event) {
  if (event.rejection != nullptr) {
    ++span.rejected;
    return;
  }
  ++span.events[static_cast<std::size_t>(event.kind)];
  span.misplaced += event.misplaced ? 1 : 0;
  if (event.kind == EventKind::action && !event.erases) span.actions.add(event.action);
  span.with_amount += event.kind == EventKind::purchase && event.has_amount ? 1 : 0;
  span.first = std::min(span.first, event.time);
  span.last = std::max(span.last, event.time);
  if (event.kind == EventKind::purchase) span.last_purchase = std::max(span.last_purchase, event.time);
}

}  // namespace

void ActionNames::add(std::string_view name) {
  const auto place = std::ranges::lower_bound(names_, name);
  if (place != names_.end() && *place == name) return;
  names_.emplace(place, name);
  if (names_.size() > action_names_max) names_.pop_back();
}

std::uint8_t ActionNames::number_of(std::string_view name) const {
  const auto place =
      std::min(std::ranges::lower_bound(names_, name) - names_.begin(), static_cast<std::ptrdiff_t>(action_names_max));
  return static_cast<std::uint8_t>(place + 1);
}

std::string_view ActionNames::name_of(std::uint8_t number) const {
  if (number == 0) return "";
  return number > action_names_max ? std::string_view("other") : names_[number - 1U];
}

engine::EvidenceSet evidence_in(const HistorySpan& span) {
  engine::EvidenceSet present;
  for (std::size_t i = 0; i < engine::evidence_kinds; ++i) {
    const auto evidence = static_cast<engine::Evidence>(i);
    const std::uint64_t events = evidence == engine::Evidence::amount
                                     ? span.with_amount
                                     : span.events[static_cast<std::size_t>(engine::kind_of(evidence))];
    present.set(i, events > 0);
  }
  return present;
}

HistorySpan used_of(const HistorySpan& span, std::span<const ingest::SourceFormat> sources,
                    const ReplaySummary& replayed, Timestamp until) {
  HistorySpan used = span;
  used.events.fill(0);
  used.rejected = 0;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    used.events[static_cast<std::size_t>(sources[s].kind)] += replayed.counts.events[s];
    for (const std::uint64_t rejected : replayed.counts.rejected[s]) used.rejected += rejected;
  }
  used.misplaced = replayed.counts.misplaced;
  used.with_amount = std::min(span.with_amount, used.events[static_cast<std::size_t>(EventKind::purchase)]);
  used.last = until;
  used.last_purchase = std::min(span.last_purchase, until);
  return used;
}

std::vector<std::string> warnings_of(const HistorySpan& span) {
  if (span.misplaced == 0) return {};
  return {fmt::format(
      "{} events lie in another partition than that of their key, so one customer may count as several: have producers "
      "use the partitioner that `partitioner` names, or name theirs",
      span.misplaced)};
}

Expected<Timestamp> known_until(const HistorySpan& span, std::optional<Timestamp> until, Duration horizon) {
  if (span.last_purchase == before_all_time)
    return fail(ErrorKind::invalid_argument, "the history has no purchases: nothing can be learnt from it, nor judged");
  const Timestamp known = until.value_or(span.last_purchase);
  if (known - span.last_purchase > Duration{horizon.ms / 10})
    return fail(ErrorKind::invalid_argument,
                fmt::format("--until {} lies far behind the last purchase, at {}: who has not bought since may only be "
                            "missing in the data; set it to that time at most",
                            to_rfc3339(known), to_rfc3339(span.last_purchase)));
  return known;
}

Expected<learn::Cutoffs> bounded_cutoffs(Timestamp from, Timestamp until, Duration horizon, Duration step) {
  const std::int64_t room = (until - horizon - from).ms;
  if (room / step.ms >= cutoffs_max)
    return fail(ErrorKind::invalid_argument,
                fmt::format("from {} to {} there are more than {} cut-offs: choose a longer --every, or --from and "
                            "--until, if an event has a wrong time",
                            to_rfc3339(from), to_rfc3339(until), cutoffs_max));
  return learn::rolling_cutoffs(from, until, horizon, step);
}

Expected<History> History::open(const Config& config, std::span<const std::pair<std::string, std::string>> sources) {
  History history(config);
  if (sources.empty()) {
    const auto topics = ingest::open_kafka_history(kafka_settings_of(config));
    if (!topics) return std::unexpected(topics.error());
    history.partitions_ = (*topics)->partitions();
    return history;
  }
  for (const auto& [name, path] : sources) {
    std::error_code ignored;
    const bool once =
        path == "-" || (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored));
    if (once)
      return fail(ErrorKind::invalid_argument,
                  fmt::format("--source {}={}: history is read more than once, which standard input and pipes cannot "
                              "be; name a file",
                              name, path));
  }
  auto paths = paths_by_source(config, sources);
  if (!paths) return std::unexpected(paths.error());
  history.paths_ = std::move(*paths);
  return history;
}

Expected<std::vector<RecordFeed>> History::feeds() const {
  if (!paths_.empty()) return open_files(config_->sources, paths_);
  const auto topics = ingest::open_kafka_history(kafka_settings_of(*config_));
  if (!topics) return std::unexpected(topics.error());
  if ((*topics)->partitions() != partitions_)
    return fail(ErrorKind::failed, "the topics got more partitions while they were read; begin again");
  std::vector<RecordFeed> feeds;
  for (std::size_t s = 0; s < config_->sources.size(); ++s) {
    const SourceIndex source{static_cast<std::uint8_t>(s)};
    for (std::int32_t p = 0; p < partitions_; ++p)
      feeds.push_back({.records = (*topics)->read(source, Partition{p}), .source = source, .partition = Partition{p}});
  }
  return feeds;
}

Expected<HistorySpan> History::span(const HistoryProgress& progress,
                                    const std::function<void(const Event&)>& visit) const {
  auto feeds = this->feeds();
  if (!feeds) return std::unexpected(feeds.error());
  HistorySpan span;
  EventBatch events;
  for (RecordFeed& feed : *feeds) {
    ingest::Decoder decoder = decoder_of(feed, config_->sources, config_->partitioner, partitions_);
    Timestamp latest = before_all_time;
    std::uint64_t events_of_feed = 0;
    std::uint64_t out_of_order = 0;
    while (true) {
      const auto batch = feed.records->next(batch_records);
      if (!batch) return std::unexpected(batch.error());
      if (*batch == nullptr) break;
      decoder.decode(**batch, events);
      for (const Event& event : events.events) {
        take_note(span, event);
        if (visit) visit(event);
        if (event.rejection != nullptr) continue;
        ++events_of_feed;
        out_of_order += latest > before_all_time && event.time < latest - disorder ? 1 : 0;
        latest = std::max(latest, event.time);
        span.erasures.add(event, latest);
      }
      progress("looking through the history", span.total(), span.last);
    }
    if (static_cast<double>(out_of_order) > disorder_share_max * static_cast<double>(events_of_feed))
      return fail(ErrorKind::invalid_argument,
                  fmt::format("source {}: {} of {} events happened more than a day before one that stands before them: "
                              "sort them by time",
                              config_->sources[feed.source.value].name, out_of_order, events_of_feed));
  }
  return span;
}

Expected<ReplaySummary> History::replay(const engine::Model& model, const engine::RiskPolicy& policy,
                                        std::vector<Timestamp> moments, ReplayObserver& observer,
                                        const HistoryProgress& progress) const {
  auto feeds = this->feeds();
  if (!feeds) return std::unexpected(feeds.error());
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const ReplaySettings settings{.sources = config_->sources,
                                .partitioner = config_->partitioner,
                                .model = &model,
                                .policy = &policy,
                                .application_id = config_->application_id,
                                .until = std::nullopt,
                                .partitions = partitions_,
                                .threads = static_cast<int>(std::min<unsigned>(cores, partitions_)),
                                .batch = batch_records,
                                .moments = std::move(moments),
                                .observer = &observer};
  NoOutput output(progress);
  return app::replay(settings, std::move(*feeds), output);
}

ExamplesObserver::ExamplesObserver(const History& history, const learn::Cutoffs& cutoffs, const Erasures& erasures,
                                   const ActionNames& actions, std::size_t examples_max,
                                   const engine::ControlGroup& control, ExampleRisk risk)
    : cutoffs_(cutoffs), erasures_(erasures), actions_(actions), risk_(risk), budget_(examples_max) {
  const auto tasks = static_cast<std::size_t>(history.partitions());
  for (std::size_t p = 0; p < tasks; ++p) collectors_.emplace_back(cutoffs, budget_, control);
}

void ExamplesObserver::action(Partition partition, const Event& event, const RecordTable& customers) {
  learn::ExampleCollector& collector = collectors_[static_cast<std::size_t>(partition.value)];
  if (event.erases) {
    collector.erased(event.customer.hash);
  } else {
    collector.acted(event.customer, event.time, actions_.number_of(event.action), customers);
  }
}

void ExamplesObserver::look(Timestamp moment, const engine::Task& task, const RecordTable& customers) {
  learn::ExampleCollector& collector = collectors_[static_cast<std::size_t>(task.partition().value)];
  if (risk_ == ExampleRisk::none) {
    collector.look(moment, customers);
  } else {
    collector.look(moment, customers, [&](const CustomerKey& customer) { return task.model_of(customer).get(); });
  }
}

std::vector<learn::Example> ExamplesObserver::take() {
  auto examples = learn::merge(collectors_);
  std::erase_if(examples, [&](const learn::Example& example) {
    return erasures_.forgets(example.customer, cutoffs_.at[example.cutoff]);
  });
  return examples;
}

}  // namespace holdfast::app
