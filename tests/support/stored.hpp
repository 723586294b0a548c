#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "state/checkpoint_store.hpp"

/// A store of checkpoints with what is put into it and found in it.
namespace holdfast::state {

namespace fs = std::filesystem;

using Records = std::map<std::string, std::string>;

inline constexpr std::uint32_t record_size = 136;
inline constexpr Partition p0{0};
inline constexpr Partition p7{7};

inline std::string record_of(std::uint64_t value) {
  std::string record(record_size, static_cast<char>(value));
  std::memcpy(record.data(), &value, sizeof value);
  return record;
}

inline CheckpointData data_of(Partition partition, std::uint64_t step, const Records& changed,
                              std::uint64_t customers) {
  CheckpointData data;
  data.record_size = record_size;
  data.marker = {.partition = partition,
                 .policy = {42},
                 .record_format = 1,
                 .step = step,
                 .position = {.next = {}, .sources = 2},
                 .stream_time = Timestamp{static_cast<std::int64_t>(step) * 1000},
                 .customers = customers,
                 .taken_at = Timestamp{1'700'000'000'000}};
  data.marker.position.next[1] = Offset{static_cast<std::int64_t>(step) * 10};
  // Not in order of id: sorting is the store's part.
  for (auto it = changed.rbegin(); it != changed.rend(); ++it) {
    data.entries.push_back({data.bytes.size(), static_cast<std::uint32_t>(it->first.size())});
    data.bytes += it->first;
    data.bytes += it->second;
  }
  return data;
}

inline Expected<std::unique_ptr<RocksStore>> open(const fs::path& path, bool read_only = false) {
  return RocksStore::open({.directory = path, .application_id = "shop", .read_only = read_only});
}

inline std::unique_ptr<RocksStore> opened(const fs::path& path) {
  auto store = open(path);
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

inline void write(RocksStore& store, Partition partition, std::uint64_t step, const Records& changed,
                  std::uint64_t customers) {
  CheckpointData data = data_of(partition, step, changed, customers);
  const Status written = store.write(data);
  ASSERT_TRUE(written) << written.error().message;
}

struct Loaded {
  std::optional<Marker> marker;
  Records records;
};

inline Expected<Loaded> load(RocksStore& store, Partition partition) {
  Loaded loaded;
  const auto marker = store.load(
      partition, [&](std::string_view id, std::string_view record) { loaded.records[std::string(id)] = record; });
  if (!marker) return std::unexpected(marker.error());
  loaded.marker = *marker;
  return loaded;
}

/// Ids that no compression hides: each stands in the files as it is, or not at all.
inline std::string random_id(std::mt19937_64& random, char first) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string id(1, first);
  while (id.size() < 21) id += letters[random() % letters.size()];
  return id;
}

/// Files below the folder that hold the text, or end or begin with a part of it that is long enough to tell. RocksDB
/// may delete some while they are looked at.
inline std::vector<std::string> files_with(const fs::path& folder, const std::string& text) {
  std::vector<std::string> names;
  std::error_code gone;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file(gone)) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    // The first letter and the last ones may be shared with neighbours.
    if (bytes.find(text.substr(2, 12)) != std::string::npos || bytes.find(text.substr(8)) != std::string::npos)
      names.push_back(entry.path().lexically_relative(folder).string());
  }
  return names;
}

}  // namespace holdfast::state
