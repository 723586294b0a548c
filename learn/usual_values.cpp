#include "learn/usual_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "engine/customer.hpp"
#include "learn/metrics.hpp"

namespace holdfast::learn {
namespace {

constexpr std::size_t customers_min = 30;

CustomerState group_of(const Example& example) {
  engine::Customer customer{};
  customer.x = example.repeats;
  return engine::state_by_purchase_days(customer);
}

double value_of(const Example& example, Feature feature) {
  if (feature == Feature::purchase_history) return example.repeats + 1.0;
  return static_cast<double>(example.values[static_cast<std::size_t>(feature)]);
}

double median(std::vector<double>& values) {
  return values.size() < customers_min ? std::numeric_limits<double>::quiet_NaN() : element_at(values, 0.5);
}

/// What stands in reasons under this model.
std::set<Feature> features_of(const engine::Model& model) {
  std::set<Feature> all{Feature::purchase_history, Feature::days_since_purchase};
  if (!model.logistic) return all;
  for (const engine::Logistic::Term& term : model.logistic->terms) {
    if (term.feature != Feature::mbg_logit && term.weight != 0) all.insert(term.feature);
  }
  return all;
}

}  // namespace

engine::UsualValues usual_values(std::span<const Example> examples, const Cutoffs& cutoffs,
                                 const engine::Model& model) {
  engine::UsualValues usual;
  for (const CustomerState group : engine::UsualValues::groups) {
    for (const Feature feature : features_of(model)) {
      std::vector<double> values;
      for (const Example& example : examples) {
        if (example.cutoff + 1 != cutoffs.at.size() || group_of(example) != group) continue;
        if (const double value = value_of(example, feature); !std::isnan(value)) values.push_back(value);
      }
      usual.set(group, feature, median(values));
    }
  }
  return usual;
}

}  // namespace holdfast::learn
