#pragma once

#include <memory>

#include "domain/ports.hpp"
#include "ingest/kafka_settings.hpp"

namespace holdfast::ingest {

/// Reads the journal topic with consumers of its own that belong to no group. Entries of all instances are merged by
/// the number of their first step; exact repeats are dropped. Entries that an open transaction still hides are waited
/// for, as they may be committed ones of a task that just moved: open() the writer before, so that this instance's own
/// leftovers are ended. unavailable: brokers were away, or a transaction stayed open, for too long.
[[nodiscard]] Expected<std::unique_ptr<JournalReader>> make_kafka_journal_reader(const KafkaSettings& settings);

/// Follows the journal with a consumer of its own that belongs to no group.
[[nodiscard]] Expected<std::unique_ptr<JournalTail>> make_kafka_journal_tail(const KafkaSettings& settings);

}  // namespace holdfast::ingest
