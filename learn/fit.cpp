#include "learn/fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "learn/maximise.hpp"

namespace holdfast::learn {
namespace {

constexpr double near_edge = 0.01;    // Of the logarithm.
constexpr double share_least = 1e-4;  // Of those who drop out: less is nobody.
constexpr double shape_most = 300;    // Of a distribution over customers: more is a single value for all.
constexpr double gain_least = 2;      // Log units that tell a model with drop-out from one without.
constexpr std::size_t repeaters_least = 50;

/// A parameter and where it is looked for.
struct Variable {
  std::string_view name;
  double least;
  double most;
};

using Start = std::vector<double>;

std::vector<double> logs(std::span<const double> values) {
  std::vector<double> found;
  for (const double value : values) found.push_back(std::log(value));
  return found;
}

std::vector<double> exponentials(std::span<const double> values) {
  std::vector<double> found;
  for (const double value : values) found.push_back(std::exp(value));
  return found;
}

/// The least n with which every n-th of them are no more than `most`.
std::size_t stride_for(std::size_t customers, std::size_t most) {
  most = std::max<std::size_t>(most, 1);
  return std::max<std::size_t>((customers + most - 1) / most, 1);
}

/// Every n-th: a copy, so that a search goes through dense memory.
template <class Customer>
std::vector<Customer> every(std::span<const Customer> customers, std::size_t stride) {
  std::vector<Customer> chosen;
  chosen.reserve(customers.size() / stride + 1);
  for (std::size_t i = 0; i < customers.size(); i += stride) chosen.push_back(customers[i]);
  return chosen;
}

/// Without the constant, and as a density of the logarithms.
double log_prior(std::span<const LogNormal> prior, std::span<const double> log_parameters) {
  double sum = 0;
  for (std::size_t i = 0; i < prior.size(); ++i) {
    const double distance = (log_parameters[i] - std::log(prior[i].centre)) / prior[i].sd;
    sum -= distance * distance / 2;
  }
  return sum;
}

/// What is to be fitted: how likely customers are under parameters, and where these are looked for.
template <class Customer>
struct Task {
  std::function<double(std::span<const double> parameters, std::span<const Customer>)> log_likelihood;
  std::vector<Variable> variables;
  std::vector<Start> starts;
  std::vector<LogNormal> prior;

  /// Over the parameters' logarithms. Borrows the task and the customers.
  [[nodiscard]] Objective objective(std::span<const Customer> customers) const {
    return [this, customers](std::span<const double> at) {
      return log_likelihood(exponentials(at), customers) + log_prior(prior, at);
    };
  }
};

template <class Model, class Customer>
double sum_over(std::span<const Customer> customers, const Model& model) {
  double sum = 0;
  for (const Customer& customer : customers) sum += log_likelihood(model, customer);
  return sum;
}

/// What all fits have in common.
struct Found {
  std::vector<double> parameters;
  double log_likelihood = 0;
  std::size_t customers_used = 0;
  std::vector<double> standard_errors;
  std::vector<std::string> warnings;
};

/// What whoever reads a warning can do, at the end of its sentence.
std::string_view remedy(bool with_prior) {
  return with_prior ? "the prior is too wide to settle it" : "fit with a prior";
}

std::vector<std::string> warnings_of(std::span<const Variable> variables, const Found& found, bool with_prior) {
  std::vector<std::string> warnings;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const auto& [name, least, most] = variables[i];
    const double value = found.parameters[i];
    if (std::log(value / least) < near_edge || std::log(most / value) < near_edge)
      warnings.push_back(
          fmt::format("{} = {:.3g} lies at the edge of what was searched, {:.3g} to {:.3g}: the data do "
                      "not say how large it is; {}",
                      name, value, least, most, remedy(with_prior)));
  }
  if (found.standard_errors.empty())
    warnings.push_back(fmt::format(
        "the likelihood is flat at its maximum: other parameters, far from these, explain the data as well; "
        "{}",
        remedy(with_prior)));
  return warnings;
}

/// Tries all starts on few customers, and goes on from the best with many.
template <class Customer>
Expected<Found> find(const Task<Customer>& task, std::span<const Customer> customers, const FitSettings& settings) {
  std::vector<Interval> box;
  for (const Variable& variable : task.variables)
    box.push_back({.least = std::log(variable.least), .most = std::log(variable.most)});
  const std::vector<Customer> used = every(customers, stride_for(customers.size(), settings.customers_max));
  const std::vector<Customer> trial = every<Customer>(used, stride_for(used.size(), settings.trial_customers_max));
  std::optional<Maximum> best;
  for (const Start& start : task.starts) {
    std::vector<double> from = logs(start);
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = std::clamp(from[i], box[i].least, box[i].most);
    const auto tried = maximise(task.objective(trial), box, from, {.step = 0.5, .precision = 1e-3});
    if (!tried) return std::unexpected(tried.error());
    if (!best || tried->value > best->value) best = *tried;
  }
  const Objective objective = task.objective(used);
  const auto maximum = maximise(objective, box, best->at, {.step = 0.1, .precision = 1e-6});
  if (!maximum) return std::unexpected(maximum.error());
  Found found;
  found.parameters = exponentials(maximum->at);
  found.customers_used = used.size();
  found.log_likelihood = task.log_likelihood(found.parameters, customers);
  if (auto errors = standard_errors(objective, maximum->at)) found.standard_errors = std::move(*errors);
  found.warnings = warnings_of(task.variables, found, !task.prior.empty());
  return found;
}

std::optional<Error> prior_error(std::span<const LogNormal> prior, std::size_t parameters) {
  if (prior.empty()) return std::nullopt;
  if (prior.size() != parameters)
    return Error{ErrorKind::invalid_argument, fmt::format("the prior has {} parameters, but the model has {}: give one "
                                                          "for each, or none",
                                                          prior.size(), parameters)};
  for (const LogNormal& of : prior) {
    if (!(of.centre > 0 && of.sd > 0 && std::isfinite(of.centre) && std::isfinite(of.sd)))
      return Error{
          ErrorKind::invalid_argument,
          fmt::format("a prior with the centre {} and the standard deviation {}: both must be positive numbers",
                      of.centre, of.sd)};
  }
  return std::nullopt;
}

/// What customers are like on the whole: enough to know where to look.
struct Totals {
  double mean_age = 0;
  double rate = 0;  ///< Repeat purchases per time unit.
  std::size_t repeaters = 0;
};

Expected<Totals> totals_of(std::span<const CustomerSummary> customers) {
  if (customers.empty())
    return fail(ErrorKind::invalid_argument,
                "there are no customers to learn from: nobody bought before the end of the observation");
  Totals totals;
  double purchases = 0;
  for (std::size_t i = 0; i < customers.size(); ++i) {
    const auto& [x, t_x, age, log_gaps] = customers[i];
    const bool ordered = x >= 0 && t_x >= 0 && age >= t_x && (x > 0) == (t_x > 0);
    if (!ordered || !std::isfinite(age) || !std::isfinite(x) || x != std::floor(x) || !std::isfinite(log_gaps))
      return fail(
          ErrorKind::invalid_argument,
          fmt::format("customer {} of {} has x = {}, t_x = {}, T = {} and {} as the sum of its log gaps: it must "
                      "be 0 <= t_x <= T, and t_x = 0 for x = 0 alone",
                      i + 1, customers.size(), x, t_x, age, log_gaps));
    purchases += x;
    totals.mean_age += age;
    if (x > 0) ++totals.repeaters;
  }
  if (totals.repeaters == 0)
    return fail(
        ErrorKind::invalid_argument,
        fmt::format("none of the {} customers bought on a second day before the end of the observation: there is "
                    "no rhythm to learn from; give a longer history or a later end",
                    customers.size()));
  totals.rate = purchases / totals.mean_age;
  totals.mean_age /= static_cast<double>(customers.size());
  return totals;
}

Task<CustomerSummary> purchase_task(PurchaseFamily family, int k, const Totals& totals,
                                    std::span<const LogNormal> prior) {
  const auto names = parameter_names(family);
  const double age = totals.mean_age;
  Task<CustomerSummary> task;
  task.log_likelihood = [family, k](std::span<const double> parameters, std::span<const CustomerSummary> customers) {
    PurchaseModel model{.family = family, .k = k};
    std::ranges::copy(parameters, model.parameters.begin());
    return sum_over(customers, model);
  };
  task.variables = {{names[0], 1e-3, 1e3}, {names[1], 1e-4 * age, 1e6 * age}};
  std::vector<std::array<double, 2>> drop_out;
  if (family == PurchaseFamily::pareto_nbd) {
    task.variables.insert(task.variables.end(), {{names[2], 1e-3, 1e3}, {names[3], 1e-4 * age, 1e6 * age}});
    drop_out = {{0.5, age}, {1, 5 * age}};
  } else if (family != PurchaseFamily::cnbd) {
    task.variables.insert(task.variables.end(), {{names[2], 1e-6, 1e4}, {names[3], 1e-4, 1e5}});
    drop_out = {{0.8, 2.5}, {0.3, 10}};
  }
  for (const double r : {0.5, 2.0}) {
    const Start rate{r, r / (k * totals.rate)};
    if (drop_out.empty()) task.starts.push_back(rate);
    for (const auto& [third, fourth] : drop_out) task.starts.push_back({rate[0], rate[1], third, fourth});
  }
  task.prior.assign(prior.begin(), prior.end());
  if (!prior.empty()) {
    task.prior[1].centre /= k;
    Start centres;
    for (const LogNormal& of : task.prior) centres.push_back(of.centre);
    task.starts.push_back(centres);
  }
  return task;
}

/// What fits to purchases are warned of beyond what all are.
void warn_of_purchases(PurchaseFit& fit, const Totals& totals) {
  std::vector<std::string>& warnings = fit.warnings;
  if (totals.repeaters < repeaters_least)
    warnings.push_back(
        fmt::format("only {} of {} customers bought on a second day: too few to learn from; at least {} "
                    "are needed",
                    totals.repeaters, fit.customers, repeaters_least));
  if (fit.model.parameters[0] > shape_most)
    warnings.push_back(
        fmt::format("r = {:.3g}: as good as all customers buy at the same rate, which no data tell from "
                    "larger values",
                    fit.model.parameters[0]));
}

void warn_of_drop_out(PurchaseFit& fit, const Totals& totals) {
  const auto& [r, alpha, third, fourth] = fit.model.parameters;
  const auto names = parameter_names(fit.model.family);
  const bool pareto = fit.model.family == PurchaseFamily::pareto_nbd;
  const std::string parameters = fmt::format("{} = {:.3g} and {} = {:.3g}", names[2], third, names[3], fourth);
  // Who drops out at one chance, or within a mean customer's age.
  const double share = pareto ? -std::expm1(-third * std::log1p(totals.mean_age / fourth)) : third / (third + fourth);
  if (share < share_least)
    fit.warnings.push_back(
        fmt::format("{}: as good as nobody ever drops out, so a silence would never mean that a "
                    "customer has left; {}",
                    parameters, remedy(fit.with_prior)));
  if (share > 1 - share_least)
    fit.warnings.push_back(
        fmt::format("{}: as good as everybody drops out at once; {}", parameters, remedy(fit.with_prior)));
  if ((pareto ? third : third + fourth) > shape_most)
    fit.warnings.push_back(
        fmt::format("{}: as good as all customers drop out alike, which no data tell from larger "
                    "values; {}",
                    parameters, remedy(fit.with_prior)));
  if (fit.drop_out_gain < gain_least)
    fit.warnings.push_back(
        fmt::format("the data do not show that customers drop out: against a model in which nobody "
                    "ever does, the log-likelihood changes by {:+.2f}, and less than {:+} tells "
                    "nothing; {}",
                    fit.drop_out_gain, gain_least,
                    fit.with_prior ? "what the model says of it comes from the prior" : "fit with a prior"));
}

}  // namespace

Expected<PurchaseFit> fit_purchases(std::span<const CustomerSummary> customers, PurchaseFamily family, int k,
                                    const FitSettings& settings) {
  if (const auto error = prior_error(settings.prior, parameter_names(family).size())) return std::unexpected(*error);
  const auto totals = totals_of(customers);
  if (!totals) return std::unexpected(totals.error());
  auto found = find(purchase_task(family, k, *totals, settings.prior), customers, settings);
  if (!found) return std::unexpected(found.error());
  PurchaseFit fit{.model = {.family = family, .k = k},
                  .log_likelihood = found->log_likelihood,
                  .customers = customers.size(),
                  .customers_used = found->customers_used,
                  .with_prior = !settings.prior.empty(),
                  .standard_errors = std::move(found->standard_errors),
                  .warnings = std::move(found->warnings)};
  std::ranges::copy(found->parameters, fit.model.parameters.begin());
  if (family != PurchaseFamily::cnbd) {
    const auto staying = find(purchase_task(PurchaseFamily::cnbd, k, *totals, {}), customers, settings);
    if (!staying) return std::unexpected(staying.error());
    fit.drop_out_gain = fit.log_likelihood - staying->log_likelihood;
  }
  warn_of_purchases(fit, *totals);
  if (family != PurchaseFamily::cnbd) warn_of_drop_out(fit, *totals);
  return fit;
}

Expected<RegularityFit> fit_regularity(std::span<const CustomerSummary> customers, int k_max,
                                       const FitSettings& settings) {
  RegularityFit regularity;
  for (int k = 1; k <= k_max; ++k) {
    auto fit = fit_purchases(customers, PurchaseFamily::mbg_cnbd, k, settings);
    if (!fit) return std::unexpected(fit.error());
    regularity.log_likelihoods.push_back(fit->log_likelihood);
    if (k == 1 || fit->log_likelihood > regularity.best.log_likelihood) regularity.best = std::move(*fit);
  }
  regularity.gain = regularity.best.log_likelihood - regularity.log_likelihoods.front();
  return regularity;
}

Expected<GammaGammaFit> fit_gamma_gamma(std::span<const SpendSummary> customers, const FitSettings& settings) {
  if (const auto error = prior_error(settings.prior, 3)) return std::unexpected(*error);
  std::vector<SpendSummary> spenders;
  double spent = 0;
  for (const SpendSummary& customer : customers) {
    if (!(customer.x > 0 && customer.mean > 0 && std::isfinite(customer.mean))) continue;
    spenders.push_back(customer);
    spent += customer.mean;
  }
  if (spenders.empty())
    return fail(
        ErrorKind::invalid_argument,
        fmt::format("none of the {} customers spent anything on a repeat purchase day: there is no spend to learn "
                    "from",
                    customers.size()));
  const double mean = spent / static_cast<double>(spenders.size());
  Task<SpendSummary> task{.log_likelihood =
                              [](std::span<const double> parameters, std::span<const SpendSummary> among) {
                                return sum_over(among, engine::GammaGammaParameters{
                                                           .p = parameters[0], .q = parameters[1], .v = parameters[2]});
                              },
                          .variables = {{"p", 1e-3, 1e4}, {"q", 1e-3, 1e4}, {"v", 1e-5 * mean, 1e6 * mean}},
                          .starts = {{2, 3, mean}, {6, 4, mean / 2}, {0.5, 2, 2 * mean}},
                          .prior = settings.prior};
  auto found = find(task, std::span<const SpendSummary>(spenders), settings);
  if (!found) return std::unexpected(found.error());
  GammaGammaFit fit{.parameters = {.p = found->parameters[0], .q = found->parameters[1], .v = found->parameters[2]},
                    .log_likelihood = found->log_likelihood,
                    .customers = spenders.size(),
                    .customers_used = found->customers_used,
                    .with_prior = !settings.prior.empty(),
                    .standard_errors = std::move(found->standard_errors),
                    .warnings = std::move(found->warnings)};
  if (fit.customers < repeaters_least)
    fit.warnings.push_back(
        fmt::format("only {} customers spent on a repeat purchase day: too few to learn from; at least "
                    "{} are needed",
                    fit.customers, repeaters_least));
  if (fit.parameters.q <= 1)
    fit.warnings.push_back(
        fmt::format("q = {:.3g} is not above 1: mean spend over all customers would have no bound, and "
                    "expected spend no meaning",
                    fit.parameters.q));
  return fit;
}

}  // namespace holdfast::learn
