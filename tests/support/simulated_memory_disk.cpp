#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "tests/support/simulated_disk.hpp"

namespace holdfast::testing {
namespace {

constexpr std::size_t remembered_max = 4;

struct Checkpoint {
  std::optional<Marker> marker;  ///< None while it is being restored.
  std::map<std::string, std::string> records;
  bool damaged = false;
};

class MemoryDisk final : public SimulatedDisk {
 public:
  explicit MemoryDisk(bool lies) : lies_(lies) {}

  Expected<std::unique_ptr<CheckpointStore>> open(SimulatedNode& node) override;
  std::map<Partition, StoredCheckpoint> checkpoints() override {
    std::map<Partition, StoredCheckpoint> out;
    for (const auto& [partition, checkpoint] : content) {
      if (!checkpoint.damaged && checkpoint.marker) out[partition] = {*checkpoint.marker, checkpoint.records};
    }
    return out;
  }

  void crash(std::mt19937_64& random) override {
    if (lies_ && !before_.empty() && random() % 2 == 0) content = before_[random() % before_.size()];
    before_.clear();
  }
  void lose() override {
    content.clear();
    before_.clear();
  }
  void damage(std::mt19937_64& random) override {
    if (content.empty()) return;
    auto at = content.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random() % content.size()));
    at->second.damaged = true;
  }
  void set_full(bool full) override { full_ = full; }
  bool full() const override { return full_; }

  /// Before each change.
  void remember() {
    if (!lies_) return;
    if (before_.size() == remembered_max) before_.erase(before_.begin());
    before_.push_back(content);
  }

  std::map<Partition, Checkpoint> content;

 private:
  const bool lies_;
  bool full_ = false;
  std::vector<std::map<Partition, Checkpoint>> before_;
};

class MemoryStore final : public CheckpointStore {
 public:
  MemoryStore(SimulatedNode& node, MemoryDisk& disk) : node_(node), disk_(disk) {}

  Expected<std::optional<Marker>> load(Partition partition, const Visitor& visit) override {
    if (node_.one_in(8)) node_.wait();
    const auto found = disk_.content.find(partition);
    if (found == disk_.content.end()) return std::optional<Marker>{};
    const Checkpoint& checkpoint = found->second;
    std::size_t left = checkpoint.damaged ? checkpoint.records.size() / 2 : checkpoint.records.size();
    for (const auto& [id, record] : checkpoint.records) {
      if (left-- == 0) break;
      visit(id, record);
    }
    if (checkpoint.damaged) return fail(ErrorKind::corrupt, "the state is damaged: a checksum does not fit");
    if (!checkpoint.marker || checkpoint.marker->customers != checkpoint.records.size())
      return fail(ErrorKind::corrupt, "the state is damaged: a restore of it was cut short");
    return checkpoint.marker;
  }

  Status write(CheckpointData& data) override { return put(data, data.marker); }

  Status write_part(CheckpointData& data) override { return put(data, std::nullopt); }

  Expected<std::optional<Marker>> marker(Partition partition) const override {
    const auto found = disk_.content.find(partition);
    if (found == disk_.content.end()) return std::optional<Marker>{};
    return found->second.marker;
  }

  Status clear(Partition partition) override {
    if (node_.dead) return fail(ErrorKind::unavailable, "the process has ended");
    disk_.remember();
    disk_.content.erase(partition);
    return {};
  }

  /// In memory an erased record is gone at once.
  [[nodiscard]] std::size_t unpurged() const override { return 0; }
  Status purge() override { return {}; }

 private:
  Status put(const CheckpointData& data, const std::optional<Marker>& marker) {
    if (node_.one_in(4)) node_.wait();
    if (node_.dead) return fail(ErrorKind::unavailable, "the process has ended");
    if (disk_.full()) return fail(ErrorKind::unavailable, "no space is left");
    disk_.remember();
    Checkpoint& checkpoint = disk_.content[data.marker.partition];
    checkpoint.marker = marker;
    for (const auto& entry : data.entries) {
      if (entry.erased) {
        checkpoint.records.erase(std::string(data.id(entry)));
      } else {
        checkpoint.records[std::string(data.id(entry))] = data.record(entry);
      }
    }
    return {};
  }

  SimulatedNode& node_;
  MemoryDisk& disk_;
};

Expected<std::unique_ptr<CheckpointStore>> MemoryDisk::open(SimulatedNode& node) {
  return std::make_unique<MemoryStore>(node, *this);
}

}  // namespace

std::unique_ptr<SimulatedDisk> make_memory_disk(bool lies) { return std::make_unique<MemoryDisk>(lies); }

}  // namespace holdfast::testing
