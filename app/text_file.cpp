#include "app/text_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "app/output_file.hpp"

namespace holdfast::app {

Expected<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes_max + 1, '\0');
  // A folder opens, and fails when it is read.
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file && !file.eof()) {
    return fail(ErrorKind::invalid_argument, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > bytes_max) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("{}: is larger than {} bytes, so it is the wrong file", path, bytes_max));
  }
  return text;
}

Status write_text_file(const std::string& path, std::string_view text) {
  auto file = OutputFile::open(path);
  if (!file) return std::unexpected(file.error());
  if (const Status written = file->write(text); !written) return written;
  return file->keep();
}

FileReader text_files() {
  return [](const std::string& path) { return read_text_file(path); };
}

}  // namespace holdfast::app
