#pragma once

#include <expected>
#include <string>
#include <utility>

namespace holdfast {

/// What a caller can do about an error; the message tells a person what happened, where, and what to do.
enum class ErrorKind {
  invalid_argument,  ///< Usage or configuration: exit status 2.
  unavailable,       ///< A broker or file cannot be reached now; the same call may succeed later.
  corrupt,           ///< Stored bytes are not what was written.
  incompatible,      ///< Stored bytes are right but of another application, format or policy.
  rollback,          ///< The transaction did not happen: go back to the committed state and go on from there.
  fenced,            ///< Another instance took over: stop.
  failed,            ///< Nothing of the above: stop with the message.
};

struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;
};

template <class T>
using Expected = std::expected<T, Error>;
using Status = Expected<void>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}

}  // namespace holdfast
