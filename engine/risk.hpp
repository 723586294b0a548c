#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "domain/alert.hpp"
#include "domain/limits.hpp"
#include "domain/time.hpp"
#include "engine/crossing.hpp"
#include "engine/customer.hpp"
#include "engine/model.hpp"
#include "engine/score.hpp"

namespace holdfast::engine {

/// Risk of no purchase within the horizon, at `t`. REQUIRES: customer.purchases > 0, t >= customer.first().
/// Never decreases with t for a model without `logistic`.
[[nodiscard]] double risk_at(const Customer& customer, const Model& model, Duration horizon, Timestamp t);

/// MBG/NBD probability that the customer is still active at `t`. Same requirements.
[[nodiscard]] double p_alive_at(const Customer& customer, const Model& model, Timestamp t);

/// The value of a feature at `t`; no value where the feature is absent. REQUIRES: as above, feature !=
/// purchase_history.
[[nodiscard]] std::optional<double> feature_at(const Customer& customer, const Model& model, Duration horizon,
                                               Feature feature, Timestamp t);

/// The parts of the score at `t`, ordered as alerts need them (docs/semantics.md, "Reasons").
struct Explanation {
  double base = 0;
  std::array<Reason, limits::reasons_max> reasons;
  std::size_t size = 0;
  [[nodiscard]] std::span<const Reason> span() const& { return {reasons.data(), size}; }
  void span() const&& = delete;  // It would outlive the reasons.
};
[[nodiscard]] Explanation explain_at(const Customer& customer, const Model& model, Duration horizon, Timestamp t);
/// The same, with newcomer_logit(model, horizon) at hand.
[[nodiscard]] Explanation explain_at(const Customer& customer, const Model& model, Duration horizon, Timestamp t,
                                     double newcomer);
/// mbg_logit of a customer without history.
[[nodiscard]] double newcomer_logit(const Model& model, Duration horizon);

/// Expected spend within the horizon of a customer who stays; no value without a Gamma-Gamma part or amounts
/// in the model's currency.
[[nodiscard]] std::optional<double> expected_spend_at(const Customer& customer, const Model& model, Duration horizon,
                                                      Timestamp t);

/// Where the risk of a customer of this level may be without a change of level.
[[nodiscard]] Band band_of(Level level, const RiskPolicy& policy);

/// The highest level whose threshold `risk` has reached.
[[nodiscard]] Level level_for(double risk, const RiskPolicy& policy);

/// What judging the customer at risk `risk` makes of its level: another level, or the same one.
[[nodiscard]] Level judged_level(Level current, double risk, const RiskPolicy& policy);

/// Whether alerts are made for the customer now.
[[nodiscard]] bool is_judged(const Customer& customer, const RiskPolicy& policy);

/// When the customer's episode expires, if nothing happens before. REQUIRES: its level is not none.
[[nodiscard]] Timestamp expiry_of(const Customer& customer, const RiskPolicy& policy);

/// A timer lies at most 10 years of 365 days after the customer's moment.
inline constexpr Duration timer_reach{std::int64_t{3650} * 86'400'000};

/// The customer's next timer (docs/semantics.md, "Level, episode, expiry"): the least t > moment at which the episode
/// expires or judging would change the level; after_all_time if there is none. Exact to the millisecond (crossing.hpp).
/// When it fires, judge before advance_to(): that rounds the counters, which may move the risk back over the threshold.
[[nodiscard]] Timestamp next_timer(const Customer& customer, const Model& model, const RiskPolicy& policy);
/// The same, with the customer's score at hand.
[[nodiscard]] Timestamp next_timer(const Customer& customer, LazyScore& score, const RiskPolicy& policy);

}  // namespace holdfast::engine
