#pragma once

#include <map>
#include <span>
#include <string>

#include "ingest/kafka_client.hpp"

/// Finds out what an instance may do without doing it: by requests that the broker, once it has looked at the rights,
/// must refuse for another reason. Nothing is written, no offset is committed, and an instance that runs is not
/// disturbed. Every question waits for the settings' patience at most.
namespace holdfast::ingest {

struct RightAnswer {
  enum class Right { granted, denied, unknown } right{};
  std::string why;  ///< unknown: what was heard instead.
};

/// Write on topics that exist, by topic: a record to be acknowledged by two replicas, a number that no broker takes.
[[nodiscard]] std::map<std::string, RightAnswer> ask_for_write(const KafkaSettings& settings,
                                                               std::span<const std::string> topics);

/// Read on the group of `client`, a consumer whose group is known to answer: an offset for a partition that `topic` has
/// not.
[[nodiscard]] RightAnswer ask_for_group_read(const KafkaClient& client, const std::string& topic, Deadline deadline);

/// An id that begins like the instance's own, and that no instance can have: opening the own one would end what runs.
[[nodiscard]] std::string transactional_id_for_asking(const KafkaSettings& settings);

/// Describe and Write on that id, which rights on a prefix cover and those on the very id of the instance do not.
/// Brokers remember the id for a while.
[[nodiscard]] RightAnswer ask_for_transactions(const KafkaSettings& settings);

}  // namespace holdfast::ingest
