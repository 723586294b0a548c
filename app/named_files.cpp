#include "app/named_files.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::app {
namespace {

bool is_standard_stream(const NamedFile& file) { return file.path == "-"; }

bool look_up(const NamedFile& file, struct stat& found) {
  if (!is_standard_stream(file)) return stat(file.path.c_str(), &found) == 0;
  return fstat(file.use == NamedFile::Use::read ? STDIN_FILENO : STDOUT_FILENO, &found) == 0;
}

// Terminals and /dev/null do not mind, and a socket has two ways.
bool may_be_shared(const struct stat& found) { return S_ISCHR(found.st_mode) || S_ISSOCK(found.st_mode); }

bool are_the_same(const NamedFile& a, const NamedFile& b) {
  if (is_standard_stream(a) && is_standard_stream(b) && a.use == b.use) return true;
  struct stat a_found{};
  struct stat b_found{};
  const bool a_exists = look_up(a, a_found);
  const bool b_exists = look_up(b, b_found);
  if (a_exists && b_exists)
    return a_found.st_dev == b_found.st_dev && a_found.st_ino == b_found.st_ino && !may_be_shared(a_found);
  if (a_exists || b_exists || is_standard_stream(a) || is_standard_stream(b)) return false;
  // Both are yet to be made.
  std::error_code a_failed;
  std::error_code b_failed;
  const auto a_path = std::filesystem::weakly_canonical(a.path, a_failed);
  const auto b_path = std::filesystem::weakly_canonical(b.path, b_failed);
  return !a_failed && !b_failed && a_path == b_path;
}

}  // namespace

Status check_distinct(std::span<const NamedFile> files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!are_the_same(files[i], files[j])) continue;
      return fail(ErrorKind::invalid_argument,
                  fmt::format("{} and {} are the same {}: name another", files[j].flag, files[i].flag,
                              is_standard_stream(files[i]) ? "stream" : "file"));
    }
  }
  return {};
}

std::vector<NamedFile> files_to_read(std::span<const std::pair<std::string, std::string>> sources) {
  std::vector<NamedFile> files;
  for (const auto& [source, path] : sources)
    files.push_back({NamedFile::Use::read, fmt::format("--source {}={}", source, path), path});
  return files;
}

Expected<std::vector<std::vector<std::string>>> paths_by_source(
    const Config& config, std::span<const std::pair<std::string, std::string>> sources) {
  std::vector<std::vector<std::string>> paths(config.sources.size());
  for (const auto& [name, path] : sources) {
    const auto found = std::ranges::find(config.sources, name, &ingest::SourceFormat::name);
    if (found == config.sources.end()) {
      std::string known;
      for (const auto& source : config.sources) known += (known.empty() ? "" : ", ") + source.name;
      return fail(ErrorKind::invalid_argument,
                  fmt::format("--source {}: the configuration has no such source; it has {}", name, known));
    }
    paths[static_cast<std::size_t>(found - config.sources.begin())].push_back(path);
  }
  return paths;
}

}  // namespace holdfast::app
