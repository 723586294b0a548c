#include "console/server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
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

#include "console/exchange.hpp"
#include "console/token.hpp"

namespace holdfast::console {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::size_t linger_bytes_max = std::size_t{256} << 10;

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
    beast::flat_buffer buffer(buffer_bytes_max);
    error_code error;
    for (bool keep_alive = true; keep_alive && !error;) {
      RequestParser parser;
      parser.header_limit(header_bytes_max);
      stream.expires_after(std::chrono::milliseconds(settings_.patience.ms));
      co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error == http::error::end_of_stream || error == beast::error::timeout || !stream.socket().is_open()) break;
      auto [response, head, stays] = exchange(parser, error, token_, facts_);
      keep_alive = stays;
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
