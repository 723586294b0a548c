#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "app/messages.hpp"
#include "app/recovery.hpp"
#include "app/shard.hpp"
#include "app/statistics.hpp"
#include "app/stopwatch.hpp"
#include "domain/ports.hpp"

namespace holdfast::app {

/// Polls the log and hands raw batches to the shards; restores tasks when partitions are assigned. Takes no more of a
/// source partition than its shard keeps up with, so that back-pressure ends at the broker. One thread, or a
/// simulation, calls do_work().
class Fetcher final : private LogListener {
 public:
  /// `max_rate`: records/s, 0: no limit. Replayed records are not limited: they are no progress yet.
  Fetcher(LogReader& reader, Recovery& recovery, const Clock& clock, std::vector<ShardRings*> shards,
          Statistics& statistics, std::uint64_t max_rate);

  /// Polls once and waits for at most `wait`, or less where a wait has an end that the reader does not know of.
  [[nodiscard]] Status do_work(Duration wait);
  /// Takes nothing more, and tells the shards so.
  void drain();
  /// Leaves the group.
  void close();

 private:
  struct Channel {
    std::uint64_t batches_sent = 0;
    Offset end_sent{-1};
    Offset replay_until{0};
  };

  void assigned(std::span<const Partition> partitions) override;
  void revoked(std::span<const Partition> partitions, bool lost) override;
  void records(SourceIndex source, Partition partition, std::unique_ptr<RecordBatch> batch) override;
  void reached_end(SourceIndex source, Partition partition, Offset end) override;
  bool wants_more(SourceIndex source, Partition partition) override;

  [[nodiscard]] std::size_t shard_of(Partition p) const { return static_cast<std::size_t>(p.value) % shards_.size(); }
  [[nodiscard]] Channel& channel(SourceIndex source, Partition partition) {
    return channels_[static_cast<std::size_t>(partition.value) * statistics_.sources + source.value];
  }
  void send(Partition partition, ShardInput message);
  bool flush();
  void refill();
  void observe_log_ends();

  LogReader& reader_;
  Recovery& recovery_;
  const std::vector<ShardRings*> shards_;
  Statistics& statistics_;
  const double max_rate_;

  std::vector<Channel> channels_;               ///< Index: partition * sources + source.
  std::vector<std::deque<ShardInput>> unsent_;  ///< By shard: what its ring had no room for.
  std::vector<Partition> assigned_;
  double allowance_ = 0;  ///< Records that may be taken now.
  Stopwatch since_refill_;
  Stopwatch since_observation_;
  bool held_back_ = false;  ///< A source partition was not asked, for lack of room or allowance.
  bool delivered_ = false;  ///< The last poll had something for a shard.
  bool draining_ = false;
  bool closing_ = false;
  std::optional<Error> error_;
};

}  // namespace holdfast::app
