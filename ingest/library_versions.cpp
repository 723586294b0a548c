#include "ingest/library_versions.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <simdjson.h>

namespace holdfast::ingest {

// Of the shared library at hand, which need not be the one that the program was built with.
std::string library_versions() {
  return fmt::format(
      "librdkafka {}, simdjson {}.{}.{}", rd_kafka_version_str(), static_cast<int>(simdjson::SIMDJSON_VERSION_MAJOR),
      static_cast<int>(simdjson::SIMDJSON_VERSION_MINOR), static_cast<int>(simdjson::SIMDJSON_VERSION_REVISION));
}

}  // namespace holdfast::ingest
