#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/messages.hpp"
#include "app/ring.hpp"
#include "app/statistics.hpp"
#include "app/stopwatch.hpp"
#include "app/waker.hpp"
#include "app/wanted_model.hpp"
#include "domain/ports.hpp"
#include "domain/step.hpp"
#include "engine/task.hpp"
#include "ingest/alert_json.hpp"
#include "ingest/decoder.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

/// How many batches a shard is done with, and the life of the input that they came in, in one word.
struct BatchesDone {
  static constexpr int count_bits = 40;
  static constexpr std::uint64_t pack(std::uint64_t life, std::uint64_t count) { return life << count_bits | count; }
  static constexpr std::uint64_t life_of(std::uint64_t packed) { return packed >> count_bits; }
  static constexpr std::uint64_t count_of(std::uint64_t packed) {
    return packed & ((std::uint64_t{1} << count_bits) - 1);
  }
};

/// How the shards' input, output and checkpoints are connected; owned by the pipeline.
struct ShardRings {
  /// `tasks`: how many the shard can have at most; each has one checkpoint under way.
  ShardRings(std::size_t input_capacity, std::size_t tasks, std::size_t output_capacity = limits::output_buffers_max)
      : input(input_capacity),
        output(output_capacity),
        used_buffers(output_capacity),
        released(2),
        checkpoints(tasks),
        checkpoints_done(tasks),
        queries(64) {}

  Ring<ShardInput> input;                            ///< Fetcher to shard.
  Ring<ShardOutput> output;                          ///< Shard to committer.
  Ring<std::unique_ptr<OutputBuffer>> used_buffers;  ///< Committer to shard: buffers to be used again.
  Ring<Released> released;                           ///< Shard to fetcher: answers to Release.
  CheckpointRing checkpoints;                        ///< Shard to checkpointer.
  CheckpointRing checkpoints_done;                   ///< Checkpointer to shard: what became of them.
  Ring<std::shared_ptr<CustomerQuery>> queries;      ///< HTTP to shard.
  /// BatchesDone of each source partition; the fetcher lends no more than
  /// limits::batches_in_flight_max. Index: partition * sources + source.
  std::vector<std::atomic<std::uint64_t>> batches_done;
  std::atomic<std::uint64_t> requested_epoch{0};  ///< Committer to shard: close epochs up to this one.
  Waker waker;                                    ///< Of the shard's thread.
};

struct ShardSettings {
  std::vector<ingest::SourceFormat> sources;
  ingest::Partitioner partitioner{};
  std::int32_t partitions = 0;
  std::string application_id;
  ingest::Language language{};
  const WantedModel* model = nullptr;  ///< Null: tasks stay under the models that they have.
  Duration horizon;
  PolicyId policy;
  std::uint64_t topics = 0;  ///< As in Marker.
  bool wall_clock = true;
  Duration checkpoint_interval;
};

/// Owns whole tasks and does all that is done with them: decode, merge, apply, encode. One thread, or a simulation,
/// calls do_work(); nothing here blocks.
class Shard final : private engine::Output {
 public:
  /// `committer` and `checkpointer` are woken when there is something for them.
  Shard(ShardSettings settings, const Clock& clock, ShardRings& rings, Statistics& statistics, Waker& committer,
        Waker& checkpointer);

  /// One round over all tasks. False: nothing to do before more input, a request or a timer comes.
  bool do_work();
  /// Whether input or a request waits; to be asked once more before sleeping.
  [[nodiscard]] bool has_work() const;
  /// How long a round can wait if nothing comes before.
  [[nodiscard]] Duration idle_time() const;
  /// After Drain: all that could be applied was, the last mark was handed on, the last checkpoints were tried.
  [[nodiscard]] bool finished() const { return phase_ == Phase::finished; }

 private:
  struct Owned {
    Owned(RestoredTask task, const Clock& clock) : restored(std::move(task)), checkpoint_age(clock) {}

    RestoredTask restored;
    std::vector<ingest::Decoder> decoders;        ///< By source.
    std::vector<std::uint64_t> batches_received;  ///< By source, in this life of the input.
    std::uint64_t life = 0;
    JournalEntry epoch;                         ///< Steps since the last mark.
    std::unique_ptr<CheckpointJob> checkpoint;  ///< Being copied.
    bool checkpoint_running = false;            ///< Frozen, and not yet back from the checkpointer.
    bool last_checkpoint_begun = false;
    Stopwatch checkpoint_age;
    Timestamp stepped_at;                 ///< When an epoch of its steps was closed last, or it was restored.
    std::uint64_t checkpointed_step = 0;  ///< The last one that a checkpoint of this shard holds.
    std::uint64_t settled_model = 0;      ///< Version of the wanted model that it has, or will be under.
    bool epoch_has_model = false;         ///< A step since the last mark brought one.
    bool live = false;                    ///< The replay is over.
    bool kept = false;                    ///< Not assigned, but as it was: it may come back.
    bool standby = false;                 ///< Not assigned, but follows the steps that another instance takes.
  };

  void alert(const Alert& alert) override;
  void rejected(SourceIndex source, const Rejection& rejection) override;

  bool take_input();
  void assign(RestoredTask restored, std::uint64_t life);
  void forget(Partition partition);
  void receive(Records records);
  bool apply(Owned& owned, Timestamp now);
  std::optional<ModelSwap> next_model(Owned& owned);
  [[nodiscard]] bool epoch_is_full() const;
  bool replay(Owned& owned);
  void close_epoch(std::uint64_t epoch);
  void begin_checkpoint(Owned& owned, Timestamp now);
  bool continue_checkpoints();
  bool finish();
  bool release();
  bool answer_queries();
  bool flush();
  OutputBuffer& output();
  void publish(const Owned& owned);

  const ShardSettings settings_;
  const Clock& clock_;
  ShardRings& rings_;
  Statistics& statistics_;
  Waker& committer_;
  Waker& checkpointer_;

  std::map<Partition, Owned> tasks_;
  ingest::AlertEncoder encoder_;
  std::unique_ptr<OutputBuffer> output_;  ///< What the ring had no room for yet.
  std::optional<EpochMark> unsent_mark_;  ///< Waits behind output_ for room in the ring.
  const Owned* applying_ = nullptr;       ///< Whose step is under way; null while muted.
  std::vector<EventBatch> spare_batches_;
  WantedModel::Wanted wanted_;
  std::uint64_t wanted_version_ = 0;  ///< Of wanted_; 0: none.
  std::uint64_t epoch_ = 0;
  bool held_back_ = false;                       ///< Nothing can be done before the committer has taken something.
  bool releasing_ = false;                       ///< All tasks go: no step follows.
  std::optional<std::uint64_t> released_epoch_;  ///< It closed the last steps of the tasks that go.
  enum class Phase : std::uint8_t { running, draining, closing, finished } phase_ = Phase::running;
};

}  // namespace holdfast::app
