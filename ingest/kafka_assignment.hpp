#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/ids.hpp"

namespace holdfast::ingest {

/// The partitions of `topic` in a member's assignment, ascending: bytes of Kafka's consumer protocol (its
/// ConsumerProtocolAssignment). corrupt: they are none.
[[nodiscard]] Expected<std::vector<Partition>> assigned_partitions(std::string_view bytes, std::string_view topic);

/// The instance id in a static member's id, "<group.instance.id>-<uuid>", less the application's prefix. Empty: it is
/// no instance of the application.
[[nodiscard]] std::string instance_of_member(std::string_view member_id, std::string_view application_id);

}  // namespace holdfast::ingest
