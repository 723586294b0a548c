#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/output_buffer.hpp"
#include "app/ring.hpp"
#include "domain/ports.hpp"
#include "domain/step.hpp"
#include "engine/customer.hpp"
#include "engine/task.hpp"
#include "state/hot_table.hpp"

/// What the threads of the pipeline send each other.
namespace holdfast::app {

/// A task with all it owns, restored as far as its checkpoint reaches.
struct RestoredTask {
  std::unique_ptr<state::HotTable> table;
  std::unique_ptr<engine::Task> task;
  std::deque<Step> replay;  ///< Committed steps to be applied muted.
};

// Fetcher to shard.
struct TaskAssigned {
  RestoredTask restored;
};
struct Records {
  SourceIndex source;
  Partition partition;
  std::unique_ptr<RecordBatch> batch;
};
struct ReachedEnd {
  SourceIndex source;
  Partition partition;
  Offset end;
};
/// No more input comes: apply what can be applied, take a last checkpoint, end.
struct Drain {};
using ShardInput = std::variant<std::monostate, TaskAssigned, Records, ReachedEnd, Drain>;

// Shard to committer.
struct TaskEpoch {
  JournalEntry entry;  ///< The steps since the last mark.
  Positions position;
};
/// Closes an epoch: all output of its steps stands before it in the ring.
struct EpochMark {
  std::uint64_t epoch = 0;
  bool last = false;  ///< The shard has drained: no more output comes.
  std::vector<TaskEpoch> tasks;
};
using ShardOutput = std::variant<std::monostate, std::unique_ptr<OutputBuffer>, EpochMark>;

/// A frozen state on its way to the checkpoint store; to be written once `epoch` is committed.
struct CheckpointJob {
  CheckpointData data;
  std::uint64_t epoch = 0;
  bool written = false;  ///< On its way back: whether it is durable.
};
// Shard to checkpointer, and back, without its records, when it is done.
using CheckpointRing = Ring<std::unique_ptr<CheckpointJob>>;

/// A question about one customer, answered by the shard that has it.
struct CustomerFacts {
  engine::Customer customer;
  Partition partition;
  Timestamp stream_time;
};
struct CustomerQuery {
  std::string id;
  std::promise<std::optional<CustomerFacts>> answer;
};

}  // namespace holdfast::app
