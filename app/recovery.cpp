#include "app/recovery.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "engine/customer.hpp"
#include "engine/task.hpp"
#include "state/hot_table.hpp"

namespace holdfast::app {
namespace {

/// Journal entries carry their writer's clock, checkpoints that of the shard: how far apart two machines' may be.
constexpr Duration clock_skew_max{600'000};

/// Customers that a restore holds before it writes them to the store: some ten megabytes.
constexpr std::uint32_t piece_records = 1 << 16;

std::string of_partition(Partition partition) { return "partition " + std::to_string(partition.value); }

}  // namespace

struct Recovery::Loaded {
  Partition partition;
  std::unique_ptr<state::HotTable> table;
  std::optional<Marker> marker;
  std::optional<KeptTask> kept;
  bool changelog_complete = true;  ///< The changelog holds the checkpoint, or there is no changelog.
  std::optional<Positions> start;  ///< Of the first step found.
  std::deque<Step> steps;          ///< Behind the base.
  bool reaches_base = false;       ///< The journal was seen to hold the base's own step.
  bool foreign_policy = false;     ///< A step was made under another policy.

  // The base: what the task has before any step is replayed.
  [[nodiscard]] bool has_base() const { return marker || kept; }
  [[nodiscard]] std::uint64_t steps_done() const { return kept ? kept->step : marker ? marker->step : 0; }
  [[nodiscard]] const Positions& base() const { return kept ? kept->end : marker->position; }
  [[nodiscard]] std::uint64_t last_step() const { return steps.empty() ? steps_done() : steps.back().number; }

  /// Whether the steps go on right where the base ends.
  [[nodiscard]] bool contiguous() const { return steps.empty() || steps.front().number == steps_done() + 1; }
  /// Whether what was read of the journal cannot have missed steps behind the base.
  [[nodiscard]] bool complete() const { return contiguous() && (steps_done() == 0 || reaches_base); }

  void take(const JournalEntry& entry, const RecoverySettings& settings);

 private:
  [[nodiscard]] bool continues(const JournalEntry& entry) const;
};

void Recovery::Loaded::take(const JournalEntry& entry, const RecoverySettings& settings) {
  const std::uint64_t first = entry.steps.front().number;
  reaches_base = reaches_base || (first <= steps_done() && entry.steps.back().number >= steps_done());
  // Without transactions, what a dead process had sent may stand beside its successor's account of the same. With them
  // there is one account, and check_steps() refuses another.
  if (!settings.exactly_once && !steps.empty() && first <= steps.back().number) {
    if (!continues(entry)) return;
    while (!steps.empty() && steps.back().number >= first) steps.pop_back();
  }
  for (const Step& step : entry.steps) {
    if (step.number <= steps_done()) continue;
    if (steps.empty()) start = entry.start;
    foreign_policy = foreign_policy || entry.policy != settings.policy_id;
    steps.push_back(step);
  }
}

/// Whether the entry begins where the steps before its first one end.
bool Recovery::Loaded::continues(const JournalEntry& entry) const {
  const std::uint64_t first = entry.steps.front().number;
  if (first <= steps_done()) return true;
  if (first == steps_done() + 1) return entry.start == (has_base() ? base() : *start);
  const auto before = std::ranges::find(steps, first - 1, &Step::number);
  return before != steps.end() && before->end == entry.start;
}

// ---------------------------------------------------------------------------------------------------------------------
// Requests

Recovery::Recovery(RecoverySettings settings, LogReader& reader, JournalReader& journal, ChangelogReader* changelog,
                   CheckpointStore& store, Statistics& statistics, Say say, std::function<void()> wake_fetcher)
    : settings_(settings),
      reader_(reader),
      journal_(journal),
      changelog_(changelog),
      store_(store),
      statistics_(statistics),
      say_(std::move(say)),
      wake_fetcher_(std::move(wake_fetcher)) {}

void Recovery::request(RestoreRequest request) {
  // Each assignment makes one, and the group takes far longer to make another than this thread to drop an old one.
  const bool pushed = requests_.try_push(request);
  assert(pushed);
  waker.wake();
}

Expected<bool> Recovery::do_work() {
  const auto request = requests_.try_pop();
  if (!request) return false;
  restoring_ = request->assignment;
  if (abandoned(restoring_)) return true;
  auto restored = restore(*request);
  if (abandoned(restoring_)) return true;
  if (!restored) return std::unexpected(restored.error());
  RestoredTasks done{.assignment = request->assignment, .tasks = std::move(*restored)};
  const bool pushed = restored_.try_push(done);
  assert(pushed);
  wake_fetcher_();
  return true;
}

Expected<std::vector<RestoredTask>> Recovery::restore(const RestoreRequest& request) {
  if (const Status fits = check_changelog(); !fits) return std::unexpected(fits.error());
  std::vector<Loaded> tasks;
  Timestamp since = after_all_time;
  for (const Partition partition : request.partitions) {
    if (const auto kept = request.kept.find(partition); kept != request.kept.end()) {
      tasks.push_back({.partition = partition, .table = {}, .marker = {}, .kept = kept->second, .start = {}, .steps = {}});
      since = std::min(since, kept->second.stepped_at - clock_skew_max);
      continue;
    }
    auto loaded = load(partition);
    if (!loaded) return std::unexpected(loaded.error());
    since = std::min(since, loaded->marker ? loaded->marker->taken_at - clock_skew_max : Timestamp{0});
    tasks.push_back(std::move(*loaded));
  }
  if (const Status done = read_steps(tasks, since); !done) return std::unexpected(done.error());

  std::vector<RestoredTask> restored;
  for (Loaded& task : tasks) {
    if (const Status fits = check_steps(task); !fits) return std::unexpected(fits.error());
    auto built = build(std::move(task));
    if (!built) return std::unexpected(built.error());
    restored.push_back(std::move(*built));
  }
  return restored;
}

// ---------------------------------------------------------------------------------------------------------------------
// The checkpoint

Expected<Recovery::Loaded> Recovery::load(Partition partition) {
  Loaded task;
  task.partition = partition;
  if (const Status loaded = load_local(task); !loaded) return std::unexpected(loaded.error());
  if (changelog_ != nullptr) {
    if (const Status followed = follow_changelog(task); !followed) return std::unexpected(followed.error());
  }
  return task;
}

Status Recovery::check_changelog() {
  if (changelog_ == nullptr) return {};
  const auto partitions = changelog_->partitions();
  if (!partitions) return std::unexpected(partitions.error());
  if (*partitions == settings_.partitions) return {};
  return fail(ErrorKind::incompatible,
              "each source has " + std::to_string(settings_.partitions) + " partitions, the changelog has " +
                  std::to_string(*partitions) +
                  ": if the sources got more, customers lie in other partitions than before: begin anew with another "
                  "application_id; otherwise delete the changelog and let `holdfast topics --create` make it again");
}

Status Recovery::load_local(Loaded& task) {
  task.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
  auto& loaded_records = statistics_.partitions[static_cast<std::size_t>(task.partition.value)].loaded_records;
  auto marker = store_.load(task.partition, [&](std::string_view id, std::string_view record) {
    task.table->load(id, record);
    loaded_records.add(1);
  });
  if (!marker && marker.error().kind == ErrorKind::corrupt) {
    say_(marker.error().message + "; " + of_partition(task.partition) + " is restored from " +
         (changelog_ != nullptr ? "the changelog" : "the log"));
    return forget(task);
  }
  if (!marker) return std::unexpected(marker.error());
  task.marker = *marker;
  return task.marker ? check_marker(*task.marker, "the checkpoint") : Status{};
}

Status Recovery::forget(Loaded& task) {
  task.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
  task.marker.reset();
  return store_.clear(task.partition);
}

Status Recovery::check_marker(const Marker& marker, std::string_view what) const {
  const std::string subject = std::string(what) + " of " + of_partition(marker.partition);
  if (marker.record_format != engine::customer_format)
    return fail(ErrorKind::incompatible,
                subject + " holds customer records of format " + std::to_string(marker.record_format) +
                    ", this release knows " + std::to_string(engine::customer_format) +
                    ": run the release that wrote it, or begin anew with another application_id");
  if (marker.position.sources != settings_.sources)
    return fail(ErrorKind::incompatible, subject + " was made with " + std::to_string(marker.position.sources) +
                                             " sources, the configuration has " + std::to_string(settings_.sources) +
                                             ": restore the sources and their order, or begin anew with another "
                                             "application_id");
  if (marker.topics != settings_.topics)
    return fail(ErrorKind::incompatible,
                subject +
                    " was made of other topics, where its positions mean something else: restore the names of the "
                    "sources' topics and their order, or begin anew with another application_id");
  if (marker.partitions != 0 && marker.partitions != settings_.partitions)
    return fail(ErrorKind::incompatible,
                subject + " was made when each source had " + std::to_string(marker.partitions) +
                    " partitions, and now they have " + std::to_string(settings_.partitions) +
                    ": customers lie in other partitions than before. Restore the number, or begin anew with another "
                    "application_id");
  return {};
}

/// Puts what a changelog holds into table and store, piece by piece.
class Recovery::Restoration final : public ChangelogVisitor {
 public:
  Restoration(Recovery& recovery, Partition partition, state::HotTable& table)
      : recovery_(recovery), partition_(partition), table_(table) {}

  Status record(std::string_view id, std::string_view record) override {
    if (record.size() != sizeof(engine::Customer))
      return fail(ErrorKind::incompatible, "a customer's record in the changelog of " + of_partition(partition_) +
                                               " has " + std::to_string(record.size()) +
                                               " bytes: run the release that wrote it");
    const Slot slot = table_.find_or_insert(make_customer_key(id)).first;
    std::memcpy(table_.modify(slot), record.data(), record.size());
    recovery_.statistics_.partitions[static_cast<std::size_t>(partition_.value)].loaded_records.add(1);
    return table_.changed() < piece_records ? Status{} : write_piece();
  }
  Status erased(std::string_view id) override {
    if (const auto slot = table_.find(make_customer_key(id))) table_.erase(*slot);
    return {};
  }
  Status marker(const Marker& marker, Offset behind) override {
    if (last_ && marker.step < last_->step)
      return fail(ErrorKind::corrupt, "it goes back from step " + std::to_string(last_->step) + " to step " +
                                          std::to_string(marker.step));
    last_ = marker;
    last_->changelog = behind;
    return {};
  }

  /// The last checkpoint that came; no value: none did.
  [[nodiscard]] const std::optional<Marker>& last() const { return last_; }
  /// Makes it the store's. REQUIRES: last().
  Status finish() {
    CheckpointData rest = take_piece();
    rest.marker = *last_;
    return recovery_.store_.write(rest);
  }

 private:
  CheckpointData take_piece() {
    CheckpointData piece;
    table_.freeze(piece);
    (void)table_.copy_frozen(table_.slots_end().value);
    piece.marker.partition = partition_;
    return piece;
  }
  Status write_piece() {
    if (recovery_.abandoned(recovery_.restoring_)) return fail(ErrorKind::rollback, "the partitions have moved on");
    CheckpointData piece = take_piece();
    return recovery_.store_.write_part(piece);
  }

  Recovery& recovery_;
  const Partition partition_;
  state::HotTable& table_;
  std::optional<Marker> last_;
};

/// Only looks for the last checkpoint.
class LastMarker final : public ChangelogVisitor {
 public:
  Status record(std::string_view, std::string_view) override { return {}; }
  Status erased(std::string_view) override { return {}; }
  Status marker(const Marker& marker, Offset) override {
    step = marker.step;
    return {};
  }
  std::optional<std::uint64_t> step;
};

// What others wrote since this machine's checkpoint, or all if it has none.
Status Recovery::follow_changelog(Loaded& task) {
  if (task.marker) {
    if (task.marker->changelog >= Offset{0}) {
      const auto followed = restore_from_changelog(task, task.marker->changelog);
      if (!followed) return std::unexpected(followed.error());
      if (*followed) return {};
    }
    // The checkpoint was not written to this changelog: it was made without one, or the topic was made anew.
    LastMarker last;
    if (const auto read = changelog_->read(task.partition, Offset{0}, last); !read)
      return std::unexpected(read.error());
    if (!last.step || *last.step <= task.marker->step) {
      task.changelog_complete = false;
      return {};
    }
    if (const Status forgotten = forget(task); !forgotten) return forgotten;
  }
  if (const auto restored = restore_from_changelog(task, Offset{0}); !restored)
    return std::unexpected(restored.error());
  return {};
}

// False: it is not the log that the offset was taken from, and nothing has changed.
Expected<bool> Recovery::restore_from_changelog(Loaded& task, Offset from) {
  Restoration restoration(*this, task.partition, *task.table);
  const auto end = changelog_->read(task.partition, from, restoration);
  std::string fault;
  if (!end && end.error().kind != ErrorKind::corrupt) return std::unexpected(end.error());
  if (end && *end < from) return false;
  if (!end) {
    fault = end.error().message;
  } else if (restoration.last()) {
    if (const Status fits = check_marker(*restoration.last(), "the changelog"); !fits)
      return std::unexpected(fits.error());
    if (task.table->size() == restoration.last()->customers) {
      if (const Status finished = restoration.finish(); !finished) return std::unexpected(finished.error());
      task.marker = restoration.last();
      return true;
    }
    fault = "it leads to " + std::to_string(task.table->size()) + " customers, its checkpoint has " +
            std::to_string(restoration.last()->customers);
  } else if (task.table->changed() == 0) {
    return true;  // Nothing came.
  } else {
    fault = "it has records without a checkpoint";
  }
  if (const Status forgotten = forget(task); !forgotten) return std::unexpected(forgotten.error());
  // What is missing may have been erased, and the note of it removed since: a restore from the beginning does not care.
  if (from > Offset{0}) return restore_from_changelog(task, Offset{0});
  say_("the changelog of " + of_partition(task.partition) + " is damaged: " + fault + "; the state is rebuilt from the log");
  task.changelog_complete = false;
  return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// The steps behind it

Status Recovery::read_steps(std::vector<Loaded>& tasks, Timestamp since) {
  std::vector<Partition> partitions;
  std::map<Partition, Loaded*> by_partition;
  for (Loaded& task : tasks) {
    partitions.push_back(task.partition);
    by_partition[task.partition] = &task;
    task.steps.clear();
    task.start.reset();
    task.reaches_base = false;
    task.foreign_policy = false;
  }
  const Status read = journal_.read(
      partitions, since, [&](const JournalEntry& entry) { by_partition.at(entry.partition)->take(entry, settings_); });
  if (!read) return read;
  // A clock that was set back, or clocks further apart than thought, put entries before the place looked at.
  if (since > Timestamp{0} && !std::ranges::all_of(tasks, &Loaded::complete)) return read_steps(tasks, Timestamp{0});
  return {};
}

Status Recovery::check_steps(const Loaded& task) const {
  const std::string where = of_partition(task.partition);
  if (!task.contiguous())
    return fail(ErrorKind::incompatible,
                "the journal no longer reaches back to the checkpoint of " + where + ": that ends with step " +
                    std::to_string(task.steps_done()) + ", the journal begins with step " +
                    std::to_string(task.steps.front().number) +
                    "; restore the state directory from a backup, or begin anew with another application_id");
  for (std::size_t i = 1; i < task.steps.size(); ++i) {
    if (task.steps[i].number != task.steps[i - 1].number + 1)
      return fail(ErrorKind::corrupt, "the journal lacks steps of " + where + " behind step " +
                                          std::to_string(task.steps[i - 1].number) +
                                          ": begin anew with another application_id");
  }
  if (task.start && task.start->sources != settings_.sources)
    return fail(ErrorKind::incompatible, "the journal's steps of " + where + " were made with " +
                                             std::to_string(task.start->sources) +
                                             " sources: restore the sources and their order");
  if (task.foreign_policy)
    return fail(ErrorKind::incompatible,
                "steps of " + where +
                    " have to be replayed that were made with another model, other risk settings or other sources: "
                    "start once with the former ones and stop cleanly (SIGTERM), then change them");
  return {};
}

// With it, what the journal has lost shows: also steps in which only timers fired, which move no offset.
Status Recovery::check_committed(const Loaded& task) {
  const auto committed = reader_.committed(task.partition);
  if (!committed) return std::unexpected(committed.error());
  const Positions& at = task.steps.empty() ? task.base() : task.steps.back().end;
  const auto known = static_cast<std::size_t>(
      std::ranges::count_if(committed->next, [](const auto& offset) { return offset.has_value(); }));
  if (known == 0)
    say_("the group has no committed offset of " + of_partition(task.partition) +
         " any more (they expire while no instance runs): it goes on where the state stands");
  if (known > 0 && known < settings_.sources)
    return fail(ErrorKind::incompatible,
                "the group has a committed offset of " + of_partition(task.partition) + " for " +
                    std::to_string(known) + " of " + std::to_string(settings_.sources) +
                    " sources: a topic was made anew, and what is known of the former one does not fit it; begin anew "
                    "with another application_id");
  for (std::uint8_t s = 0; s < settings_.sources; ++s) {
    const auto& offset = committed->next[s];
    if (!offset || *offset == at.next[s] || (!settings_.exactly_once && *offset < at.next[s])) continue;
    return fail(ErrorKind::incompatible,
                "the committed offset of source " + std::to_string(s) + ", " + of_partition(task.partition) + ", is " +
                    std::to_string(offset->value) + ", but the state stands at " + std::to_string(at.next[s].value) +
                    ": somebody moved the group's offsets or the journal was lost; set the offset back, or begin anew "
                    "with another application_id");
  }
  if (committed->step && *committed->step > task.last_step())
    return fail(ErrorKind::incompatible,
                "the journal of " + of_partition(task.partition) + " has lost steps: " +
                    std::to_string(*committed->step) + " were committed, " + std::to_string(task.last_step()) +
                    " are known; see that retention.ms of the journal topic covers the time that no instance runs, and "
                    "begin anew with another application_id");
  return {};
}

Status Recovery::check_first_start(const Loaded& task) {
  const auto committed = reader_.committed(task.partition);
  if (!committed) return std::unexpected(committed.error());
  for (std::uint8_t s = 0; s < settings_.sources; ++s) {
    if (committed->next[s])
      return fail(ErrorKind::incompatible,
                  of_partition(task.partition) + " was read up to offset " + std::to_string(committed->next[s]->value) +
                      " of source " + std::to_string(s) +
                      ", but neither a checkpoint nor a journal of it is left: restore the state directory, or "
                      "begin anew with another application_id");
  }
  return {};
}

Expected<RestoredTask> Recovery::build(Loaded&& task) {
  RestoredTask restored{.partition = task.partition, .table = std::move(task.table), .task = {}, .input = {}, .replay = {}};
  restored.changelog_complete = task.changelog_complete;
  Positions start{.next = {}, .sources = settings_.sources};
  if (task.has_base() || task.start) {
    if (const Status fits = check_committed(task); !fits) return std::unexpected(fits.error());
    start = task.has_base() ? task.base() : *task.start;
  } else {
    if (const Status fits = check_first_start(task); !fits) return std::unexpected(fits.error());
    for (std::uint8_t s = 0; s < settings_.sources; ++s) {
      const auto first = reader_.first_offset(SourceIndex{s}, task.partition);
      if (!first) return std::unexpected(first.error());
      start.next[s] = *first;
    }
  }
  restored.input = task.kept ? task.kept->input : start;
  restored.replay = std::move(task.steps);
  if (task.kept) return restored;
  restored.task =
      std::make_unique<engine::Task>(task.partition, *settings_.model, *settings_.policy, *restored.table, start);
  if (task.marker) restored.task->restore(*task.marker);
  return restored;
}

}  // namespace holdfast::app
