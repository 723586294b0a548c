#include "console/api.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <optional>

#include <fmt/format.h>

#include "console/metrics_text.hpp"
#include "domain/limits.hpp"

namespace holdfast::console {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

/// The text as a JSON string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// No value: a '%' without two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// ---------------------------------------------------------------------------------------------------------------------
// Handlers; `rest` is what follows an endpoint's path.

Reply healthy(std::string_view, Facts&) { return {.content_type = text_type, .body = "healthy\n"}; }

Reply ready(std::string_view, Facts& facts) {
  std::string why_not;
  if (facts.ready(why_not)) return {.content_type = text_type, .body = "ready\n"};
  return {.status = 503, .content_type = text_type, .body = "not ready: " + why_not + "\n"};
}

Reply metrics(std::string_view, Facts& facts) {
  return {.content_type = metrics_type, .body = metrics_text(facts.metrics())};
}

Reply status(std::string_view, Facts& facts) { return {.content_type = json_type, .body = facts.status_json()}; }

Reply customer(std::string_view rest, Facts& facts) {
  const auto id = percent_decoded(rest);
  if (!id) return refuse(400, "the customer id has a '%' without two hexadecimal digits behind it");
  if (id->size() > limits::customer_id_bytes_max) return refuse(400, "the customer id is longer than any id can be");
  const auto known = facts.customer_json(*id);
  if (!known) return refuse(known.error().kind == ErrorKind::unavailable ? 503 : 500, known.error().message);
  if (!*known) return refuse(404, "this instance knows no such customer");
  return {.content_type = json_type, .body = **known};
}

struct Endpoint {
  std::string_view path;
  bool takes_more = false;  ///< Something must follow the path.
  bool open = false;        ///< Needs no token: what asks has none, and learns nothing.
  Reply (*handle)(std::string_view rest, Facts& facts) = nullptr;
};

constexpr std::array endpoints{
    Endpoint{.path = "/-/healthy", .open = true, .handle = healthy},
    Endpoint{.path = "/-/ready", .open = true, .handle = ready},
    Endpoint{.path = "/metrics", .handle = metrics},
    Endpoint{.path = "/api/v1/status", .handle = status},
    Endpoint{.path = "/api/v1/customers/", .takes_more = true, .handle = customer},
};

const Endpoint* find_endpoint(std::string_view path) {
  const auto found = std::find_if(endpoints.begin(), endpoints.end(), [&](const Endpoint& endpoint) {
    return endpoint.takes_more ? path.starts_with(endpoint.path) && path.size() > endpoint.path.size()
                               : path == endpoint.path;
  });
  return found == endpoints.end() ? nullptr : &*found;
}

/// Takes the same time wherever the first difference lies.
bool equal_in_constant_time(std::string_view given, std::string_view expected) {
  std::size_t difference = given.size() ^ expected.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ expected[expected.empty() ? 0 : i % expected.size()]);
  }
  return difference == 0;
}

bool has_token(const Request& request, std::string_view token) {
  constexpr std::string_view scheme = "bearer ";
  std::string_view given = request.authorization;
  const bool bearer =
      given.size() >= scheme.size() && std::equal(scheme.begin(), scheme.end(), given.begin(), [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
      });
  if (!bearer) return false;
  given.remove_prefix(scheme.size());
  return equal_in_constant_time(given, token);
}

/// Whether the client asked for this machine by number or as localhost. A web page that made its own name resolve to
/// 127.0.0.1 could otherwise read customers through a browser on this machine.
bool names_this_machine(std::string_view host) {
  if (host.empty() || host.starts_with('[')) return true;
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" ||
         std::all_of(name.begin(), name.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace

Reply refuse(unsigned status, std::string_view message) {
  return {.status = status, .content_type = json_type, .body = "{\"error\":" + quoted(message) + "}"};
}

Reply answer(const Request& request, std::string_view token, Facts& facts) {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  const Endpoint* endpoint = find_endpoint(path);
  const bool open = endpoint != nullptr && endpoint->open;
  if (!open && !token.empty() && !has_token(request, token)) {
    Reply reply = refuse(401, "present the token: Authorization: Bearer TOKEN");
    reply.authenticate = "Bearer";
    return reply;
  }
  if (!open && token.empty() && !names_this_machine(request.host)) {
    return refuse(403, "ask for 127.0.0.1 or localhost, or set http.token_file to serve other names");
  }
  if (endpoint == nullptr) return refuse(404, "there is no such endpoint");
  if (request.method != "GET" && request.method != "HEAD") {
    Reply reply = refuse(405, "only GET and HEAD are possible");
    reply.allow = "GET, HEAD";
    return reply;
  }
  try {
    return endpoint->handle(path.substr(endpoint->path.size()), facts);
  } catch (const std::exception& error) {
    return refuse(500, error.what());
  }
}

}  // namespace holdfast::console
