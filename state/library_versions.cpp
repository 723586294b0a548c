#include "state/library_versions.hpp"

#include <rocksdb/version.h>

namespace holdfast::state {

std::string library_versions() { return "RocksDB " + rocksdb::GetRocksVersionAsString(true); }

}  // namespace holdfast::state
