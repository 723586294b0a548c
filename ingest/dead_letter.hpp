#pragma once

#include <string_view>
#include <vector>

#include "domain/event.hpp"
#include "domain/ids.hpp"

namespace holdfast::ingest {

/// The headers of a rejected record's dead letter: its own, untouched, then __holdfast.errors.{code, message, source,
/// topic, partition, offset} as text.
[[nodiscard]] std::vector<Header> dead_letter_headers(const Rejection& rejection, std::string_view source,
                                                      std::string_view topic, Partition partition);

}  // namespace holdfast::ingest
