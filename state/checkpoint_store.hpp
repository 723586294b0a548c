#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "state/state_directory.hpp"

namespace rocksdb {
class Env;
}

namespace holdfast::state {

struct StoreOptions {
  std::filesystem::path directory;
  std::string application_id;
  rocksdb::Env* env = nullptr;  ///< Where RocksDB keeps its files; null: the system's. Must outlive the store.
  bool read_only = false;       ///< Looks at a state that a running service may have; takes no lock.
};

/// Checkpoints in RocksDB: a column family a partition, each checkpoint one sorted SST file that holds the changed
/// records and the marker and is ingested as a whole, so that both appear at once. No write-ahead log. Layout:
/// docs/formats/checkpoint.md.
class RocksStore : public CheckpointStore {
 public:
  /// corrupt: files are missing, cut short or damaged; set_aside() the directory and begin with an empty one. Other
  /// errors: those of StateDirectory::open().
  [[nodiscard]] static Expected<std::unique_ptr<RocksStore>> open(const StoreOptions& options);

  /// Partitions that have a checkpoint.
  [[nodiscard]] virtual std::vector<Partition> partitions() const = 0;
  /// A customer's record as of the latest checkpoint; no value: there is none.
  [[nodiscard]] virtual Expected<std::optional<std::string>> find(Partition partition, std::string_view id) const = 0;
};

}  // namespace holdfast::state
