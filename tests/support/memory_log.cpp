#include "tests/support/memory_log.hpp"

#include <algorithm>

#include "domain/limits.hpp"

namespace holdfast::testing {
namespace {

class InputBatch final : public RecordBatch {
 public:
  InputBatch(const std::vector<MemoryWorld::Input>& log, std::size_t from, std::size_t count) {
    inputs_.assign(log.begin() + static_cast<std::ptrdiff_t>(from),
                   log.begin() + static_cast<std::ptrdiff_t>(from + count));
    for (std::size_t i = 0; i < count; ++i) {
      if (inputs_[i].control) continue;
      records_.push_back(
          {Offset{static_cast<std::int64_t>(from + i)}, inputs_[i].timestamp, inputs_[i].key, inputs_[i].value});
    }
  }
  [[nodiscard]] std::span<const RawRecord> records() const override { return records_; }
  [[nodiscard]] std::vector<Header> headers(std::size_t) const override { return {}; }

 private:
  std::vector<MemoryWorld::Input> inputs_;
  std::vector<RawRecord> records_;
};

}  // namespace

Status MemoryReader::poll(LogListener& listener, Duration) {
  if (!assigned_) {
    assigned_ = true;
    std::vector<Partition> all;
    for (std::int32_t p = 0; p < world_.partitions; ++p) all.push_back({p});
    listener.assigned(all);
    return {};
  }
  for (auto& [channel, next] : next_) {
    const Partition partition{channel.first};
    const SourceIndex source{channel.second};
    const auto& log = world_.at(source, partition);
    const auto from = static_cast<std::size_t>(next.value);
    if (from < log.size() && random_() % 2 == 0 && listener.wants_more(source, partition)) {
      const std::size_t count = std::min<std::size_t>(log.size() - from, 1 + random_() % 40);
      auto batch = std::make_unique<InputBatch>(log, from, count);
      if (!batch->records().empty()) listener.records(source, partition, std::move(batch));
      next.value += static_cast<std::int64_t>(count);
    }
    if (static_cast<std::size_t>(next.value) == log.size() && random_() % 3 == 0)
      listener.reached_end(source, partition, next);
  }
  return {};
}

Status MemoryReader::start(SourceIndex source, Partition partition, Offset from) {
  next_[{partition.value, source.value}] = from;
  return {};
}

Expected<CommittedTask> MemoryReader::committed(Partition partition) {
  CommittedTask out{.next = std::vector<std::optional<Offset>>(world_.sources), .step = std::nullopt};
  for (std::uint8_t s = 0; s < world_.sources; ++s) {
    if (const auto it = world_.committed.find({partition.value, s}); it != world_.committed.end())
      out.next[s] = it->second;
  }
  if (const auto it = world_.committed_step.find(partition.value); it != world_.committed_step.end())
    out.step = it->second;
  return out;
}

Offset MemoryReader::log_end(SourceIndex source, Partition partition) const {
  return {static_cast<std::int64_t>(world_.at(source, partition).size())};
}

Status MemoryJournal::read(std::span<const Partition> partitions, Timestamp since,
                           const std::function<void(JournalEntry)>& visit) {
  const auto it = world_.output.find(OutputTopic::journal);
  if (it == world_.output.end()) return {};
  for (const WrittenRecord& record : it->second) {
    if (record.written_at < since) continue;
    auto entry = decode_journal_entry(record.value);
    if (!entry) return std::unexpected(entry.error());
    if (std::ranges::find(partitions, entry->partition) != partitions.end()) visit(std::move(*entry));
  }
  return {};
}

Status MemoryWriter::begin() {
  pending_.clear();
  return {};
}

Status MemoryWriter::append(const OutputRecord& record) {
  pending_.emplace_back(record.topic, WrittenRecord{std::string(record.key),
                                                    std::string(record.value),
                                                    {record.headers.begin(), record.headers.end()},
                                                    world_.now});
  return {};
}

Status MemoryWriter::commit(std::span<const TaskPosition> positions) {
  for (auto& [topic, record] : pending_) world_.output[topic].push_back(std::move(record));
  pending_.clear();
  for (const TaskPosition& task : positions) {
    for (std::uint8_t s = 0; s < task.position.sources; ++s)
      world_.committed[{task.partition.value, s}] = task.position.next[s];
    world_.committed_step[task.partition.value] = task.step;
  }
  ++world_.commits;
  return {};
}

Expected<std::optional<Marker>> MemoryStore::load(Partition partition, const Visitor& visit) {
  on_load(partition);
  const auto it = world_.checkpoints.find(partition);
  if (it == world_.checkpoints.end()) return std::optional<Marker>{};
  for (const auto& [id, record] : it->second.records) visit(id, record);
  if (!it->second.marker) return fail(ErrorKind::corrupt, "no marker");
  if (counts && it->second.marker->customers != it->second.records.size())
    return fail(ErrorKind::corrupt, "the marker says " + std::to_string(it->second.marker->customers));
  return it->second.marker;
}

Status MemoryStore::write(CheckpointData& data) {
  if (const Status written = write_part(data); !written) return written;
  world_.checkpoints[data.marker.partition].marker = data.marker;
  return {};
}

Status MemoryStore::write_part(CheckpointData& data) {
  if (full) return fail(ErrorKind::unavailable, "no space is left");
  MemoryWorld::Checkpoint& checkpoint = world_.checkpoints[data.marker.partition];
  checkpoint.marker.reset();
  for (const auto& entry : data.entries) {
    if (entry.erased) {
      checkpoint.records.erase(std::string(data.id(entry)));
    } else {
      checkpoint.records[std::string(data.id(entry))] = data.record(entry);
    }
  }
  return {};
}

Expected<std::optional<Marker>> MemoryStore::marker(Partition partition) const {
  const auto it = world_.checkpoints.find(partition);
  return it == world_.checkpoints.end() ? std::optional<Marker>{} : it->second.marker;
}

Status MemoryStore::clear(Partition partition) {
  world_.checkpoints.erase(partition);
  return {};
}

Expected<Offset> MemoryChangelog::write(const CheckpointData& data) {
  for (const auto& entry : data.entries) {
    log.push_back({std::string(data.id(entry)), std::string(data.record(entry)), std::nullopt});
    if (entry.erased) log.back().record.reset();
  }
  log.push_back({{}, std::nullopt, data.marker});
  return Offset{static_cast<std::int64_t>(log.size())};
}

Expected<Offset> MemoryChangelog::read(Partition partition, Offset from, ChangelogVisitor& visitor) {
  if (only && partition != *only) return Offset{0};
  for (auto i = static_cast<std::size_t>(from.value); i < log.size(); ++i) {
    on_read(i);
    const Status visited = visit(log[i], Offset{static_cast<std::int64_t>(i) + 1}, visitor);
    if (!visited) return std::unexpected(visited.error());
  }
  return Offset{static_cast<std::int64_t>(log.size())};
}

Status MemoryChangelog::visit(const Entry& entry, Offset behind, ChangelogVisitor& visitor) const {
  if (entry.marker) return visitor.marker(*entry.marker, behind);
  return entry.record ? visitor.record(entry.id, *entry.record) : visitor.erased(entry.id);
}

}  // namespace holdfast::testing
