#include "domain/ids.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace holdfast {

CustomerKey make_customer_key(std::string_view id) { return {id, fingerprint(id)}; }

std::uint64_t fingerprint(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t fingerprint(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace holdfast
