#include "app/purchase_times.hpp"

#include <algorithm>
#include <limits>

namespace holdfast::app {

void PurchaseTimes::add(const Event& event) {
  if (event.rejection == nullptr && event.kind == EventKind::purchase)
    by_customer_[event.customer.hash].push_back(event.time);
}

void PurchaseTimes::settle(Timestamp until, const Erasures& erased) {
  for (auto& [customer, times] : by_customer_) {
    std::erase_if(times, [&](Timestamp t) { return t > until || erased.forgets(customer, t); });
    std::ranges::sort(times);
  }
}

std::vector<PurchaseTimes::Silence> PurchaseTimes::silences(Duration horizon, Timestamp from, Timestamp until,
                                                            std::uint32_t min_purchases) const {
  std::vector<Silence> found;
  for (const auto& [customer, times] : by_customer_) {
    std::uint32_t purchase_days = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (i == 0 || times[i].utc_day() != times[i - 1].utc_day()) ++purchase_days;
      const Timestamp end = times[i] + horizon;
      const bool bought_within = i + 1 < times.size() && times[i + 1] <= end;
      if (!bought_within && purchase_days >= min_purchases && end > from && end <= until)
        found.push_back({customer, times[i]});
    }
  }
  std::ranges::sort(found, {},
                    [](const Silence& silence) { return std::pair(silence.customer, silence.last_purchase); });
  return found;
}

std::optional<Timestamp> PurchaseTimes::next_after(std::uint64_t customer, Timestamp t) const {
  const auto known = by_customer_.find(customer);
  if (known == by_customer_.end()) return std::nullopt;
  const auto next = std::ranges::upper_bound(known->second, t);
  if (next == known->second.end()) return std::nullopt;
  return *next;
}

double PurchaseTimes::usual_gap_days(std::uint64_t customer, Timestamp t) const {
  const auto known = by_customer_.find(customer);
  if (known == by_customer_.end()) return std::numeric_limits<double>::quiet_NaN();
  const std::vector<Timestamp>& times = known->second;
  std::size_t repeats = 0;
  std::size_t last = 0;
  for (std::size_t i = 1; i < times.size() && times[i] <= t; last = i++)
    repeats += times[i].utc_day() != times[i - 1].utc_day() ? 1 : 0;
  if (repeats == 0) return std::numeric_limits<double>::quiet_NaN();
  return (times[last] - times[0]).days() / static_cast<double>(repeats);
}

}  // namespace holdfast::app
