#pragma once

#include <string>
#include <string_view>

#include "console/server.hpp"

namespace holdfast::console {

/// What matters of an HTTP request. Views live as long as the request.
struct Request {
  std::string_view method;
  std::string_view target;         ///< Path and query, as sent.
  std::string_view host;           ///< Empty: not sent.
  std::string_view authorization;  ///< Empty: not sent.
};

struct Reply {
  unsigned status = 200;
  std::string_view content_type;
  std::string body;
  std::string_view allow = {};         ///< For 405: the methods there are.
  std::string_view authenticate = {};  ///< For 401: the scheme asked for.
};

/// Answers a request (docs/reference/http.md). `token`: what clients must present; empty: nothing.
[[nodiscard]] Reply answer(const Request& request, std::string_view token, Facts& facts);

/// A refusal with a message for people: {"error": "..."}.
[[nodiscard]] Reply refuse(unsigned status, std::string_view message);

}  // namespace holdfast::console
