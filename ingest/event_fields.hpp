#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::ingest {

/// The fields that mean something to Holdfast, and all others, which are only checked to be JSON.
enum class Field : std::uint8_t {
  customer_id,
  time,
  event_id,
  amount,
  currency,
  status,
  category,
  severity,
  action,
  other
};
inline constexpr std::size_t field_count = 9;  ///< Without the others.

[[nodiscard]] Field field_named(std::string_view name);
[[nodiscard]] inline bool is_id(Field field) { return field == Field::customer_id || field == Field::event_id; }

/// Which members of an event's object are which fields.
class MemberNames {
 public:
  /// REQUIRES: a name that was not added before.
  void add(std::string name, Field field) { names_.emplace_back(std::move(name), field); }
  [[nodiscard]] bool contains(std::string_view name) const;
  /// Of the member at a place, from 0. Events of one source have the same members in the same order, as a rule: what
  /// stood there in the event before is tried first.
  [[nodiscard]] Field field_of(std::string_view name, std::size_t place);

 private:
  /// Names are short: a call of memcmp would be most of the work.
  class Seen {
   public:
    static constexpr std::size_t name_max = 32;

    Seen() = default;
    /// REQUIRES: a name of at most `name_max` bytes.
    Seen(std::string_view name, Field field);
    [[nodiscard]] bool is_named(std::string_view name) const;
    [[nodiscard]] Field field() const { return field_; }

   private:
    std::size_t size_ = 0;
    std::array<char, name_max> name_{};
    Field field_ = Field::other;
  };
  static constexpr std::size_t places_max = 32;

  std::vector<std::pair<std::string, Field>> names_;
  std::vector<Seen> seen_;  ///< By place.
};

}  // namespace holdfast::ingest
