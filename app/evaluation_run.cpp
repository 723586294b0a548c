#include "app/evaluation_run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/units.hpp"
#include "engine/customer.hpp"
#include "engine/risk.hpp"
#include "engine/score.hpp"
#include "learn/metrics.hpp"
#include "learn/score_fit.hpp"
#include "learn/spend_currency.hpp"

namespace holdfast::app {
namespace {

/// Above which a counter with a half-life of 60 days tells of something within about two months.
constexpr double lately = 0.5;

constexpr std::size_t curve_points = 60;

struct Raised {
  std::uint64_t customer = 0;
  Timestamp at;
  Timestamp last_purchase;
};

/// What features moved the score by, summed in millionths: whole numbers come to the same in any order.
struct Contributions {
  std::array<std::int64_t, features> sum{};
  std::array<std::int64_t, features> sum_absolute{};
  std::uint64_t customers = 0;
};

constexpr double millionths = 1e6;

std::int64_t in_millionths(double contribution) {
  return std::llround(std::clamp(contribution, -millionths, millionths) * millionths);
}

/// Takes examples, episodes that begin, and what the model makes of its features.
class Judging final : public ExamplesObserver {
 public:
  Judging(const History& history, const learn::Cutoffs& cutoffs, const Erasures& erasures, const ActionNames& actions,
          std::size_t examples_max, const engine::ControlGroup& control)
      : ExamplesObserver(history, cutoffs, erasures, actions, examples_max, control, ExampleRisk::by_model),
        cutoffs_(cutoffs),
        erasures_(erasures),
        raised_(static_cast<std::size_t>(history.partitions())),
        contributions_(raised_.size()) {}

  void look(Timestamp moment, const engine::Task& task, const RecordTable& customers) override {
    ExamplesObserver::look(moment, task, customers);
    if (std::ranges::find(cutoffs_.at, moment) == cutoffs_.at.end()) return;
    Contributions& into = contributions_[static_cast<std::size_t>(task.partition().value)];
    for (Slot slot{0}; slot < customers.slots_end(); ++slot.value) {
      if (!customers.is_used(slot)) continue;
      const CustomerKey key = customers.key(slot);
      if (erasures_.forgets(key.hash, moment)) continue;
      const engine::Customer& customer = engine::customer_at(customers.read(slot));
      if (customer.purchases > 0) add(into, customer, *task.model_of(key), moment);
    }
  }

  void alert(Partition partition, const Alert& alert) override {
    if (alert.change != Change::raised || erasures_.forgets(alert.customer.hash, alert.time)) return;
    raised_[static_cast<std::size_t>(partition.value)].push_back(
        {alert.customer.hash, alert.time, alert.last_purchase});
  }

  [[nodiscard]] std::vector<Raised> raised() const {
    std::vector<Raised> all;
    for (const auto& part : raised_) all.insert(all.end(), part.begin(), part.end());
    std::ranges::sort(all, {}, [](const Raised& raised) { return std::pair(raised.customer, raised.at); });
    return all;
  }

  [[nodiscard]] Contributions contributions() const {
    Contributions all;
    for (const Contributions& part : contributions_) {
      all.customers += part.customers;
      for (std::size_t f = 0; f < features; ++f) {
        all.sum[f] += part.sum[f];
        all.sum_absolute[f] += part.sum_absolute[f];
      }
    }
    return all;
  }

 private:
  void add(Contributions& into, const engine::Customer& customer, const engine::Model& model, Timestamp t) const {
    ++into.customers;
    const engine::Explanation explanation = engine::explain_at(customer, model, cutoffs_.horizon, t);
    for (const Reason& reason : explanation.span()) {
      const auto f = static_cast<std::size_t>(reason.feature);
      into.sum[f] += in_millionths(reason.contribution);
      into.sum_absolute[f] += in_millionths(std::abs(reason.contribution));
    }
  }

  const learn::Cutoffs& cutoffs_;
  const Erasures& erasures_;
  // By partition.
  std::vector<std::vector<Raised>> raised_;
  std::vector<Contributions> contributions_;
};

/// Small numbers for customers, in the order of their hashes.
class Numbers {
 public:
  void add(std::uint64_t customer) { numbers_.emplace(customer, 0); }
  void assign() {
    std::uint32_t next = 0;
    for (auto& [customer, number] : numbers_) number = next++;
  }
  [[nodiscard]] std::uint32_t of(std::uint64_t customer) const { return numbers_.at(customer); }

 private:
  std::map<std::uint64_t, std::uint32_t> numbers_;
};

double value_of(const learn::Example& example, Feature feature) {
  return static_cast<double>(example.values[static_cast<std::size_t>(feature)]);
}

/// Whether alerts are made for such a customer, as engine::is_judged() has it.
bool is_judged(const learn::Example& example, const engine::RiskPolicy& policy) {
  return std::uint64_t{example.repeats} + 1 >= policy.min_purchases && example.state != CustomerState::lost;
}

learn::JudgedRow row_of(const learn::Example& example, const engine::Model& model, const engine::RiskPolicy& policy,
                        Duration horizon, const Numbers& numbers) {
  return {.customer = numbers.of(example.customer),
          .cutoff = example.cutoff,
          .risk = example.risk,
          .left = example.left,
          .state = example.state,
          .complained =
              value_of(example, Feature::complaints_opened_60d) + value_of(example, Feature::returns_60d) > lately,
          .silence_days = value_of(example, Feature::days_since_purchase),
          .repeat_purchases = static_cast<double>(example.repeats),
          .mbg_risk = engine::sigmoid(learn::mbg_logit_of(example, model, horizon)),
          .at_watch = is_judged(example, policy) && example.risk >= policy.thresholds[0],
          .treated = example.treatment != 0,
          .arm = example.arm};
}

double median_of(std::vector<double>& values) { return values.empty() ? 0 : learn::element_at(values, 0.5); }

/// A customer with so many repeat purchases at the pace that is usual among those with as many, who had nothing but
/// these.
RiskCurve curve_of(const std::vector<learn::Example>& examples, std::uint32_t x, std::uint32_t x_max,
                   const engine::Model& model, Duration horizon) {
  std::vector<double> gaps;
  std::vector<double> spends;
  for (const learn::Example& example : examples) {
    if (example.repeats < x || example.repeats > x_max) continue;
    if (example.repeats > 0) gaps.push_back(example.first_to_last_days / example.repeats);
    const double spend = value_of(example, Feature::log_mean_spend);
    if (!std::isnan(spend)) spends.push_back(std::expm1(spend));
  }
  const double gap = std::max(1.0, median_of(gaps));
  engine::Customer customer{};
  for (std::uint32_t purchase = 0; purchase <= x; ++purchase) {
    Event event;
    event.kind = EventKind::purchase;
    event.time = Timestamp{static_cast<std::int64_t>(purchase * gap * 86'400'000)};
    event.has_amount = !spends.empty();
    event.amount = median_of(spends);
    event.currency = model.currency.value_or(Currency{});
    engine::apply_event(customer, event);
  }
  RiskCurve curve{.purchases = x + 1, .gap_days = gap, .days = {}, .risk = {}};
  for (std::size_t i = 0; i <= curve_points; ++i) {
    const double days = 2 * horizon.days() * static_cast<double>(i) / curve_points;
    curve.days.push_back(days);
    curve.risk.push_back(engine::risk_at(customer, model, horizon,
                                         customer.last() + Duration{static_cast<std::int64_t>(days * 86'400'000)}));
  }
  return curve;
}

std::vector<std::pair<std::string, std::string>> parameters_of(const engine::Model& model) {
  std::vector<std::pair<std::string, std::string>> parameters{
      {"MBG/NBD", fmt::format("r {:.4g}, alpha {:.4g} ({}), a {:.4g}, b {:.4g}", model.mbg.r, model.mbg.alpha,
                              to_text(model.time_unit), model.mbg.a, model.mbg.b)}};
  if (model.gamma_gamma)
    parameters.emplace_back("Gamma-Gamma", fmt::format("p {:.4g}, q {:.4g}, v {:.4g}", model.gamma_gamma->p,
                                                       model.gamma_gamma->q, model.gamma_gamma->v));
  if (model.logistic) {
    parameters.emplace_back("intercept", fmt::format("{:+.4g}", model.logistic->intercept));
    for (const auto& term : model.logistic->terms)
      parameters.emplace_back(name(term.feature), fmt::format("{:+.4g}", term.weight));
  }
  return parameters;
}

std::vector<FeatureContribution> contributions_of(const Contributions& from) {
  std::vector<FeatureContribution> contributions;
  const double customers = std::max(1.0, static_cast<double>(from.customers));
  for (std::size_t f = 0; f < features; ++f) {
    if (from.sum_absolute[f] == 0) continue;
    contributions.push_back({.feature = std::string(name(static_cast<Feature>(f))),
                             .mean_absolute = static_cast<double>(from.sum_absolute[f]) / millionths / customers,
                             .mean = static_cast<double>(from.sum[f]) / millionths / customers});
  }
  std::ranges::stable_sort(contributions, std::ranges::greater{}, &FeatureContribution::mean_absolute);
  return contributions;
}

}  // namespace

Expected<EvaluationRun> run_evaluation(const Config& config, const History& history, const HistorySpan& span,
                                       const PurchaseTimes& purchases, const learn::Cutoffs& cutoffs,
                                       Timestamp known_until, std::size_t examples_max,
                                       const HistoryProgress& progress) {
  const engine::Model& model = config.model;
  Judging judging(history, cutoffs, span.erasures, span.actions, examples_max, config.policy.control);
  const auto replayed = history.replay(model, config.policy, cutoffs.moments(), judging, progress);
  if (!replayed) return std::unexpected(replayed.error());

  EvaluationRun run;
  run.examples = judging.take();
  if (model.currency && learn::uses_spend(model))
    run.warning = learn::keep_currency(run.examples, cutoffs, *model.currency).warning();
  const std::vector<learn::Example>& examples = run.examples;
  run.input.horizon = cutoffs.horizon;
  run.input.watched_from = cutoffs.at.front();
  run.input.watched_until = known_until;
  run.input.known_until = known_until;
  const auto silences =
      purchases.silences(cutoffs.horizon, cutoffs.at.front(), known_until, config.policy.min_purchases);
  Numbers numbers;
  const std::vector<Raised> raised = judging.raised();
  for (const learn::Example& example : examples) numbers.add(example.customer);
  for (const Raised& flag : raised) numbers.add(flag.customer);
  for (const auto& silence : silences) numbers.add(silence.customer);
  numbers.assign();

  for (const learn::Example& example : examples)
    run.input.rows.push_back(row_of(example, model, config.policy, cutoffs.horizon, numbers));
  for (const Raised& flag : raised) {
    if (flag.at > known_until) continue;
    auto& flags = flag.at < run.input.watched_from ? run.input.earlier_flags : run.input.flags;
    flags.push_back({.customer = numbers.of(flag.customer),
                     .raised = flag.at,
                     .next_purchase = purchases.next_after(flag.customer, flag.at),
                     .usual_gap_days = purchases.usual_gap_days(flag.customer, flag.at),
                     .last_purchase = flag.last_purchase});
  }
  for (const auto& silence : silences)
    run.input.leavers.push_back({.customer = numbers.of(silence.customer), .last_purchase = silence.last_purchase});

  auto parameters = parameters_of(model);
  if (config.policy.calibration == engine::CalibrationUse::correct)
    parameters.emplace_back("corrections by outcomes", fmt::format("{}, half-life {}", replayed->counts.corrections,
                                                                   to_text(config.policy.calibration_half_life)));
  run.facts = {
      .model_name = model.name,
      .model_id = model.id,
      .horizon = cutoffs.horizon,
      .cutoffs = cutoffs.at,
      .data_from = span.first,
      .data_to = std::min(span.last, known_until),
      .parameters = std::move(parameters),
      .levels = {{"watch", config.policy.thresholds[0]},
                 {"high", config.policy.thresholds[1]},
                 {"critical", config.policy.thresholds[2]}},
      .curves = {curve_of(examples, 0, 0, model, cutoffs.horizon), curve_of(examples, 1, 1, model, cutoffs.horizon),
                 curve_of(examples, 4, 6, model, cutoffs.horizon), curve_of(examples, 10, 20, model, cutoffs.horizon)},
      .contributions = contributions_of(judging.contributions())};
  return run;
}

}  // namespace holdfast::app
