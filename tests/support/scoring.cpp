#include "tests/support/scoring.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <rapidcheck.h>

#include "tests/support/trained_model.hpp"

namespace holdfast::testing {
namespace {

Event event(EventKind kind, Timestamp t) {
  Event made;
  made.kind = kind;
  made.time = t;
  return made;
}

Duration any_duration(Duration longest) {
  // As often a moment's length as years.
  const double ms = any_magnitude(1, static_cast<double>(longest.ms));
  return {static_cast<std::int64_t>(ms)};
}

}  // namespace

engine::Model cdnow_model() {
  return {.id = "",
          .name = "cdnow-mbg",
          .time_unit = days(7),
          .horizon = days(91),
          .mbg = {.r = 0.525, .alpha = 6.183, .a = 0.891, .b = 1.614},
          .gamma_gamma = engine::GammaGammaParameters{.p = 6.25, .q = 3.74, .v = 15.44},
          .logistic = {}};
}

engine::Model logistic_model(double intercept, std::vector<engine::Logistic::Term> terms) {
  engine::Model model = cdnow_model();
  model.logistic = engine::Logistic{.intercept = intercept, .terms = std::move(terms)};
  return model;
}

engine::RiskPolicy default_policy() {
  return {.horizon = days(91),
          .thresholds = {0.60, 0.75, 0.90},
          .hysteresis = 0.05,
          .min_purchases = 2,
          .expire_after = days(180)};
}

Event purchase(Timestamp t) { return event(EventKind::purchase, t); }

Event purchase(Timestamp t, double amount, std::string_view currency) {
  Event made = purchase(t);
  made.has_amount = true;
  made.amount = amount;
  std::ranges::copy(currency, made.currency.code.begin());
  return made;
}

Event complaint(Timestamp t, ComplaintStatus status) {
  Event made = event(EventKind::complaint, t);
  made.status = status;
  return made;
}

Event returned(Timestamp t) {
  Event made = complaint(t);
  made.is_return = true;
  return made;
}

Event visit(Timestamp t) { return event(EventKind::visit, t); }

engine::Customer buyer(std::uint32_t x, Duration first_to_last) {
  engine::Customer customer{};
  customer.set(engine::Customer::seen, true);
  customer.x = x;
  customer.purchases = x + 1;
  customer.first_ms = new_year.ms;
  customer.last_ms = customer.moment_ms = (new_year + first_to_last).ms;
  const double gap = x == 0 ? 0 : first_to_last.days() / x;
  customer.gap_squares = static_cast<float>(x * gap * gap);
  return customer;
}

double any_real(double low, double high) {
  constexpr int steps = 1'000'000;
  // At full size: otherwise early cases would all lie close to `low`.
  return low + (high - low) * *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, steps + 1)) / steps;
}

double any_magnitude(double low, double high) { return std::exp(any_real(std::log(low), std::log(high))); }

engine::Customer any_customer() {
  const auto x = *rc::gen::weightedOneOf<std::uint32_t>(
      {{1, rc::gen::just(0u)}, {8, rc::gen::inRange(1u, 30u)}, {1, rc::gen::inRange(30u, 5'000u)}});
  engine::Customer customer = buyer(x, x == 0 ? hours(0) : milliseconds(days(x).ms + any_duration(days(1500)).ms));
  customer.gap_squares *= static_cast<float>(any_real(1, 3));
  customer.moment_ms += any_duration(days(400)).ms;
  if (*rc::gen::arbitrary<bool>()) {
    customer.contacts = static_cast<std::uint16_t>(*rc::gen::inRange(1, 500));
    const auto hours_left = (customer.moment() - customer.last()).ms / hours(1).ms;
    customer.seen_after_h = static_cast<std::uint16_t>(*rc::gen::inRange<std::int64_t>(0, hours_left + 1));
  }
  customer.raised_at_ms = customer.moment_ms - any_duration(days(100)).ms;
  for (float& counter : customer.counters) counter = static_cast<float>(*rc::gen::inRange(0, 4) * any_real(0, 3));
  customer.open_complaints = static_cast<std::uint16_t>(*rc::gen::inRange(0, 5));
  if (*rc::gen::arbitrary<bool>()) {
    customer.set(engine::Customer::has_amount, true);
    customer.currency = {'G', 'B', 'P'};
    customer.spent = any_magnitude(1, 1e5);
    customer.first_day_spent = customer.spent * any_real(0, 1);
  }
  customer.set_level(static_cast<Level>(*rc::gen::inRange(0, 4)));
  return customer;
}

engine::Model any_mbg_model() {
  engine::Model model = cdnow_model();
  model.mbg = {.r = any_magnitude(0.05, 20),
               .alpha = any_magnitude(0.01, 100),
               .a = any_magnitude(1e-4, 10),
               .b = any_magnitude(0.1, 100)};
  return model;
}

/// Within which features of about that size come and go.
static void set_any_range(engine::Logistic::Term& term, double size) {
  if (*rc::gen::inRange(0, 4) != 0) term.least = any_real(-size, size);
  if (*rc::gen::inRange(0, 4) != 0) term.most = std::max(term.least, any_real(-size, 2 * size));
}

engine::Model any_logistic_model() {
  if (*rc::gen::inRange(0, 3) == 0) return trained_model(any_real);
  engine::Model model = any_mbg_model();
  model.logistic = engine::Logistic{.intercept = any_real(-2, 2), .terms = {}};
  for (std::size_t i = 0; i + 1 < features; ++i) {
    if (*rc::gen::arbitrary<bool>()) continue;
    const auto feature = static_cast<Feature>(i);
    const bool in_days = feature == Feature::days_since_purchase || feature == Feature::customer_age_days;
    engine::Logistic::Term term{.feature = feature, .weight = any_real(-1, 1) * (in_days ? 0.02 : 1.0)};
    if (*rc::gen::arbitrary<bool>()) set_any_range(term, in_days ? 300 : 3);
    model.logistic->terms.push_back(term);
  }
  return model;
}

}  // namespace holdfast::testing
