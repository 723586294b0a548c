#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "app/model_file.hpp"
#include "engine/risk.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace holdfast::fuzz {
namespace {

using namespace std::string_view_literals;

bool positive(double value) { return value > 0 && std::isfinite(value); }

void check_message(std::string_view message) {
  require(!message.empty(), "what is refused says why");
  require(message.starts_with("model.json: "), "a fault names the file");
}

void check_model(const engine::Model& model) {
  require(model.id.size() == 32, "a model is known by its bytes");
  require(!model.name.empty(), "a model has a name");
  for (const Duration duration : {model.time_unit, model.horizon})
    require(duration.ms > 0 && duration.days() <= 3650, "durations lie within their limits");
  for (const double value : {model.mbg.r, model.mbg.alpha, model.mbg.a, model.mbg.b})
    require(positive(value), "the parameters of MBG/NBD are positive");
  if (model.gamma_gamma) {
    require(positive(model.gamma_gamma->p) && positive(model.gamma_gamma->q) && positive(model.gamma_gamma->v) &&
                model.gamma_gamma->q > 1,
            "the parameters of Gamma-Gamma are positive, and there is a mean");
  }
  for (const CustomerState group : engine::UsualValues::groups) {
    for (std::size_t i = 0; i < features; ++i)
      require(!(std::abs(model.alike.of(group, static_cast<Feature>(i))) > engine::model_number_max),
              "what is usual is a number that can be reckoned with, or not known");
  }
  require(model.trained_with.none() || has(model.trained_with, engine::Evidence::purchase),
          "every model is fitted to purchases");
  if (!model.logistic) return;
  require(std::isfinite(model.logistic->intercept), "the intercept is a number");
  for (const engine::Logistic::Term& term : model.logistic->terms) {
    require(std::isfinite(term.weight), "weights are numbers");
    require((std::isinf(term.least) || std::abs(term.least) <= engine::model_number_max) &&
                (std::isinf(term.most) || std::abs(term.most) <= engine::model_number_max),
            "ranges can be reckoned with");
    require(term.feature != Feature::purchase_history, "what stands in reasons only is not weighed");
  }
  const auto unordered = std::ranges::adjacent_find(
      model.logistic->terms, [](const auto& a, const auto& b) { return a.feature >= b.feature; });
  require(unordered == model.logistic->terms.end(), "each feature is weighed once, in their order");
}

constexpr std::int64_t day = 86'400'000;

/// With three purchase days, and a bit of everything.
engine::Customer returning() {
  engine::Customer known{};
  known.first_ms = 15'000 * day;
  known.last_ms = 15'040 * day;
  known.moment_ms = 15'050 * day;
  known.x = 2;
  known.purchases = 3;
  known.gap_squares = 800;
  known.counters = {1.5F, 2.5F, 4, 1, 0, 0, 0};
  known.spent = 90;
  known.first_day_spent = 30;
  known.flags = engine::Customer::seen | engine::Customer::has_amount;
  return known;
}

/// Who has just bought for the first time.
engine::Customer new_one() {
  engine::Customer known{};
  known.first_ms = known.last_ms = known.moment_ms = 15'000 * day;
  known.purchases = 1;
  known.counters[0] = known.counters[1] = 1;
  known.flags = engine::Customer::seen;
  return known;
}

/// Who bought as often as can be counted over all time, complained and spent without end, and is flagged.
engine::Customer extreme_one() {
  engine::Customer known{};
  known.first_ms = first_event_time.ms;
  known.last_ms = 20'000 * day;
  known.moment_ms = 20'000 * day;
  known.x = std::numeric_limits<std::uint32_t>::max();
  known.purchases = known.x;
  known.gap_squares = std::numeric_limits<float>::max();
  known.counters.fill(1e9F);
  known.spent = known.first_day_spent = std::numeric_limits<double>::max();
  known.open_complaints = std::numeric_limits<std::uint16_t>::max();
  known.level = static_cast<std::uint8_t>(Level::high);
  known.raised_at_ms = 19'990 * day;
  known.flags = engine::Customer::seen | engine::Customer::has_amount;
  return known;
}

void check_explanation(const engine::Explanation& explanation) {
  require(std::isfinite(explanation.base), "the base is a number");
  for (const Reason& reason : explanation.span()) {
    require(std::isfinite(reason.contribution), "contributions are numbers");
    require(std::isfinite(reason.value), "values of features are numbers");
    require(!std::isinf(reason.typical) && !std::isinf(reason.alike), "comparisons are numbers, or not there");
  }
}

void check_risk(const engine::Model& model, const engine::Customer& known) {
  for (const std::int64_t days : {0, 1, 100, 5'000}) {
    const Timestamp t = known.moment() + Duration{days * day};
    const double risk = engine::risk_at(known, model, model.horizon, t);
    require(risk >= 0 && risk <= 1, "a risk is a probability");
    const double alive = engine::p_alive_at(known, model, t);
    require(alive >= 0 && alive <= 1, "to be alive has a probability");
    check_explanation(engine::explain_at(known, model, model.horizon, t));
    (void)engine::expected_spend_at(known, model, model.horizon, t);
  }
}

void check_timer(const engine::Model& model, const engine::Customer& known) {
  const engine::RiskPolicy policy{.horizon = model.horizon,
                                  .thresholds = {0.6, 0.75, 0.9},
                                  .hysteresis = 0.05,
                                  .min_purchases = 1,
                                  .expire_after = Duration{180 * day}};
  require(engine::next_timer(known, model, policy) > known.moment(), "a timer lies ahead");
}

}  // namespace
}  // namespace holdfast::fuzz

/// The bytes of a model file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view bytes = fuzz::Input(data, size).rest();
  const auto model = app::parse_model(bytes, "model.json");
  if (model) {
    fuzz::check_model(*model);
    for (const engine::Customer& known : {fuzz::returning(), fuzz::new_one(), fuzz::extreme_one()}) {
      fuzz::check_risk(*model, known);
      fuzz::check_timer(*model, known);
    }
  } else {
    fuzz::require(model.error().kind == ErrorKind::invalid_argument, "a file that is no model is a wrong argument");
    fuzz::check_message(model.error().message);
  }
  return 0;
}
