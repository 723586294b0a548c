#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/checkpointer.hpp"
#include "app/committer.hpp"
#include "app/fetcher.hpp"
#include "app/recovery.hpp"
#include "app/shard.hpp"
#include "app/statistics.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"

namespace holdfast::app {

struct PipelineSettings {
  ShardSettings shard;
  RecoverySettings recovery;
  int shards = 1;
  std::int32_t partitions = 0;
  Duration commit_interval;
  std::uint64_t max_rate = 0;
  std::size_t output_capacity = limits::output_buffers_max;  ///< Smaller in simulations: to be full more often.
  std::uint64_t aborts = 0;                                  ///< Of earlier pipelines of this process, for the metrics.
};

/// The world a pipeline runs in. All outlive it. REQUIRES: reader and writer were opened.
struct PipelinePorts {
  LogReader& reader;
  JournalReader& journal;
  LogWriter& writer;
  CheckpointStore& store;
  const Clock& clock;
  ChangelogWriter* changelog_writer = nullptr;  ///< Null, like the reader: checkpoints stay on this machine.
  ChangelogReader* changelog_reader = nullptr;
  Instances* instances = nullptr;       ///< Null: there are no others.
  JournalTail* journal_tail = nullptr;  ///< Null: no standbys.
};

using Say = std::function<void(const std::string& message)>;

/// The stages of the pipeline and the rings between them, without threads: whoever owns it calls their do_work(), from
/// a thread each or, in a simulation, in any order from one.
struct Stages {
  Stages(const PipelineSettings& settings, const PipelinePorts& ports, const Say& warn);

  Statistics statistics;
  std::vector<std::unique_ptr<ShardRings>> rings;
  Waker committer_waker;
  Waker checkpointer_waker;
  Recovery recovery;
  Fetcher fetcher;
  std::vector<std::unique_ptr<Shard>> shards;
  Committer committer;
  Checkpointer checkpointer;
};

/// The way of an event, from the log to the log: fetch -> decode -> merge -> apply -> commit -> checkpoint, a thread
/// for each of fetcher, recovery, shards, committer and checkpointer.
class Pipeline {
 public:
  Pipeline(const PipelineSettings& settings, const PipelinePorts& ports, const Say& warn);
  ~Pipeline();

  /// Runs until stop() (no error: all that was taken is applied and committed) or until something fails. After
  /// rollback nothing but the committed state counts: make new ports and a new pipeline.
  [[nodiscard]] Status run();
  /// Drains and commits. Any thread.
  void stop();

  [[nodiscard]] const Statistics& statistics() const { return stages_.statistics; }
  /// The group has given this instance its share, which may be none, and all of it is restored.
  [[nodiscard]] bool ready() const;
  /// Every assigned task has applied all that its log holds.
  [[nodiscard]] bool caught_up() const;
  /// Asks the shards for a customer; no value: none of them knows it. unavailable: no answer in time. Any one thread.
  [[nodiscard]] Expected<std::optional<CustomerFacts>> find(std::string_view customer_id);

 private:
  void fetch();
  void restore();
  void shard(std::size_t index);
  void commit();
  void checkpoint();
  void fail(const Error& error);
  [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_acquire); }

  const PipelinePorts ports_;
  Stages stages_;

  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> shards_done_{false};  ///< All shards and the committer have ended.
  std::mutex error_mutex_;
  std::optional<Error> error_;
};

}  // namespace holdfast::app
