#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace holdfast::ingest {

/// Reads the JSON that nearly all events are: an object whose members are texts without escapes, numbers of at most 15
/// digits, true, false and null. It never takes what is no JSON; whatever else it does not take has to be put before a
/// whole parser, which needs three times as long (docs/decisions/0011-flat-json.md).
class FlatJson {
 public:
  static constexpr std::size_t members_max = 32;

  enum class Kind : std::uint8_t { text, number, boolean, null };
  struct Member {
    std::string_view name;
    std::string_view text;    ///< What stands between the quotes of a text.
    double number = 0;        ///< Nearest to the number's digits.
    bool is_integer = false;  ///< The number has no decimal point.
    Kind kind = Kind::null;
  };

  /// False: to be read by somebody else. Views of the members point into `json`.
  [[nodiscard]] bool read(std::string_view json);
  /// In the object's order, names that come twice included. Of the last text that was read.
  [[nodiscard]] std::span<const Member> members() const { return {members_.data(), size_}; }

 private:
  std::array<Member, members_max> members_;
  std::size_t size_ = 0;
};

}  // namespace holdfast::ingest
