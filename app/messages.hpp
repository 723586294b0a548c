#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <limits>
#include <map>
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

/// A task that a shard has kept although its partition is no longer assigned: where it goes on if it comes back.
struct KeptTask {
  Partition partition;
  std::uint64_t step = 0;  ///< The last one that it has applied or has at hand.
  Positions end;           ///< Of that step.
  Positions input;         ///< What it reads next.
  Timestamp stepped_at;    ///< Wall clock when steps of it were committed last.
};

// Fetcher to recovery.
struct RestoreRequest {
  std::uint64_t assignment = 0;
  std::vector<Partition> partitions;
  std::map<Partition, KeptTask> kept;  ///< What the shards still have, of these partitions or others.
};
/// What a standby needs of the log cannot be read.
struct FailedStandby {
  Partition partition;
  std::string why;
};

/// A task with all it owns, restored as far as its checkpoint reaches.
struct RestoredTask {
  Partition partition;
  std::unique_ptr<state::HotTable> table;  ///< Null, like `task`: its shard has kept them.
  std::unique_ptr<engine::Task> task;
  Positions input;                  ///< What it reads next.
  std::deque<Step> replay;          ///< Committed steps to be applied muted.
  bool changelog_complete = false;  ///< The changelog holds its checkpoint, or there is no changelog.
  bool standby = false;             ///< Another instance has the partition: it follows the journal, muted.
  std::uint64_t memory_bytes = std::numeric_limits<std::uint64_t>::max();  ///< What is for its table now.
};
/// Steps that another instance took, for a standby.
struct FollowedSteps {
  Partition partition;
  std::vector<Step> steps;
};
/// Records that another instance has put into the changelog, for a standby: as they are, they need not go there again.
struct Checkpointed {
  Partition partition;
  std::unique_ptr<CheckpointData> data;
};
/// A kept task is of no use any more.
struct Forget {
  Partition partition;
};
// Recovery to fetcher.
struct FromRecovery {
  std::uint64_t assignment = 0;
  std::variant<std::monostate, RestoredTask, FollowedSteps, Checkpointed, Forget> message;
};

// Fetcher to shard.
struct TaskAssigned {
  RestoredTask restored;
  std::uint64_t life = 0;  ///< Of its input: batches of an earlier one do not count.
};
/// All tasks go: close the epoch under way, keep them as they are, and answer with Released.
struct Release {};
// Shard to fetcher.
struct Released {
  std::uint64_t epoch = 0;  ///< Once it is committed, so is all that was done with the tasks.
  std::vector<KeptTask> kept;
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
using ShardInput = std::variant<std::monostate, TaskAssigned, FollowedSteps, Checkpointed, Forget, Records, ReachedEnd,
                                Release, Drain>;

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
// Shard to checkpointer, and back when it is done; without its records if it was written.
using CheckpointRing = Ring<std::unique_ptr<CheckpointJob>>;

/// A question about one customer, answered by the shard that has it.
struct CustomerFacts {
  engine::Customer customer;
  std::shared_ptr<const engine::Model> model;  ///< That the customer is under.
  Partition partition;
  Timestamp stream_time;
};
struct CustomerQuery {
  std::string id;
  std::promise<std::optional<CustomerFacts>> answer;
};

}  // namespace holdfast::app
