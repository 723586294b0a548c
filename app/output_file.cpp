#include "app/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::app {
namespace {

namespace fs = std::filesystem;

/// Where a new file may take the place of what is there, links resolved; empty: nowhere.
std::string replaceable(const std::string& path) {
  // What is open already goes on being written to by whoever opened it, also where it is a plain file.
  if (path.starts_with("/dev/") || path.starts_with("/proc/")) return {};
  std::error_code failed;
  const fs::file_status there = fs::status(path, failed);
  if (there.type() == fs::file_type::not_found) return fs::is_symlink(path, failed) ? std::string() : path;
  if (there.type() != fs::file_type::regular) return {};
  const fs::path target = fs::canonical(path, failed);
  return failed ? std::string() : target.string();
}

/// As far as the file system can: that a file stands under its name.
void sync_folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  const int opened = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return;
  (void)::fsync(opened);
  (void)::close(opened);
}

}  // namespace

Expected<OutputFile> OutputFile::open(const std::string& path) {
  OutputFile file(path, replaceable(path));
  errno = 0;
  if (!file.target_.empty()) file.open_beside();
  if (!file.file_) file.file_.reset(std::fopen(path.c_str(), "wbe"));
  if (!file.file_) return file.cannot();
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      beside_(std::exchange(other.beside_, {})),
      file_(std::move(other.file_)) {}

OutputFile::~OutputFile() {
  if (!beside_.empty()) (void)::unlink(beside_.c_str());
}

void OutputFile::open_beside() {
  std::string beside = fmt::format("{}.{}.new", target_, ::getpid());
  (void)::unlink(beside.c_str());  // Of a process that had this number before.
  const int opened = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (opened < 0) return;
  beside_ = std::move(beside);
  struct stat before{};
  if (::stat(target_.c_str(), &before) == 0) (void)::fchmod(opened, before.st_mode & 0777U);
  file_.reset(::fdopen(opened, "wb"));
  if (!file_) (void)::close(opened);
}

Status OutputFile::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) return cannot();
  return {};
}

Status OutputFile::keep() {
  if (std::fflush(file_.get()) != 0) return cannot();
  // Pipes and terminals have no disk to be on.
  if (!beside_.empty() && ::fsync(::fileno(file_.get())) != 0) return cannot();
  if (std::fclose(file_.release()) != 0) return cannot();
  return beside_.empty() ? Status() : move_into_place();
}

Status OutputFile::move_into_place() {
  if (::rename(beside_.c_str(), target_.c_str()) == 0) {
    beside_.clear();
    sync_folder_of(target_);
    return {};
  }
  if (errno != EBUSY) return cannot();
  // A single file that is mounted there, as into a container, keeps its place: it gets the content.
  std::error_code failed;
  if (fs::copy_file(beside_, target_, fs::copy_options::overwrite_existing, failed)) return {};
  errno = failed.value();
  return cannot();
}

std::unexpected<Error> OutputFile::cannot() const {
  return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
}

}  // namespace holdfast::app
