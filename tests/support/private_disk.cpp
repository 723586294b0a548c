#include "tests/support/private_disk.hpp"

#include <fstream>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace holdfast::testing {
namespace {

bool write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

/// Who may not mount becomes root of a user namespace, where it may.
bool enter_namespace() {
  if (::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0) return true;
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_file("/proc/self/setgroups", "deny") &&
         write_file("/proc/self/uid_map", "0 " + user + " 1") && write_file("/proc/self/gid_map", "0 " + group + " 1");
}

}  // namespace

bool mount_private_disk(const std::filesystem::path& at, const std::string& options) {
  return enter_namespace() && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", at.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

}  // namespace holdfast::testing
