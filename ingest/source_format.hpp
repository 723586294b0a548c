#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "domain/event.hpp"
#include "domain/time.hpp"

namespace holdfast::ingest {

/// How an event says when it happened. any: RFC 3339 text, or a number of milliseconds since 1970.
enum class TimeFormat : std::uint8_t { any, rfc3339, epoch_ms, epoch_s };

/// How the producers choose a partition by key. murmur2: Java's default; consistent: librdkafka's CRC32.
enum class Partitioner : std::uint8_t { murmur2, consistent, none };

/// The action that has the customer forgotten.
inline constexpr std::string_view erase_action = "erase";

/// How the events of one source are read.
struct SourceFormat {
  std::string name;
  std::string topic;
  EventKind kind{};
  std::map<std::string, std::string> fields;  ///< Field to JSON Pointer; a field not named is at "/<field>".
  TimeFormat time_format{};
  std::map<std::string, std::string> defaults;  ///< Field to the text of the value it has where it is absent.
  Duration max_ahead;                           ///< How far a time may lie ahead of the log's own.
};

/// The fields that an event of a kind can have.
[[nodiscard]] std::span<const std::string_view> known_fields(EventKind kind);

/// The one that an event of the kind cannot be without, besides customer_id and time; empty: none.
[[nodiscard]] std::string_view required_field(EventKind kind);

/// What is wrong with the name of an action, as the end of a sentence; empty: nothing. `erase` has an effect, so what
/// seems to be meant for it and is not is refused rather than counted.
[[nodiscard]] std::string_view action_problem(std::string_view action);

/// Where the format gives a field: its JSON Pointer.
[[nodiscard]] std::string pointer_of(const SourceFormat& format, std::string_view field);

/// What is wrong with a source's mapping, as a sentence that names the field and a remedy; no value: nothing.
[[nodiscard]] std::optional<std::string> field_mapping_problem(const SourceFormat& format);

}  // namespace holdfast::ingest
