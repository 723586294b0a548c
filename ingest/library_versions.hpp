#pragma once

#include <string>

namespace holdfast::ingest {

/// The libraries that this layer runs with, for people: "librdkafka 2.0.2, simdjson 3.0.1".
[[nodiscard]] std::string library_versions();

}  // namespace holdfast::ingest
