#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/ids.hpp"
#include "domain/record.hpp"
#include "domain/step.hpp"
#include "domain/time.hpp"

/// The world as the program sees it: a clock, a log to read, a log to write, the journal, and a place for checkpoints.
/// Kafka, RocksDB and the system clock stand behind these in production.
namespace holdfast {

/// Never read by the engine: time reaches it as part of a step.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time. It may be set back.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// Microseconds since some beginning; never set back. For intervals and durations.
  [[nodiscard]] virtual std::int64_t steady_us() const = 0;
};

// ---------------------------------------------------------------------------------------------------------------------
// Reading

/// What LogReader::poll found. Calls come on the polling thread, during poll().
class LogListener {
 public:
  virtual ~LogListener() = default;
  /// These partitions are ours now: of every source. Nothing of them is delivered before LogReader::start().
  virtual void assigned(std::span<const Partition> partitions) = 0;
  /// They are no longer ours once this returns. `lost`: somebody else may have them already, so commit nothing more.
  virtual void revoked(std::span<const Partition> partitions, bool lost) = 0;
  /// Records in offset order; offsets rise but may have gaps (the log's own control records).
  virtual void records(SourceIndex source, Partition partition, std::unique_ptr<RecordBatch> batch) = 0;
  /// All records below `end` were delivered, and the log held no more when it was last asked. Repeated as it grows.
  virtual void reached_end(SourceIndex source, Partition partition, Offset end) = 0;
  /// Whether to take more records of this source partition now; asked before each fetch.
  [[nodiscard]] virtual bool wants_more(SourceIndex source, Partition partition) = 0;
};

/// The input side of the log; used by the fetcher thread alone.
class LogReader {
 public:
  virtual ~LogReader() = default;
  /// Joins the group. invalid_argument: topics are missing or their partition counts differ.
  [[nodiscard]] virtual Status open() = 0;
  /// How many partitions each source has. REQUIRES: open() succeeded.
  [[nodiscard]] virtual std::int32_t partitions() const = 0;
  /// Delivers what is there, at most one batch a source partition, and waits up to `wait` if there is nothing.
  /// unavailable never ends it: brokers that are gone are waited for. fenced, failed: stop; rollback: rebuild.
  [[nodiscard]] virtual Status poll(LogListener& listener, Duration wait) = 0;
  /// Delivers this source partition from `from` on. REQUIRES: assigned. incompatible: the log no longer reaches back to
  /// `from`, or ends before it.
  [[nodiscard]] virtual Status start(SourceIndex source, Partition partition, Offset from) = 0;
  /// The first offset that the log still has. Blocks.
  [[nodiscard]] virtual Expected<Offset> first_offset(SourceIndex source, Partition partition) = 0;
  /// The committed position of the group; no value for a source without one. Blocks.
  [[nodiscard]] virtual Expected<std::vector<std::optional<Offset>>> committed(Partition partition) = 0;
  /// The offset after the last one of this source partition as last heard from the broker; for lag. -1: unknown.
  [[nodiscard]] virtual Offset log_end(SourceIndex source, Partition partition) const = 0;
  /// Makes a poll() that waits return soon. Any thread.
  virtual void wake() = 0;
  /// Leaves the group (static members keep their place). Calls revoked() for what is still assigned.
  virtual void close(LogListener& listener) = 0;
};

/// Reads what the journal has for some tasks; used while they are restored.
class JournalReader {
 public:
  virtual ~JournalReader() = default;
  /// Calls `visit` with each committed entry of `partitions` written at or after `since`, each partition's in order of
  /// its steps. Blocks until the end that the journal had at the call.
  [[nodiscard]] virtual Status read(std::span<const Partition> partitions, Timestamp since,
                                    const std::function<void(JournalEntry)>& visit) = 0;
};

// ---------------------------------------------------------------------------------------------------------------------
// Writing

/// The position of one task that a commit makes final.
struct TaskPosition {
  Partition partition;
  Positions position;
};

/// The output side of the log; used by the committer thread alone. exactly_once: what is appended between begin() and
/// commit() becomes visible with the positions, or never. at_least_once: begin() does nothing, appended records are
/// visible at once, commit() waits for their delivery and then commits the positions.
///
/// Errors of all calls: rollback: what was appended since begin() did or did not happen; discard this writer, read the
/// committed state again. fenced: another instance took over. failed: stop.
class LogWriter {
 public:
  virtual ~LogWriter() = default;
  /// Fences earlier instances and ends what they left open. Blocks until it is done or `deadline` has passed.
  [[nodiscard]] virtual Status open() = 0;
  [[nodiscard]] virtual Status begin() = 0;
  [[nodiscard]] virtual Status append(const OutputRecord& record) = 0;
  [[nodiscard]] virtual Status commit(std::span<const TaskPosition> positions) = 0;
  /// Gives up what was appended since begin(), best effort.
  virtual void abort() = 0;
};

// ---------------------------------------------------------------------------------------------------------------------
// State

/// A place in a RecordTable; stays valid while the record exists.
struct Slot {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(Slot, Slot) = default;
};

/// One task's customers: fixed-size records by id. The bytes are the engine's own. Used by the task's shard alone.
class RecordTable {
 public:
  virtual ~RecordTable() = default;
  /// The record's place, or nothing.
  [[nodiscard]] virtual std::optional<Slot> find(const CustomerKey& key) const = 0;
  /// The same, made with zero bytes if it was not there. `second`: it was made.
  [[nodiscard]] virtual std::pair<Slot, bool> find_or_insert(const CustomerKey& key) = 0;
  [[nodiscard]] virtual const std::byte* read(Slot slot) const = 0;
  /// For writing: notes the change for the next checkpoint. Pointers end with the next insertion.
  [[nodiscard]] virtual std::byte* modify(Slot slot) = 0;
  [[nodiscard]] virtual CustomerKey key(Slot slot) const = 0;
  [[nodiscard]] virtual std::uint32_t size() const = 0;
  /// Asks the memory for what find() of a key with this hash reads first, and some time later for the record.
  virtual void prefetch_index(std::uint64_t hash) const = 0;
  virtual void prefetch_record(std::uint64_t hash) const = 0;
};

/// Changed records of one task, frozen at the end of a step, on their way to the checkpoint store.
struct CheckpointData {
  Marker marker;
  std::string bytes;  ///< Ids and records, one after the other.
  struct Entry {
    std::uint64_t at;  ///< Of the id in `bytes`; the record follows it.
    std::uint32_t id_size;
  };
  std::vector<Entry> entries;
  std::uint32_t record_size = 0;

  [[nodiscard]] std::string_view id(const Entry& e) const { return std::string_view(bytes).substr(e.at, e.id_size); }
  [[nodiscard]] std::string_view record(const Entry& e) const {
    return std::string_view(bytes).substr(e.at + e.id_size, record_size);
  }
};

/// Where checkpoints are kept. load() by the thread that restores, write() by the checkpointer; not at the same time
/// for one partition.
class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;
  using Visitor = std::function<void(std::string_view id, std::string_view record)>;
  /// Visits the records of the partition's latest checkpoint, in order of id; no value: there is none. corrupt: what
  /// was visited must be thrown away.
  [[nodiscard]] virtual Expected<std::optional<Marker>> load(Partition partition, const Visitor& visit) = 0;
  /// Replaces the changed records and the marker, as one. Durable when it returns. unavailable (a full disk, say): the
  /// earlier checkpoint stands; the same data can be written again.
  [[nodiscard]] virtual Status write(CheckpointData& data) = 0;
  /// Forgets the partition.
  [[nodiscard]] virtual Status clear(Partition partition) = 0;
};

}  // namespace holdfast
