#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "domain/error.hpp"

namespace holdfast::state {

/// The version of the state directory's layout (docs/formats/checkpoint.md).
inline constexpr int directory_format = 1;

/// A folder that belongs to one application, and to one process at a time as long as the object lives.
class StateDirectory {
 public:
  virtual ~StateDirectory() = default;
  [[nodiscard]] virtual const std::filesystem::path& path() const = 0;

  /// Makes the folder, or takes one that is there. corrupt: the file that says whose it is is damaged, or missing
  /// beside a database; incompatible: it is of another application or of a newer format; failed: another process has
  /// it, it holds something else, or it cannot be written. All messages name the folder.
  [[nodiscard]] static Expected<std::unique_ptr<StateDirectory>> open(const std::filesystem::path& path,
                                                                      const std::string& application_id);
};

/// Whether the folder is a state directory of this application, without taking it.
[[nodiscard]] Status check_state_directory(const std::filesystem::path& path, const std::string& application_id);

/// Renames the folder to <folder>.corrupt-<n>, the first n that is free; what stood in it stays there to be looked at.
/// A folder that cannot be renamed or must not be, such as a mount point or a link, is kept, and its content moves into
/// <folder>/corrupt-<n>. Gives the place of what was set aside. failed: another process uses the folder, or neither
/// works.
[[nodiscard]] Expected<std::filesystem::path> set_aside(const std::filesystem::path& folder);

}  // namespace holdfast::state
