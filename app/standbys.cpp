#include "app/standbys.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/customer.hpp"
#include "engine/task.hpp"

namespace holdfast::app {
namespace {

/// The journal's entries carry their writer's clock, checkpoints that of the shard.
constexpr Duration clock_skew_max{600'000};

/// How long to wait before the group is asked again who has what.
constexpr Duration look_at_group_every{200};

/// A checkpoint is copied some seconds after it was made: it only has to be there when its instance is gone.
constexpr Duration look_at_changelog_every{5'000};

/// Entries whose predecessors have not come: more, and some were lost.
constexpr std::size_t ahead_max = 10'000;

/// Records of a checkpoint in one message.
constexpr std::size_t copy_records = 4096;

}  // namespace

std::set<Partition> standby_partitions(std::span<const Instances::Instance> instances, const std::string& self,
                                       int standbys) {
  std::set<Partition> kept;
  const auto me = std::ranges::find(instances, self, &Instances::Instance::id);
  if (me == instances.end()) return kept;
  const auto count = static_cast<std::ptrdiff_t>(instances.size());
  const std::ptrdiff_t at = me - instances.begin();
  for (std::ptrdiff_t back = 1; back <= std::min<std::ptrdiff_t>(standbys, count - 1); ++back) {
    const auto& before = instances[static_cast<std::size_t>((at - back + count) % count)];
    kept.insert(before.partitions.begin(), before.partitions.end());
  }
  return kept;
}

Standbys::Standbys(int standbys, Instances& instances, JournalTail& journal, ChangelogReader* changelog,
                   CheckpointStore& store, CheckpointLoader& loader, MakeTask make_task, const Clock& clock,
                   CheckpointLoader::Say say, Emit emit)
    : standbys_(standbys),
      instances_(instances),
      journal_(journal),
      changelog_(changelog),
      store_(store),
      loader_(loader),
      make_task_(std::move(make_task)),
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
}

Expected<bool> Standbys::do_work() {
  switch (phase_) {
    case Phase::idle: return false;
    case Phase::placing: return place();
    case Phase::loading: {
      const Status done = to_load_.empty() ? open_journal() : load(to_load_.front());
      if (!done) return std::unexpected(done.error());
      if (to_load_.empty()) {
        phase_ = Phase::following;
      } else {
        to_load_.pop_front();
      }
      return true;
    }
    case Phase::following: return follow();
  }
  return false;
}

Status Standbys::open_journal() {
  if (followed_.empty()) return {};
  Timestamp since = after_all_time;
  for (const auto& [partition, followed] : followed_) since = std::min(since, followed.since);
  return journal_.open(since);
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
  Followed followed;
  RestoredTask task{.partition = partition, .table = {}, .task = {}, .input = {}, .replay = {}};
  task.standby = true;
  if (const auto kept = kept_.find(partition); kept != kept_.end()) {
    const auto marker = store_.marker(partition);
    if (!marker) return std::unexpected(marker.error());
    followed.step = kept->second.step;
    followed.since = kept->second.stepped_at - clock_skew_max;
    followed.changelog = *marker ? (*marker)->changelog : Offset{-1};
    task.input = kept->second.input;
  } else {
    auto loaded = loader_.load(partition);
    if (!loaded) return std::unexpected(loaded.error());
    if (!loaded->marker) {  // It would have to begin with the first event: better to wait for a checkpoint.
      waiting_.push_back(partition);
      return {};
    }
    followed.step = loaded->marker->step;
    followed.since = loaded->marker->taken_at - clock_skew_max;
    followed.changelog = loaded->marker->changelog;
    task.input = loaded->marker->position;
    task.changelog_complete = loaded->changelog_complete;
    task.task = make_task_(*loaded->marker, *loaded->table);
    task.table = std::move(loaded->table);
  }
  emit_({assignment_, std::move(task)});
  followed_.emplace(partition, std::move(followed));
  return {};
}

Expected<bool> Standbys::follow() {
  took_steps_ = false;
  if (!followed_.empty()) {
    if (const Status read = journal_.poll([this](JournalEntry entry) { take(std::move(entry)); }); !read)
      return std::unexpected(read.error());
  }
  if (since_looked_.elapsed() < look_at_changelog_every) return took_steps_;
  since_looked_.restart();
  if (!waiting_.empty()) {
    std::swap(to_load_, waiting_);
    phase_ = Phase::loading;
    return true;
  }
  if (changelog_ == nullptr) return took_steps_;
  for (auto& [partition, followed] : followed_) {
    if (const Status copied = copy_changelog(partition, followed); !copied) return std::unexpected(copied.error());
  }
  return true;
}

// Entries of one instance come in order; where a task has moved, its new instance's may come before the last of the
// former one's.
void Standbys::take(JournalEntry entry) {
  const auto it = followed_.find(entry.partition);
  if (it == followed_.end()) return;
  Followed& followed = it->second;
  const std::uint64_t first = entry.steps.front().number;
  followed.ahead.emplace(first, std::move(entry));
  while (!followed.ahead.empty()) {
    auto next = followed.ahead.begin();
    if (next->first > followed.step + 1) break;
    std::vector<Step> steps = std::move(next->second.steps);
    followed.ahead.erase(next);
    std::erase_if(steps, [&](const Step& step) { return step.number <= followed.step; });
    if (steps.empty()) continue;
    followed.step = steps.back().number;
    took_steps_ = true;
    emit_({assignment_, FollowedSteps{it->first, std::move(steps)}});
  }
  if (followed.ahead.size() <= ahead_max) return;
  say_("the journal lacks steps of partition " + std::to_string(it->first.value) + " behind step " +
       std::to_string(followed.step) + ": it is not kept warm until the next rebalance");
  emit_({assignment_, Forget{it->first}});
  followed_.erase(it);
}

/// Takes the changes of one or more checkpoints, the latest of each customer.
class Standbys::Copy final : public ChangelogVisitor {
 public:
  Status record(std::string_view id, std::string_view record) override {
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

Status Standbys::copy_changelog(Partition partition, Followed& followed) {
  if (followed.changelog < Offset{0}) return {};
  Copy copy;
  const auto end = changelog_->read(partition, followed.changelog, copy);
  if (!end) return std::unexpected(end.error());
  if (!copy.last) return {};
  CheckpointData data = copy.take();
  if (const Status written = store_.write(data); !written) return written;
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
  return {};
}

}  // namespace holdfast::app
