#include "ingest/event_fields.hpp"

#include <algorithm>
#include <array>

#include "domain/short_text.hpp"

namespace holdfast::ingest {

Field field_named(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Field>, field_count> names{{{"customer_id", Field::customer_id},
                                                                               {"time", Field::time},
                                                                               {"event_id", Field::event_id},
                                                                               {"amount", Field::amount},
                                                                               {"currency", Field::currency},
                                                                               {"status", Field::status},
                                                                               {"category", Field::category},
                                                                               {"severity", Field::severity},
                                                                               {"action", Field::action}}};
  for (const auto& [known, field] : names) {
    if (known == name) return field;
  }
  return Field::other;
}

bool MemberNames::contains(std::string_view name) const {
  return std::ranges::any_of(names_, [name](const auto& known) { return known.first == name; });
}

Field MemberNames::field_of(std::string_view name) const {
  for (const auto& [known, field] : names_) {
    if (equal_short(known, name)) return field;
  }
  return Field::other;
}

}  // namespace holdfast::ingest
