#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "app/checkpointer.hpp"
#include "app/committer.hpp"
#include "app/messages.hpp"
#include "app/recovery.hpp"
#include "app/shard.hpp"
#include "app/statistics.hpp"
#include "app/stopwatch.hpp"
#include "domain/ports.hpp"

namespace holdfast::app {

/// Polls the log and hands raw batches to the shards. When partitions are assigned it has their tasks restored; before
/// they go to somebody else it has the shards end what is under way. Takes no more of a source partition than its shard
/// keeps up with, so that back-pressure ends at the broker. One thread, or a simulation, calls do_work().
class Fetcher final : private LogListener {
 public:
  /// `max_rate`: records/s, 0: no limit. Replayed records are not limited: they are no progress yet.
  /// `hurry` has the committer close an epoch soon.
  Fetcher(LogReader& reader, Recovery& recovery, const Committer& committer, std::function<void()> hurry,
          Checkpointer& checkpointer, const Clock& clock, std::vector<ShardRings*> shards, Statistics& statistics,
          std::uint64_t max_rate);

  /// Polls once and waits for at most `wait`, or less where a wait has an end that the reader does not know of.
  [[nodiscard]] Status do_work(Duration wait);
  /// Takes nothing more, and tells the shards so.
  void drain();
  /// Leaves the group.
  void close();

 private:
  struct Channel {
    std::uint64_t life = 0;  ///< Each start of the partition begins another.
    std::uint64_t batches_sent = 0;
    std::deque<std::size_t> lent;  ///< Records of each batch that the shard is not known to be done with.
    std::size_t records_lent = 0;  ///< Their sum.
    Offset end_sent{-1};
    Offset replay_until{0};
    bool standby = false;
    bool forgotten = false;  ///< Nobody takes what it delivers.
  };

  void assigned(std::span<const Partition> partitions) override;
  void revoked(std::span<const Partition> partitions, bool lost) override;
  bool released() override;
  void records(SourceIndex source, Partition partition, std::unique_ptr<RecordBatch> batch) override;
  void reached_end(SourceIndex source, Partition partition, Offset end) override;
  bool wants_more(SourceIndex source, Partition partition) override;
  bool failed(SourceIndex source, Partition partition, const Error& error) override;

  [[nodiscard]] std::size_t shard_of(Partition p) const { return static_cast<std::size_t>(p.value) % shards_.size(); }
  [[nodiscard]] Channel& channel(SourceIndex source, Partition partition) {
    return channels_[static_cast<std::size_t>(partition.value) * statistics_.sources + source.value];
  }
  void send(Partition partition, ShardInput message) { send_to(shard_of(partition), std::move(message)); }
  void send_to(std::size_t shard, ShardInput message);
  void take_from_recovery();
  void start(RestoredTask task);
  void forget(Partition partition);
  void begin_release();
  bool flush();
  void refill();
  void observe_log_ends();

  LogReader& reader_;
  Recovery& recovery_;
  const Committer& committer_;
  const std::function<void()> hurry_;
  Checkpointer& checkpointer_;
  const std::vector<ShardRings*> shards_;
  Statistics& statistics_;
  const double max_rate_;

  std::vector<Channel> channels_;               ///< Index: partition * sources + source.
  std::vector<std::deque<ShardInput>> unsent_;  ///< By shard: what its ring had no room for.
  std::vector<Partition> assigned_;
  std::uint64_t lives_ = 0;       ///< Of channels.
  std::uint64_t assignment_ = 0;  ///< Counts them; a restore for an earlier one is of no use.
  std::map<Partition, KeptTask> kept_;
  std::vector<bool> answered_;        ///< By shard: it has released its tasks.
  std::uint64_t released_epoch_ = 0;  ///< The latest that closed steps of released tasks.
  bool holding_ = false;              ///< Shards have tasks that were not released since.
  bool releasing_ = false;
  bool restore_pending_ = false;  ///< Tasks were assigned; a restore is to be requested.
  double allowance_ = 0;          ///< Records that may be taken now.
  Stopwatch since_refill_;
  Stopwatch since_observation_;
  bool held_back_ = false;  ///< A source partition was not asked, for lack of room or allowance.
  bool delivered_ = false;  ///< The last poll had something for a shard.
  bool draining_ = false;
  bool closing_ = false;
  std::optional<Error> error_;
};

}  // namespace holdfast::app
