#pragma once

#include <string>

namespace holdfast::state {

/// The libraries that this layer runs with, for people: "RocksDB 7.8.3".
[[nodiscard]] std::string library_versions();

}  // namespace holdfast::state
