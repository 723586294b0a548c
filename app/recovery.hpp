#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/checkpoint_loader.hpp"
#include "app/messages.hpp"
#include "app/ring.hpp"
#include "app/standbys.hpp"
#include "app/statistics.hpp"
#include "app/waker.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "engine/model.hpp"

namespace holdfast::app {

struct RecoverySettings {
  const engine::Model* model = nullptr;   ///< The configuration's: of tasks of which nothing says another one.
  engine::ModelReader* models = nullptr;  ///< Null: no step and no checkpoint has one.
  const engine::RiskPolicy* policy = nullptr;
  PolicyId policy_id;
  PolicyId former_policy_id{};  ///< As earlier releases had it, with the model.
  std::uint64_t topics = 0;     ///< As in Marker.
  std::int32_t partitions = 0;  ///< As in Marker.
  std::uint8_t sources = 0;
  bool exactly_once = true;        ///< Positions are committed with the journal; otherwise they may lag behind it.
  int standbys = 0;                ///< Of each task, on other instances.
  unsigned load_threads = 1;       ///< That load checkpoints, at most.
  state::TableMemory memory = {};  ///< For all tables together.
};

/// What tasks are restored from. All outlive the recovery.
struct RecoveryPorts {
  LogReader& reader;
  JournalReader& journal;
  CheckpointStore& store;
  const Clock& clock;
  ChangelogReader* changelog = nullptr;  ///< Null: checkpoints stay on this machine.
  Instances* instances = nullptr;        ///< Null: there are no others.
  JournalTail* journal_tail = nullptr;   ///< Null: no standbys.
};

/// Brings tasks to where the log says they are: the last checkpoint, and the committed steps behind it, to be applied
/// muted. Without a usable checkpoint a task is rebuilt from its first step. A task that its shard has kept needs the
/// steps alone. In between it looks after the standbys. One thread, or a simulation, calls do_work(); it blocks for as
/// long as a restore takes.
///
/// Errors: incompatible: what is stored and what the log says do not fit together, and going on would be silently
/// wrong; the message says what to do.
class Recovery {
 public:
  using Say = CheckpointLoader::Say;
  /// `wake_fetcher` is called when there is something for it.
  Recovery(const RecoverySettings& settings, const RecoveryPorts& ports, Statistics& statistics, Say say,
           std::function<void()> wake_fetcher);

  /// Has tasks restored; false: it has to be asked again, later. REQUIRES: the partitions are assigned, and no
  /// transaction of this instance that holds steps of them is open. Fetcher's thread.
  [[nodiscard]] bool request(RestoreRequest request);
  /// What is restored or followed for an assignment before this one is of no use any more. Fetcher's thread.
  void give_up_before(std::uint64_t assignment) { wanted_.store(assignment, std::memory_order_relaxed); }
  /// What a standby needs of the log cannot be read. Fetcher's thread.
  void standby_failed(Partition partition, std::string why);
  /// Restored tasks, and news of standbys. Fetcher's thread.
  [[nodiscard]] std::optional<FromRecovery> take() { return output_.try_pop(); }

  /// An error ends the pipeline.
  [[nodiscard]] Expected<bool> do_work();
  [[nodiscard]] bool has_work() const { return !requests_.empty() || !failed_standbys_.empty(); }
  [[nodiscard]] Duration idle_time() const;
  /// Of the restoring thread.
  Waker waker;

 private:
  struct Loaded;

  Expected<bool> restore(RestoreRequest request);
  Status restore_tasks(const RestoreRequest& request);
  Status load(Loaded& task);
  Status replay_and_emit(std::vector<Loaded> tasks, Timestamp since);
  void end_what_is_left_open();
  Expected<bool> look_after_standbys();
  Status read_steps(std::vector<Loaded>& tasks, Timestamp since);
  Status check_steps(const Loaded& task) const;
  Status check_committed(const Loaded& task);
  Status check_first_start(const Loaded& task);
  Expected<RestoredTask> build(Loaded&& task);
  [[nodiscard]] std::size_t tables_of(const RestoreRequest& request) const;
  [[nodiscard]] std::unique_ptr<engine::Task> make_task(const Marker& marker, state::HotTable& table) const;
  void emit(FromRecovery message);
  bool flush();
  [[nodiscard]] bool abandoned() const { return wanted_.load(std::memory_order_relaxed) > restoring_; }

  const RecoverySettings settings_;
  const RecoveryPorts ports_;
  const Say say_;
  const std::function<void()> wake_fetcher_;
  CheckpointLoader loader_;
  std::optional<Standbys> standbys_;
  std::optional<Stopwatch> since_standby_failure_;
  std::string standby_failure_;  ///< What was said of it.

  Ring<RestoreRequest> requests_{8};
  Ring<FailedStandby> failed_standbys_{64};
  Ring<FromRecovery> output_{1024};
  std::deque<FromRecovery> unsent_;  ///< What the ring had no room for.
  std::atomic<std::uint64_t> wanted_{0};
  std::uint64_t restoring_ = 0;      ///< The latest assignment that came.
  std::set<std::string> instances_;  ///< Those of the assignment before.
};

}  // namespace holdfast::app
