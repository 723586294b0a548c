#pragma once

#include <cstdint>
#include <string_view>

#include "ingest/source_format.hpp"

namespace holdfast::ingest {

/// The partition that producers with this partitioner choose for a key. REQUIRES: partitions > 0, not
/// Partitioner::none.
[[nodiscard]] std::int32_t partition_for(Partitioner partitioner, std::string_view key, std::int32_t partitions);

}  // namespace holdfast::ingest
