#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "domain/error.hpp"

namespace holdfast::app {

/// A file that is there as a whole or as it was before, whatever ends the program or the machine meanwhile: it is
/// written beside its place under another name, and moved there when it is on the disk. Pipes, terminals, what
/// /dev/stdout stands for, and files that nothing can be put beside are written in place.
class OutputFile {
 public:
  /// failed: "cannot write PATH: why", here as below.
  [[nodiscard]] static Expected<OutputFile> open(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  /// Leaves what was there, unless keep() has been called.
  ~OutputFile();

  Status write(std::string_view bytes);
  /// After the last write: puts the file in its place.
  Status keep();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  OutputFile(std::string path, std::string target) : path_(std::move(path)), target_(std::move(target)) {}
  void open_beside();
  Status move_into_place();
  [[nodiscard]] std::unexpected<Error> cannot() const;

  std::string path_;    ///< As it was given.
  std::string target_;  ///< Where links lead to.
  std::string beside_;  ///< Empty: in place, or done.
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace holdfast::app
