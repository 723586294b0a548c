#include "learn/maximise.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>

#include <Eigen/Dense>
#include <nlopt.hpp>

namespace holdfast::learn {
namespace {

constexpr int evaluations_max = 2'000;
constexpr int restarts_max = 10;

/// Of a log-likelihood: no data tell values apart that differ by less.
constexpr double gain_negligible = 1e-7;

/// Far enough that rounding of sums over many customers does not matter, near enough for second derivatives.
constexpr double difference_step = 1e-3;

/// In the flattest direction: less means a standard error of more than 10.
constexpr double curvature_least = 0.01;

double evaluate(const std::vector<double>& at, std::vector<double>&, void* objective) {
  return (*static_cast<const Objective*>(objective))(at);
}

Expected<Maximum> search(const Objective& objective, std::span<const Interval> box, std::vector<double> at, double step,
                         double precision) {
  std::vector<double> least;
  std::vector<double> most;
  for (const Interval& side : box) {
    least.push_back(side.least);
    most.push_back(side.most);
  }
  Objective copy = objective;
  double value = 0;
  try {
    nlopt::opt optimiser(nlopt::LN_BOBYQA, static_cast<unsigned>(box.size()));
    optimiser.set_max_objective(evaluate, &copy);
    optimiser.set_lower_bounds(least);
    optimiser.set_upper_bounds(most);
    optimiser.set_initial_step(step);
    optimiser.set_xtol_abs(precision);
    optimiser.set_maxeval(evaluations_max);
    try {
      optimiser.optimize(at, value);
    } catch (const nlopt::roundoff_limited&) {
      value = objective(at);  // As far as the function can be told from its neighbours: `at` is the best place seen.
    }
  } catch (const std::exception& error) {
    return fail(ErrorKind::failed, "the search for the greatest likelihood broke down: " + std::string(error.what()));
  }
  return Maximum{.at = std::move(at), .value = value};
}

}  // namespace

Expected<Maximum> maximise(const Objective& objective, std::span<const Interval> box, std::span<const double> start,
                           const SearchSettings& settings) {
  Maximum best{.at = {start.begin(), start.end()}, .value = objective(start)};
  double step = settings.step;
  for (int restart = 0; restart < restarts_max; ++restart) {
    auto found = search(objective, box, best.at, step, settings.precision);
    if (!found) return found;
    if (!std::isfinite(found->value))
      return fail(ErrorKind::failed, "the search for the greatest likelihood came to a place without a finite value");
    const double gain = found->value - best.value;
    if (gain > 0) best = std::move(*found);
    if (restart > 0 && gain < gain_negligible) break;
    step = std::max(step / 2, 100 * settings.precision);
  }
  return best;
}

std::optional<std::vector<double>> standard_errors(const Objective& objective, std::span<const double> at) {
  const auto size = static_cast<Eigen::Index>(at.size());
  const auto moved = [&](Eigen::Index i, double by_i, Eigen::Index j, double by_j) {
    std::vector<double> place(at.begin(), at.end());
    place[static_cast<std::size_t>(i)] += by_i;
    place[static_cast<std::size_t>(j)] += by_j;
    return objective(place);
  };
  const double here = objective(at);
  const double h = difference_step;
  Eigen::MatrixXd information(size, size);
  for (Eigen::Index i = 0; i < size; ++i) {
    information(i, i) = (2 * here - moved(i, h, i, 0) - moved(i, -h, i, 0)) / (h * h);
    for (Eigen::Index j = 0; j < i; ++j) {
      const double mixed = moved(i, h, j, h) - moved(i, h, j, -h) - moved(i, -h, j, h) + moved(i, -h, j, -h);
      information(i, j) = information(j, i) = -mixed / (4 * h * h);
    }
  }
  if (!information.allFinite()) return std::nullopt;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(information);
  const Eigen::VectorXd& curvature = solver.eigenvalues();
  if (!(curvature.minCoeff() > curvature_least)) return std::nullopt;
  const Eigen::MatrixXd inverse =
      solver.eigenvectors() * curvature.cwiseInverse().asDiagonal() * solver.eigenvectors().transpose();
  std::vector<double> errors;
  for (Eigen::Index i = 0; i < size; ++i) errors.push_back(std::sqrt(inverse(i, i)));
  return errors;
}

}  // namespace holdfast::learn
