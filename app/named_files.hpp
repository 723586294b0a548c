#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/config.hpp"
#include "domain/error.hpp"

/// The files that a command line names.
namespace holdfast::app {

struct NamedFile {
  enum class Use { read, written } use{};
  std::string flag;  ///< As given: "--source purchases=orders.csv", for messages.
  std::string path;  ///< "-": standard input, or output.
};

/// invalid_argument: two of them are the same file, pipe or standard stream, by whatever names, so that one would be
/// lost. Devices such as /dev/null may be shared.
[[nodiscard]] Status check_distinct(std::span<const NamedFile> files);

/// NAME and PATH of each --source, as files to be read.
[[nodiscard]] std::vector<NamedFile> files_to_read(std::span<const std::pair<std::string, std::string>> sources);

/// What each source of the configuration reads, by source, in the order given. invalid_argument: there is no such
/// source.
[[nodiscard]] Expected<std::vector<std::vector<std::string>>> paths_by_source(
    const Config& config, std::span<const std::pair<std::string, std::string>> sources);

}  // namespace holdfast::app
