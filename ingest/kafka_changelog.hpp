#pragma once

#include <memory>

#include "domain/ports.hpp"
#include "ingest/kafka_reader.hpp"
#include "ingest/kafka_settings.hpp"

namespace holdfast::ingest {

/// Checkpoints in a compacted topic with a partition a task; format in docs/formats/changelog.md. REQUIRES:
/// settings.changelog_topic.
///
/// Each checkpoint is a transaction of a producer of its own, so that it never holds up an alert, also under
/// at_least_once. With it goes an offset of the changelog in the name of the group: once the records are in the log,
/// the group refuses it if the partition was assigned anew since, and the checkpoint never becomes visible. So what an
/// instance wrote that lost a partition cannot come behind what its successor writes.
[[nodiscard]] Expected<std::unique_ptr<ChangelogWriter>> make_kafka_changelog_writer(const KafkaSettings& settings,
                                                                                     std::shared_ptr<KafkaGroup> group);

/// Reads with a consumer of its own that belongs to no group.
[[nodiscard]] Expected<std::unique_ptr<ChangelogReader>> make_kafka_changelog_reader(const KafkaSettings& settings);

}  // namespace holdfast::ingest
