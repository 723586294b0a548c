#include "tests/support/trained_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "learn/score_fit.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::testing {
namespace {

struct Span {
  double low = 0;
  double high = 0;
};

/// What comes out of training for a feature.
struct Usual {
  double weight_size = 0;
  Span least;
  Span most;
};

Usual usual_of(Feature feature) {
  constexpr Usual complaints{.weight_size = 0.6, .least = {0, 0}, .most = {0.3, 2}};
  switch (feature) {
    case Feature::mbg_logit: return {.weight_size = 1.1, .least = {}, .most = {}};
    case Feature::log_days_since_purchase: return {.weight_size = 0.8, .least = {0, 1}, .most = {3.5, 6.2}};
    case Feature::log_repeat_purchases: return {.weight_size = 0.6, .least = {0, 0.7}, .most = {1.5, 4}};
    case Feature::recency_ratio: return {.weight_size = 0.1, .least = {0, 0.1}, .most = {8, 80}};
    case Feature::gap_variation: return {.weight_size = 0.5, .least = {0, 0.2}, .most = {0.8, 2}};
    case Feature::purchases_30d: return {.weight_size = 0.5, .least = {0, 0.02}, .most = {0.8, 5}};
    case Feature::purchases_90d: return {.weight_size = 0.3, .least = {0, 0.2}, .most = {1, 8}};
    case Feature::visits_30d: return {.weight_size = 0.4, .least = {0, 0.1}, .most = {1, 10}};
    case Feature::complaints_opened_60d:
    case Feature::complaints_resolved_60d:
    case Feature::complaints_withdrawn_60d:
    case Feature::returns_60d: return complaints;
    case Feature::open_complaints: return {.weight_size = 0.4, .least = {0, 0}, .most = {1, 3}};
    case Feature::log_mean_spend: return {.weight_size = 0.3, .least = {1, 3}, .most = {3.5, 7}};
    case Feature::missed_purchases: return {.weight_size = 0.6, .least = {4, 4}, .most = {4, 8}};
    case Feature::log_days_since_seen: return {.weight_size = 0.5, .least = {0, 0.5}, .most = {3.5, 6}};
    case Feature::seen_since_purchase: return {.weight_size = 1.5, .least = {0, 0}, .most = {1, 1}};
    case Feature::log_activity: return {.weight_size = 1, .least = {-5, -2}, .most = {0.3, 2.5}};
    case Feature::missed_events: return {.weight_size = 0.8, .least = {0, 0}, .most = {5, 40}};
    default: return {.weight_size = 0.1, .least = {0, 0}, .most = {1, 10}};
  }
}

class Trainer {
 public:
  explicit Trainer(const std::function<double(double, double)>& between) : between_(between) {}

  engine::Model model() {
    engine::Model model;
    model.name = "trained";
    model.time_unit = days(7);
    model.horizon = days(91);
    model.mbg = {.r = between_(0.3, 2), .alpha = between_(1, 10), .a = between_(0.1, 2), .b = between_(0.5, 14)};
    model.gamma_gamma = engine::GammaGammaParameters{between_(1, 7), between_(1.5, 5), between_(5, 300)};
    model.logistic = engine::Logistic{.intercept = between_(-2, 1), .terms = {}};
    for (const learn::FeatureRule& rule : learn::default_features()) add(rule, model);
    model.alike = usual_values(*model.logistic);
    model.trained_with.set(static_cast<std::size_t>(engine::Evidence::purchase));
    for (const auto evidence : {engine::Evidence::complaint, engine::Evidence::visit, engine::Evidence::amount})
      model.trained_with.set(static_cast<std::size_t>(evidence), !one_in(6));
    (void)engine::keep_present(model, model.trained_with);
    return model;
  }

 private:
  bool one_in(int n) { return between_(0, n) < 1; }
  double within(const Span& span) { return between_(span.low, span.high); }

  void add(const learn::FeatureRule& rule, engine::Model& model) {
    if (one_in(8)) return;
    const auto [size, least, most] = usual_of(rule.feature);
    // Small ones as well: what says little is drawn towards 0.
    const double share = between_(-1, 1);
    const double weight = size * share * std::abs(share);
    const bool may_be = rule.bounds.least <= weight && weight <= rule.bounds.most;
    engine::Logistic::Term term{.feature = rule.feature, .weight = may_be ? weight : -weight, .least = rule.least};
    if (rule.has_range) {
      term.least = within(least);
      // Nobody had anything else.
      term.most = one_in(30) ? term.least : within(most);
    }
    model.logistic->terms.push_back(term);
  }

  /// Mostly within the ranges.
  engine::UsualValues usual_values(const engine::Logistic& logistic) {
    engine::UsualValues alike;
    for (const CustomerState group : engine::UsualValues::groups) {
      for (const auto& term : logistic.terms) {
        const auto [size, least, most] = usual_of(term.feature);
        if (term.feature != Feature::mbg_logit && !one_in(12))
          alike.set(group, term.feature, between_(least.low, most.high));
      }
      alike.set(group, Feature::days_since_purchase, between_(5, 200));
      alike.set(group, Feature::purchase_history, std::floor(between_(1, 12)));
    }
    return alike;
  }

  const std::function<double(double, double)>& between_;
};

}  // namespace

engine::Model trained_model(const std::function<double(double low, double high)>& between) {
  return Trainer(between).model();
}

}  // namespace holdfast::testing
