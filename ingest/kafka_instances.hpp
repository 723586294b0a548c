#pragma once

#include <memory>

#include "domain/ports.hpp"
#include "ingest/kafka_settings.hpp"

namespace holdfast::ingest {

/// The consumer group as its coordinator describes it; without joining it.
[[nodiscard]] Expected<std::unique_ptr<Instances>> make_kafka_instances(const KafkaSettings& settings);

}  // namespace holdfast::ingest
