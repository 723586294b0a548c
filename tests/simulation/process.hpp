#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline.hpp"
#include "tests/simulation/plan.hpp"
#include "tests/support/simulated_clients.hpp"
#include "tests/support/simulated_disk.hpp"

namespace holdfast::testing {

/// A machine's clock: the log's time and a skew.
class MachineClock final : public Clock {
 public:
  MachineClock(const SimulatedLog& log, Duration skew) : log_(log), skew_(skew) {}
  [[nodiscard]] Timestamp now() const override { return log_.now() + skew_; }
  [[nodiscard]] std::int64_t steady_us() const override { return log_.now().ms * 1000; }

 private:
  const SimulatedLog& log_;
  const Duration skew_;
};

/// One process of an instance on a machine: the stages of the pipeline, built anew from the committed state whenever
/// that can help, as the service does it. Each stage is taken for a thread: while one waits, others go on.
class SimulatedProcess {
 public:
  SimulatedProcess(const Plan& plan, app::WantedModel::Wanted model, SimulatedLog& log, SimulatedDisk& disk,
                   std::string instance, std::uint64_t seed, std::function<void(SimulatedProcess&)> wait, app::Say say);
  ~SimulatedProcess();

  /// A piece of work of one stage, by chance. Returns a number that tells what was done, for the trace.
  std::uint64_t step();
  /// It must not be destroyed, or do anything but return, before the calls under way have returned.
  [[nodiscard]] bool busy() const { return depth_ > 0; }
  void keep_alive();
  /// A new model is in its file.
  void want(app::WantedModel::Wanted model) { wanted_.set(std::move(model)); }
  /// Nothing that it does has an effect any more.
  void kill() { node_.dead = true; }
  [[nodiscard]] bool killed() const { return node_.dead; }
  /// Drains and ends.
  void stop() { stopping_ = true; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  /// Has ended by itself, with an error or without.
  [[nodiscard]] bool ended() const { return ended_; }
  /// Has ended with all that it had applied committed.
  [[nodiscard]] bool drained() const { return drained_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  /// Every partition that it has is applied to its end; how many those are.
  [[nodiscard]] std::optional<std::size_t> caught_up() const;
  /// Where it stands, for people.
  [[nodiscard]] std::string describe() const;
  void on_ending_for(std::function<void(const std::string&)> call) { node_.ended_for = std::move(call); }
  /// Called when it ends in the middle of something.
  void on_end(std::function<void()> call) {
    node_.ends = std::move(call);
    node_.may_end = true;
  }
  void calm() {
    node_.faults = 0;
    node_.may_end = false;
  }

  [[nodiscard]] const std::string& instance() const { return node_.settings.instance_id; }
  [[nodiscard]] SimulatedDisk& disk() { return disk_; }
  [[nodiscard]] std::uint64_t rollbacks() const { return rollbacks_; }
  /// Another process took its place in the group, and it went on all the same.
  [[nodiscard]] bool came_back() const { return came_back_; }

  Timestamp paused_until{};  ///< It is not scheduled before.
  bool stalled = false;      ///< It was paused for longer than its session.
  bool contested = false;    ///< Another process has been started as the same instance.

 private:
  struct Life;

  void connect();
  Status run_stage(std::size_t stage);
  void fail(std::size_t stage, const Error& error);
  void tear_down();
  void end_life(const Error& error);

  const Plan& plan_;
  app::WantedModel wanted_;
  SimulatedDisk& disk_;
  const app::Say say_;
  MachineClock clock_;
  SimulatedNode node_;
  std::unique_ptr<CheckpointStore> store_;
  std::unique_ptr<Life> life_;
  std::vector<bool> running_;  ///< By stage: one of its calls is under way.
  int depth_ = 0;
  Timestamp retry_at_{};
  bool stopping_ = false;
  bool ended_ = false;
  bool drained_ = false;
  std::optional<Error> failed_;  ///< Of this life.
  bool commit_failed_ = false;
  std::optional<Error> error_;
  std::uint64_t rollbacks_ = 0;
  bool came_back_ = false;
};

}  // namespace holdfast::testing
