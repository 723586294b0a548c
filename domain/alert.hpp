#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "domain/calibration.hpp"
#include "domain/event.hpp"
#include "domain/ids.hpp"
#include "domain/limits.hpp"
#include "domain/time.hpp"

namespace holdfast {

enum class Level : std::uint8_t { none, watch, high, critical };
enum class Change : std::uint8_t { raised, escalated, eased, resolved, expired, erased };
enum class TriggerType : std::uint8_t { silence, purchase, complaint, visit, action, model };
enum class CustomerState : std::uint8_t { potential, first_time, repeat, loyal, lost, won_back };
/// Of a controlled trial: customers of the control arm are to be left alone. none: there is no trial.
enum class Arm : std::uint8_t { none, treatment, control };

[[nodiscard]] std::string_view name(Level level);
[[nodiscard]] std::string_view name(Change change);
[[nodiscard]] std::string_view name(TriggerType type);
[[nodiscard]] std::string_view name(CustomerState state);
[[nodiscard]] std::string_view name(Arm arm);

/// A named quantity that a model may weigh. The names are part of the model file format.
enum class Feature : std::uint8_t {
  mbg_logit,  ///< Logit of the MBG/NBD probability of no purchase within the horizon.
  days_since_purchase,
  log_days_since_purchase,  ///< ln(1 + days)
  customer_age_days,        ///< Since the first purchase.
  repeat_purchases,         ///< Repeat purchase days, x.
  log_repeat_purchases,     ///< ln(1 + x)
  recency_ratio,            ///< Days since the latest purchase over the customer's mean gap; absent while x = 0.
  gap_variation,            ///< Standard deviation of the gaps over their mean; absent while x < 2.
  purchases_30d,            ///< Decayed counters: half-life in the name.
  purchases_90d,
  visits_30d,
  complaints_opened_60d,  ///< Opened or reopened, returns not among them.
  complaints_resolved_60d,
  complaints_withdrawn_60d,
  returns_60d,
  open_complaints,
  log_mean_spend,    ///< ln(1 + mean amount of a purchase day), currency units; absent without amounts in one currency.
  missed_purchases,  ///< Repeat purchase days that the silence since the latest purchase would usually have brought.
  log_days_since_seen,  ///< ln(1 + days) since the latest purchase or contact.
  seen_since_purchase,  ///< 1: the customer got in touch after the latest purchase; else 0.
  log_activity,         ///< ln of purchases and contacts a week since the first purchase.
  missed_events,  ///< Purchases and contacts that the silence would usually have brought; 0 if seen since the purchase.
  purchase_history,  ///< Only in reasons: the part of mbg_logit that the customer's history carries.
};
inline constexpr std::size_t features = 23;
[[nodiscard]] std::string_view name(Feature feature);

/// One part of a score, in log-odds. With the alert's `base` the contributions add up to the score.
struct Reason {
  Feature feature{};
  double value = 0;
  double typical = 0;                                       ///< This customer's usual value; NaN when there is none.
  double contribution = 0;                                  ///< Log-odds.
  double alike = std::numeric_limits<double>::quiet_NaN();  ///< What is usual among customers alike; NaN: not known.
};

struct Trigger {
  TriggerType type{};
  // Of the event, for the event types:
  SourceIndex source{};
  Offset offset{};
  std::string_view event_id{};
};

/// A change of a customer's level. Views and the span live until the call that takes the alert returns.
struct Alert {
  CustomerKey customer;
  std::uint32_t seq = 0;
  std::uint32_t episode = 0;
  Change change{};
  Level level{};
  Level previous_level{};
  Timestamp time;
  double risk = 0;
  double p_alive = 0;
  double base = 0;
  std::span<const Reason> reasons;  ///< Ordered by size of contribution, then by feature.
  Trigger trigger;
  Timestamp logged_at{-1};      ///< Of the record that triggered it; -1 for timers.
  std::string_view model_id{};  ///< Of the model that the customer is under.
  std::string_view model_name{};
  Arm arm{};                ///< none: the alert does not name one.
  Correction correction{};  ///< Of the model's score, as outcomes have arrived; none in `erased`.

  CustomerState state{};
  std::uint32_t purchases = 0;
  Timestamp first_purchase;
  Timestamp last_purchase;
  std::uint16_t open_complaints = 0;

  bool has_value = false;     ///< There were amounts: `spent` is their sum in `currency`.
  bool has_expected = false;  ///< The model has a Gamma-Gamma part.
  Currency currency;
  double spent = 0;
  double expected = 0;  ///< Expected spend within the horizon, should the customer stay.
  double at_risk = 0;   ///< expected * risk
};

}  // namespace holdfast
