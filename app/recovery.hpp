#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "app/messages.hpp"
#include "app/ring.hpp"
#include "app/statistics.hpp"
#include "app/waker.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "engine/model.hpp"

namespace holdfast::app {

struct RecoverySettings {
  const engine::Model* model = nullptr;
  const engine::RiskPolicy* policy = nullptr;
  PolicyId policy_id;
  std::uint64_t topics = 0;     ///< As in Marker.
  std::int32_t partitions = 0;  ///< As in Marker.
  std::uint8_t sources = 0;
  bool exactly_once = true;  ///< Positions are committed with the journal; otherwise they may lag behind it.
};

/// Brings tasks to where the log says they are: the last checkpoint, and the committed steps behind it, to be applied
/// muted. The checkpoint is this machine's, brought up to date from the changelog where others went on with the
/// partition meanwhile. Without a usable checkpoint a task is rebuilt from its first step. A task that its shard has
/// kept needs the steps alone. One thread, or a simulation, calls do_work(); it blocks for as long as a restore takes.
///
/// Errors: incompatible: what is stored and what the log says do not fit together, and going on would be silently
/// wrong; the message says what to do.
class Recovery {
 public:
  using Say = std::function<void(const std::string& message)>;
  /// `changelog` null: there is none. `wake_fetcher` is called when tasks are restored.
  Recovery(RecoverySettings settings, LogReader& reader, JournalReader& journal, ChangelogReader* changelog,
           CheckpointStore& store, Statistics& statistics, Say say, std::function<void()> wake_fetcher);

  /// Has tasks restored. REQUIRES: the partitions are assigned, and no transaction of this instance that holds steps of
  /// them is open. Fetcher's thread.
  void request(RestoreRequest request);
  /// What is restored for an assignment before this one is of no use any more. Fetcher's thread.
  void give_up_before(std::uint64_t assignment) { wanted_.store(assignment, std::memory_order_relaxed); }
  /// Fetcher's thread.
  [[nodiscard]] std::optional<RestoredTasks> take_restored() { return restored_.try_pop(); }

  /// An error ends the pipeline.
  [[nodiscard]] Expected<bool> do_work();
  [[nodiscard]] bool has_work() const { return !requests_.empty(); }
  /// Of the restoring thread.
  Waker waker;

 private:
  struct Loaded;
  class Restoration;

  Expected<std::vector<RestoredTask>> restore(const RestoreRequest& request);
  Expected<Loaded> load(Partition partition);
  Status check_changelog();
  Status load_local(Loaded& task);
  Status follow_changelog(Loaded& task);
  Expected<bool> restore_from_changelog(Loaded& task, Offset from);
  Status forget(Loaded& task);
  Status check_marker(const Marker& marker, std::string_view what) const;
  Status read_steps(std::vector<Loaded>& tasks, Timestamp since);
  Status check_steps(const Loaded& task) const;
  Status check_committed(const Loaded& task);
  Status check_first_start(const Loaded& task);
  Expected<RestoredTask> build(Loaded&& task);
  [[nodiscard]] bool abandoned(std::uint64_t assignment) const {
    return wanted_.load(std::memory_order_relaxed) > assignment;
  }

  const RecoverySettings settings_;
  LogReader& reader_;
  JournalReader& journal_;
  ChangelogReader* const changelog_;
  CheckpointStore& store_;
  Statistics& statistics_;
  const Say say_;
  const std::function<void()> wake_fetcher_;

  Ring<RestoreRequest> requests_{8};
  Ring<RestoredTasks> restored_{8};
  std::atomic<std::uint64_t> wanted_{0};
  std::uint64_t restoring_ = 0;  ///< The assignment that the restore under way is for.
};

}  // namespace holdfast::app
