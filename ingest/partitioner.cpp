#include "ingest/partitioner.hpp"

#include <cassert>

#include <librdkafka/rdkafka.h>

namespace holdfast::ingest {

// librdkafka's partitioners look at key and count alone; the topic handle is for other kinds.
std::int32_t partition_for(Partitioner partitioner, std::string_view key, std::int32_t partitions) {
  assert(partitions > 0 && partitioner != Partitioner::none);
  if (partitioner == Partitioner::murmur2)
    return rd_kafka_msg_partitioner_murmur2(nullptr, key.data(), key.size(), partitions, nullptr, nullptr);
  return rd_kafka_msg_partitioner_consistent(nullptr, key.data(), key.size(), partitions, nullptr, nullptr);
}

}  // namespace holdfast::ingest
