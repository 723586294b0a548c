#include "console/exchange.hpp"

#include <utility>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <fmt/format.h>

#include "console/api.hpp"

namespace holdfast::console {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }
beast::string_view view(std::string_view text) { return {text.data(), text.size()}; }

bool has_body(const RequestParser& parser) { return parser.chunked() || parser.content_length().value_or(0) > 0; }

Reply reply_to(const RequestParser& parser, std::string_view token, Facts& facts) {
  const auto& request = parser.get();
  if (has_body(parser) && (request.method() == http::verb::get || request.method() == http::verb::head)) {
    return refuse(400, "a request must not have a body");
  }
  return answer({.method = view(request.method_string()),
                 .target = view(request.target()),
                 .host = view(request[http::field::host]),
                 .authorization = view(request[http::field::authorization])},
                token, facts);
}

Reply reply_to(const beast::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(431, fmt::format("the request is longer than {} bytes", header_bytes_max));
  }
  return refuse(400, "this is no HTTP request: " + error.message());
}

Response to_response(Reply reply, unsigned version, bool keep_alive, bool head) {
  Response response(static_cast<http::status>(reply.status), version);
  response.set(http::field::content_type, view(reply.content_type));
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (!reply.allow.empty()) response.set(http::field::allow, view(reply.allow));
  if (!reply.authenticate.empty()) response.set(http::field::www_authenticate, view(reply.authenticate));
  response.keep_alive(keep_alive);
  response.content_length(reply.body.size());
  if (!head) response.body() = std::move(reply.body);
  return response;
}

}  // namespace

Exchange exchange(const RequestParser& parser, beast::error_code error, std::string_view token, Facts& facts) {
  if (error) return {.response = to_response(reply_to(error), 11, false, false)};
  // What follows a request with a body, or one that was not understood, is not known: the connection ends.
  const bool keep_alive = parser.keep_alive() && !has_body(parser);
  const bool head = parser.get().method() == http::verb::head;
  return {.response = to_response(reply_to(parser, token, facts), parser.get().version(), keep_alive, head),
          .head = head,
          .keep_alive = keep_alive};
}

}  // namespace holdfast::console
