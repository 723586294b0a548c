#include <algorithm>
#include <array>
#include <map>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <nlohmann/json.hpp>

#include "console/exchange.hpp"
#include "domain/limits.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace holdfast::fuzz {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::string_view secret = "t0ken";

/// Gives the bytes of a connection in pieces, as a socket would, and then its end.
class Bytes {
 public:
  Bytes(std::string_view bytes, std::size_t piece_max) : rest_(bytes), piece_max_(piece_max) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, beast::error_code& error) {
    const std::string_view piece = rest_.substr(0, piece_max_);
    const std::size_t read = asio::buffer_copy(buffers, asio::buffer(piece.data(), piece.size()));
    rest_.remove_prefix(read);
    error = {};
    if (read == 0 && asio::buffer_size(buffers) > 0) error = asio::error::eof;
    return read;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    beast::error_code error;
    const std::size_t read = read_some(buffers, error);
    if (error) throw beast::system_error(error);
    return read;
  }

 private:
  std::string_view rest_;
  std::size_t piece_max_;
};

class FewFacts final : public console::Facts {
 public:
  bool ready(std::string& why_not) override {
    why_not = "restoring";
    return false;
  }
  console::Snapshot metrics() override {
    ++private_answers;
    return {};
  }
  std::string status_json() override {
    ++private_answers;
    return "{}";
  }
  Expected<std::optional<std::string>> customer_json(std::string_view id) override {
    ++private_answers;
    require(!id.empty() && id.size() <= limits::customer_id_bytes_max, "only what can be an id is asked for");
    if (id == "broken") throw std::runtime_error("no \"customer\"");
    if (id == "busy") return fail(ErrorKind::unavailable, "not connected");
    return id.starts_with('C') ? std::optional<std::string>(R"({"customer_id":"C"})") : std::optional<std::string>();
  }
  int private_answers = 0;
};

void check(const console::Exchange& exchange, const console::RequestParser& parser, bool understood) {
  constexpr std::array<unsigned, 9> statuses{200, 400, 401, 403, 404, 405, 431, 500, 503};
  const console::Response& response = exchange.response;
  require(std::ranges::find(statuses, response.result_int()) != statuses.end(),
          "the status is one of those documented");
  require(!response[http::field::content_type].empty() && !response[http::field::cache_control].empty(),
          "every answer has its headers");
  require(!exchange.head || response.body().empty(), "HEAD has no body");
  require(exchange.head || response[http::field::content_length] == std::to_string(response.body().size()),
          "the length is the body's");
  require(understood || !exchange.keep_alive, "what was not understood ends the connection");
  if (response[http::field::content_type] == "application/json" && !exchange.head) {
    require(!is_utf8(response.body()) || nlohmann::json::accept(response.body()), "JSON is JSON");
  }
  if (response.result_int() == 401) require(!response[http::field::www_authenticate].empty(), "401 names the scheme");
  if (response.result_int() == 405) require(!response[http::field::allow].empty(), "405 names the methods");
  if (response.result_int() == 200 && understood) {
    const auto method = parser.get().method();
    require(method == http::verb::get || method == http::verb::head, "only GET and HEAD are answered");
  }
}

/// Whether a header of the request has exactly the token: scheme, blank, secret.
bool has_token(const console::RequestParser& parser) {
  const auto given = parser.get()[http::field::authorization];
  return given.size() == 7 + secret.size() && given.substr(7) == beast::string_view(secret.data(), secret.size());
}

void serve(std::string_view bytes, std::size_t piece_max, std::string_view token) {
  Bytes stream(bytes, piece_max);
  beast::flat_buffer buffer(console::buffer_bytes_max);
  FewFacts facts;
  for (bool keep_alive = true; keep_alive;) {
    console::RequestParser parser;
    parser.header_limit(console::header_bytes_max);
    beast::error_code error;
    http::read_header(stream, buffer, parser, error);
    require(buffer.size() <= console::buffer_bytes_max, "what waits is bounded");
    if (error == http::error::end_of_stream) return;
    const int before = facts.private_answers;
    const auto exchange = console::exchange(parser, error, token, facts);
    check(exchange, parser, !error);
    if (facts.private_answers > before && !token.empty())
      require(has_token(parser), "without the token nothing is said");
    keep_alive = exchange.keep_alive;
  }
}

}  // namespace
}  // namespace holdfast::fuzz

/// A byte: whether a token is asked for, and how long the pieces are in which the bytes behind it come.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::fuzz;
  Input input(data, size);
  const std::uint8_t options = input.byte();
  constexpr std::array<std::size_t, 4> pieces{1, 7, 512, 65'536};
  serve(input.rest(), pieces[(options >> 1) % pieces.size()], (options & 1) != 0 ? secret : std::string_view());
  return 0;
}
