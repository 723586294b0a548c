#include "app/recovery.hpp"

#include <algorithm>
#include <limits>
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

std::string of_partition(Partition partition) { return "partition " + std::to_string(partition.value); }

}  // namespace

struct Recovery::Loaded {
  Partition partition;
  std::unique_ptr<state::HotTable> table;
  std::optional<Marker> marker;
  std::optional<Positions> start;  ///< Of the first step found.
  std::deque<Step> steps;          ///< Behind the marker.
  bool reaches_marker = false;     ///< The journal was seen to hold the marker's own step.
  bool foreign_policy = false;     ///< A step was made under another policy.

  [[nodiscard]] std::uint64_t steps_done() const { return marker ? marker->step : 0; }
  /// Whether the steps go on right where the checkpoint ends.
  [[nodiscard]] bool contiguous() const { return steps.empty() || steps.front().number == steps_done() + 1; }
  /// Whether what was read of the journal cannot have missed steps behind the checkpoint.
  [[nodiscard]] bool complete() const { return contiguous() && (!marker || reaches_marker); }

  void take(const JournalEntry& entry, const RecoverySettings& settings);

 private:
  [[nodiscard]] bool continues(const JournalEntry& entry) const;
};

void Recovery::Loaded::take(const JournalEntry& entry, const RecoverySettings& settings) {
  const std::uint64_t first = entry.steps.front().number;
  reaches_marker = reaches_marker || (first <= steps_done() && entry.steps.back().number >= steps_done());
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
  if (first == steps_done() + 1) return entry.start == (marker ? marker->position : *start);
  const auto before = std::ranges::find(steps, first - 1, &Step::number);
  return before != steps.end() && before->end == entry.start;
}

Expected<std::vector<RestoredTask>> Recovery::restore(std::span<const Partition> partitions) {
  std::vector<Loaded> tasks;
  Timestamp since = after_all_time;
  for (const Partition partition : partitions) {
    auto loaded = load(partition);
    if (!loaded) return std::unexpected(loaded.error());
    since = std::min(since,
                     loaded->marker ? std::max(loaded->marker->taken_at, Timestamp{0}) - clock_skew_max : Timestamp{0});
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

Expected<Recovery::Loaded> Recovery::load(Partition partition) {
  Loaded loaded;
  loaded.partition = partition;
  loaded.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
  bool sound = true;
  auto marker = store_.load(partition, [&](std::string_view id, std::string_view record) {
    sound = sound && !id.empty() && id.size() <= limits::customer_id_bytes_max && engine::is_customer_record(record);
    if (sound) loaded.table->insert_loaded(id, record);
  });
  if (!marker && marker.error().kind == ErrorKind::corrupt) return begin_anew(partition, marker.error().message);
  if (!marker) return std::unexpected(marker.error());
  loaded.marker = *marker;
  if (!loaded.marker) return loaded;
  if (loaded.marker->record_format != engine::customer_format)
    return fail(ErrorKind::incompatible, "the checkpoint of " + of_partition(partition) +
                                             " holds customer records of format " +
                                             std::to_string(loaded.marker->record_format) + ", this release knows " +
                                             std::to_string(engine::customer_format) +
                                             ": run the release that wrote it, or remove the state directory to have "
                                             "it rebuilt from the log");
  if (!sound)
    return begin_anew(partition,
                      "the checkpoint of " + of_partition(partition) + " holds a record that no customer can have");
  if (loaded.marker->position.sources != settings_.sources)
    return fail(ErrorKind::incompatible,
                "the checkpoint of " + of_partition(partition) + " was made with " +
                    std::to_string(loaded.marker->position.sources) + " sources, the configuration has " +
                    std::to_string(settings_.sources) +
                    ": restore the sources and their order, or begin anew with another application_id");
  if (loaded.marker->topics != settings_.topics)
    return fail(ErrorKind::incompatible,
                "the checkpoint of " + of_partition(partition) +
                    " was made of other topics, where its positions mean something else: restore the names of the "
                    "sources' topics and their order, or begin anew with another application_id");
  return loaded;
}

Expected<Recovery::Loaded> Recovery::begin_anew(Partition partition, const std::string& why) {
  say_(why + "; " + of_partition(partition) + " is rebuilt from the log");
  if (const Status cleared = store_.clear(partition); !cleared) return std::unexpected(cleared.error());
  Loaded loaded;
  loaded.partition = partition;
  loaded.table = std::make_unique<state::HotTable>(sizeof(engine::Customer));
  return loaded;
}

Status Recovery::read_steps(std::vector<Loaded>& tasks, Timestamp since) {
  std::vector<Partition> partitions;
  std::map<Partition, Loaded*> by_partition;
  for (Loaded& task : tasks) {
    partitions.push_back(task.partition);
    by_partition[task.partition] = &task;
    task.steps.clear();
    task.start.reset();
    task.reaches_marker = false;
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
                "the journal no longer reaches back to the checkpoint of " + where + ": it ends with step " +
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

Status Recovery::check_committed(const Loaded& task) {
  const auto committed = reader_.committed(task.partition);
  if (!committed) return std::unexpected(committed.error());
  const Positions& at = task.steps.empty() ? task.marker->position : task.steps.back().end;
  const auto known = static_cast<std::size_t>(
      std::ranges::count_if(*committed, [](const auto& offset) { return offset.has_value(); }));
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
    const auto& offset = (*committed)[s];
    if (!offset || *offset == at.next[s] || (!settings_.exactly_once && *offset < at.next[s])) continue;
    return fail(ErrorKind::incompatible,
                "the committed offset of source " + std::to_string(s) + ", " + of_partition(task.partition) + ", is " +
                    std::to_string(offset->value) + ", but the state stands at " + std::to_string(at.next[s].value) +
                    ": somebody moved the group's offsets or the journal was lost; set the offset back, or begin anew "
                    "with another application_id");
  }
  return {};
}

Expected<RestoredTask> Recovery::build(Loaded&& task) {
  Positions start{.next = {}, .sources = settings_.sources};
  if (task.marker) {
    start = task.marker->position;
  } else if (task.start) {
    start = *task.start;
  } else {
    const auto committed = reader_.committed(task.partition);
    if (!committed) return std::unexpected(committed.error());
    for (std::uint8_t s = 0; s < settings_.sources; ++s) {
      if ((*committed)[s])
        return fail(ErrorKind::incompatible,
                    of_partition(task.partition) + " was read up to offset " + std::to_string((*committed)[s]->value) +
                        " of source " + std::to_string(s) +
                        ", but neither a checkpoint nor a journal of it is left: restore the state directory, or "
                        "begin anew with another application_id");
      const auto first = reader_.first_offset(SourceIndex{s}, task.partition);
      if (!first) return std::unexpected(first.error());
      start.next[s] = *first;
    }
  }
  if (task.marker || task.start) {
    if (const Status fits = check_committed(task); !fits) return std::unexpected(fits.error());
  }

  RestoredTask restored;
  restored.table = std::move(task.table);
  restored.task =
      std::make_unique<engine::Task>(task.partition, *settings_.model, *settings_.policy, *restored.table, start);
  if (task.marker) restored.task->restore(*task.marker);
  restored.replay = std::move(task.steps);
  for (std::uint8_t s = 0; s < settings_.sources; ++s) {
    if (const Status started = reader_.start(SourceIndex{s}, task.partition, start.next[s]); !started)
      return std::unexpected(started.error());
  }
  return restored;
}

}  // namespace holdfast::app
