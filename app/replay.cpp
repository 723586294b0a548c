#include "app/replay.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <span>
#include <thread>
#include <utility>

#include "app/known_models.hpp"
#include "domain/limits.hpp"
#include "engine/customer.hpp"
#include "ingest/alert_json.hpp"
#include "ingest/file_source.hpp"
#include "ingest/partitioner.hpp"
#include "state/hot_table.hpp"

namespace holdfast::app {
namespace {

/// What a task has put out and nobody has taken yet, each with the stream time at which it came about.
class Outbox final : public engine::Output {
 public:
  struct Item {
    Timestamp at;
    std::string alert;  ///< Empty: a dead letter.
    SourceIndex source;
    std::unique_ptr<Rejection> rejection;
  };

  Outbox(const ReplaySettings& settings, Partition partition, const RecordTable& customers)
      : partition_(partition), customers_(customers), encoder_(encoder(settings)), observer_(settings.observer) {}

  void watch(const engine::Task& task) { task_ = &task; }
  void alert(const Alert& alert) override {
    if (observer_ != nullptr) observer_->alert(partition_, alert);
    text_.clear(limits::output_bytes_kept);
    const auto encoded = encoder_.encode(alert, partition_, text_);
    items.push_back({task_->stream_time(), std::string(encoded.json), {}, nullptr});
  }
  void rejected(SourceIndex source, const Rejection& rejection) override {
    items.push_back({task_->stream_time(), {}, source, std::make_unique<Rejection>(rejection)});
  }
  void action(const Event& event) override {
    if (observer_ != nullptr) observer_->action(partition_, event, customers_);
  }

  std::deque<Item> items;

 private:
  static ingest::AlertEncoder encoder(const ReplaySettings& settings) {
    std::vector<std::string> names;
    for (const auto& source : settings.sources) names.push_back(source.name);
    return {settings.application_id, names, settings.policy->horizon, settings.language};
  }

  const Partition partition_;
  const RecordTable& customers_;
  ingest::AlertEncoder encoder_;
  ReplayObserver* const observer_;
  const engine::Task* task_ = nullptr;
  ingest::TextArena text_;
};

struct Lane {
  Lane(const ReplaySettings& settings, KnownModels& models, Partition partition, const Positions& start)
      : table(sizeof(engine::Customer)),
        outbox(settings, partition, table),
        task(partition, *settings.model, *settings.policy, table, start, &models) {
    outbox.watch(task);
    for (const ModelSwap& swap : settings.swaps) task.advance(before_all_time, 1, outbox, after_all_time, &swap);
  }
  state::HotTable table;
  Outbox outbox;
  engine::Task task;
  std::size_t next_moment = 0;                     ///< Of those at which the observer looks.
  std::array<Offset, limits::sources_max> next{};  ///< Offsets as the partitions of a topic would number the records.
};

class Replay {
 public:
  Replay(const ReplaySettings& settings, std::vector<RecordFeed> feeds, ReplayOutput& output)
      : settings_(settings), feeds_(std::move(feeds)), output_(output), models_(settings.sources) {
    const Positions start{.next = {}, .sources = static_cast<std::uint8_t>(settings.sources.size())};
    for (std::int32_t p = 0; p < settings.partitions; ++p)
      lanes_.push_back(std::make_unique<Lane>(settings, models_, Partition{p}, start));
    for (const RecordFeed& feed : feeds_)
      decoders_.push_back(decoder_of(feed, settings.sources, settings.partitioner, settings.partitions));
  }

  Expected<ReplaySummary> run() {
    finish_what_has_no_feed();
    bool reading = true;
    while (reading) {
      const auto read = read_what_is_waited_for();
      if (!read) return std::unexpected(read.error());
      reading = *read;
      advance_all(before_all_time);
      if (const Status done = write_settled(lowest_stream_time()); !done) return std::unexpected(done.error());
    }
    last_event_ = greatest_stream_time();
    if (settings_.until) advance_all(*settings_.until);
    if (const Status done = write_settled(after_all_time); !done) return std::unexpected(done.error());
    return summary();
  }

 private:
  // Reads a batch of each feed that a task has no record of. False: no more is wanted of any.
  Expected<bool> read_what_is_waited_for() {
    bool read = false;
    for (std::size_t f = 0; f < feeds_.size(); ++f) {
      RecordFeed& feed = feeds_[f];
      if (feed.records == nullptr || !is_waited_for(feed)) continue;
      auto batch = feed.records->next(settings_.batch);
      if (!batch) return std::unexpected(batch.error());
      read = true;
      if (*batch == nullptr) {
        feed.records.reset();
        for (const auto& lane : lanes_of(feed)) finish(feed.source, *lane);
      } else {
        EventBatch events;
        decoders_[f].decode(**batch, events);
        push(feed, std::move(events));
      }
    }
    return read;
  }

  [[nodiscard]] std::span<const std::unique_ptr<Lane>> lanes_of(const RecordFeed& feed) const {
    if (!feed.partition) return lanes_;
    return std::span(lanes_).subspan(static_cast<std::size_t>(feed.partition->value), 1);
  }

  /// The observer has looked at it for the last time.
  [[nodiscard]] bool has_seen_all(const Lane& lane) const {
    return !settings_.moments.empty() && lane.next_moment == settings_.moments.size();
  }

  [[nodiscard]] bool is_waited_for(const RecordFeed& feed) const {
    return std::ranges::any_of(lanes_of(feed), [&](const auto& lane) {
      return lane->task.batches_waiting(feed.source) == 0 && !has_seen_all(*lane);
    });
  }

  void push(const RecordFeed& feed, EventBatch events) {
    events_read_ += events.events.size();
    const auto lanes = lanes_of(feed);
    if (lanes.size() == 1) {
      push(feed.source, *lanes[0], std::move(events));
      return;
    }
    auto parts = ingest::split(std::move(events), lanes.size(), [&](const Event& event) {
      return static_cast<std::size_t>(
          ingest::partition_for(settings_.partitioner, event.customer.id, settings_.partitions));
    });
    for (std::size_t p = 0; p < lanes.size(); ++p) {
      if (!has_seen_all(*lanes[p])) push(feed.source, *lanes[p], std::move(parts[p]));
    }
  }

  static void push(SourceIndex source, Lane& lane, EventBatch events) {
    for (Event& event : events.events) {
      event.offset = lane.next[source.value];
      ++lane.next[source.value].value;
    }
    lane.task.push(source, std::move(events));
  }

  static void finish(SourceIndex source, Lane& lane) { lane.task.reached_end(source, lane.next[source.value]); }

  void finish_what_has_no_feed() {
    for (std::uint8_t s = 0; s < settings_.sources.size(); ++s) {
      for (const auto& lane : lanes_) {
        const bool fed = std::ranges::any_of(feeds_, [&](const RecordFeed& feed) {
          return feed.source.value == s && (!feed.partition || *feed.partition == lane->task.partition());
        });
        if (!fed) finish(SourceIndex{s}, *lane);
      }
    }
  }

  // Tasks share nothing, so each thread takes its own; which one runs which makes no difference.
  void advance_all(Timestamp clock) {
    const auto work = [&](std::size_t first) {
      for (std::size_t p = first; p < lanes_.size(); p += static_cast<std::size_t>(settings_.threads))
        advance(*lanes_[p], clock);
    };
    std::vector<std::jthread> helpers;
    for (int t = 1; t < settings_.threads; ++t) helpers.emplace_back(work, static_cast<std::size_t>(t));
    work(0);
  }

  void advance(Lane& lane, Timestamp clock) {
    for (; lane.next_moment < settings_.moments.size(); ++lane.next_moment) {
      const Timestamp moment = settings_.moments[lane.next_moment];
      advance(lane, moment, moment);
      if (!lane.task.settled(moment)) return;
      settings_.observer->look(moment, lane.task, lane.table);
    }
    if (settings_.moments.empty()) advance(lane, clock, after_all_time);
  }

  static void advance(Lane& lane, Timestamp clock, Timestamp until) {
    while (lane.task.advance(clock, limits::step_events_max, lane.outbox, until)) {
    }
    while (lane.task.take_used_batch()) {
    }
  }

  [[nodiscard]] Timestamp lowest_stream_time() const {
    Timestamp lowest = after_all_time;
    for (const auto& lane : lanes_) {
      const bool silent = lane->task.caught_up() && !settings_.until;
      if (!silent) lowest = std::min(lowest, lane->task.stream_time());
    }
    return lowest;
  }

  [[nodiscard]] Timestamp greatest_stream_time() const {
    Timestamp greatest = before_all_time;
    for (const auto& lane : lanes_) greatest = std::max(greatest, lane->task.stream_time());
    return greatest;
  }

  // What came about before `limit` is settled: no task puts out anything earlier any more.
  Status write_settled(Timestamp limit) {
    output_.progress(events_read_, lowest_stream_time());
    while (true) {
      Lane* first = nullptr;
      for (const auto& lane : lanes_) {
        if (lane->outbox.items.empty() || lane->outbox.items.front().at >= limit) continue;
        if (first == nullptr || lane->outbox.items.front().at < first->outbox.items.front().at) first = lane.get();
      }
      if (first == nullptr) return {};
      const Outbox::Item& item = first->outbox.items.front();
      const Status written =
          item.rejection ? output_.dead_letter(item.source, *item.rejection) : output_.alert(item.alert);
      if (!written) return written;
      first->outbox.items.pop_front();
    }
  }

  [[nodiscard]] ReplaySummary summary() const {
    ReplaySummary out;
    for (const auto& lane : lanes_) {
      const engine::TaskCounts& counts = lane->task.counts();
      for (std::size_t s = 0; s < limits::sources_max; ++s) {
        out.counts.events[s] += counts.events[s];
        for (std::size_t c = 0; c < rejection_codes; ++c) out.counts.rejected[s][c] += counts.rejected[s][c];
      }
      for (std::size_t c = 0; c < counts.alerts.size(); ++c) {
        for (std::size_t l = 0; l < counts.alerts[c].size(); ++l) out.counts.alerts[c][l] += counts.alerts[c][l];
      }
      out.counts.duplicates += counts.duplicates;
      out.counts.late += counts.late;
      out.counts.misplaced += counts.misplaced;
      out.counts.erased += counts.erased;
      out.counts.steps += counts.steps;
      out.counts.timers += counts.timers;
      out.counts.corrections += counts.corrections;
      out.customers += lane->table.size();
      out.state_bytes += lane->table.memory_bytes() + lane->task.timer_bytes();
    }
    out.last_event = last_event_;
    out.stream_time = greatest_stream_time();
    return out;
  }

  const ReplaySettings& settings_;
  std::vector<RecordFeed> feeds_;
  ReplayOutput& output_;
  KnownModels models_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<ingest::Decoder> decoders_;  ///< By feed.
  std::uint64_t events_read_ = 0;
  Timestamp last_event_ = before_all_time;
};

}  // namespace

ingest::Decoder decoder_of(const RecordFeed& feed, std::span<const ingest::SourceFormat> sources,
                           ingest::Partitioner partitioner, std::int32_t partitions) {
  const auto keys = feed.partition ? ingest::KeyRule::record_key : ingest::KeyRule::from_event;
  return {sources[feed.source.value], feed.partition.value_or(Partition{0}), partitioner, partitions, keys};
}

Expected<std::vector<RecordFeed>> open_files(std::span<const ingest::SourceFormat> sources,
                                             std::vector<std::vector<std::string>> paths) {
  std::vector<RecordFeed> feeds;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    if (paths[s].empty()) continue;
    auto file = ingest::FileSource::open(sources[s], std::move(paths[s]));
    if (!file) return std::unexpected(file.error());
    feeds.push_back({.records = std::move(*file), .source = SourceIndex{static_cast<std::uint8_t>(s)}});
  }
  return feeds;
}

Expected<ReplaySummary> replay(const ReplaySettings& settings, std::vector<RecordFeed> feeds, ReplayOutput& output) {
  return Replay(settings, std::move(feeds), output).run();
}

}  // namespace holdfast::app
