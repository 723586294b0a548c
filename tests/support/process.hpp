#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace holdfast::testing {

/// The program under test as a process of its own. Killed when the object ends.
class Process {
 public:
  /// Starts `holdfast ARGUMENTS`; stdout and stderr are appended to `log`.
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& log);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  void signal(int number) const;
  /// The exit status, 128 + n for death by signal n; no value: it still runs after `seconds`.
  std::optional<int> wait(double seconds);
  void kill9();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct Finished {
  int status = 0;
  std::string out;
  std::string err;
};
/// Runs `holdfast ARGUMENTS` to its end.
[[nodiscard]] Finished run_holdfast(const std::vector<std::string>& arguments);

/// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& content);

}  // namespace holdfast::testing
