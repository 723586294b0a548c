#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/ports.hpp"
#include "tests/support/simulated_clients.hpp"

namespace holdfast::testing {

/// The state directory of one machine: outlives the processes that use it.
struct SimulatedDisk {
  struct Checkpoint {
    std::optional<Marker> marker;  ///< None while it is being restored.
    std::map<std::string, std::string> records;
    bool damaged = false;
  };
  using Content = std::map<Partition, Checkpoint>;

  Content content;
  bool full = false;
  bool lies = false;  ///< What it called durable may be lost in a crash.

  /// What a process that is killed leaves behind.
  void crash(std::mt19937_64& random);
  void lose() { *this = {}; }
  /// Bits flip in what one partition has.
  void damage(std::mt19937_64& random);

  /// Before each change; only kept by a disk that lies.
  void remember();

 private:
  std::vector<Content> before_;
};

/// A checkpoint store as the one over RocksDB, in memory: writes are durable as a whole when they return, and a call
/// that is cut short has done nothing.
class SimulatedStore final : public CheckpointStore {
 public:
  SimulatedStore(SimulatedNode& node, SimulatedDisk& disk) : node_(node), disk_(disk) {}
  Expected<std::optional<Marker>> load(Partition partition, const Visitor& visit) override;
  Status write(CheckpointData& data) override;
  Status write_part(CheckpointData& data) override;
  Expected<std::optional<Marker>> marker(Partition partition) const override;
  Status clear(Partition partition) override;
  /// In memory an erased record is gone at once.
  [[nodiscard]] std::size_t unpurged() const override { return 0; }
  Status purge() override { return {}; }

 private:
  Status put(const CheckpointData& data, const std::optional<Marker>& marker);

  SimulatedNode& node_;
  SimulatedDisk& disk_;
};

}  // namespace holdfast::testing
