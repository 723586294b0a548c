#include "app/erasures.hpp"

#include <algorithm>

namespace holdfast::app {

void Erasures::add(const Event& event, Timestamp at) {
  if (event.rejection != nullptr || !event.erases) return;
  Timestamp& latest = latest_.try_emplace(event.customer.hash, at).first->second;
  latest = std::max(latest, at);
}

bool Erasures::forgets(std::uint64_t customer, Timestamp t) const {
  const auto known = latest_.find(customer);
  return known != latest_.end() && known->second >= t;
}

}  // namespace holdfast::app
