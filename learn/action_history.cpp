#include "learn/action_history.hpp"

#include <algorithm>
#include <iterator>

namespace holdfast::learn {

void ActionHistory::add(std::uint64_t customer, Timestamp t, std::uint8_t kind, Timestamp bought) {
  std::vector<Action>& actions = by_customer_[customer];
  const auto place = std::ranges::upper_bound(actions, t, {}, &Action::at);
  actions.insert(place, {.at = t, .bought = bought, .kind = kind});
  // Of those between the same two cut-offs only the ends stay.
  const auto same = [&](const Action& action) { return interval_of(action.at) == interval_of(t); };
  const auto first = std::ranges::find_if(actions, same);
  const auto last = std::find_if_not(first, actions.end(), same);
  if (std::distance(first, last) > 2) actions.erase(std::next(first), std::prev(last));
}

void ActionHistory::forget_above(std::uint64_t hash_max) {
  std::erase_if(by_customer_, [&](const auto& entry) { return entry.first > hash_max; });
}

void ActionHistory::forget_before(std::size_t cutoff) {
  for (auto& [customer, actions] : by_customer_) {
    const auto behind = std::ranges::upper_bound(actions, cutoffs_[cutoff], {}, &Action::at);
    if (behind != actions.begin()) actions.erase(actions.begin(), std::prev(behind));
  }
}

std::optional<ActionHistory::Action> ActionHistory::first_behind(std::uint64_t customer, std::size_t cutoff,
                                                                 Timestamp end) const {
  const auto known = by_customer_.find(customer);
  if (known == by_customer_.end()) return std::nullopt;
  const auto first = std::ranges::upper_bound(known->second, cutoffs_[cutoff], {}, &Action::at);
  if (first == known->second.end() || first->at > end) return std::nullopt;
  // Of one that becomes known late, the latest purchase may be later than it was itself.
  if (first->bought > cutoffs_[cutoff] && first->bought <= first->at) return std::nullopt;
  return *first;
}

std::optional<ActionHistory::Action> ActionHistory::last_before(std::uint64_t customer, std::size_t cutoff) const {
  const auto known = by_customer_.find(customer);
  if (known == by_customer_.end()) return std::nullopt;
  const auto behind = std::ranges::upper_bound(known->second, cutoffs_[cutoff], {}, &Action::at);
  if (behind == known->second.begin()) return std::nullopt;
  return *std::prev(behind);
}

std::size_t ActionHistory::size() const {
  std::size_t sum = 0;
  for (const auto& [customer, actions] : by_customer_) sum += actions.size();
  return sum;
}

std::size_t ActionHistory::interval_of(Timestamp t) const {
  return static_cast<std::size_t>(std::ranges::lower_bound(cutoffs_, t) - cutoffs_.begin());
}

}  // namespace holdfast::learn
