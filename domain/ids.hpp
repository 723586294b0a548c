#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

/// A position in one partition of a topic.
struct Offset {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(Offset, Offset) = default;
};

/// The number of a partition; also of the task that owns that partition of every source.
struct Partition {
  std::int32_t value = 0;
  friend constexpr auto operator<=>(Partition, Partition) = default;
};

/// "partition 3", for messages.
[[nodiscard]] inline std::string to_string(Partition partition) {
  return "partition " + std::to_string(partition.value);
}

/// The place of a source in the configuration, from 0: also its rank where event times tie.
struct SourceIndex {
  std::uint8_t value = 0;
  friend constexpr auto operator<=>(SourceIndex, SourceIndex) = default;
};

/// A customer's id with its hash, computed once where the event is decoded. Identity is the id, never the hash alone.
struct CustomerKey {
  std::string_view id;
  std::uint64_t hash = 0;
};

/// The key for an id: XXH3 of its bytes.
[[nodiscard]] CustomerKey make_customer_key(std::string_view id);

/// XXH3 of bytes, 64 bits: for event ids and other fingerprints.
[[nodiscard]] std::uint64_t fingerprint(std::string_view bytes);
/// The same with a seed, which makes it another hash.
[[nodiscard]] std::uint64_t fingerprint(std::string_view bytes, std::uint64_t seed);

}  // namespace holdfast
