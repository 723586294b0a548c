#include "app/recovery.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "domain/limits.hpp"
#include "engine/task.hpp"
#include "state/hot_table.hpp"

namespace holdfast::app {
namespace {

constexpr Duration retry_standbys_after{5'000};

/// Calls `work` with every index below `count`, on so many threads at most, this one among them. The first error is the
/// result, and no index follows it.
template <class Work>
Status for_each_index(std::size_t count, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Status result;
  const auto work_off = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      const Status done = work(i);
      if (done) continue;
      next = count;
      const std::lock_guard lock(mutex);
      if (result) result = done;
    }
  };
  {
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < std::min(threads, count)) others.emplace_back(work_off);
    } catch (const std::system_error&) {
      // Where no more threads can be had, those that there are do it.
    }
    work_off();
  }
  return result;
}

}  // namespace

struct Recovery::Loaded {
  Partition partition;
  LoadedCheckpoint checkpoint;
  std::unique_ptr<engine::Task> task;  ///< As of the checkpoint, if there is one.
  std::optional<KeptTask> kept;
  std::optional<Positions> start;  ///< Of the first step found.
  std::deque<Step> steps;          ///< Behind the base.
  bool reaches_base = false;       ///< The journal was seen to hold the base's own step.
  bool foreign_policy = false;     ///< A step was made under another policy.
  std::string unreadable_model;    ///< A step has a model with these faults.

  // The base: what the task has before any step is replayed.
  [[nodiscard]] bool has_base() const { return checkpoint.marker || kept; }
  [[nodiscard]] std::uint64_t steps_done() const {
    return kept ? kept->step : checkpoint.marker ? checkpoint.marker->step : 0;
  }
  [[nodiscard]] const Positions& base() const { return kept ? kept->end : checkpoint.marker->position; }
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
    foreign_policy =
        foreign_policy || (entry.policy != settings.policy_id && entry.policy != settings.former_policy_id);
    if (step.swap != nullptr && settings.models != nullptr) {
      if (const auto model = settings.models->read(step.swap->model); !model) unreadable_model = model.error().message;
    }
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

Recovery::Recovery(const RecoverySettings& settings, const RecoveryPorts& ports, Statistics& statistics, Say say,
                   std::function<void()> wake_fetcher)
    : settings_(settings),
      ports_(ports),
      say_(std::move(say)),
      wake_fetcher_(std::move(wake_fetcher)),
      loader_({.topics = settings.topics,
               .partitions = settings.partitions,
               .sources = settings.sources,
               .models = settings.models,
               .memory = settings.memory},
              ports.changelog, ports.store, statistics, say_, [this] { return abandoned(); }) {
  if (settings.standbys > 0 && ports.instances != nullptr && ports.journal_tail != nullptr)
    standbys_.emplace(
        settings.standbys, settings.policy_id, settings.models, *ports.instances, *ports.journal_tail, ports.changelog,
        ports.store, loader_, [this](const Marker& marker, state::HotTable& table) { return make_task(marker, table); },
        ports.clock, say_, [this](FromRecovery message) { emit(std::move(message)); });
}

bool Recovery::request(RestoreRequest request) {
  const bool taken = requests_.try_push(request);
  waker.wake();
  return taken;
}

// If there is no room for it, the standby is missed when it is needed, and its partition restored.
void Recovery::standby_failed(Partition partition, std::string why) {
  FailedStandby failed{partition, std::move(why)};
  (void)failed_standbys_.try_push(failed);
  waker.wake();
}

Expected<bool> Recovery::do_work() {
  if (auto request = requests_.try_pop()) return restore(std::move(*request));
  if (!flush()) return false;
  return look_after_standbys();
}

Duration Recovery::idle_time() const {
  constexpr Duration follow_every{20};
  constexpr Duration idle_max{100};
  return !unsent_.empty() || (standbys_ && standbys_->active()) ? follow_every : idle_max;
}

Expected<bool> Recovery::restore(RestoreRequest request) {
  restoring_ = request.assignment;
  unsent_.clear();
  if (standbys_) standbys_->stop();
  if (abandoned()) return true;
  end_what_is_left_open();
  loader_.share_memory(tables_of(request));
  const Status restored = restore_tasks(request);
  if (abandoned()) return true;
  if (!restored) return std::unexpected(restored.error());
  if (standbys_) {
    standbys_->begin(request.assignment, request.partitions, std::move(request.kept));
    return true;
  }
  for (const auto& [partition, kept] : request.kept) {
    if (std::ranges::find(request.partitions, partition) == request.partitions.end())
      emit({restoring_, Forget{partition}});
  }
  return true;
}

// With standbys, which go from instance to instance, there may be one of every partition.
std::size_t Recovery::tables_of(const RestoreRequest& request) const {
  return standbys_ ? static_cast<std::size_t>(settings_.partitions) : request.partitions.size();
}

// An instance that died in the middle of a transaction would hide its records, and what comes behind them, from readers
// until the broker gives the transaction up. The first of those who knew it ends it now.
void Recovery::end_what_is_left_open() {
  if (ports_.instances == nullptr) return;
  const auto members = ports_.instances->members();
  if (!members) {
    say_(members.error().message);
    return;
  }
  std::set<std::string> now;
  for (const auto& instance : members->instances) now.insert(instance.id);
  const auto first = std::ranges::find_if(now, [&](const std::string& id) { return instances_.contains(id); });
  if (first != now.end() && *first == ports_.instances->self()) {
    for (const std::string& gone : instances_) {
      if (now.contains(gone)) continue;
      const Status ended = ports_.instances->end_transactions_of(gone);
      say_("instance '" + gone + "' is gone" +
           (ended ? ": the transactions it left open are ended"
                  : "; its transactions could not be ended: " + ended.error().message));
    }
  }
  instances_ = std::move(now);
}

// What is amiss with them is no reason to stop what this instance is there for.
Expected<bool> Recovery::look_after_standbys() {
  while (const auto failed = failed_standbys_.try_pop()) {
    if (standbys_) standbys_->failed(failed->partition, failed->why);
  }
  if (!standbys_ || abandoned()) return false;
  if (since_standby_failure_ && since_standby_failure_->elapsed() < retry_standbys_after) return false;
  const auto worked = standbys_->do_work();
  since_standby_failure_.reset();
  if (worked) return worked;
  since_standby_failure_.emplace(ports_.clock);
  const Error& error = worked.error();
  const bool passes = error.kind != ErrorKind::corrupt && error.kind != ErrorKind::incompatible;
  const std::string message =
      (passes ? "standbys wait: " : "no standbys are kept until the next rebalance: ") + error.message;
  if (message != std::exchange(standby_failure_, message)) say_(message);
  if (!passes) standbys_->give_up();
  return false;
}

// Those that stayed need no more than others' steps: they go on while the rest is restored, which then leaves them the
// processors.
Status Recovery::restore_tasks(const RestoreRequest& request) {
  if (const Status fits = loader_.check_changelog(); !fits) return fits;
  std::vector<Loaded> tasks;
  Timestamp since = after_all_time;
  for (const Partition partition : request.partitions) {
    const auto kept = request.kept.find(partition);
    if (kept == request.kept.end()) continue;
    Loaded& task = tasks.emplace_back();
    task.partition = partition;
    task.kept = kept->second;
    since = std::min(since, task.kept->stepped_at - limits::clock_skew_max);
  }
  if (const Status done = replay_and_emit(std::move(tasks), since); !done) return done;

  tasks.clear();
  for (const Partition partition : request.partitions) {
    if (!request.kept.contains(partition)) tasks.emplace_back().partition = partition;
  }
  const unsigned threads = request.kept.empty() ? settings_.load_threads : 1;
  const Status loaded = for_each_index(tasks.size(), threads, [&](std::size_t i) { return load(tasks[i]); });
  if (!loaded) return loaded;
  since = after_all_time;
  for (const Loaded& task : tasks) {
    const auto& marker = task.checkpoint.marker;
    since = std::min(since, marker ? std::max(marker->taken_at, Timestamp{0}) - limits::clock_skew_max : Timestamp{0});
  }
  return replay_and_emit(std::move(tasks), since);
}

Status Recovery::load(Loaded& task) {
  if (abandoned()) return fail(ErrorKind::rollback, "the partitions have moved on");
  auto checkpoint = loader_.load(task.partition);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  task.checkpoint = std::move(*checkpoint);
  if (task.checkpoint.marker) task.task = make_task(*task.checkpoint.marker, *task.checkpoint.table);
  return {};
}

// Puts the steps that the journal has since then behind what was loaded, and hands it on.
Status Recovery::replay_and_emit(std::vector<Loaded> tasks, Timestamp since) {
  if (tasks.empty() || abandoned()) return {};
  if (const Status done = read_steps(tasks, since); !done) return done;
  std::vector<RestoredTask> restored;
  for (Loaded& task : tasks) {
    if (const Status fits = check_steps(task); !fits) return fits;
    auto built = build(std::move(task));
    if (!built) return std::unexpected(built.error());
    restored.push_back(std::move(*built));
  }
  for (RestoredTask& task : restored) emit({restoring_, std::move(task)});
  return {};
}

void Recovery::emit(FromRecovery message) {
  unsent_.push_back(std::move(message));
  flush();
}

// False: the fetcher has not taken all yet.
bool Recovery::flush() {
  const bool any = !unsent_.empty();
  while (!unsent_.empty() && output_.try_push(unsent_.front())) unsent_.pop_front();
  if (any) wake_fetcher_();
  return unsent_.empty();
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
    task.unreadable_model.clear();
  }
  const Status read = ports_.journal.read(
      partitions, since, [&](const JournalEntry& entry) { by_partition.at(entry.partition)->take(entry, settings_); });
  if (!read) return read;
  if (since <= Timestamp{0}) return {};
  // A clock that was set back, or clocks further apart than thought, put entries before the place looked at; or nothing
  // has happened since long before it.
  for (const Loaded& task : tasks) {
    if (task.complete()) continue;
    const auto committed = ports_.reader.committed(task.partition);
    if (!committed) return std::unexpected(committed.error());
    if (!task.contiguous() || committed->step != task.last_step()) return read_steps(tasks, Timestamp{0});
  }
  return {};
}

Status Recovery::check_steps(const Loaded& task) const {
  const std::string where = to_string(task.partition);
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
                    " have to be replayed that were made with other risk settings or other sources, or by an earlier "
                    "release with another model: start once with the former ones and stop cleanly (SIGTERM), then "
                    "change them");
  if (!task.unreadable_model.empty())
    return fail(ErrorKind::incompatible, "steps of " + where +
                                             " have to be replayed with a model that this release cannot read: "
                                             "run the release that took it. Its faults: " +
                                             task.unreadable_model);
  return {};
}

// With it, what the journal has lost shows: also steps in which only timers fired, which move no offset.
Status Recovery::check_committed(const Loaded& task) {
  const auto committed = ports_.reader.committed(task.partition);
  if (!committed) return std::unexpected(committed.error());
  const Positions& at = task.steps.empty() ? task.base() : task.steps.back().end;
  const auto known = static_cast<std::size_t>(
      std::ranges::count_if(committed->next, [](const auto& offset) { return offset.has_value(); }));
  if (known == 0 && task.last_step() > 0)
    say_("the group has no committed offset of " + to_string(task.partition) +
         " any more (they expire while no instance runs): it goes on where the state stands");
  if (known > 0 && known < settings_.sources)
    return fail(ErrorKind::incompatible,
                "the group has a committed offset of " + to_string(task.partition) + " for " + std::to_string(known) +
                    " of " + std::to_string(settings_.sources) +
                    " sources: a topic was made anew, and what is known of the former one does not fit it; begin anew "
                    "with another application_id");
  for (std::uint8_t s = 0; s < settings_.sources; ++s) {
    const auto& offset = committed->next[s];
    if (!offset || *offset == at.next[s] || (!settings_.exactly_once && *offset < at.next[s])) continue;
    return fail(ErrorKind::incompatible,
                "the committed offset of source " + std::to_string(s) + ", " + to_string(task.partition) + ", is " +
                    std::to_string(offset->value) + ", but the state stands at " + std::to_string(at.next[s].value) +
                    ": somebody moved the group's offsets or the journal was lost; set the offset back, or begin anew "
                    "with another application_id");
  }
  if (committed->step && *committed->step > task.last_step())
    return fail(ErrorKind::incompatible,
                "the journal of " + to_string(task.partition) + " has lost steps: " + std::to_string(*committed->step) +
                    " were committed, " + std::to_string(task.last_step()) +
                    " are known; see that retention.ms of the journal topic covers the time that no instance runs, and "
                    "begin anew with another application_id");
  return {};
}

Status Recovery::check_first_start(const Loaded& task) {
  const auto committed = ports_.reader.committed(task.partition);
  if (!committed) return std::unexpected(committed.error());
  for (std::uint8_t s = 0; s < settings_.sources; ++s) {
    if (committed->next[s])
      return fail(ErrorKind::incompatible,
                  to_string(task.partition) + " was read up to offset " + std::to_string(committed->next[s]->value) +
                      " of source " + std::to_string(s) +
                      ", but neither a checkpoint nor a journal of it is left: restore the state directory, or "
                      "begin anew with another application_id");
  }
  return {};
}

Expected<RestoredTask> Recovery::build(Loaded&& task) {
  RestoredTask restored{.partition = task.partition,
                        .table = std::move(task.checkpoint.table),
                        .task = std::move(task.task),
                        .input = {},
                        .replay = {}};
  restored.changelog_complete = task.checkpoint.changelog_complete;
  restored.memory_bytes = loader_.table_bytes();
  Positions start{.next = {}, .sources = settings_.sources};
  if (task.has_base() || task.start) {
    if (const Status fits = check_committed(task); !fits) return std::unexpected(fits.error());
    start = task.has_base() ? task.base() : *task.start;
  } else {
    if (const Status fits = check_first_start(task); !fits) return std::unexpected(fits.error());
    for (std::uint8_t s = 0; s < settings_.sources; ++s) {
      const auto first = ports_.reader.first_offset(SourceIndex{s}, task.partition);
      if (!first) return std::unexpected(first.error());
      start.next[s] = *first;
    }
  }
  restored.input = task.kept ? task.kept->input : start;
  restored.replay = std::move(task.steps);
  if (!task.kept && restored.task == nullptr)
    restored.task = std::make_unique<engine::Task>(task.partition, *settings_.model, *settings_.policy, *restored.table,
                                                   start, settings_.models);
  return restored;
}

std::unique_ptr<engine::Task> Recovery::make_task(const Marker& marker, state::HotTable& table) const {
  auto task = std::make_unique<engine::Task>(marker.partition, *settings_.model, *settings_.policy, table,
                                             marker.position, settings_.models);
  task->restore(marker);
  return task;
}

}  // namespace holdfast::app
