#include "ingest/event_fields.hpp"

#include <algorithm>
#include <cstring>

namespace holdfast::ingest {
namespace {

std::uint64_t word_at(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

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

MemberNames::Seen::Seen(std::string_view name, Field field) : size_(name.size()), field_(field) {
  std::ranges::copy(name, name_.begin());
}

bool MemberNames::Seen::is_named(std::string_view name) const {
  if (name.size() != size_) return false;
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= size_; i += sizeof(std::uint64_t)) {
    if (word_at(name.data() + i) != word_at(name_.data() + i)) return false;
  }
  for (; i < size_; ++i) {
    if (name[i] != name_[i]) return false;
  }
  return true;
}

bool MemberNames::contains(std::string_view name) const {
  return std::ranges::any_of(names_, [name](const auto& known) { return known.first == name; });
}

Field MemberNames::field_of(std::string_view name, std::size_t place) {
  if (place < seen_.size() && seen_[place].is_named(name)) return seen_[place].field();
  const auto known = std::ranges::find(names_, name, [](const auto& entry) { return std::string_view(entry.first); });
  const Field field = known == names_.end() ? Field::other : known->second;
  if (place < places_max && name.size() <= Seen::name_max) {
    if (place >= seen_.size()) seen_.resize(place + 1);
    seen_[place] = Seen(name, field);
  }
  return field;
}

}  // namespace holdfast::ingest
