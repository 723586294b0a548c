#include "learn/training.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace holdfast::learn {
namespace {

constexpr double week_days = 7;
constexpr std::size_t repeat_buyers_min = 100;
constexpr std::size_t trial_customers_max = 20'000;

CustomerSummary summary_of(const Example& example, double unit_days) {
  // Several purchases on the first day are one.
  return {.x = static_cast<double>(example.repeats),
          .t_x = example.repeats == 0 ? 0 : example.first_to_last_days / unit_days,
          .age = example.age_days / unit_days};
}

std::vector<CutoffOutcome> outcomes_of(std::span<const Example> examples, const Cutoffs& cutoffs) {
  std::vector<CutoffOutcome> outcomes;
  for (const Timestamp at : cutoffs.at) outcomes.push_back({.at = at});
  for (const Example& example : examples) {
    ++outcomes[example.cutoff].customers;
    outcomes[example.cutoff].left += example.left ? 1 : 0;
  }
  return outcomes;
}

void append(std::vector<std::string>& to, std::string_view what, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) to.push_back(fmt::format("{}: {}", what, warning));
}

}  // namespace

std::vector<LogNormal> usual_purchases(Duration time_unit) {
  return {{.centre = 1, .sd = 1},
          {.centre = 8 * week_days / time_unit.days(), .sd = 1},
          {.centre = 0.5, .sd = 0.5},
          {.centre = 10, .sd = 0.5}};
}

Expected<Training> train(std::span<const Example> examples, const Cutoffs& cutoffs, const TrainingSettings& settings) {
  Training training;
  training.outcomes = outcomes_of(examples, cutoffs);
  training.model.time_unit = settings.time_unit;
  training.model.horizon = cutoffs.horizon;

  std::vector<CustomerSummary> customers;
  std::vector<SpendSummary> spends;
  for (const Example& example : examples) {
    if (example.cutoff + 1 != cutoffs.at.size()) continue;
    customers.push_back(summary_of(example, settings.time_unit.days()));
    if (example.mean_repeat_spend > 0)
      spends.push_back({.x = static_cast<double>(example.repeats), .mean = example.mean_repeat_spend});
  }

  FitSettings fitting;
  if (settings.with_prior) fitting.prior = usual_purchases(settings.time_unit);
  FitSettings trial_fitting = fitting;
  trial_fitting.customers_max = trial_customers_max;
  settings.progress("fitting MBG/NBD");
  auto mbg = fit_purchases(customers, PurchaseFamily::mbg_nbd, 1, fitting);
  if (!mbg) return std::unexpected(mbg.error());
  training.mbg = std::move(*mbg);
  training.model.mbg = mbg_parameters(training.mbg.model);
  append(training.warnings, "MBG/NBD", training.mbg.warnings);

  if (settings.all_families) {
    for (const PurchaseFamily family : {PurchaseFamily::bg_nbd, PurchaseFamily::pareto_nbd}) {
      settings.progress(family == PurchaseFamily::bg_nbd ? "fitting BG/NBD to compare"
                                                         : "fitting Pareto/NBD to compare");
      if (auto other = fit_purchases(customers, family, 1, {})) training.others.push_back(std::move(*other));
    }
  }
  if (spends.size() >= repeat_buyers_min) {
    settings.progress("fitting Gamma-Gamma");
    auto spend = fit_gamma_gamma(spends, {});
    if (spend) {
      append(training.warnings, "Gamma-Gamma", spend->warnings);
      // Without a mean over all customers there is no expected spend.
      if (spend->parameters.q > 1) training.model.gamma_gamma = spend->parameters;
      training.spend = std::move(*spend);
    }
  }

  const RefitBase refit = [&](std::span<const Example> at_cutoff) -> Expected<engine::MbgParameters> {
    settings.progress("fitting MBG/NBD as of earlier cut-offs");
    std::vector<CustomerSummary> earlier;
    for (const Example& example : at_cutoff) earlier.push_back(summary_of(example, settings.time_unit.days()));
    const auto fit = fit_purchases(earlier, PurchaseFamily::mbg_nbd, 1, trial_fitting);
    if (!fit) return std::unexpected(fit.error());
    return mbg_parameters(fit->model);
  };
  ScoreFitSettings score_fitting = settings.score;
  score_fitting.progress = settings.progress;
  auto score = fit_score(examples, cutoffs, training.model, refit, score_fitting);
  if (!score) return std::unexpected(score.error());
  training.score = std::move(*score);
  if (training.score.improves()) {
    training.model.logistic = training.score.logistic;
  } else {
    training.warnings.push_back(fmt::format(
        "the features predict no better than the rhythm of purchases alone (log loss {:.4f} against {:.4f} on what "
        "was not seen): the model has no logistic part",
        training.score.taken().log_loss, training.score.base.log_loss));
  }
  if (!training.score.out_of_time)
    training.warnings.push_back(
        "the history is too short to try the model on later cut-offs: it was tried on other customers, and what a "
        "season does to it is not known");
  return training;
}

}  // namespace holdfast::learn
