#pragma once

#include <cstdint>
#include <string>

namespace holdfast::testing {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

/// GET of a server on this machine. Throws what Boost.Asio throws when nobody answers.
[[nodiscard]] HttpAnswer http_get(std::uint16_t port, const std::string& target);

}  // namespace holdfast::testing
