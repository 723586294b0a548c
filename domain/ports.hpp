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
#include "domain/event.hpp"
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
  /// They go: all that were assigned. `lost`: somebody else may have them already, so commit nothing more. Otherwise
  /// they are ours until released() says true: what is under way can still be committed.
  virtual void revoked(std::span<const Partition> partitions, bool lost) = 0;
  /// Asked in every poll() after revoked(): true, nothing more will be committed for them.
  [[nodiscard]] virtual bool released() = 0;
  /// Records in offset order; offsets rise but may have gaps (the log's own control records).
  virtual void records(SourceIndex source, Partition partition, std::unique_ptr<RecordBatch> batch) = 0;
  /// All records below `end` were delivered, and the log held no more when it was last asked. Repeated as it grows.
  virtual void reached_end(SourceIndex source, Partition partition, Offset end) = 0;
  /// Whether to take more records of this source partition now; asked before each fetch.
  [[nodiscard]] virtual bool wants_more(SourceIndex source, Partition partition) = 0;
  /// It cannot be read on. True: nobody needs it, and nothing more of it is wanted.
  [[nodiscard]] virtual bool failed(SourceIndex source, Partition partition, const Error& error) = 0;
};

/// Where a task stood when it was committed last.
struct CommittedTask {
  std::vector<std::optional<Offset>> next;  ///< By source; no value: nothing was ever committed, or it has expired.
  std::optional<std::uint64_t> step;        ///< The last one; no value: unknown.
};

/// The input side of the log; used by the fetcher thread alone, but for the questions first_offset() and committed().
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
  /// Delivers this source partition from `from` on, until the next assignment; also one that is not assigned, for a
  /// standby. incompatible: the log no longer reaches back to `from`, or ends before it.
  [[nodiscard]] virtual Status start(SourceIndex source, Partition partition, Offset from) = 0;
  /// The first offset that the log still has. Blocks. Any thread.
  [[nodiscard]] virtual Expected<Offset> first_offset(SourceIndex source, Partition partition) = 0;
  /// What the group has committed. Blocks. Any thread.
  [[nodiscard]] virtual Expected<CommittedTask> committed(Partition partition) = 0;
  /// The offset after the last one of this source partition as last heard from the broker; for lag. -1: unknown.
  [[nodiscard]] virtual Offset log_end(SourceIndex source, Partition partition) const = 0;
  /// Makes a poll() that waits return soon. Any thread.
  virtual void wake() = 0;
  /// Leaves the group (static members keep their place). Calls revoked() for what is still assigned, and waits for no
  /// answer.
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

/// Reads the journal on as it grows. One thread.
class JournalTail {
 public:
  virtual ~JournalTail() = default;
  /// Begins (anew) with what was written at or after `since`.
  [[nodiscard]] virtual Status open(Timestamp since) = 0;
  /// When an entry was written is told by the clock of its writer.
  using Visit = std::function<void(JournalEntry entry, Timestamp written_at)>;
  /// Calls `visit` with the committed entries that have come, of all tasks; those of one instance in their order. Waits
  /// for a moment if there are none. REQUIRES: open().
  [[nodiscard]] virtual Status poll(const Visit& visit) = 0;
};

/// The instances that share the partitions. Blocks; one thread.
class Instances {
 public:
  virtual ~Instances() = default;
  struct Instance {
    std::string id;
    std::vector<Partition> partitions;  ///< Ascending.
  };
  /// Those that the group has now, by id; this one among them. Partitions are known once it is `settled`.
  struct Members {
    bool settled = false;
    std::vector<Instance> instances;
  };
  [[nodiscard]] virtual Expected<Members> members() = 0;
  /// This instance's id.
  [[nodiscard]] virtual const std::string& self() const = 0;
  /// Aborts what transactions an instance has left open, and fences it. REQUIRES: it is no member any more.
  [[nodiscard]] virtual Status end_transactions_of(const std::string& instance) = 0;
};

// ---------------------------------------------------------------------------------------------------------------------
// Writing

/// The position of one task that a commit makes final.
struct TaskPosition {
  Partition partition;
  Positions position;
  std::uint64_t step = 0;  ///< The last one before it.
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
  /// Pointers to records, and ids, end with the next find_or_insert(), modify(), erase() or expect().
  [[nodiscard]] virtual const std::byte* read(Slot slot) const = 0;
  /// For writing: notes the change for the next checkpoint.
  [[nodiscard]] virtual std::byte* modify(Slot slot) = 0;
  /// Removes the record and overwrites it. Its place may be given to another one.
  virtual void erase(Slot slot) = 0;
  [[nodiscard]] virtual CustomerKey key(Slot slot) const = 0;
  /// How many records there are.
  [[nodiscard]] virtual std::uint32_t size() const = 0;
  /// All places lie below; is_used() says which hold a record.
  [[nodiscard]] virtual Slot slots_end() const = 0;
  [[nodiscard]] virtual bool is_used(Slot slot) const = 0;
  /// Four bytes beside the record for whoever uses it: no part of it, in no checkpoint, 0 for a new or loaded one.
  [[nodiscard]] virtual std::uint32_t& note(Slot slot) = 0;
  /// Calls `visit` for every record, in any order, with the lower half of its key's hash; its note is at hand. Reads no
  /// disk.
  using HashVisitor = std::function<void(Slot slot, std::uint32_t hash_low)>;
  virtual void for_each_hash(const HashVisitor& visit) const = 0;
  /// Asks the memory for what find() of a key with this hash reads first, and some time later for the record.
  virtual void prefetch_index(std::uint64_t hash) const = 0;
  virtual void prefetch_record(std::uint64_t hash) const = 0;
  virtual void prefetch(Slot slot) const = 0;
  /// These customers are needed soon, or these records: asks the disk for those that lie there, all at once. Costs
  /// nothing if none does.
  virtual void expect(std::span<const Event> events) = 0;
  virtual void expect(std::span<const Slot> slots) = 0;
};

/// Changed records of one task, frozen at the end of a step, on their way to changelog and checkpoint store.
struct CheckpointData {
  Marker marker;
  std::string bytes;  ///< Ids and records, one after the other.
  struct Entry {
    std::uint64_t at;  ///< Of the id in `bytes`; the record follows it, unless it was erased.
    std::uint32_t id_size;
    bool erased = false;
  };
  std::vector<Entry> entries;  ///< Each id once.
  std::uint32_t record_size = 0;
  /// A customer was erased and came back since the checkpoint before: the former record must not stay on the disk.
  /// (That a purge is due for it is not known again after a crash.)
  bool replaces_erased = false;

  void add(std::string_view id, std::string_view record) {
    entries.push_back({bytes.size(), static_cast<std::uint32_t>(id.size())});
    bytes.append(id).append(record);
  }
  void add_erased(std::string_view id) {
    entries.push_back({bytes.size(), static_cast<std::uint32_t>(id.size()), true});
    bytes.append(id);
  }
  [[nodiscard]] std::string_view id(const Entry& e) const { return std::string_view(bytes).substr(e.at, e.id_size); }
  [[nodiscard]] std::string_view record(const Entry& e) const {
    return e.erased ? std::string_view{} : std::string_view(bytes).substr(e.at + e.id_size, record_size);
  }
};

/// Where checkpoints are kept on this machine. load(), write_part() and clear() by threads that restore, write() by
/// them and the checkpointer; not at the same time for one partition.
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
  /// Writes records of a checkpoint that comes from elsewhere, piece by piece; its marker is ignored. The partition
  /// counts as damaged from the first piece on, until write() puts the last one and the marker.
  [[nodiscard]] virtual Status write_part(CheckpointData& data) = 0;
  /// The marker of the latest checkpoint alone; no value: there is none.
  [[nodiscard]] virtual Expected<std::optional<Marker>> marker(Partition partition) const = 0;
  /// Forgets the partition.
  [[nodiscard]] virtual Status clear(Partition partition) = 0;
  /// Partitions of which erased records, or their ids, may still be found on the disk. Known again after a crash.
  [[nodiscard]] virtual std::size_t unpurged() const = 0;
  /// Removes them from the disk for good, of one partition: blocks for as long as it takes to write the partition anew.
  /// On an error it is still to be done. By the checkpointer; partitions may be restored and cleared meanwhile.
  [[nodiscard]] virtual Status purge() = 0;
};

/// Checkpoints on the log, where every instance finds them; used by the checkpointer thread alone.
class ChangelogWriter {
 public:
  virtual ~ChangelogWriter() = default;
  /// Appends the changed records and the marker, all of them visible at once or never, and only if the partition is
  /// still assigned to this instance. Returns the offset behind them. unavailable: not written, the same can be tried
  /// again; rollback: the partition was given to somebody else; failed, fenced: stop.
  [[nodiscard]] virtual Expected<Offset> write(const CheckpointData& data) = 0;
};

/// Takes what a changelog holds, in its order. Views live until the call returns.
class ChangelogVisitor {
 public:
  virtual ~ChangelogVisitor() = default;
  virtual Status record(std::string_view id, std::string_view record) = 0;
  virtual Status erased(std::string_view id) = 0;
  /// A checkpoint is complete with all that came so far. `behind`: the offset to go on from.
  virtual Status marker(const Marker& marker, Offset behind) = 0;
};

/// Reads changelogs. One thread at a time.
class ChangelogReader {
 public:
  virtual ~ChangelogReader() = default;
  /// How many partitions the changelog has. Blocks.
  [[nodiscard]] virtual Expected<std::int32_t> partitions() = 0;
  /// Visits the partition's committed records from `from` on, to the end it had at the call. What an open transaction
  /// hides is not waited for: a checkpoint that is not there yet only costs a longer replay. Returns how many offsets
  /// the log had when it was asked: less than `from`, it is not the log that `from` was taken from.
  [[nodiscard]] virtual Expected<Offset> read(Partition partition, Offset from, ChangelogVisitor& visitor) = 0;
};

}  // namespace holdfast
