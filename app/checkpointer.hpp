#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "app/messages.hpp"
#include "app/shard.hpp"
#include "app/statistics.hpp"
#include "app/stopwatch.hpp"
#include "domain/ports.hpp"

namespace holdfast::app {

/// Writes frozen states to the changelog and then to the checkpoint store, each once its epoch is committed: a
/// checkpoint never knows more than the log, and the store never more than the changelog, so that what changed since
/// the former also holds what changed since the latter. What cannot be written now (a full disk) is tried again; the
/// shards go on meanwhile. Between them it has the store remove from the disk what erasures have left there, a
/// partition at a time. One thread, or a simulation, calls do_work().
class Checkpointer {
 public:
  using Warn = std::function<void(const std::string& message)>;
  /// `changelog` null: there is none.
  Checkpointer(ChangelogWriter* changelog, CheckpointStore& store, const Clock& clock, std::vector<ShardRings*> shards,
               Statistics& statistics, std::function<std::uint64_t()> committed_epoch, Warn warn);

  /// An error ends the pipeline.
  [[nodiscard]] Expected<bool> do_work();
  [[nodiscard]] bool has_work() const;
  /// Removes from the disk what erasures have left there, without a pause. After the last checkpoint.
  void finish();
  /// From now on a checkpoint that cannot be written is given up: the earlier one stands. Any thread.
  void give_up_on_failure() { give_up_.store(true, std::memory_order_relaxed); }
  /// While true, what is not being written yet is given up: its tasks are on their way to another instance. Any thread.
  void give_up_waiting(bool on) { give_up_waiting_.store(on, std::memory_order_relaxed); }

 private:
  struct Waiting {
    ShardRings* from = nullptr;
    std::unique_ptr<CheckpointJob> job;
    std::optional<Stopwatch> since_failure;
  };

  [[nodiscard]] bool is_due(const Waiting& waiting, std::uint64_t committed) const;

  Expected<bool> write(Waiting& waiting);
  Status write_through(CheckpointData& data);
  [[nodiscard]] bool purge_is_due() const;
  bool purge();

  ChangelogWriter* const changelog_;
  CheckpointStore& store_;
  const Clock& clock_;
  const std::vector<ShardRings*> shards_;
  Statistics& statistics_;
  const std::function<std::uint64_t()> committed_epoch_;
  const Warn warn_;
  std::deque<Waiting> waiting_;
  std::optional<Stopwatch> since_purge_;
  Duration purge_pause_{};
  std::atomic<bool> give_up_{false};
  std::atomic<bool> give_up_waiting_{false};
};

}  // namespace holdfast::app
