#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "domain/ports.hpp"

namespace holdfast::testing {

/// A record that was written and committed.
struct WrittenRecord {
  std::string key;
  std::string value;
  std::vector<Header> headers;
  Timestamp written_at{};
};

/// A log, a journal and a checkpoint store that outlive the pipelines run on them, and a clock: the world of a
/// simulated crash. What a writer appended counts only once it is committed. One thread.
struct MemoryWorld {
  struct Input {
    std::string key;
    std::string value;
    Timestamp timestamp{-1};
    bool control = false;  ///< The log's own record: it has an offset and is never delivered.
  };

  MemoryWorld(std::size_t sources_, std::int32_t partitions_)
      : sources(sources_), partitions(partitions_), input(sources_ * static_cast<std::size_t>(partitions_)) {}

  std::size_t sources;
  std::int32_t partitions;
  std::vector<std::vector<Input>> input;  ///< Index: partition * sources + source.
  std::map<OutputTopic, std::vector<WrittenRecord>> output;
  std::map<std::pair<std::int32_t, std::uint8_t>, Offset> committed;
  std::map<std::int32_t, std::uint64_t> committed_step;
  struct Checkpoint {
    std::optional<Marker> marker;  ///< None while it is being restored.
    std::map<std::string, std::string> records;
  };
  std::map<Partition, Checkpoint> checkpoints;
  std::uint64_t commits = 0;
  Timestamp now{1'700'000'000'000};

  [[nodiscard]] std::vector<Input>& at(SourceIndex source, Partition partition) {
    return input[static_cast<std::size_t>(partition.value) * sources + source.value];
  }
};

class MemoryClock final : public Clock {
 public:
  explicit MemoryClock(const MemoryWorld& world) : world_(world) {}
  [[nodiscard]] Timestamp now() const override { return world_.now; }
  [[nodiscard]] std::int64_t steady_us() const override { return world_.now.ms * 1000; }

 private:
  const MemoryWorld& world_;
};

/// Delivers batches of random size; the log's end is told late at times.
class MemoryReader final : public LogReader {
 public:
  MemoryReader(MemoryWorld& world, std::uint64_t seed) : world_(world), random_(seed) {}

  Status open() override { return {}; }
  [[nodiscard]] std::int32_t partitions() const override { return world_.partitions; }
  Status poll(LogListener& listener, Duration wait) override;
  Status start(SourceIndex source, Partition partition, Offset from) override;
  Expected<Offset> first_offset(SourceIndex, Partition) override { return Offset{0}; }
  Expected<CommittedTask> committed(Partition partition) override;
  [[nodiscard]] Offset log_end(SourceIndex source, Partition partition) const override;
  void wake() override {}
  void close(LogListener&) override {}

 private:
  MemoryWorld& world_;
  std::mt19937_64 random_;
  bool assigned_ = false;
  std::map<std::pair<std::int32_t, std::uint8_t>, Offset> next_;
};

class MemoryJournal final : public JournalReader {
 public:
  explicit MemoryJournal(const MemoryWorld& world) : world_(world) {}
  Status read(std::span<const Partition> partitions, Timestamp since,
              const std::function<void(JournalEntry)>& visit) override;

 private:
  const MemoryWorld& world_;
};

class MemoryWriter final : public LogWriter {
 public:
  explicit MemoryWriter(MemoryWorld& world) : world_(world) {}
  Status open() override { return {}; }
  Status begin() override;
  Status append(const OutputRecord& record) override;
  Status commit(std::span<const TaskPosition> positions) override;
  void abort() override { pending_.clear(); }

 private:
  MemoryWorld& world_;
  std::vector<std::pair<OutputTopic, WrittenRecord>> pending_;
};

/// The changelog of one partition: what checkpoints appended, in order. Aborted ones take up offsets as well.
class MemoryChangelog final : public ChangelogWriter, public ChangelogReader {
 public:
  Expected<Offset> write(const CheckpointData& data) override;
  Expected<std::int32_t> partitions() override { return partition_count; }
  Expected<Offset> read(Partition partition, Offset from, ChangelogVisitor& visitor) override;

  struct Entry {
    std::string id;
    std::optional<std::string> record;  ///< Of a customer; none: erased.
    std::optional<Marker> marker;       ///< Instead of both.
  };
  std::vector<Entry> log;
  std::optional<Partition> only;  ///< Nothing is in the others.
  std::int32_t partition_count = 1;
  /// Called before an entry is read.
  std::function<void(std::size_t)> on_read = [](std::size_t) {};

 private:
  Status visit(const Entry& entry, Offset behind, ChangelogVisitor& visitor) const;
};

/// Fails every write while `full` is set.
class MemoryStore final : public CheckpointStore {
 public:
  explicit MemoryStore(MemoryWorld& world) : world_(world) {}
  Expected<std::optional<Marker>> load(Partition partition, const Visitor& visit) override;
  Status write(CheckpointData& data) override;
  Status write_part(CheckpointData& data) override;
  Expected<std::optional<Marker>> marker(Partition partition) const override;
  Status clear(Partition partition) override;
  [[nodiscard]] std::size_t unpurged() const override { return 0; }
  Status purge() override { return {}; }
  bool full = false;
  bool counts = false;  ///< Loading fails where the marker says other than what is there, as of a real one.
  /// Called before a partition is loaded.
  std::function<void(Partition)> on_load = [](Partition) {};

 private:
  MemoryWorld& world_;
};

}  // namespace holdfast::testing
