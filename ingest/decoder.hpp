#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "domain/event.hpp"
#include "domain/record.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::ingest {

/// Where the customer's id must stand besides the event. record_key: the record's key is the same id; from_event:
/// records have no keys (files).
enum class KeyRule : std::uint8_t { record_key, from_event };

/// Turns the records of one source partition into events. What it makes of a record depends on the record alone, its
/// timestamp in the log included, and on no clock. Allocates nothing in the long run for records that are events. Used
/// by one thread.
class Decoder {
 public:
  Decoder(SourceFormat format, Partition partition, Partitioner partitioner, std::int32_t partitions,
          KeyRule keys = KeyRule::record_key);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// Makes one event of each record, in order; one that is no event has a `rejection`.
  void decode(const RecordBatch& batch, EventBatch& out);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Deals the events out by `route`, keeping their order; what is no event goes to the first part. The parts hold copies
/// of the texts.
[[nodiscard]] std::vector<EventBatch> split(EventBatch batch, std::size_t parts,
                                            const std::function<std::size_t(const Event&)>& route);

}  // namespace holdfast::ingest
