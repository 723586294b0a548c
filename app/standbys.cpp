#include "app/standbys.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "domain/limits.hpp"
#include "engine/customer.hpp"
#include "engine/task.hpp"

namespace holdfast::app {
namespace {

/// How long to wait before the group is asked again who has what.
constexpr Duration look_at_group_every{200};

/// A checkpoint is copied some seconds after it was made: it only has to be there when its instance is gone.
constexpr Duration look_at_changelog_every{5'000};

/// Entries whose predecessors have not come: more, and some were lost.
constexpr std::size_t ahead_max = 10'000;

/// How long to wait for the first checkpoint of a partition; and before one is tried again that could not be followed.
constexpr Duration no_checkpoint_pause{5'000};
constexpr Duration set_aside_pause{60'000};

/// After that long without a look at the changelog, deletions may be gone from it (delete.retention.ms).
constexpr Duration copy_age_max{600'000};

/// Records of a checkpoint in one message.
constexpr std::size_t copy_records = 4096;

}  // namespace

std::set<Partition> standby_partitions(std::span<const Instances::Instance> instances, const std::string& self,
                                       int standbys) {
  std::set<Partition> kept;
  const auto me = std::ranges::find(instances, self, &Instances::Instance::id);
  if (me == instances.end()) return kept;
  std::int32_t partitions = 0;
  for (const auto& instance : instances) partitions += static_cast<std::int32_t>(instance.partitions.size());
  const auto before_me = static_cast<std::int32_t>(me - instances.begin());
  const auto others = static_cast<std::int32_t>(instances.size()) - 1;
  for (std::int32_t gone = 1; gone <= std::min<std::int32_t>(standbys, others); ++gone) {
    // Of those that are gone, how many stood before this one.
    for (std::int32_t gone_before = std::max(0, gone - (others - before_me)); gone_before <= std::min(gone, before_me);
         ++gone_before) {
      const std::int32_t left = others + 1 - gone;
      const std::int32_t at = before_me - gone_before;
      const std::int32_t each = partitions / left;
      const std::int32_t larger = partitions % left;
      const std::int32_t begin = at * each + std::min(at, larger);
      const std::int32_t end = begin + each + (at < larger ? 1 : 0);
      for (std::int32_t p = begin; p < end; ++p) kept.insert(Partition{p});
    }
  }
  for (const Partition own : me->partitions) kept.erase(own);
  return kept;
}

Standbys::Standbys(int standbys, PolicyId policy, engine::ModelReader* models, Instances& instances,
                   JournalTail& journal, ChangelogReader* changelog, CheckpointStore& store, CheckpointLoader& loader,
                   MakeTask make_task, const Clock& clock, CheckpointLoader::Say say, Emit emit)
    : standbys_(standbys),
      policy_(policy),
      models_(models),
      instances_(instances),
      journal_(journal),
      changelog_(changelog),
      store_(store),
      loader_(loader),
      make_task_(std::move(make_task)),
      clock_(clock),
      say_(std::move(say)),
      emit_(std::move(emit)),
      since_looked_(clock) {}

void Standbys::begin(std::uint64_t assignment, std::span<const Partition> assigned,
                     std::map<Partition, KeptTask> kept) {
  stop();
  assignment_ = assignment;
  kept_ = std::move(kept);
  for (const Partition partition : assigned) kept_.erase(partition);
  phase_ = Phase::placing;
}

void Standbys::stop() {
  phase_ = Phase::idle;
  kept_.clear();
  to_load_.clear();
  waiting_.clear();
  followed_.clear();
  opens_journal_ = false;
}

void Standbys::give_up() {
  for (const auto& [partition, followed] : followed_) emit_({assignment_, Forget{partition}});
  stop();
}

Expected<bool> Standbys::do_work() {
  auto done = go_on();
  // Nobody knows how long it lasts.
  if (!done) {
    for (auto& [partition, followed] : followed_) followed.may_lack_deletions = true;
  }
  return done;
}

Expected<bool> Standbys::go_on() {
  switch (phase_) {
    case Phase::idle: return false;
    case Phase::placing: return place();
    case Phase::loading: {
      if (to_load_.empty()) {
        if (const Status opened = open_journal(); !opened) return std::unexpected(opened.error());
        phase_ = Phase::following;
      } else {
        if (const Status loaded = load(to_load_.front()); !loaded) return std::unexpected(loaded.error());
        to_load_.pop_front();
      }
      return true;
    }
    case Phase::following: return follow();
  }
  return false;
}

Status Standbys::open_journal() {
  if (!opens_journal_) return {};
  Timestamp since = after_all_time;
  for (const auto& [partition, followed] : followed_) since = std::min(since, followed.since);
  if (auto opened = journal_.open(since - limits::clock_skew_max); !opened) return opened;
  opens_journal_ = false;
  return {};
}

// The others' assignments are known once all have joined.
Expected<bool> Standbys::place() {
  if (since_looked_.elapsed() < look_at_group_every) return false;
  since_looked_.restart();
  const auto members = instances_.members();
  if (!members) return std::unexpected(members.error());
  if (!members->settled) return false;
  const std::set<Partition> wanted = standby_partitions(members->instances, instances_.self(), standbys_);
  for (const auto& [partition, kept] : kept_) {
    if (!wanted.contains(partition)) emit_({assignment_, Forget{partition}});
  }
  to_load_.assign(wanted.begin(), wanted.end());
  phase_ = Phase::loading;
  return true;
}

Status Standbys::load(Partition partition) {
  Followed followed(clock_);
  RestoredTask task{.partition = partition, .table = {}, .task = {}, .input = {}, .replay = {}};
  task.standby = true;
  if (const auto kept = kept_.find(partition); kept != kept_.end()) {
    const auto marker = store_.marker(partition);
    if (!marker) return std::unexpected(marker.error());
    followed.step = kept->second.step;
    followed.since = kept->second.stepped_at;
    followed.changelog = *marker ? (*marker)->changelog : Offset{-1};
    followed.may_lack_deletions = true;  // The copy may be as old as the latest checkpoint from here.
    task.input = kept->second.input;
  } else {
    auto loaded = loader_.load(partition);
    if (!loaded) return std::unexpected(loaded.error());
    if (!loaded->marker) {  // It would have to begin with the first event: better to wait for a checkpoint.
      waiting_.insert_or_assign(partition, Waiting{Stopwatch(clock_), no_checkpoint_pause});
      return {};
    }
    followed.step = loaded->marker->step;
    followed.since = loaded->marker->taken_at;
    followed.changelog = loaded->marker->changelog;
    task.input = loaded->marker->position;
    task.changelog_complete = loaded->changelog_complete;
    task.task = make_task_(*loaded->marker, *loaded->table);
    task.table = std::move(loaded->table);
  }
  emit_({assignment_, std::move(task)});
  followed_.emplace(partition, std::move(followed));
  opens_journal_ = true;
  return {};
}

Expected<bool> Standbys::follow() {
  took_steps_ = false;
  if (!followed_.empty()) {
    const Status read = journal_.poll([this](JournalEntry entry, Timestamp at) { take(std::move(entry), at); });
    if (!read) return std::unexpected(read.error());
  }
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second.since.elapsed() < it->second.pause) {
      ++it;
      continue;
    }
    to_load_.push_back(it->first);
    it = waiting_.erase(it);
  }
  if (!to_load_.empty()) {
    phase_ = Phase::loading;
    return true;
  }
  if (changelog_ == nullptr || since_looked_.elapsed() < look_at_changelog_every) return took_steps_;
  since_looked_.restart();
  if (const Status copied = copy_changelogs(); !copied) return std::unexpected(copied.error());
  return true;
}

// Entries of one instance come in order; where a task has moved, its new instance's may come before the last of the
// former one's.
void Standbys::take(JournalEntry entry, Timestamp written_at) {
  const auto it = followed_.find(entry.partition);
  if (it == followed_.end()) return;
  const Partition partition = it->first;
  Followed& followed = it->second;
  if (entry.steps.back().number <= followed.step) return;
  // It would lead to other alerts than those that were sent.
  if (entry.policy != policy_)
    return set_aside(partition,
                     "steps of " + to_string(partition) + " are made with other risk settings or other sources");
  for (const Step& step : entry.steps) {
    if (step.swap == nullptr || models_ == nullptr) continue;
    if (const auto model = models_->read(step.swap->model); !model)
      return set_aside(partition, "steps of " + to_string(partition) +
                                      " name a model that this release cannot read: " + model.error().message);
  }
  followed.ahead.emplace(entry.steps.front().number, std::move(entry));
  while (!followed.ahead.empty()) {
    auto next = followed.ahead.begin();
    if (next->first > followed.step + 1) break;
    std::vector<Step> steps = std::move(next->second.steps);
    followed.ahead.erase(next);
    std::erase_if(steps, [&](const Step& step) { return step.number <= followed.step; });
    if (steps.empty()) continue;
    followed.step = steps.back().number;
    followed.since = std::max(followed.since, written_at);
    took_steps_ = true;
    emit_({assignment_, FollowedSteps{partition, std::move(steps)}});
  }
  if (followed.ahead.size() > ahead_max)
    set_aside(partition,
              "the journal lacks steps of " + to_string(partition) + " behind step " + std::to_string(followed.step));
}

void Standbys::failed(Partition partition, const std::string& why) {
  if (followed_.contains(partition)) set_aside(partition, why);
}

// A later checkpoint may hold what stands in the way.
void Standbys::set_aside(Partition partition, const std::string& why) {
  say_(why + ": it is not kept warm; tried again every " + std::to_string(set_aside_pause.ms / 1000) + " s");
  emit_({assignment_, Forget{partition}});
  followed_.erase(partition);
  kept_.erase(partition);
  waiting_.insert_or_assign(partition, Waiting{Stopwatch(clock_), set_aside_pause});
}

/// Takes the changes of one or more checkpoints, the latest of each customer.
class Standbys::Copy final : public ChangelogVisitor {
 public:
  Status record(std::string_view id, std::string_view record) override {
    if (record.size() != sizeof(engine::Customer) || !engine::is_customer_record(record))
      return fail(ErrorKind::corrupt, "it holds a record that no customer can have");
    changes_[std::string(id)] = record;
    return {};
  }
  Status erased(std::string_view id) override {
    changes_[std::string(id)].clear();
    return {};
  }
  Status marker(const Marker& marker, Offset behind) override {
    last = marker;
    last->changelog = behind;
    return {};
  }
  [[nodiscard]] CheckpointData take() {
    CheckpointData data;
    data.record_size = sizeof(engine::Customer);
    data.marker = *last;
    for (const auto& [id, record] : changes_) {
      if (record.empty()) {
        data.add_erased(id);
      } else {
        data.add(id, record);
      }
    }
    return data;
  }
  std::optional<Marker> last;

 private:
  std::map<std::string, std::string, std::less<>> changes_;
};

Status Standbys::copy_changelogs() {
  std::map<Partition, std::string> faults;
  for (auto& [partition, followed] : followed_) {
    const auto copied = copy_changelog(partition, followed);
    if (copied && *copied) continue;
    if (!copied && copied.error().kind != ErrorKind::corrupt) return std::unexpected(copied.error());
    faults[partition] = copied ? "it is another one than before" : copied.error().message;
  }
  for (const auto& [partition, fault] : faults)
    set_aside(partition, "the changelog of " + to_string(partition) + " cannot be followed: " + fault);
  return {};
}

// False: it is not the log that was read before.
Expected<bool> Standbys::copy_changelog(Partition partition, Followed& followed) {
  if (followed.changelog < Offset{0}) return true;
  Copy copy;
  const auto end = changelog_->read(partition, followed.changelog, copy);
  if (!end) return std::unexpected(end.error());
  if (*end < followed.changelog) return false;
  if (followed.copied.elapsed() > copy_age_max) followed.may_lack_deletions = true;
  followed.copied.restart();
  if (!copy.last) return true;
  CheckpointData data = copy.take();
  if (const Status written = store_.write(data); !written) return std::unexpected(written.error());
  if (followed.may_lack_deletions) {
    if (const Status whole = check_copy(partition); !whole) return std::unexpected(whole.error());
    followed.may_lack_deletions = false;
  }
  followed.changelog = copy.last->changelog;
  for (std::size_t i = 0; i < data.entries.size();) {
    auto part = std::make_unique<CheckpointData>();
    part->record_size = data.record_size;
    for (; i < data.entries.size() && part->entries.size() < copy_records; ++i) {
      const auto& entry = data.entries[i];
      if (entry.erased) {
        part->add_erased(data.id(entry));
      } else {
        part->add(data.id(entry), data.record(entry));
      }
    }
    emit_({assignment_, Checkpointed{partition, std::move(part)}});
  }
  return true;
}

// A note that a customer was erased goes with compaction, some time after it was written (delete.retention.ms): who
// reads on from an earlier place has the customer still.
Status Standbys::check_copy(Partition partition) {
  const auto loaded = store_.load(partition, [](std::string_view, std::string_view) {});  // It counts what there is.
  if (loaded) return {};
  if (loaded.error().kind != ErrorKind::corrupt) return std::unexpected(loaded.error());
  if (const Status cleared = store_.clear(partition); !cleared) return cleared;
  return fail(ErrorKind::corrupt, "deletions were compacted away before they were read");
}

}  // namespace holdfast::app
