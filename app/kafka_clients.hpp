#pragma once

#include "app/config.hpp"
#include "ingest/kafka_settings.hpp"

namespace holdfast::app {

/// What the Kafka clients of an instance are made from; what librdkafka has to say goes to the log.
[[nodiscard]] ingest::KafkaSettings kafka_settings_of(const Config& config);

}  // namespace holdfast::app
