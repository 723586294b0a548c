#include "domain/alert.hpp"

namespace holdfast {

std::string_view name(Level level) {
  constexpr std::array<std::string_view, 4> names{"none", "watch", "high", "critical"};
  return names[static_cast<std::size_t>(level)];
}

std::string_view name(Change change) {
  constexpr std::array<std::string_view, 6> names{"raised", "escalated", "eased", "resolved", "expired", "erased"};
  return names[static_cast<std::size_t>(change)];
}

std::string_view name(TriggerType type) {
  constexpr std::array<std::string_view, 6> names{"silence", "purchase", "complaint", "visit", "action", "model"};
  return names[static_cast<std::size_t>(type)];
}

std::string_view name(CustomerState state) {
  constexpr std::array<std::string_view, 6> names{"potential", "first_time", "repeat", "loyal", "lost", "won_back"};
  return names[static_cast<std::size_t>(state)];
}

std::string_view name(Arm arm) {
  constexpr std::array<std::string_view, 3> names{"none", "treatment", "control"};
  return names[static_cast<std::size_t>(arm)];
}

std::string_view name(Feature feature) {
  constexpr std::array<std::string_view, features> names{"mbg_logit",
                                                         "days_since_purchase",
                                                         "log_days_since_purchase",
                                                         "customer_age_days",
                                                         "repeat_purchases",
                                                         "log_repeat_purchases",
                                                         "recency_ratio",
                                                         "gap_variation",
                                                         "purchases_30d",
                                                         "purchases_90d",
                                                         "visits_30d",
                                                         "complaints_opened_60d",
                                                         "complaints_resolved_60d",
                                                         "complaints_withdrawn_60d",
                                                         "returns_60d",
                                                         "open_complaints",
                                                         "log_mean_spend",
                                                         "missed_purchases",
                                                         "log_days_since_seen",
                                                         "seen_since_purchase",
                                                         "log_activity",
                                                         "missed_events",
                                                         "purchase_history"};
  return names[static_cast<std::size_t>(feature)];
}

}  // namespace holdfast
