#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "console/server.hpp"

/// What the server makes of the bytes of a request, apart from where they come from.
namespace holdfast::console {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
using Response = boost::beast::http::response<boost::beast::http::string_body>;

/// Far more than any of our requests needs: the longest id, percent-encoded, has 765 bytes.
inline constexpr std::uint32_t header_bytes_max = 8 * 1024;
/// What a connection may have sent that was not looked at yet.
inline constexpr std::size_t buffer_bytes_max = header_bytes_max + 1024;

struct Exchange {
  Response response;
  bool head = false;        ///< Only the response's header is sent.
  bool keep_alive = false;  ///< Otherwise the connection ends behind the response.
};

/// Answers a request whose header was read, or where reading it ended with `error`. `token`: as for answer().
[[nodiscard]] Exchange exchange(const RequestParser& parser, boost::beast::error_code error, std::string_view token,
                                Facts& facts);

}  // namespace holdfast::console
