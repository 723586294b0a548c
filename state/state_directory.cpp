#include "state/state_directory.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace holdfast::state {
namespace {

namespace fs = std::filesystem;

constexpr const char* identity_name = "HOLDFAST";
constexpr const char* lock_name = "LOCK.holdfast";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const fs::path& path, std::string_view what) {
  return {ErrorKind::failed, fmt::format("{}: cannot {}: {}; see to its rights and space, or set state.directory",
                                         path.string(), what, std::strerror(errno))};
}

std::string identity_text(const std::string& application_id) {
  return fmt::format("holdfast state {}\napplication_id {}\n", directory_format, application_id);
}

Status check_identity(const fs::path& path, const std::string& application_id) {
  std::ifstream in(path / identity_name);
  std::string word;
  std::string word2;
  std::string key;
  std::string owner;
  int format = 0;
  if (!(in >> word >> word2 >> format >> key >> owner) || word != "holdfast" || word2 != "state")
    return fail(ErrorKind::corrupt, fmt::format("{}: its file {} is damaged", path.string(), identity_name));
  if (format > directory_format)
    return fail(ErrorKind::incompatible,
                fmt::format("{}: the state is of format {}, this release knows {}: run the release that wrote it, or "
                            "set another state.directory to have the state rebuilt from the log",
                            path.string(), format, directory_format));
  if (owner != application_id)
    return fail(ErrorKind::incompatible,
                fmt::format("{}: the state belongs to application_id '{}', the configuration says '{}': set another "
                            "state.directory",
                            path.string(), owner, application_id));
  return {};
}

Status write_identity(const fs::path& path, const std::string& application_id) {
  const fs::path temporary = path / (std::string(identity_name) + ".tmp");
  const std::string text = identity_text(application_id);
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0 || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(file.get()) != 0)
      return std::unexpected(system_error(path, "write to it"));
  }
  if (::rename(temporary.c_str(), (path / identity_name).c_str()) != 0)
    return std::unexpected(system_error(path, "write to it"));
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return std::unexpected(system_error(path, "write to it"));
  return {};
}

/// What stands in the folder besides this program's own traces of a start that was interrupted.
bool holds_something_else(const fs::path& path) {
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name != lock_name && name != std::string(identity_name) + ".tmp") return true;
  }
  return false;
}

class Opened final : public StateDirectory {
 public:
  Opened(fs::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  [[nodiscard]] const fs::path& path() const override { return path_; }

 private:
  const fs::path path_;
  const Descriptor lock_;  ///< The lock goes with it, also when the process is killed.
};

std::string holder_of(int lock) {
  std::array<char, 32> text{};
  const auto size = ::pread(lock, text.data(), text.size() - 1, 0);
  return size > 0 ? fmt::format("the process {}", text.data()) : "another process";
}

}  // namespace

Expected<std::unique_ptr<StateDirectory>> StateDirectory::open(const fs::path& path,
                                                               const std::string& application_id) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    errno = error.value();
    return std::unexpected(system_error(path, "make the folder"));
  }
  const bool known = fs::exists(path / identity_name, error);
  if (!known && holds_something_else(path))
    return fail(ErrorKind::failed,
                path.string() + ": the folder holds something else than Holdfast's state: set another state.directory");

  const int lock = ::open((path / lock_name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return std::unexpected(system_error(path, "write to it"));
  auto opened = std::make_unique<Opened>(path, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorKind::failed, fmt::format("{}: {} uses this state directory: stop it, or set another "
                                               "state.directory for this instance",
                                               path.string(), holder_of(lock)));
  const std::string pid = fmt::format("{}", ::getpid());
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return std::unexpected(system_error(path, "write to it"));
  if (const Status done = known ? check_identity(path, application_id) : write_identity(path, application_id); !done)
    return std::unexpected(done.error());
  return opened;
}

Status check_state_directory(const fs::path& path, const std::string& application_id) {
  std::error_code error;
  if (!fs::exists(path / identity_name, error))
    return fail(ErrorKind::failed,
                path.string() + ": there is no state here: has `holdfast run` made a checkpoint yet?");
  return check_identity(path, application_id);
}

Expected<fs::path> set_aside(const fs::path& path) {
  for (int n = 1;; ++n) {
    const fs::path to = fmt::format("{}.corrupt-{}", path.string(), n);
    if (fs::exists(to)) continue;
    if (::rename(path.c_str(), to.c_str()) != 0) return std::unexpected(system_error(path, "rename it"));
    return to;
  }
}

}  // namespace holdfast::state
