#include "app/customer_view.hpp"

#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "domain/alert.hpp"
#include "engine/risk.hpp"

namespace holdfast::app {
namespace {

nlohmann::ordered_json reasons_json(const engine::Explanation& explanation) {
  auto out = nlohmann::ordered_json::array();
  for (const Reason& reason : explanation.span()) {
    nlohmann::ordered_json one{{"feature", name(reason.feature)}, {"value", reason.value}};
    if (!std::isnan(reason.typical)) one["typical"] = reason.typical;
    if (!std::isnan(reason.alike)) one["alike"] = reason.alike;
    one["contribution"] = reason.contribution;
    out.push_back(std::move(one));
  }
  return out;
}

nlohmann::ordered_json counters_json(const engine::Customer& customer, const engine::Model& model, Duration horizon,
                                     Timestamp at) {
  auto out = nlohmann::ordered_json::object();
  for (auto f = static_cast<int>(Feature::purchases_30d); f <= static_cast<int>(Feature::returns_60d); ++f) {
    const auto feature = static_cast<Feature>(f);
    if (model.absent.test(static_cast<std::size_t>(feature))) continue;
    if (const auto value = engine::feature_at(customer, model, horizon, feature, at))
      out[std::string(name(feature))] = *value;
  }
  return out;
}

}  // namespace

nlohmann::ordered_json describe_customer(std::string_view id, const engine::Customer& customer, Partition partition,
                                         const engine::Model& model, const engine::RiskPolicy& policy, Timestamp at) {
  nlohmann::ordered_json out{{"customer_id", id},
                             {"partition", partition.value},
                             {"as_of", to_rfc3339(at)},
                             {"state", name(engine::state_of(customer))},
                             {"level", name(customer.current_level())},
                             {"alerts", customer.seq},
                             {"episodes", customer.episode},
                             {"latest_event", to_rfc3339(customer.moment())},
                             {"purchases", customer.purchases},
                             {"open_complaints", customer.open_complaints}};
  if (const Arm arm = engine::arm_of(id, policy.control); arm != Arm::none) out["arm"] = name(arm);
  if (customer.current_level() != Level::none) out["raised_at"] = to_rfc3339(Timestamp{customer.raised_at_ms});
  if (customer.purchases == 0) return out;

  out["repeat_purchase_days"] = customer.x;
  out["first_purchase"] = to_rfc3339(customer.first());
  out["last_purchase"] = to_rfc3339(customer.last());
  out["last_seen"] = to_rfc3339(customer.last_seen());
  out["contacts"] = customer.contacts;
  if (customer.x > 0) out["mean_gap_days"] = customer.mean_gap_days();
  out["risk"] = engine::risk_at(customer, model, policy.horizon, at);
  out["p_alive"] = engine::p_alive_at(customer, model, at);
  out["horizon_days"] = policy.horizon.days();
  out["model"] = {{"id", model.id}, {"name", model.name}};
  const engine::Explanation explanation = engine::explain_at(customer, model, policy.horizon, at);
  out["base"] = explanation.base;
  out["reasons"] = reasons_json(explanation);
  out["counters"] = counters_json(customer, model, policy.horizon, at);
  if (const Timestamp due = engine::next_timer(customer, model, policy); due != after_all_time)
    out["next_timer"] = to_rfc3339(due);
  if (customer.has(engine::Customer::has_amount)) {
    nlohmann::ordered_json value;
    if (const Currency currency{customer.currency}; !currency.empty()) value["currency"] = currency.text();
    value["spent"] = customer.spent;
    if (const auto expected = engine::expected_spend_at(customer, model, policy.horizon, at))
      value["expected"] = *expected;
    out["value"] = std::move(value);
  }
  return out;
}

}  // namespace holdfast::app
