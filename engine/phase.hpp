#pragma once

#include <cstdint>

#include "domain/time.hpp"

namespace holdfast::engine {

/// Where in a span of time a customer has its place, by 24 bits of the hash of its id: 0 or more, and less than the
/// span. REQUIRES: span < 2^39 ms, 17 years.
inline Duration phase_of(std::uint64_t hash, Duration span) {
  constexpr int bits = 24;
  const std::uint64_t place = (hash >> (32 - bits)) & ((std::uint64_t{1} << bits) - 1);
  return {static_cast<std::int64_t>(place * static_cast<std::uint64_t>(span.ms) >> bits)};
}

}  // namespace holdfast::engine
