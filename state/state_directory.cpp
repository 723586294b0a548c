#include "state/state_directory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::state {
namespace {

namespace fs = std::filesystem;

constexpr const char* identity_name = "HOLDFAST";
constexpr const char* temporary_identity_name = "HOLDFAST.tmp";
constexpr const char* lock_name = "LOCK.holdfast";
constexpr const char* database_name = "db";
constexpr const char* scratch_name = "tmp";
constexpr const char* volume_folder = "lost+found";
constexpr std::string_view aside_prefix = "corrupt-";

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
  const fs::path temporary = path / temporary_identity_name;
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

bool is_set_aside(const std::string& name) {
  return name.starts_with(aside_prefix) &&
         name.find_first_not_of("0123456789", aside_prefix.size()) == std::string::npos;
}

/// What may stand in a folder without being anybody's state: traces of a start that was interrupted, what was set
/// aside, and what ext4 makes in every volume.
bool is_nothing(const std::string& name) {
  return name == lock_name || name == temporary_identity_name || name == volume_folder || is_set_aside(name);
}

Expected<std::vector<std::string>> names_in(const fs::path& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) {
    errno = error.value();
    return std::unexpected(system_error(path, "look into it"));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool has_file(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// Refuses a folder that is not ours to write to, before anything is.
Status check_free(const fs::path& path) {
  if (has_file(path / identity_name)) return {};
  const auto names = names_in(path);
  if (!names) return std::unexpected(names.error());
  // Every start locks before it writes anything else, so what has a lock was made here.
  const bool locked_once = has_file(path / lock_name);
  for (const std::string& name : *names) {
    const bool data = name == database_name || name == scratch_name;
    if (is_nothing(name) || name == identity_name || (data && locked_once)) continue;
    return fail(ErrorKind::failed,
                fmt::format("{}: the folder holds something else than Holdfast's state, '{}': set another "
                            "state.directory{}",
                            path.string(), name,
                            data ? fmt::format(", or restore its file {} if this is a copy", identity_name) : ""));
  }
  return {};
}

/// Ours by its lock, but nothing says of which application. It is not guessed: customers of another one would be taken
/// for ours. To set it aside loses nothing, since the folder stays whole under its new name, and with the file written
/// anew it can be put back.
Error missing_identity(const fs::path& path) {
  return {ErrorKind::corrupt,
          fmt::format("{}: the state is damaged: its file {} is missing (two lines: 'holdfast state {}' and "
                      "'application_id NAME')",
                      path.string(), identity_name, directory_format)};
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

/// The folder is this process's as long as the object lives.
Expected<std::unique_ptr<Opened>> lock_folder(const fs::path& path) {
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
  return opened;
}

/// Whether a folder that could not be renamed may still be emptied: it is a mount point, or only its parent is not
/// ours.
bool is_fixed_in_place(int error) {
  return error == EBUSY || error == EXDEV || error == EACCES || error == EPERM || error == EROFS;
}

/// Moves what stands in the folder into a new one inside it. The identity goes last: a crash on the way leaves a state
/// without its database, which is begun anew, or one that is found damaged again.
Expected<fs::path> set_content_aside(const fs::path& path) {
  auto names = names_in(path);
  if (!names) return std::unexpected(names.error());
  std::erase_if(
      *names, [](const std::string& name) { return name == lock_name || name == volume_folder || is_set_aside(name); });
  std::stable_partition(names->begin(), names->end(), [](const std::string& name) { return name != identity_name; });
  for (int n = 1;; ++n) {
    fs::path to = path / fmt::format("{}{}", aside_prefix, n);
    if (::mkdir(to.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      return std::unexpected(system_error(path, "make a folder in it"));
    }
    for (const std::string& name : *names) {
      if (::rename((path / name).c_str(), (to / name).c_str()) != 0)
        return std::unexpected(system_error(path / name, fmt::format("move it into {}{}", aside_prefix, n)));
    }
    return to;
  }
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
  if (const Status free = check_free(path); !free) return std::unexpected(free.error());
  auto opened = lock_folder(path);
  if (!opened) return std::unexpected(opened.error());
  // Only now does nobody else write the identity.
  const Status identified = has_file(path / identity_name)   ? check_identity(path, application_id)
                            : has_file(path / database_name) ? Status(std::unexpected(missing_identity(path)))
                                                             : write_identity(path, application_id);
  if (!identified) return std::unexpected(identified.error());
  return std::move(*opened);
}

Status check_state_directory(const fs::path& path, const std::string& application_id) {
  if (has_file(path / identity_name)) return check_identity(path, application_id);
  if (has_file(path / lock_name) && has_file(path / database_name)) return std::unexpected(missing_identity(path));
  return fail(ErrorKind::failed, path.string() + ": there is no state here: has `holdfast run` made a checkpoint yet?");
}

Expected<fs::path> set_aside(const fs::path& folder) {
  // With a slash at its end the new name would be one inside the folder.
  fs::path path = folder;
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  const auto locked = lock_folder(path);
  if (!locked) return std::unexpected(locked.error());
  std::error_code error;
  // Renamed, a link would take the new state to another disk.
  if (fs::is_symlink(path, error)) return set_content_aside(path);
  for (int n = 1;; ++n) {
    fs::path to = fmt::format("{}.{}{}", path.string(), aside_prefix, n);
    if (has_file(to)) continue;
    if (::rename(path.c_str(), to.c_str()) == 0) return to;
    if (is_fixed_in_place(errno)) return set_content_aside(path);
    return std::unexpected(system_error(path, "rename it"));
  }
}

}  // namespace holdfast::state
