#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "app/messages.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "engine/model.hpp"

namespace holdfast::app {

struct RecoverySettings {
  const engine::Model* model = nullptr;
  const engine::RiskPolicy* policy = nullptr;
  PolicyId policy_id;
  std::uint64_t topics = 0;  ///< As in Marker.
  std::uint8_t sources = 0;
  bool exactly_once = true;  ///< Positions are committed with the journal; otherwise they may lag behind it.
};

/// Brings tasks to where the log says they are: the last checkpoint, and the committed steps behind it, to be applied
/// muted. Without a usable checkpoint a task is rebuilt from its first step.
///
/// Errors: incompatible: what is stored and what the log says do not fit together, and going on would be silently
/// wrong; the message says what to do.
class Recovery {
 public:
  using Say = std::function<void(const std::string& message)>;
  Recovery(RecoverySettings settings, LogReader& reader, JournalReader& journal, CheckpointStore& store, Say say)
      : settings_(settings), reader_(reader), journal_(journal), store_(store), say_(std::move(say)) {}

  /// Restores the tasks and starts the reader where each goes on. REQUIRES: the partitions are assigned, and no
  /// transaction of this instance is open.
  [[nodiscard]] Expected<std::vector<RestoredTask>> restore(std::span<const Partition> partitions);

 private:
  struct Loaded;

  Expected<Loaded> load(Partition partition);
  Expected<Loaded> begin_anew(Partition partition, const std::string& why);
  Status read_steps(std::vector<Loaded>& tasks, Timestamp since);
  Status check_steps(const Loaded& task) const;
  Status check_committed(const Loaded& task);
  Expected<RestoredTask> build(Loaded&& task);

  RecoverySettings settings_;
  LogReader& reader_;
  JournalReader& journal_;
  CheckpointStore& store_;
  Say say_;
};

}  // namespace holdfast::app
