#include "console/server.hpp"

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <gtest/gtest.h>

#include "tests/support/process.hpp"

namespace holdfast::console {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

class KnownFacts final : public Facts {
 public:
  bool ready(std::string& why_not) override {
    if (is_ready) return true;
    why_not = "the state is being restored";
    return false;
  }
  Snapshot metrics() override {
    Snapshot snapshot;
    snapshot.customers = 7;
    return snapshot;
  }
  std::string status_json() override {
    if (fails) throw std::runtime_error("no \"status\"");
    return R"({"ready":true})";
  }
  Expected<std::optional<std::string>> customer_json(std::string_view id) override {
    asked.emplace_back(id);
    if (id == "busy") return fail(ErrorKind::unavailable, "not connected");
    if (id == "broken") return fail(ErrorKind::failed, "broken");
    if (id.starts_with('C')) return std::optional<std::string>(R"({"customer_id":"C"})");
    return std::optional<std::string>();
  }

  bool is_ready = true;
  bool fails = false;
  std::vector<std::string> asked;
};

using Answer = http::response<http::string_body>;

/// One connection to the server, over the loopback.
class Client {
 public:
  explicit Client(std::uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }

  Answer ask(const std::string& target, http::verb method = http::verb::get,
             const std::map<std::string, std::string>& headers = {}) {
    http::request<http::empty_body> request(method, target, 11);
    request.set(http::field::host, "localhost");
    for (const auto& [name, value] : headers) request.set(name, value);
    http::write(socket_, request);
    return read(method == http::verb::head);
  }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  Answer read(bool head = false) {
    http::response_parser<http::string_body> parser;
    parser.skip(head);
    http::read(socket_, buffer_, parser);
    return parser.release();
  }
  /// What comes until the server closes the connection.
  std::string read_all() {
    std::string bytes;
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(bytes), error);
    return bytes;
  }
  bool closed() { return read_all().empty(); }

 private:
  asio::io_context context_;
  tcp::socket socket_{context_};
  boost::beast::flat_buffer buffer_;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerSettings settings = {}) {
    settings.port = 0;
    auto started = Server::start(settings, facts_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  Answer get(const std::string& target, const std::map<std::string, std::string>& headers = {}) {
    return Client(server_->port()).ask(target, http::verb::get, headers);
  }

  KnownFacts facts_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, EveryEndpointAnswers) {
  start();
  Answer answer = get("/-/healthy");
  EXPECT_EQ(answer.result_int(), 200u);
  EXPECT_EQ(answer.body(), "healthy\n");
  answer = get("/-/ready");
  EXPECT_EQ(answer.result_int(), 200u);
  EXPECT_EQ(answer.body(), "ready\n");
  answer = get("/metrics");
  EXPECT_EQ(answer.result_int(), 200u);
  EXPECT_EQ(answer[http::field::content_type], "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer.body().find("\nholdfast_customers 7\n"), std::string::npos) << answer.body();
  answer = get("/api/v1/status?pretty");
  EXPECT_EQ(answer.result_int(), 200u);
  EXPECT_EQ(answer[http::field::content_type], "application/json");
  EXPECT_EQ(answer[http::field::cache_control], "no-store");
  EXPECT_EQ(answer.body(), R"({"ready":true})");
  answer = get("/api/v1/customers/C1");
  EXPECT_EQ(answer.result_int(), 200u);
  EXPECT_EQ(answer.body(), R"({"customer_id":"C"})");
}

TEST_F(ServerTest, NotReadySaysWhy) {
  facts_.is_ready = false;
  start();
  const Answer answer = get("/-/ready");
  EXPECT_EQ(answer.result_int(), 503u);
  EXPECT_EQ(answer.body(), "not ready: the state is being restored\n");
  EXPECT_EQ(get("/-/healthy").result_int(), 200u);
}

TEST_F(ServerTest, CustomerIdsArePercentDecoded) {
  start();
  EXPECT_EQ(get("/api/v1/customers/C%2F1%20%c3%A4+?x=1").result_int(), 200u);
  ASSERT_EQ(facts_.asked.size(), 1u);
  EXPECT_EQ(facts_.asked[0], "C/1 \xc3\xa4+");
  for (const char* broken : {"C%", "C%2", "C%zz", "%"}) {
    const Answer answer = get(std::string("/api/v1/customers/") + broken);
    EXPECT_EQ(answer.result_int(), 400u) << broken;
    EXPECT_EQ(answer.body(), R"({"error":"the customer id has a '%' without two hexadecimal digits behind it"})");
  }
  EXPECT_EQ(get("/api/v1/customers/" + std::string(256, 'C')).result_int(), 400u);
  EXPECT_EQ(get("/api/v1/customers/" + std::string(255, 'C')).result_int(), 200u);
}

TEST_F(ServerTest, WhatCannotBeAnsweredSaysWhy) {
  facts_.fails = true;
  start();
  EXPECT_EQ(get("/api/v1/customers/nobody").result_int(), 404u);
  EXPECT_EQ(get("/api/v1/customers/nobody").body(), R"({"error":"this instance knows no such customer"})");
  EXPECT_EQ(get("/api/v1/customers/busy").result_int(), 503u);
  EXPECT_EQ(get("/api/v1/customers/broken").result_int(), 500u);
  EXPECT_EQ(get("/api/v1/customers/").result_int(), 404u);
  EXPECT_EQ(get("/api/v1/customers").result_int(), 404u);
  EXPECT_EQ(get("/").result_int(), 404u);
  EXPECT_EQ(get("/metrics/").result_int(), 404u);
  const Answer answer = get("/api/v1/status");
  EXPECT_EQ(answer.result_int(), 500u);
  EXPECT_EQ(answer.body(), R"({"error":"no \"status\""})");
}

TEST_F(ServerTest, OnlyReadingIsPossible) {
  start();
  for (const auto method : {http::verb::post, http::verb::put, http::verb::delete_, http::verb::options}) {
    const Answer answer = Client(server_->port()).ask("/metrics", method);
    EXPECT_EQ(answer.result_int(), 405u);
    EXPECT_EQ(answer[http::field::allow], "GET, HEAD");
  }
  const Answer head = Client(server_->port()).ask("/-/healthy", http::verb::head);
  EXPECT_EQ(head.result_int(), 200u);
  EXPECT_EQ(head[http::field::content_length], "8");
  EXPECT_EQ(head.body(), "");
}

TEST_F(ServerTest, AConnectionServesManyRequests) {
  start();
  Client client(server_->port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.ask("/-/healthy").body(), "healthy\n");
    EXPECT_EQ(client.ask("/-/healthy", http::verb::head).result_int(), 200u);
    EXPECT_EQ(client.ask("/none").result_int(), 404u);
  }
  client.send("GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read().body(), "healthy\n");
  EXPECT_EQ(client.read().body(), "ready\n");
  const Answer last = client.ask("/-/ready", http::verb::get, {{"Connection", "close"}});
  EXPECT_EQ(last.result_int(), 200u);
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, WhatIsNoRequestIsRefusedAndTheConnectionEnds) {
  start();
  for (const char* nonsense :
       {"hello\r\n\r\n", "GET /-/healthy\r\n\r\n", "GET /-/healthy HTTP/3.0\r\n\r\n",
        "GET /-/healthy HTTP/1.1\r\nno header\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"}) {
    Client client(server_->port());
    client.send(nonsense);
    EXPECT_EQ(client.read().result_int(), 400u) << nonsense;
    EXPECT_TRUE(client.closed()) << nonsense;
  }
}

TEST_F(ServerTest, BodiesAreNotTaken) {
  start();
  Client get_with_body(server_->port());
  get_with_body.send("GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(get_with_body.read().result_int(), 400u);
  EXPECT_TRUE(get_with_body.closed());
  Client post(server_->port());
  post.send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  EXPECT_EQ(post.read().result_int(), 405u);
  EXPECT_TRUE(post.closed());
}

TEST_F(ServerTest, LongRequestsAreRefused) {
  start();
  Client long_target(server_->port());
  long_target.send("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(long_target.read().result_int(), 431u);
  EXPECT_TRUE(long_target.closed());
  Client endless_header(server_->port());
  endless_header.send("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a'));
  EXPECT_EQ(endless_header.read().result_int(), 431u);
  EXPECT_EQ(get("/-/healthy").result_int(), 200u);
}

TEST_F(ServerTest, SlowAndSilentClientsAreDropped) {
  start({.patience = Duration{50}});
  Client silent(server_->port());
  Client slow(server_->port());
  slow.send("GET /-/hea");
  Client idle(server_->port());
  EXPECT_EQ(idle.ask("/-/healthy").result_int(), 200u);
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(slow.closed());
  EXPECT_TRUE(idle.closed());
  EXPECT_EQ(get("/-/healthy").result_int(), 200u);
}

TEST_F(ServerTest, ConnectionsAreBounded) {
  start({.connections_max = 2});
  Client first(server_->port());
  Client second(server_->port());
  EXPECT_EQ(first.ask("/-/healthy").result_int(), 200u);
  EXPECT_EQ(second.ask("/-/healthy").result_int(), 200u);
  Client third(server_->port());
  EXPECT_TRUE(third.closed());
  EXPECT_EQ(first.ask("/-/healthy").result_int(), 200u);
}

TEST_F(ServerTest, ATokenIsAskedForWhereThereIsSomethingToLearn) {
  testing::TemporaryFolder folder;
  const std::string file = (folder.path() / "token").string();
  testing::write_file(file, "s3cret\n");
  start({.token_file = file});
  EXPECT_EQ(get("/-/healthy").result_int(), 200u);
  EXPECT_EQ(get("/-/ready").result_int(), 200u);
  for (const char* target : {"/metrics", "/api/v1/status", "/api/v1/customers/C1", "/none"}) {
    const Answer answer = get(target);
    EXPECT_EQ(answer.result_int(), 401u) << target;
    EXPECT_EQ(answer[http::field::www_authenticate], "Bearer");
  }
  for (const char* wrong :
       {"Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "Bearer s3cres3cre", "Basic s3cret", "s3cret"}) {
    EXPECT_EQ(get("/metrics", {{"Authorization", wrong}}).result_int(), 401u) << wrong;
  }
  EXPECT_EQ(get("/metrics", {{"Authorization", "Bearer s3cret"}}).result_int(), 200u);
  EXPECT_EQ(get("/metrics", {{"Authorization", "bearer s3cret"}, {"Host", "shop.example"}}).result_int(), 200u);
  EXPECT_EQ(get("/none", {{"Authorization", "Bearer s3cret"}}).result_int(), 404u);
}

TEST_F(ServerTest, WithoutATokenOnlyThisMachinesNamesAreServed) {
  start();
  for (const char* host : {"localhost", "localhost:8480", "127.0.0.1:8480", "[::1]:8480"}) {
    EXPECT_EQ(get("/metrics", {{"Host", host}}).result_int(), 200u) << host;
  }
  for (const char* host : {"rebound.example", "localhost.example:8480", "127.0.0.1.example"}) {
    EXPECT_EQ(get("/metrics", {{"Host", host}}).result_int(), 403u) << host;
  }
  EXPECT_EQ(get("/-/healthy", {{"Host", "pod.example"}}).result_int(), 200u);
}

TEST_F(ServerTest, StartSaysWhatIsWrong) {
  start();
  ServerSettings taken;
  taken.port = server_->port();
  const auto second = Server::start(taken, facts_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(second.error().message, "http: cannot listen on 127.0.0.1 port " + std::to_string(taken.port) +
                                        ": Address already in use; set http.listen to an address that is free");

  const auto no_file = Server::start({.port = 0, .token_file = "/nowhere/token"}, facts_);
  ASSERT_FALSE(no_file);
  EXPECT_EQ(no_file.error().kind, ErrorKind::invalid_argument);
  EXPECT_EQ(no_file.error().message, "http.token_file: /nowhere/token cannot be read, or is no token");

  testing::TemporaryFolder folder;
  const std::string file = (folder.path() / "token").string();
  testing::write_file(file, " \n");
  const auto empty = Server::start({.port = 0, .token_file = file}, facts_);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().message, "http.token_file: " + file + " is empty; write a token into it");
}

TEST_F(ServerTest, StoppingClosesOpenConnections) {
  start();
  Client idle(server_->port());
  Client slow(server_->port());
  EXPECT_EQ(idle.ask("/-/healthy").result_int(), 200u);
  slow.send("GET /");
  server_.reset();
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(slow.closed());
}

}  // namespace
}  // namespace holdfast::console
