#include "engine/risk.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/features.hpp"
#include "engine/habit.hpp"
#include "engine/mbg.hpp"
#include "engine/score.hpp"

namespace holdfast::engine {
namespace {

/// Log-odds that nobody would be told of: the digits that alerts have do not show them.
constexpr double negligible = 5e-7;

double units(Duration duration, const Model& model) {
  return static_cast<double>(duration.ms) / static_cast<double>(model.time_unit.ms);
}

/// What the model makes of a feature; a weight of 0 if it does not look at it.
Logistic::Term term_of(const Model& model, Feature feature) {
  if (!model.logistic) return {.feature = feature, .weight = feature == Feature::mbg_logit ? 1.0 : 0.0};
  for (const Logistic::Term& term : model.logistic->terms) {
    if (term.feature == feature) return term;
  }
  return {.feature = feature};
}

double part_of(const Logistic::Term& term, double value) {
  return bounded_weight(term.weight) * term.within_range(value);
}

/// Adds reasons to an explanation, each with what its value is compared with.
class Reasons {
 public:
  Reasons(Explanation& explanation, const Customer& customer, const Model& model, Timestamp t)
      : explanation_(explanation),
        customer_(customer),
        model_(model),
        t_(t),
        group_(state_by_purchase_days(customer)) {}

  void add(Feature feature, double value, double contribution) {
    if (std::abs(contribution) < negligible) {
      explanation_.base += contribution;
      return;
    }
    explanation_.reasons[explanation_.size++] = {.feature = feature,
                                                 .value = value,
                                                 .typical = habit_at(customer_, feature, t_),
                                                 .contribution = contribution,
                                                 .alike = model_.alike.of(group_, feature)};
  }

  /// Of customers alike the usual value is part of the base: what is left is what sets this one apart.
  void add(const Logistic::Term& term, double value) {
    const double usual = usual_part(term);
    explanation_.base += usual;
    add(term.feature, value, part_of(term, value) - usual);
  }

  /// What the term adds to the score of customers alike; where that is not known, to that of one whose feature is 0.
  [[nodiscard]] double usual_part(const Logistic::Term& term) const {
    const double alike = model_.alike.of(group_, term.feature);
    return part_of(term, std::isnan(alike) ? 0 : alike);
  }

 private:
  Explanation& explanation_;
  const Customer& customer_;
  const Model& model_;
  const Timestamp t_;
  const CustomerState group_;
};

/// The parts of mbg_logit: what a customer without history would have, what its history adds, and what its silence
/// adds.
struct MbgParts {
  double base = 0;
  double history = 0;
  double silence = 0;
};

MbgParts mbg_parts(const Customer& customer, const Model& model, Duration horizon, Timestamp t, double newcomer) {
  const Logistic::Term term = term_of(model, Feature::mbg_logit);
  if (term.weight == 0) return {};
  const Mbg mbg = mbg_of(customer, model, horizon);
  const double base = part_of(term, newcomer);
  const double after_last = part_of(term, mbg.logit(0).value);
  const double now = part_of(term, mbg.logit(units(t - customer.last(), model)).value);
  return {.base = base, .history = after_last - base, .silence = now - after_last};
}

}  // namespace

double risk_at(const Customer& customer, const Model& model, Duration horizon, Timestamp t) {
  return Score(customer, model, horizon).risk(t);
}

double p_alive_at(const Customer& customer, const Model& model, Timestamp t) {
  return mbg_of(customer, model, model.horizon).p_alive(units(t - customer.last(), model));
}

std::optional<double> feature_at(const Customer& customer, const Model& model, Duration horizon, Feature feature,
                                 Timestamp t) {
  if (feature != Feature::mbg_logit) return plain_feature_at(customer, feature, t, model.currency);
  return mbg_of(customer, model, horizon).logit(units(t - customer.last(), model)).value;
}

double newcomer_logit(const Model& model, Duration horizon) {
  return Mbg(model.mbg, 0, 0, units(horizon, model)).logit(0).value;
}

Explanation explain_at(const Customer& customer, const Model& model, Duration horizon, Timestamp t) {
  return explain_at(customer, model, horizon, t, newcomer_logit(model, horizon));
}

Explanation explain_at(const Customer& customer, const Model& model, Duration horizon, Timestamp t, double newcomer) {
  const MbgParts mbg = mbg_parts(customer, model, horizon, t, newcomer);
  const double silence_days = (t - customer.last()).days();
  Explanation explanation;
  explanation.base = mbg.base + (model.logistic ? bounded_weight(model.logistic->intercept) : 0.0);
  const Logistic::Term silence = term_of(model, Feature::days_since_purchase);
  explanation.base += part_of(silence, 0);
  Reasons reasons(explanation, customer, model, t);
  reasons.add(Feature::purchase_history, customer.x + 1.0, mbg.history);
  reasons.add(Feature::days_since_purchase, silence_days,
              mbg.silence + part_of(silence, silence_days) - part_of(silence, 0));
  if (model.logistic) {
    for (const Logistic::Term& term : model.logistic->terms) {
      if (term.feature == Feature::mbg_logit || term.feature == Feature::days_since_purchase) continue;
      if (const auto value = plain_feature_at(customer, term.feature, t, model.currency)) reasons.add(term, *value);
    }
  }
  std::ranges::sort(explanation.reasons.begin(), explanation.reasons.begin() + explanation.size,
                    [](const Reason& a, const Reason& b) {
                      const double size_a = std::abs(a.contribution);
                      const double size_b = std::abs(b.contribution);
                      return size_a != size_b ? size_a > size_b : a.feature < b.feature;
                    });
  return explanation;
}

std::optional<double> expected_spend_at(const Customer& customer, const Model& model, Duration horizon, Timestamp t) {
  if (!model.gamma_gamma || !spend_is_known(customer, model.currency)) return std::nullopt;
  const auto& [p, q, v] = *model.gamma_gamma;
  const double x = customer.x;
  const double repeat_spent = std::max(0.0, customer.spent - customer.first_day_spent);
  const double per_purchase = p * (v + repeat_spent) / (p * x + q - 1);
  const double purchases_per_unit = (model.mbg.r + x) / (model.mbg.alpha + units(t - customer.first(), model));
  const double expected = per_purchase * purchases_per_unit * units(horizon, model);
  if (!std::isfinite(expected) || expected < 0) return std::nullopt;
  return expected;
}

Band band_of(Level level, const RiskPolicy& policy) {
  Band band;
  const auto index = static_cast<std::size_t>(level);
  if (level != Level::critical) band.below = policy.thresholds[index];
  if (level != Level::none) band.at_least = policy.thresholds[index - 1] - policy.hysteresis;
  return band;
}

Level level_for(double risk, const RiskPolicy& policy) {
  return static_cast<Level>(std::ranges::count_if(policy.thresholds, [risk](double t) { return risk >= t; }));
}

Level judged_level(Level current, double risk, const RiskPolicy& policy) {
  return band_of(current, policy).contains(risk) ? current : level_for(risk, policy);
}

bool is_judged(const Customer& customer, const RiskPolicy& policy) {
  return customer.purchases > 0 && std::uint64_t{customer.x} + 1 >= policy.min_purchases &&
         !customer.has(Customer::lost);
}

Timestamp expiry_of(const Customer& customer, const RiskPolicy& policy) {
  return std::max(Timestamp{customer.raised_at_ms}, customer.last()) + policy.expire_after;
}

Timestamp next_timer(const Customer& customer, const Model& model, const RiskPolicy& policy) {
  LazyScore score(customer, model, policy.horizon);
  return next_timer(customer, score, policy);
}

Timestamp next_timer(const Customer& customer, LazyScore& score, const RiskPolicy& policy) {
  const Timestamp moment = customer.moment();
  const Level level = customer.current_level();
  Timestamp expiry = after_all_time;
  if (level != Level::none) expiry = std::max(expiry_of(customer, policy), moment + Duration{1});
  const Timestamp reach = moment + timer_reach;
  const Timestamp none_or_expiry = expiry <= reach ? expiry : after_all_time;
  if (!is_judged(customer, policy)) return none_or_expiry;
  return std::min(none_or_expiry,
                  first_crossing(score.get(), band_of(level, policy), moment, std::min(reach, none_or_expiry)));
}

}  // namespace holdfast::engine
