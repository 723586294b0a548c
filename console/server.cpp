#include "console/server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <thread>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "console/api.hpp"

namespace holdfast::console {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// Far more than any of our requests needs: the longest id, percent-encoded, has 765 bytes.
constexpr std::uint32_t header_bytes_max = 8 * 1024;
constexpr std::size_t token_bytes_max = 4096;
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::size_t linger_bytes_max = std::size_t{256} << 10;

http::response<http::string_body> to_response(Reply reply, unsigned version, bool keep_alive, bool head) {
  http::response<http::string_body> response(static_cast<http::status>(reply.status), version);
  response.set(http::field::content_type, beast::string_view(reply.content_type.data(), reply.content_type.size()));
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (!reply.allow.empty())
    response.set(http::field::allow, beast::string_view(reply.allow.data(), reply.allow.size()));
  if (!reply.authenticate.empty()) {
    response.set(http::field::www_authenticate,
                 beast::string_view(reply.authenticate.data(), reply.authenticate.size()));
  }
  response.keep_alive(keep_alive);
  response.content_length(reply.body.size());
  if (!head) response.body() = std::move(reply.body);
  return response;
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

class HttpServer final : public Server {
 public:
  HttpServer(const ServerSettings& settings, std::string token, Facts& facts)
      : settings_(settings), token_(std::move(token)), facts_(facts) {}

  ~HttpServer() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status listen() {
    error_code error;
    const std::string host = settings_.host == "localhost" ? "127.0.0.1" : settings_.host;
    const auto address = asio::ip::make_address(host, error);
    if (error) return fail(ErrorKind::invalid_argument, fmt::format("http: '{}' is no IP address", settings_.host));
    const tcp::endpoint endpoint(address, settings_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (error) {
      return fail(ErrorKind::unavailable,
                  fmt::format("http: cannot listen on {} port {}: {}; set http.listen to an address that is free",
                              settings_.host, settings_.port, error.message()));
    }
    asio::co_spawn(context_, accept(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  asio::awaitable<void> accept() {
    asio::steady_timer pause(context_);
    for (;;) {
      error_code error;
      tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error) {
        // No file descriptors left, say: without a pause this would spin until there are.
        pause.expires_after(accept_pause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      } else if (connections_ < settings_.connections_max) {
        asio::co_spawn(context_, serve(beast::tcp_stream(std::move(socket))), asio::detached);
      }
    }
  }

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    const Counted counted(connections_);
    beast::flat_buffer buffer(header_bytes_max + 1024);
    error_code error;
    for (bool keep_alive = true; keep_alive && !error;) {
      http::request_parser<http::empty_body> parser;
      parser.header_limit(header_bytes_max);
      stream.expires_after(std::chrono::milliseconds(settings_.patience.ms));
      co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error == http::error::end_of_stream || error == beast::error::timeout || !stream.socket().is_open()) break;
      const bool understood = !error;
      // What follows a request with a body, or one that was not understood, is not known: the connection ends.
      keep_alive = understood && parser.keep_alive() && !has_body(parser);
      const bool head = understood && parser.get().method() == http::verb::head;
      const unsigned version = understood ? parser.get().version() : 11;
      auto response = to_response(understood ? reply_to(parser) : reply_to(error), version, keep_alive, head);
      http::response_serializer<http::string_body> serializer(response);
      serializer.split(head);
      error = {};
      stream.expires_after(std::chrono::milliseconds(settings_.patience.ms));
      if (head) {
        co_await http::async_write_header(stream, serializer, asio::redirect_error(asio::use_awaitable, error));
      } else {
        co_await http::async_write(stream, serializer, asio::redirect_error(asio::use_awaitable, error));
      }
    }
    co_await finish(stream);
  }

  /// Ends a connection so that the last answer arrives: closing a socket that has unread input would destroy it.
  asio::awaitable<void> finish(beast::tcp_stream& stream) {
    error_code error;
    stream.socket().shutdown(tcp::socket::shutdown_send, error);
    std::array<char, 4096> ignored{};
    stream.expires_after(std::chrono::milliseconds(settings_.patience.ms));
    for (std::size_t left = linger_bytes_max; left > 0 && !error;) {
      const std::size_t got =
          co_await stream.async_read_some(asio::buffer(ignored), asio::redirect_error(asio::use_awaitable, error));
      left -= std::min(left, got);
    }
  }

  static bool has_body(const http::request_parser<http::empty_body>& parser) {
    return parser.chunked() || parser.content_length().value_or(0) > 0;
  }

  Reply reply_to(const http::request_parser<http::empty_body>& parser) {
    const auto& request = parser.get();
    if (has_body(parser) && (request.method() == http::verb::get || request.method() == http::verb::head)) {
      return refuse(400, "a request must not have a body");
    }
    return answer({.method = view(request.method_string()),
                   .target = view(request.target()),
                   .host = view(request[http::field::host]),
                   .authorization = view(request[http::field::authorization])},
                  token_, facts_);
  }

  static Reply reply_to(const error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return refuse(431, fmt::format("the request is longer than {} bytes", header_bytes_max));
    }
    return refuse(400, "this is no HTTP request: " + error.message());
  }

  /// Counts the connections while they live.
  class Counted {
   public:
    explicit Counted(std::size_t& count) : count_(count) { ++count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count_; }

   private:
    std::size_t& count_;
  };

  const ServerSettings settings_;
  const std::string token_;
  Facts& facts_;
  std::uint16_t port_ = 0;

  // The server's thread alone, once it runs.
  std::size_t connections_ = 0;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};

  std::thread thread_;
};

}  // namespace

Expected<std::string> read_token(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string token(token_bytes_max, '\0');
  if (file) file.read(token.data(), static_cast<std::streamsize>(token.size()));
  if (!file.eof() || file.bad()) {
    return fail(ErrorKind::invalid_argument, fmt::format("http.token_file: {} cannot be read, or is no token", path));
  }
  token.resize(static_cast<std::size_t>(file.gcount()));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty()) {
    return fail(ErrorKind::invalid_argument, fmt::format("http.token_file: {} is empty; write a token into it", path));
  }
  return token;
}

Expected<std::unique_ptr<Server>> Server::start(const ServerSettings& settings, Facts& facts) {
  std::string token;
  if (!settings.token_file.empty()) {
    auto read = read_token(settings.token_file);
    if (!read) return std::unexpected(read.error());
    token = std::move(*read);
  }
  auto server = std::make_unique<HttpServer>(settings, std::move(token), facts);
  if (const Status listening = server->listen(); !listening) return std::unexpected(listening.error());
  return server;
}

}  // namespace holdfast::console
