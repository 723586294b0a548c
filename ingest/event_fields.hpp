#pragma once

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
  [[nodiscard]] Field field_of(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, Field>> names_;
};

}  // namespace holdfast::ingest
