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

/// Writes frozen states to the checkpoint store, each once its epoch is committed: a checkpoint never knows more than
/// the log. What cannot be written now (a full disk) is tried again; the shards go on meanwhile. One thread, or a
/// simulation, calls do_work().
class Checkpointer {
 public:
  using Warn = std::function<void(const std::string& message)>;
  Checkpointer(CheckpointStore& store, const Clock& clock, std::vector<ShardRings*> shards, Statistics& statistics,
               std::function<std::uint64_t()> committed_epoch, Warn warn);

  /// An error ends the pipeline.
  [[nodiscard]] Expected<bool> do_work();
  [[nodiscard]] bool has_work() const;
  /// From now on a checkpoint that cannot be written is given up: the earlier one stands. Any thread.
  void give_up_on_failure() { give_up_.store(true, std::memory_order_relaxed); }

 private:
  struct Waiting {
    ShardRings* from = nullptr;
    std::unique_ptr<CheckpointJob> job;
    std::optional<Stopwatch> since_failure;
  };

  [[nodiscard]] bool is_due(const Waiting& waiting, std::uint64_t committed) const;

  Expected<bool> write(Waiting& waiting);

  CheckpointStore& store_;
  const Clock& clock_;
  const std::vector<ShardRings*> shards_;
  Statistics& statistics_;
  const std::function<std::uint64_t()> committed_epoch_;
  const Warn warn_;
  std::deque<Waiting> waiting_;
  std::atomic<bool> give_up_{false};
};

}  // namespace holdfast::app
