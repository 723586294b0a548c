#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::ingest {

/// Appends text as a JSON string, quotes included. What is no UTF-8 stays as it is.
void append_json_string(std::string& out, std::string_view text);

/// The names on the way that a JSON Pointer describes: /customer/a~1b is {"customer", "a/b"}.
[[nodiscard]] std::vector<std::string> pointer_path(std::string_view pointer);

/// Writes values into one JSON object, each at the place that a path gives it: {"a", "b"} is the member b of the object
/// a.
class JsonLayout {
 public:
  /// Gives a value, by a number of the caller's own, its place. False: it has none, since the place is taken, holds an
  /// object, or lies within another value.
  bool add(std::span<const std::string> path, std::size_t value);
  /// Appends the object, members in the order in which they were added. values[i] is the JSON of value i; empty:
  /// absent. An object within it that would have no member is left out.
  void write(std::span<const std::string> values, std::string& out) const;

 private:
  struct Member {
    std::string name;
    std::optional<std::size_t> value;  ///< No value: an object of `members`.
    std::vector<Member> members;
  };
  static bool write(const Member& object, std::span<const std::string> values, std::string& out);

  Member root_;
};

}  // namespace holdfast::ingest
