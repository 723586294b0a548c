#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "app/messages.hpp"
#include "app/shard.hpp"
#include "app/statistics.hpp"
#include "app/stopwatch.hpp"
#include "domain/ports.hpp"

namespace holdfast::app {

/// Owns the writer and the epochs. An epoch is requested of all shards; each hands on its output and closes it with a
/// mark; then journal and positions are written behind the output and all of it is committed as one. While a commit is
/// under way the shards go on filling the next epoch. One thread, or a simulation, calls do_work().
class Committer {
 public:
  /// `wake_checkpointer` is called after each commit. All references outlive the committer.
  Committer(LogWriter& writer, const Clock& clock, std::span<ShardRings* const> shards, Statistics& statistics,
            Duration interval, std::function<void()> wake_checkpointer);

  /// True: something was done. An error ends the pipeline: what was not committed is as if it had not happened.
  [[nodiscard]] Expected<bool> do_work();
  [[nodiscard]] bool has_work() const;
  [[nodiscard]] Duration idle_time() const;
  /// Every shard has drained and its last epoch is committed.
  [[nodiscard]] bool finished() const { return finished_; }
  /// Closes an epoch now instead of when the interval is over. Any thread.
  void hurry() { hurry_.store(true, std::memory_order_relaxed); }
  /// The latest epoch whose output is committed. Any thread; acquire pairs with the release after the commit.
  [[nodiscard]] std::uint64_t committed_epoch() const { return committed_epoch_.load(std::memory_order_acquire); }

 private:
  struct ShardState {
    ShardRings* rings = nullptr;
    bool closed = false;  ///< Its mark for the epoch under way has come; what follows belongs to the next.
    bool drained = false;
  };

  /// The requested epoch is not committed yet.
  [[nodiscard]] bool under_way() const { return epoch_ > committed_epoch_.load(std::memory_order_relaxed); }
  bool request_epoch();
  Expected<bool> take(ShardState& shard);
  Status append(const OutputBuffer& buffer);
  Status begin();
  Status commit();

  LogWriter& writer_;
  const Clock& clock_;
  Statistics& statistics_;
  const Duration interval_;
  const std::function<void()> wake_checkpointer_;

  std::vector<ShardState> shards_;
  std::vector<TaskEpoch> tasks_;  ///< Of the marks that have come.
  std::vector<TaskPosition> positions_;
  std::vector<Timestamp> logged_at_;  ///< Of the alerts in the transaction, for the latency histogram.
  std::uint64_t epoch_ = 0;           ///< The one requested.
  Stopwatch since_request_;
  std::atomic<bool> hurry_{false};
  bool begun_ = false;
  bool finished_ = false;
  std::atomic<std::uint64_t> committed_epoch_{0};
};

}  // namespace holdfast::app
