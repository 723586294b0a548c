#include "console/token.hpp"

#include <fstream>

#include <fmt/format.h>

namespace holdfast::console {
namespace {

constexpr std::size_t token_bytes_max = 4096;

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

}  // namespace holdfast::console
