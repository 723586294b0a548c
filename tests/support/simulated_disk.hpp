#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "domain/ports.hpp"
#include "tests/support/simulated_clients.hpp"

namespace holdfast::testing {

struct StoredCheckpoint {
  Marker marker;
  std::map<std::string, std::string> records;
};

/// The state directory of one machine: outlives the processes that use it.
class SimulatedDisk {
 public:
  virtual ~SimulatedDisk() = default;

  /// Its checkpoints, for a process that is there as long as they are used. Whatever is damaged is set aside.
  [[nodiscard]] virtual Expected<std::unique_ptr<CheckpointStore>> open(SimulatedNode& node) = 0;
  /// The checkpoints that the next process would find whole.
  [[nodiscard]] virtual std::map<Partition, StoredCheckpoint> checkpoints() = 0;

  /// A process that used it was killed, or its machine lost its power.
  virtual void crash(std::mt19937_64& random) = 0;
  virtual void lose() = 0;
  /// Bits flip in what is there.
  virtual void damage(std::mt19937_64& random) = 0;
  virtual void set_full(bool full) = 0;
  [[nodiscard]] virtual bool full() const = 0;
};

/// Writes are durable as a whole when they return, and a call that is cut short has done nothing. `lies`: what it
/// called durable may be lost in a crash. Fast.
[[nodiscard]] std::unique_ptr<SimulatedDisk> make_memory_disk(bool lies);

/// The store over RocksDB on simulated files: a process may end, or the power fail, at each change of a file.
[[nodiscard]] std::unique_ptr<SimulatedDisk> make_rocks_disk(bool lies);

}  // namespace holdfast::testing
