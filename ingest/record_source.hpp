#pragma once

#include <cstddef>
#include <memory>

#include "domain/error.hpp"
#include "domain/record.hpp"

namespace holdfast::ingest {

/// Records of a log that is complete, to be read to its end.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  /// The next records; null: the end. failed: reading failed.
  [[nodiscard]] virtual Expected<std::unique_ptr<RecordBatch>> next(std::size_t records_max) = 0;
};

}  // namespace holdfast::ingest
