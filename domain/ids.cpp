#include "domain/ids.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace holdfast {

CustomerKey make_customer_key(std::string_view id) { return {id, fingerprint(id)}; }

std::uint64_t fingerprint(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace holdfast
