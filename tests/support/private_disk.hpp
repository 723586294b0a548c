#pragma once

#include <filesystem>
#include <string>

namespace holdfast::testing {

/// Mounts an empty disk in memory (tmpfs, `options` as for mount) that this process alone sees and that goes with it,
/// whoever runs it. For a child process with one thread. False: the system does not allow it.
[[nodiscard]] bool mount_private_disk(const std::filesystem::path& at, const std::string& options);

}  // namespace holdfast::testing
