#include "engine/evidence.hpp"

#include <array>

namespace holdfast::engine {

std::string_view name(Evidence evidence) {
  constexpr std::array<std::string_view, evidence_kinds> names{"purchase", "complaint", "visit", "amount"};
  return names[static_cast<std::size_t>(evidence)];
}

Evidence evidence_of(Feature feature) {
  switch (feature) {
    case Feature::visits_30d:
    case Feature::log_days_since_seen:
    case Feature::seen_since_purchase:
    case Feature::log_activity:
    case Feature::missed_events: return Evidence::visit;
    case Feature::complaints_opened_60d:
    case Feature::complaints_resolved_60d:
    case Feature::complaints_withdrawn_60d:
    case Feature::returns_60d:
    case Feature::open_complaints: return Evidence::complaint;
    case Feature::log_mean_spend: return Evidence::amount;
    default: return Evidence::purchase;
  }
}

EventKind kind_of(Evidence evidence) {
  switch (evidence) {
    case Evidence::complaint: return EventKind::complaint;
    case Evidence::visit: return EventKind::visit;
    case Evidence::purchase:
    case Evidence::amount: break;
  }
  return EventKind::purchase;
}

}  // namespace holdfast::engine
