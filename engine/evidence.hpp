#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "domain/alert.hpp"
#include "domain/event.hpp"

namespace holdfast::engine {

/// What features are made of: kinds of events, and amounts, which come with purchases. The names are part of the model
/// file format.
enum class Evidence : std::uint8_t { purchase, complaint, visit, amount };
inline constexpr std::size_t evidence_kinds = 4;
using EvidenceSet = std::bitset<evidence_kinds>;

[[nodiscard]] std::string_view name(Evidence evidence);

/// What a feature is made of.
[[nodiscard]] Evidence evidence_of(Feature feature);

/// The kind of events that brings it.
[[nodiscard]] EventKind kind_of(Evidence evidence);

/// Whether the set has it.
[[nodiscard]] inline bool has(EvidenceSet set, Evidence evidence) {
  return set.test(static_cast<std::size_t>(evidence));
}

}  // namespace holdfast::engine
