#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::ingest {

/// Why a property of Kafka cannot be what it is set to.
struct PropertyFault {
  enum class Why : std::uint8_t { reserved, unknown, bad_value } why{};
  std::string text;  ///< A sentence without a stop. That of a bad value is librdkafka's and may repeat the value.
};

/// The faults that show in single properties, by name: what is reserved, what librdkafka does not know, values that it
/// does not take. No client is made: what is wrong only with several of them together shows when one is.
[[nodiscard]] std::map<std::string, PropertyFault> property_faults(
    const std::map<std::string, std::string>& properties);

/// The names of the properties that this librdkafka knows and that are not reserved.
[[nodiscard]] std::vector<std::string> property_names();

/// Why a property belongs to Holdfast; no value: it does not.
[[nodiscard]] std::optional<std::string> reserved_property_problem(std::string_view name);

}  // namespace holdfast::ingest
