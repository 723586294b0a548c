#include "tests/support/simulated_store.hpp"

#include <utility>

namespace holdfast::testing {
namespace {

constexpr std::size_t remembered_max = 4;

}  // namespace

void SimulatedDisk::crash(std::mt19937_64& random) {
  if (lies && !before_.empty() && random() % 2 == 0) content = before_[random() % before_.size()];
  before_.clear();
}

void SimulatedDisk::damage(std::mt19937_64& random) {
  if (content.empty()) return;
  auto at = content.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random() % content.size()));
  at->second.damaged = true;
}

void SimulatedDisk::remember() {
  if (!lies) return;
  if (before_.size() == remembered_max) before_.erase(before_.begin());
  before_.push_back(content);
}

Expected<std::optional<Marker>> SimulatedStore::load(Partition partition, const Visitor& visit) {
  if (node_.one_in(8)) node_.wait();
  const auto found = disk_.content.find(partition);
  if (found == disk_.content.end()) return std::optional<Marker>{};
  const SimulatedDisk::Checkpoint& checkpoint = found->second;
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

Status SimulatedStore::write(CheckpointData& data) { return put(data, data.marker); }

Status SimulatedStore::write_part(CheckpointData& data) { return put(data, std::nullopt); }

Status SimulatedStore::put(const CheckpointData& data, const std::optional<Marker>& marker) {
  if (node_.one_in(4)) node_.wait();
  if (node_.dead) return fail(ErrorKind::unavailable, "the process has ended");
  if (disk_.full) return fail(ErrorKind::unavailable, "no space is left");
  disk_.remember();
  SimulatedDisk::Checkpoint& checkpoint = disk_.content[data.marker.partition];
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

Expected<std::optional<Marker>> SimulatedStore::marker(Partition partition) const {
  const auto found = disk_.content.find(partition);
  if (found == disk_.content.end()) return std::optional<Marker>{};
  return found->second.marker;
}

Status SimulatedStore::clear(Partition partition) {
  if (node_.dead) return fail(ErrorKind::unavailable, "the process has ended");
  disk_.remember();
  disk_.content.erase(partition);
  return {};
}

}  // namespace holdfast::testing
