#pragma once

#include <memory>

#include "domain/ports.hpp"
#include "ingest/kafka_reader.hpp"
#include "ingest/kafka_settings.hpp"

namespace holdfast::ingest {

/// A writer to the output topics; `settings.exactly_once` chooses between one transaction an epoch and plain delivery.
/// After an error of kind rollback: destroy the writer, make a new one and open() it, which ends what was left open.
///
/// Alerts and dead letters go to the partition of their key (murmur2, as Java's clients do). Journal records without a
/// partition go to one partition that depends on the instance alone: each partition of a transaction costs a marker.
/// A dead letter that its topic does not take for its size or its timestamp goes without that, and a header says so.
///
/// A position is committed only if it moved since this writer committed it last, and only under the assignment that
/// the group gave last: after a rebalance that the pipeline has not seen yet, commit() says rollback.
[[nodiscard]] Expected<std::unique_ptr<LogWriter>> make_kafka_writer(const KafkaSettings& settings,
                                                                     std::shared_ptr<KafkaGroup> group);

}  // namespace holdfast::ingest
