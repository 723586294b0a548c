#include "tests/support/made_up_evaluation.hpp"

#include <cmath>
#include <limits>

#include "domain/random.hpp"
#include "engine/mbg.hpp"

namespace holdfast::support {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr Timestamp first_cutoff{15'135 * day_ms};  // 2011-06-10
constexpr Timestamp second_cutoff{15'226 * day_ms};
constexpr Duration horizon{91 * day_ms};

double sigmoid(double score) { return 1 / (1 + std::exp(-score)); }

Timestamp days_after(Timestamp from, double days) {
  return from + Duration{static_cast<std::int64_t>(days * static_cast<double>(day_ms))};
}

CustomerState state_of(double repeats) {
  if (repeats == 0) return CustomerState::first_time;
  return repeats < 4 ? CustomerState::repeat : CustomerState::loyal;
}

void add_flag(learn::EvaluationInput& input, std::uint32_t customer, bool left, Random& random) {
  const Timestamp last = days_after(first_cutoff, 60 * random.uniform());
  const double gap = 10 + 60 * random.uniform();
  if (left) input.leavers.push_back({.customer = customer, .last_purchase = last});
  if (random.uniform() > (left ? 0.7 : 0.2)) return;
  const Timestamp raised = days_after(last, gap * (0.5 + random.uniform()));
  input.flags.push_back(
      {.customer = customer,
       .raised = raised,
       .next_purchase = left ? std::nullopt : std::optional(days_after(raised, 80 * random.uniform())),
       .usual_gap_days = random.below(8) == 0 ? std::numeric_limits<double>::quiet_NaN() : gap,
       .last_purchase = last});
}

}  // namespace

learn::EvaluationInput made_up_rows(std::uint32_t customers, std::uint64_t seed) {
  Random random(seed);
  learn::EvaluationInput input;
  input.horizon = horizon;
  input.watched_from = first_cutoff;
  input.watched_until = second_cutoff;
  input.known_until = second_cutoff + horizon;
  for (std::uint32_t customer = 0; customer < customers; ++customer) {
    const double silence = random.normal();
    const double other = random.normal();
    for (std::uint32_t cutoff = 0; cutoff < 2; ++cutoff) {
      const double drift = cutoff == 0 ? 0.1 : -0.35;
      const bool left = random.uniform() < sigmoid(1.1 * silence + 0.8 * other + drift);
      const double repeats = std::floor(std::exp(0.9 - 0.7 * silence + 0.8 * random.normal()));
      input.rows.push_back({.customer = customer,
                            .cutoff = cutoff,
                            .risk = sigmoid(1.05 * silence + 0.7 * other + 0.1),
                            .left = left,
                            .state = state_of(repeats),
                            .complained = random.below(9) == 0,
                            .silence_days = std::floor(40 * std::exp(0.8 * silence + 0.5 * random.normal())),
                            .repeat_purchases = repeats,
                            .mbg_risk = sigmoid(1.1 * silence + 0.3)});
      if (cutoff == 0 && customer % 4 == 0) add_flag(input, customer, left, random);
    }
  }
  return input;
}

app::EvaluationFacts made_up_facts() {
  app::EvaluationFacts facts{.model_name = "onlineretail-logistic",
                             .model_id = "9f0c2f5b7a1e4d3c8b6a5f4e3d2c1b0a",
                             .horizon = horizon,
                             .cutoffs = {first_cutoff, second_cutoff},
                             .data_from = Timestamp{14'944 * day_ms},
                             .data_to = Timestamp{15'317 * day_ms},
                             .parameters = {{"mbg.r", "0.525"},
                                            {"mbg.alpha", "6.183 (weeks)"},
                                            {"mbg.a", "0.891"},
                                            {"mbg.b", "1.614"},
                                            {"logistic.intercept", "-0.214"}},
                             .levels = {{"watch", 0.6}, {"high", 0.75}, {"critical", 0.9}},
                             .curves = {},
                             .contributions = {{"mbg_logit", 0.913, 0.121},
                                               {"log_days_since_purchase", 0.544, -0.208},
                                               {"purchases_90d", 0.381, -0.352},
                                               {"recency_ratio", 0.212, 0.169},
                                               {"log_mean_spend", 0.147, -0.031},
                                               {"returns_60d", 0.058, -0.044}}};
  const engine::MbgParameters parameters{.r = 0.525, .alpha = 6.183, .a = 0.891, .b = 1.614};
  const auto add = [&](std::uint32_t x, double weeks) {
    const engine::Mbg mbg(parameters, x, weeks, horizon.days() / 7);
    app::RiskCurve curve{.purchases = x + 1, .gap_days = x == 0 ? 0 : 7 * weeks / x, .days = {}, .risk = {}};
    for (int day = 0; day <= 180; day += 2) {
      curve.days.push_back(day);
      curve.risk.push_back(mbg.risk(day / 7.0));
    }
    facts.curves.push_back(std::move(curve));
  };
  add(0, 0);
  add(3, 26);
  add(11, 40);
  add(29, 50);
  return facts;
}

}  // namespace holdfast::support
