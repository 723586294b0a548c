#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "console/metrics.hpp"
#include "domain/error.hpp"
#include "domain/time.hpp"

namespace holdfast::console {

/// Where the server listens and who may ask.
struct ServerSettings {
  std::string host = "127.0.0.1";  ///< An address or `localhost`, without brackets.
  std::uint16_t port = 8480;       ///< 0: any free one.
  std::string token_file{};   ///< Clients must present what stands in it as bearer token. Empty: everybody may ask.
  Duration patience{10'000};  ///< For a request to come, for an answer to be taken, and between two requests.
  std::size_t connections_max = 64;  ///< More are closed at once.
};

/// What the program knows of itself. Called on the server's thread, one call at a time.
class Facts {
 public:
  virtual ~Facts() = default;
  /// Whether all assigned partitions are restored; otherwise `why_not` says what is missing.
  virtual bool ready(std::string& why_not) = 0;
  virtual Snapshot metrics() = 0;
  /// A JSON object.
  virtual std::string status_json() = 0;
  /// A JSON object; no value: there is no such customer here. unavailable: it cannot be said now.
  virtual Expected<std::optional<std::string>> customer_json(std::string_view id) = 0;
};

/// The HTTP API (docs/reference/http.md), on a thread of its own. Requests, connections and waiting are bounded.
class Server {
 public:
  virtual ~Server() = default;  ///< Stops: open connections are closed, the thread has ended.
  /// The port that it listens on.
  [[nodiscard]] virtual std::uint16_t port() const = 0;

  /// Listens once this returns. `facts` must outlive the server. invalid_argument: the address is none, the token file
  /// cannot be read or is empty; unavailable: the port is taken.
  [[nodiscard]] static Expected<std::unique_ptr<Server>> start(const ServerSettings& settings, Facts& facts);
};

}  // namespace holdfast::console
