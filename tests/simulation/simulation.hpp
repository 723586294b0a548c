#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/plan.hpp"
#include "tests/simulation/process.hpp"
#include "tests/support/simulated_disk.hpp"
#include "tests/support/simulated_log.hpp"

namespace holdfast::testing {

/// What came of a run.
struct Outcome {
  std::uint64_t trace = 0;            ///< Hash of all that was done, in order.
  std::vector<std::string> problems;  ///< Empty: all holds.

  std::uint64_t work = 0;  ///< Pieces of work.
  std::uint64_t crashes = 0;
  std::uint64_t pauses = 0;
  std::uint64_t replacements = 0;
  std::uint64_t stops = 0;
  std::uint64_t rollbacks = 0;
  std::uint64_t generations = 0;  ///< Of the group.
  std::uint64_t alerts = 0;
  std::uint64_t silences = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t ticks = 0;         ///< Steps with a clock.
  std::uint64_t naive_alerts = 0;  ///< That the naive engine made as well.
  std::uint64_t refusals = 0;      ///< An instance could not go on, and said so.
  std::uint64_t deleted = 0;       ///< Records, by retention.
  std::uint64_t compacted = 0;
  std::uint64_t checkpoints = 0;  ///< That were compared.
  std::uint64_t swaps = 0;        ///< That a task took, new ones not counted.
  std::uint64_t by_model = 0;     ///< Alerts that a new model led to.
  std::uint64_t between = 0;      ///< Checkpoints that name several models.
  std::uint64_t erasures = 0;     ///< That customers were told of.
};

/// Instances of Holdfast over a simulated log, in trouble: everything is decided by the seed. At the end calm returns,
/// all is applied, and what the log then shows is compared with what it should.
class Simulation {
 public:
  struct Choices {
    bool too_far = false;  ///< Retention deletes what is still needed.
    bool talks = false;    ///< Says on the error output what happens.
  };
  explicit Simulation(std::uint64_t seed) : Simulation(seed, Choices{}) {}
  Simulation(std::uint64_t seed, const Choices& choices);
  Outcome run();

  // What is looked at in the end.
  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] SimulatedLog& log() { return log_; }
  [[nodiscard]] std::vector<std::unique_ptr<SimulatedDisk>>& disks() { return disks_; }
  /// All that read_committed has ever seen in the partition, also what was deleted since.
  [[nodiscard]] std::vector<LoggedRecord> history(const std::string& topic, std::int32_t partition);

 private:
  /// Who runs as an instance.
  struct Slot {
    std::string instance;
    SimulatedProcess* process = nullptr;
    Timestamp start_at;
    std::size_t disk = 0;
  };

  void pass();
  void deliver();
  void wait(SimulatedProcess& caller);
  void work();
  void trouble();
  void swap();
  void pause(SimulatedProcess& process, Duration time);
  void crash(SimulatedProcess& process);
  void replace(Slot& slot);
  void start_due();
  void reap();
  void give_up();
  void calm_down();
  void clean_up();
  void forget_before(const std::string& topic, std::int32_t partition, std::int64_t offset);
  [[nodiscard]] bool at_rest() const;
  void note(std::uint64_t what);
  void say(const std::string& who, const std::string& what) const;
  void problem(const std::string& text) { outcome_.problems.push_back(text); }
  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }
  [[nodiscard]] Duration some_units(std::uint64_t most) { return plan_.units(static_cast<std::int64_t>(below(most))); }
  Slot* slot_of(const SimulatedProcess& process);
  [[nodiscard]] bool is_used(std::size_t disk) const;
  [[nodiscard]] std::optional<std::size_t> free_disk() const;

  const Plan plan_;
  const bool too_far_;
  const bool talks_;
  std::mt19937_64 random_;
  SimulatedLog log_;
  std::vector<std::unique_ptr<SimulatedDisk>> disks_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<SimulatedProcess>> processes_;
  std::map<std::pair<std::string, std::int32_t>, std::vector<LoggedRecord>> deleted_;
  std::optional<SimulatedLog::Producer> source_producer_;
  std::size_t model_ = 0;  ///< In the files of instances that start.
  std::size_t arrived_ = 0;
  int depth_ = 0;
  bool calm_ = false;
  bool stopping_ = false;
  Outcome outcome_;
};

/// Compares what the log shows with the journal's steps applied once more, and with the naive engine; what is wrong, a
/// sentence each.
void verify(Simulation& simulation, Outcome& outcome);

}  // namespace holdfast::testing
