#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/checkpoint_loader.hpp"
#include "app/messages.hpp"
#include "app/stopwatch.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"

namespace holdfast::app {

/// Which partitions `self` keeps warm: those that the range assignor would give it besides its own if any of the other
/// instances, up to `standbys` of them, were gone. Whoever gets a partition then has it. Every instance finds the same,
/// and nobody has to be asked. `instances`: in order of ids, with contiguous ranges of partitions from 0 on.
[[nodiscard]] std::set<Partition> standby_partitions(std::span<const Instances::Instance> instances,
                                                     const std::string& self, int standbys);

/// Keeps copies of other instances' tasks: they follow journal and changelog, muted, so that a take-over finds them a
/// fraction of a second behind. The copies live in the shards; what is to be done with them leaves through `emit`. Used
/// by the recovery's thread alone.
class Standbys {
 public:
  using Emit = std::function<void(FromRecovery message)>;
  /// A task that goes on from a checkpoint; the table holds its records.
  using MakeTask = std::function<std::unique_ptr<engine::Task>(const Marker&, state::HotTable&)>;
  /// All references must outlive it. `models` null: no step has one. `changelog` null: there is none.
  Standbys(int standbys, PolicyId policy, engine::ModelReader* models, Instances& instances, JournalTail& journal,
           ChangelogReader* changelog, CheckpointStore& store, CheckpointLoader& loader, MakeTask make_task,
           const Clock& clock, CheckpointLoader::Say say, Emit emit);

  /// Tasks were assigned: finds out anew whom to follow. `kept`: what the shards have besides.
  void begin(std::uint64_t assignment, std::span<const Partition> assigned, std::map<Partition, KeptTask> kept);
  /// Follows nobody until begin(). What the shards have stays there.
  void stop();
  /// The same, and the shards forget what they have.
  void give_up();
  /// A copy cannot go on: it is made anew later.
  void failed(Partition partition, const std::string& why);
  /// True: something was done. After an error it can be called again; what is corrupt or incompatible stays so.
  [[nodiscard]] Expected<bool> do_work();
  [[nodiscard]] bool active() const { return phase_ != Phase::idle; }

 private:
  struct Followed {
    explicit Followed(const Clock& clock) : copied(clock) {}

    std::uint64_t step = 0;                       ///< The last one that was handed on.
    Offset changelog;                             ///< Where its next checkpoint begins.
    Timestamp since;                              ///< The journal has its next step not before that.
    Stopwatch copied;                             ///< Since the changelog was read to its end.
    bool may_lack_deletions = false;              ///< The copy on the disk: to be checked with the next checkpoint.
    std::map<std::uint64_t, JournalEntry> ahead;  ///< By first step: those before them have not come yet.
  };
  /// One that is not followed for now.
  struct Waiting {
    Stopwatch since;
    Duration pause;  ///< Then it is tried again.
  };
  class Copy;

  Expected<bool> go_on();
  Expected<bool> place();
  Status open_journal();
  Status load(Partition partition);
  Expected<bool> follow();
  void take(JournalEntry entry, Timestamp written_at);
  Status copy_changelogs();
  Expected<bool> copy_changelog(Partition partition, Followed& followed);
  Status check_copy(Partition partition);
  void set_aside(Partition partition, const std::string& why);

  const int standbys_;
  const PolicyId policy_;
  engine::ModelReader* const models_;
  Instances& instances_;
  JournalTail& journal_;
  ChangelogReader* const changelog_;
  CheckpointStore& store_;
  CheckpointLoader& loader_;
  const MakeTask make_task_;
  const Clock& clock_;
  const CheckpointLoader::Say say_;
  const Emit emit_;

  enum class Phase : std::uint8_t { idle, placing, loading, following } phase_ = Phase::idle;
  std::uint64_t assignment_ = 0;
  std::map<Partition, KeptTask> kept_;
  std::deque<Partition> to_load_;
  std::map<Partition, Waiting> waiting_;
  std::map<Partition, Followed> followed_;
  bool opens_journal_ = false;  ///< Some were loaded since it was opened.
  bool took_steps_ = false;
  Stopwatch since_looked_;  ///< At the group, or at the changelog.
};

}  // namespace holdfast::app
