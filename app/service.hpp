#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "app/config.hpp"
#include "app/facts.hpp"
#include "app/model_keeper.hpp"
#include "app/pipeline.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "ingest/kafka_tail.hpp"

namespace holdfast::app {

/// The system's clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] std::int64_t steady_us() const override;
};

/// `holdfast run` as an object: keeps a pipeline over Kafka running until it is told to stop. Whenever it is not sure
/// that a commit happened, or the group took it for dead, it drops all that is not committed and begins again from the
/// committed state, as after a crash; unless it stood still for so long that others have gone on in its place.
class Service {
 public:
  Service(const Config& config, CheckpointStore& store, ModelKeeper& models, ServiceFacts& facts);

  /// Returns when stopped (no error) or when going on would be wrong. `exit_at_end`: stops by itself once all that the
  /// topics hold is applied and committed.
  [[nodiscard]] Status run(bool exit_at_end);
  /// Drains, commits, ends. Any thread.
  void stop();

 private:
  struct Clients;

  Expected<std::unique_ptr<Clients>> connect();
  Status open_models();
  void follow_models(const std::stop_token& token);
  Status run_once(Clients& clients, bool exit_at_end);
  void watch_progress(const Pipeline& pipeline, bool exit_at_end);
  [[nodiscard]] std::optional<Error> replaced(Clients& clients) const;
  bool wait(Duration duration);
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_acquire); }

  const Config& config_;
  CheckpointStore& store_;
  ModelKeeper& models_;
  ServiceFacts& facts_;
  SystemClock clock_;
  std::unique_ptr<ingest::KafkaTail> models_topic_;  ///< Null: there is none, or it was not read yet.
  std::uint64_t aborts_ = 0;
  bool said_misplaced_ = false;
  bool said_currency_ = false;

  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  Pipeline* running_ = nullptr;  ///< Guarded by mutex_.
  bool ended_ = false;           ///< The pipeline has ended; guarded by mutex_.
  Duration longest_stall_;       ///< Of this pipeline: time in which the process did not run; guarded by mutex_.
};

/// What the pipeline needs to know of a configuration.
[[nodiscard]] PipelineSettings pipeline_settings(const Config& config, ModelKeeper& models, std::int32_t partitions);

}  // namespace holdfast::app
