#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "app/statistics.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "engine/model.hpp"
#include "state/hot_table.hpp"

namespace holdfast::app {

/// What a checkpoint must have been made with to be of use.
struct CheckpointTerms {
  std::uint64_t topics = 0;     ///< As in Marker.
  std::int32_t partitions = 0;  ///< As in Marker.
  std::uint8_t sources = 0;
  engine::ModelReader* models = nullptr;  ///< As in RecoverySettings.
  state::TableMemory memory = {};         ///< For all tables together.
};

/// A task's customers as of its latest checkpoint.
struct LoadedCheckpoint {
  std::unique_ptr<state::HotTable> table;
  std::optional<Marker> marker;    ///< None: there is no checkpoint, and the table is empty.
  bool changelog_complete = true;  ///< The changelog holds the checkpoint, or there is no changelog.
};

/// Finds the latest checkpoint of a task: this machine's, brought up to date from the changelog where others went on
/// with the partition meanwhile, or the changelog's alone; the store then holds it as well.
class CheckpointLoader {
 public:
  /// Called by whoever loads: by several threads at once, if they do.
  using Say = std::function<void(const std::string& message)>;
  /// `changelog` null: there is none. `abandoned` is asked now and then: true, nobody wants the checkpoint any more.
  CheckpointLoader(const CheckpointTerms& terms, ChangelogReader* changelog, CheckpointStore& store,
                   Statistics& statistics, Say say, std::function<bool()> abandoned);

  /// Tables that are loaded from now on get this part of the memory each. REQUIRES: none is being loaded.
  void share_memory(std::size_t tables);
  [[nodiscard]] std::uint64_t table_bytes() const { return share_.bytes_max; }
  /// incompatible: the changelog has another number of partitions than the sources.
  [[nodiscard]] Status check_changelog();
  /// incompatible: the checkpoint was made under other terms. What is damaged is said and done without. rollback:
  /// abandoned. Different partitions may be loaded at once.
  [[nodiscard]] Expected<LoadedCheckpoint> load(Partition partition);

 private:
  class Restoration;

  Status load_local(Partition partition, LoadedCheckpoint& into);
  Status follow_changelog(Partition partition, LoadedCheckpoint& into);
  Expected<bool> restore_from_changelog(Partition partition, LoadedCheckpoint& into, Offset from);
  /// What came of one reading of a changelog.
  struct Reading {
    bool is_other_log = false;         ///< Not the one that the offset was taken from: nothing has changed.
    std::optional<std::string> fault;  ///< That makes it useless.
  };
  Expected<Reading> read_changelog(Partition partition, LoadedCheckpoint& into, Offset from);
  Status forget(Partition partition, LoadedCheckpoint& into);
  [[nodiscard]] std::unique_ptr<state::HotTable> make_table() const;
  [[nodiscard]] Status check_marker(const Marker& marker, std::string_view what) const;

  const CheckpointTerms terms_;
  state::TableMemory share_;
  ChangelogReader* const changelog_;
  std::mutex changelog_use_;  ///< The reader is for one thread at a time.
  CheckpointStore& store_;
  Statistics& statistics_;
  const Say say_;
  const std::function<bool()> abandoned_;
};

}  // namespace holdfast::app
