#include "tests/support/cluster.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;
constexpr int answer_seconds_max = 2;
constexpr std::size_t answer_bytes_max = 1U << 20U;

// ---------------------------------------------------------------------------------------------------------------------
// Requests of Kafka's protocol that librdkafka does not offer. Numbers are big-endian; a "compact" length is one more
// than it says and small enough here for a single byte.

class Request {
 public:
  Request(std::int16_t api, std::int16_t version) {
    add(api);
    add(version);
    add(std::int32_t{1});  // Correlation id: one request a connection.
    text("tests");
  }
  template <class Number>
  void add(Number number) {
    for (std::size_t shift = 8 * sizeof number; shift > 0; shift -= 8)
      bytes_ += static_cast<char>(static_cast<std::uint64_t>(number) >> (shift - 8));
  }
  void text(std::string_view value) {
    add(static_cast<std::int16_t>(value.size()));
    bytes_ += value;
  }
  void compact_text(std::string_view value) {
    add(static_cast<std::uint8_t>(value.size() + 1));
    bytes_ += value;
  }
  void compact_array(std::uint8_t size) { add(static_cast<std::uint8_t>(size + 1)); }
  void no_tags() { add(std::uint8_t{0}); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Throws where an answer is shorter than it should be.
class Answer {
 public:
  explicit Answer(std::string bytes) : bytes_(std::move(bytes)) { (void)get<std::int32_t>(); }
  template <class Number>
  Number get() {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i)
      number = number << 8U | static_cast<unsigned char>(bytes_.at(at_++));
    return static_cast<Number>(number);
  }
  void skip(std::size_t bytes) { at_ += bytes; }
  void skip_text() {
    if (const auto size = get<std::int16_t>(); size > 0) skip(static_cast<std::size_t>(size));
  }
  void skip_compact_text() {
    if (const auto size = get<std::uint8_t>(); size > 1) skip(size - 1U);
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

class Socket {
 public:
  explicit Socket(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = answer_seconds_max, .tv_usec = 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(descriptor_); }

  [[nodiscard]] bool send_all(std::string_view bytes) const {
    return connected_ &&
           send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  [[nodiscard]] std::optional<std::string> receive(std::size_t size) const {
    std::string bytes(size, '\0');
    if (recv(descriptor_, bytes.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) return std::nullopt;
    return bytes;
  }

 private:
  int descriptor_;
  bool connected_ = false;
};

/// No value: nobody answers there.
std::optional<Answer> ask(std::uint16_t port, const Request& request) {
  const Socket socket(port);
  std::string framed;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) framed += static_cast<char>(request.bytes().size() >> shift);
  if (!socket.send_all(framed + request.bytes())) return std::nullopt;
  const auto head = socket.receive(4);
  if (!head) return std::nullopt;
  std::size_t size = 0;
  for (const char c : *head) size = size << 8U | static_cast<unsigned char>(c);
  if (size < 4 || size > answer_bytes_max) return std::nullopt;
  auto body = socket.receive(size);
  if (!body) return std::nullopt;
  return Answer(std::move(*body));
}

enum class Coordinator : std::int8_t { group = 0, transaction = 1 };

// FindCoordinator, version 1.
std::optional<int> ask_coordinator(std::uint16_t port, Coordinator kind, const std::string& key) {
  Request request(10, 1);
  request.text(key);
  request.add(static_cast<std::int8_t>(kind));
  auto answer = ask(port, request);
  if (!answer) return std::nullopt;
  answer->skip(sizeof(std::int32_t));  // Throttled for so long.
  if (answer->get<std::int16_t>() != 0) return std::nullopt;
  answer->skip_text();
  return answer->get<std::int32_t>();
}

// DescribeQuorum, version 0; brokers pass it on to the controller.
std::optional<int> ask_controller(std::uint16_t port) {
  Request request(55, 0);
  request.no_tags();
  request.compact_array(1);
  request.compact_text("__cluster_metadata");
  request.compact_array(1);
  request.add(std::int32_t{0});
  for (int nesting = 0; nesting < 3; ++nesting) request.no_tags();
  auto answer = ask(port, request);
  if (!answer) return std::nullopt;
  answer->skip(1);  // Tags of the head.
  if (answer->get<std::int16_t>() != 0) return std::nullopt;
  if (answer->get<std::uint8_t>() != 2) return std::nullopt;
  answer->skip_compact_text();
  if (answer->get<std::uint8_t>() != 2) return std::nullopt;
  answer->skip(sizeof(std::int32_t));  // Partition.
  if (answer->get<std::int16_t>() != 0) return std::nullopt;
  const int leader = answer->get<std::int32_t>();
  return leader > 0 ? std::optional(leader) : std::nullopt;
}

std::vector<std::uint16_t> ports_of(const std::string& bootstrap) {
  std::vector<std::uint16_t> ports;
  for (std::size_t at = 0; (at = bootstrap.find(':', at)) != std::string::npos; ++at)
    ports.push_back(static_cast<std::uint16_t>(std::stoul(bootstrap.substr(at + 1))));
  return ports;
}

/// Asks until there is an answer.
int wait_for(const std::string& what, const std::function<std::optional<int>()>& answer) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (const auto found = answer()) return *found;
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(what + ": none was found");
    std::this_thread::sleep_for(20ms);
  }
}

int wait_for_any(const std::string& what, const std::string& bootstrap,
                 const std::function<std::optional<int>(std::uint16_t port)>& of_node) {
  const std::vector<std::uint16_t> ports = ports_of(bootstrap);
  return wait_for(what, [&]() -> std::optional<int> {
    for (const std::uint16_t port : ports) {
      if (const auto found = of_node(port)) return found;
    }
    return std::nullopt;
  });
}

std::vector<std::string> with_directory(const std::string& verb, const std::filesystem::path& directory) {
  return {verb, "--dir", directory.string()};
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------

Cluster::Cluster(const std::string& settings) : directory_(make_kafka_directory()), settings_(settings) {
  auto arguments = with_directory("start", directory_);
  arguments.insert(arguments.end(), {"--nodes", std::to_string(nodes.size()), "--port", "0"});
  try {
    bootstrap_ = deploy_kafka(arguments, settings_);
  } catch (...) {  // Some of the nodes may run.
    end();
    throw;
  }
}

Cluster::~Cluster() { end(); }

void Cluster::end() noexcept {
  try {
    for (const int node : nodes) kill9(node);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::filesystem::path Cluster::home_of(int node) const { return directory_ / fmt::format("node-{}", node); }

void Cluster::kill9(int node) { kill_broker(home_of(node)); }

void Cluster::stop(int node) {
  auto arguments = with_directory("stop", directory_);
  arguments.insert(arguments.end(), {"--node", std::to_string(node)});
  deploy_kafka(arguments, settings_);
}

void Cluster::restart(int node) {
  auto arguments = with_directory("start", directory_);
  arguments.insert(arguments.end(), {"--node", std::to_string(node)});
  deploy_kafka(arguments, settings_);
}

void Cluster::wait_until_in_sync() {
  wait_for("copies that are up to date",
           [this]() -> std::optional<int> { return partitions_out_of_sync() == 0 ? std::optional(0) : std::nullopt; });
}

int Cluster::leader_of(const std::string& topic, std::int32_t partition) {
  return wait_for("leader of " + topic, [&] { return leader(topic, partition); });
}

int Cluster::transaction_coordinator(const std::string& transactional_id) {
  return wait_for_any("coordinator of transactions of " + transactional_id, bootstrap_, [&](std::uint16_t port) {
    return ask_coordinator(port, Coordinator::transaction, transactional_id);
  });
}

int Cluster::group_coordinator(const std::string& group) {
  return wait_for_any("coordinator of group " + group, bootstrap_,
                      [&](std::uint16_t port) { return ask_coordinator(port, Coordinator::group, group); });
}

int Cluster::controller() {
  return wait_for_any("controller", bootstrap_, [](std::uint16_t port) { return ask_controller(port); });
}

}  // namespace holdfast::testing
