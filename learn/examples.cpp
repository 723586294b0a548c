#include "learn/examples.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/customer.hpp"
#include "engine/features.hpp"
#include "engine/risk.hpp"

namespace holdfast::learn {
namespace {

double mean_repeat_spend(const engine::Customer& customer) {
  if (customer.x == 0 || !engine::spend_is_known(customer, std::nullopt)) return 0;
  return std::max(0.0, customer.spent - customer.first_day_spent) / customer.x;
}

Example example_of(const engine::Customer& customer, Timestamp t, const engine::Model* model, Duration horizon) {
  Example example{.repeats = customer.x,
                  .first_to_last_days = (customer.last() - customer.first()).days(),
                  .age_days = (t - customer.first()).days(),
                  .mean_repeat_spend = mean_repeat_spend(customer),
                  .risk = model == nullptr ? 0 : engine::risk_at(customer, *model, horizon, t),
                  .values = {},
                  .state = engine::state_of(customer),
                  .currency = {customer.currency}};
  example.values.fill(std::numeric_limits<float>::quiet_NaN());
  for (std::size_t f = 0; f < features; ++f) {
    const auto feature = static_cast<Feature>(f);
    if (feature == Feature::mbg_logit || feature == Feature::purchase_history) continue;
    if (const auto value = engine::plain_feature_at(customer, feature, t, std::nullopt))
      example.values[f] = static_cast<float>(*value);
  }
  return example;
}

}  // namespace

std::vector<Timestamp> Cutoffs::moments() const {
  std::vector<Timestamp> moments;
  for (const Timestamp t : at) {
    moments.push_back(t);
    moments.push_back(t + horizon);
  }
  std::ranges::sort(moments);
  const auto repeated = std::ranges::unique(moments);
  moments.erase(repeated.begin(), repeated.end());
  return moments;
}

Cutoffs rolling_cutoffs(Timestamp from, Timestamp until, Duration horizon, Duration step) {
  Cutoffs cutoffs{.at = {}, .horizon = horizon};
  for (Timestamp t = until - horizon; t >= from; t = t - step) cutoffs.at.push_back(t);
  std::ranges::reverse(cutoffs.at);
  return cutoffs;
}

void ExampleCollector::look(Timestamp moment, const RecordTable& customers, const ModelOf& model_of) {
  leave_out();
  for (std::uint32_t i = 0; i < cutoffs_.at.size(); ++i) {
    if (cutoffs_.end(i) == moment) end(i, customers);
  }
  for (std::uint32_t i = 0; i < cutoffs_.at.size(); ++i) {
    if (cutoffs_.at[i] == moment) begin(i, customers, model_of);
  }
}

void ExampleCollector::acted(const CustomerKey& customer, Timestamp t, std::uint8_t kind,
                             const RecordTable& customers) {
  if (customer.hash > hash_max_) return;
  Timestamp bought = before_all_time;
  if (const auto slot = customers.find(customer)) {
    const engine::Customer& record = engine::customer_at(customers.read(*slot));
    if (record.purchases > 0) bought = record.last();
  }
  actions_.add(customer.hash, t, kind, bought);
}

void ExampleCollector::begin(std::uint32_t cutoff, const RecordTable& customers, const ModelOf& model_of) {
  const Timestamp t = cutoffs_.at[cutoff];
  for (Slot slot{0}; slot < customers.slots_end(); ++slot.value) {
    if (!customers.is_used(slot)) continue;
    const CustomerKey key = customers.key(slot);
    const std::uint64_t hash = key.hash;
    const engine::Customer& customer = engine::customer_at(customers.read(slot));
    if (customer.purchases == 0 || !budget_.take(hash)) continue;
    Example example = example_of(customer, t, model_of(key), cutoffs_.horizon);
    example.customer = hash;
    example.cutoff = cutoff;
    example.arm = engine::arm_of(key.id, control_);
    if (const auto action = actions_.last_before(hash, cutoff))
      example.days_since_action = static_cast<float>((t - action->at).days());
    waiting_.push_back({example, slot});
    leave_out();
  }
}

void ExampleCollector::end(std::uint32_t cutoff, const RecordTable& customers) {
  std::erase_if(waiting_, [&](Waiting& waiting) {
    if (waiting.example.cutoff != cutoff) return false;
    if (!customers.is_used(waiting.slot) || customers.key(waiting.slot).hash != waiting.example.customer) return true;
    waiting.example.left = engine::customer_at(customers.read(waiting.slot)).last() <= cutoffs_.at[cutoff];
    if (const auto action = actions_.first_behind(waiting.example.customer, cutoff, cutoffs_.end(cutoff))) {
      waiting.example.treatment = action->kind;
      waiting.example.treatment_days = static_cast<float>((action->at - cutoffs_.at[cutoff]).days());
    }
    known_.push_back(waiting.example);
    return true;
  });
  if (cutoff + 1 < cutoffs_.at.size()) actions_.forget_before(cutoff + 1);
}

void ExampleCollector::leave_out() {
  if (budget_.hash_max() == hash_max_) return;
  hash_max_ = budget_.hash_max();
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.example.customer > hash_max_; });
  std::erase_if(known_, [&](const Example& example) { return example.customer > hash_max_; });
  actions_.forget_above(hash_max_);
}

std::vector<Example> ExampleCollector::take() {
  leave_out();
  waiting_ = {};
  return std::move(known_);
}

std::vector<Example> merge(std::span<ExampleCollector> collectors) {
  std::vector<Example> all;
  for (ExampleCollector& collector : collectors) {
    std::vector<Example> part = collector.take();
    if (all.empty()) {
      all = std::move(part);
    } else {
      all.insert(all.end(), part.begin(), part.end());
    }
  }
  std::ranges::sort(all, {}, [](const Example& example) { return std::pair(example.cutoff, example.customer); });
  return all;
}

}  // namespace holdfast::learn
