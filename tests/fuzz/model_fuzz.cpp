#include <algorithm>
#include <cmath>

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
      require(!std::isinf(model.alike.of(group, static_cast<Feature>(i))), "what is usual is a number, or not known");
  }
  require(model.trained_with.none() || has(model.trained_with, engine::Evidence::purchase),
          "every model is fitted to purchases");
  if (!model.logistic) return;
  require(std::isfinite(model.logistic->intercept), "the intercept is a number");
  for (const engine::Logistic::Term& term : model.logistic->terms) {
    require(std::isfinite(term.weight), "weights are numbers");
    require(term.feature != Feature::purchase_history, "what stands in reasons only is not weighed");
  }
  const auto unordered = std::ranges::adjacent_find(
      model.logistic->terms, [](const auto& a, const auto& b) { return a.feature >= b.feature; });
  require(unordered == model.logistic->terms.end(), "each feature is weighed once, in their order");
}

/// A customer with three purchase days.
engine::Customer customer() {
  constexpr std::int64_t day = 86'400'000;
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

void check_risk(const engine::Model& model) {
  const engine::Customer known = customer();
  for (const std::int64_t days : {0, 1, 100, 5'000}) {
    const Timestamp t = known.moment() + Duration{days * 86'400'000};
    const double risk = engine::risk_at(known, model, model.horizon, t);
    require(risk >= 0 && risk <= 1, "a risk is a probability");
    const double alive = engine::p_alive_at(known, model, t);
    require(alive >= 0 && alive <= 1, "to be alive has a probability");
    (void)engine::explain_at(known, model, model.horizon, t);
    (void)engine::expected_spend_at(known, model, model.horizon, t);
  }
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
    fuzz::check_risk(*model);
  } else {
    fuzz::require(model.error().kind == ErrorKind::invalid_argument, "a file that is no model is a wrong argument");
    fuzz::check_message(model.error().message);
  }
  return 0;
}
