#include "learn/logistic_regression.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <Eigen/Dense>

#include "engine/score.hpp"

namespace holdfast::learn {
namespace {

constexpr int newton_steps_max = 100;
constexpr int halvings_max = 40;
constexpr int sweeps_max = 10'000;
constexpr Eigen::Index block_rows = 512;

/// In standard deviations of the columns: weights are found to far more digits than are written down.
constexpr double converged_step = 1e-9;

/// Of a sum over the rows, relative to its size.
constexpr double rounding = 1e-12;

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// How columns are brought to mean 0 and variance 1, so that one ridge suits all.
struct Scaling {
  Vector mean;
  Vector deviation;  ///< 0: the column never changes.
};

Scaling scaling_of(const Design& design) {
  const auto columns = static_cast<Eigen::Index>(design.columns);
  double total = 0;
  Scaling scaling{.mean = Vector::Zero(columns), .deviation = Vector::Zero(columns)};
  for (std::size_t i = 0; i < design.rows(); ++i) {
    const double weight = design.weight_of(i);
    total += weight;
    for (std::size_t c = 0; c < design.columns; ++c) scaling.mean[c] += weight * static_cast<double>(design.row(i)[c]);
  }
  scaling.mean /= total;
  for (std::size_t i = 0; i < design.rows(); ++i) {
    for (std::size_t c = 0; c < design.columns; ++c) {
      const double difference = static_cast<double>(design.row(i)[c]) - scaling.mean[c];
      scaling.deviation[c] += design.weight_of(i) * difference * difference;
    }
  }
  scaling.deviation = (scaling.deviation / total).cwiseSqrt();
  for (Eigen::Index c = 0; c < columns; ++c) {
    if (scaling.deviation[c] <= 1e-12 * std::abs(scaling.mean[c])) scaling.deviation[c] = 0;
  }
  return scaling;
}

/// The standardised problem: the intercept is coefficient 0.
class Problem {
 public:
  Problem(const Design& design, const LogisticSettings& settings)
      : design_(design),
        scaling_(scaling_of(design)),
        size_(static_cast<Eigen::Index>(design.columns) + 1),
        ridge_(Vector::Zero(size_)),
        least_(Vector::Constant(size_, -std::numeric_limits<double>::infinity())),
        most_(Vector::Constant(size_, std::numeric_limits<double>::infinity())) {
    for (std::size_t c = 0; c < settings.bounds.size(); ++c) {
      const auto i = static_cast<Eigen::Index>(c);
      if (scaling_.deviation[i] == 0) continue;
      least_[i + 1] = settings.bounds[c].least * scaling_.deviation[i];
      most_[i + 1] = settings.bounds[c].most * scaling_.deviation[i];
    }
  }

  void set_ridge(double ridge) { ridge_.tail(size_ - 1).setConstant(ridge); }

  struct Local {
    double likelihood = 0;  ///< Without the penalty.
    Vector gradient;        ///< Of the penalised log-likelihood.
    Matrix information;     ///< Its negative second derivative.
  };

  [[nodiscard]] double penalised(const Vector& at, double likelihood) const {
    return likelihood - 0.5 * at.cwiseProduct(ridge_).dot(at);
  }

  [[nodiscard]] Local local(const Vector& at) const {
    Local local{.gradient = -at.cwiseProduct(ridge_), .information = Matrix::Zero(size_, size_)};
    local.information.diagonal() = ridge_;
    each_block([&](const Matrix& rows, std::size_t first) {
      const Vector scores = rows * at;
      Vector residual(rows.rows());
      Vector weight(rows.rows());
      for (Eigen::Index i = 0; i < rows.rows(); ++i) {
        const bool happened = design_.outcome[first + i] != 0;
        const double p = engine::sigmoid(scores[i]);
        const double counts = design_.weight_of(first + i);
        local.likelihood -= counts * engine::softplus(happened ? -scores[i] : scores[i]);
        residual[i] = counts * ((happened ? 1 : 0) - p);
        weight[i] = counts * p * (1 - p);
      }
      local.gradient += rows.transpose() * residual;
      local.information += rows.transpose() * weight.asDiagonal() * rows;
    });
    return local;
  }

  /// The point within the bounds at which the quadratic approximation around `at` is greatest.
  [[nodiscard]] Vector newton_step(const Vector& at, const Local& local) const {
    Vector to = at;
    Vector slope = local.gradient;  // At `to`.
    for (int sweep = 0; sweep < sweeps_max; ++sweep) {
      double moved = 0;
      for (Eigen::Index c = 0; c < size_; ++c) {
        const double curvature = local.information(c, c);
        if (!(curvature > 0)) continue;
        const double next = std::clamp(to[c] + slope[c] / curvature, least_[c], most_[c]);
        const double step = next - to[c];
        if (step == 0) continue;
        to[c] = next;
        slope -= step * local.information.col(c);
        moved = std::max(moved, std::abs(step));
      }
      if (moved < converged_step / 10) break;
    }
    return to;
  }

  [[nodiscard]] Vector start() const {
    Vector at = Vector::Zero(size_);
    for (Eigen::Index c = 0; c < size_; ++c) at[c] = std::clamp(at[c], least_[c], most_[c]);
    return at;
  }

  [[nodiscard]] LogisticFit unscaled(const Vector& at, double likelihood, int iterations) const {
    LogisticFit fit{.intercept = at[0], .log_likelihood = likelihood, .iterations = iterations};
    for (Eigen::Index c = 0; c + 1 < size_; ++c) {
      const double weight = scaling_.deviation[c] == 0 ? 0 : at[c + 1] / scaling_.deviation[c];
      fit.weights.push_back(weight);
      fit.intercept -= weight * scaling_.mean[c];
    }
    return fit;
  }

 private:
  /// Calls `take` with standardised rows, a 1 in front of each, and the number of the first one.
  template <class Take>
  void each_block(const Take& take) const {
    Matrix block;
    const auto rows = static_cast<Eigen::Index>(design_.rows());
    for (Eigen::Index first = 0; first < rows; first += block_rows) {
      block.resize(std::min(block_rows, rows - first), size_);
      for (Eigen::Index i = 0; i < block.rows(); ++i) {
        const auto values = design_.row(static_cast<std::size_t>(first + i));
        block(i, 0) = 1;
        for (Eigen::Index c = 0; c + 1 < size_; ++c) {
          const double deviation = scaling_.deviation[c];
          block(i, c + 1) = deviation == 0 ? 0 : (static_cast<double>(values[c]) - scaling_.mean[c]) / deviation;
        }
      }
      take(block, static_cast<std::size_t>(first));
    }
  }

  const Design& design_;
  Scaling scaling_;
  Eigen::Index size_;
  Vector ridge_;
  Vector least_;
  Vector most_;
};

struct Maximum {
  Vector at;
  double likelihood = 0;
  int iterations = 0;
};

Expected<Maximum> maximum_from(const Problem& problem, Vector at) {
  Problem::Local local = problem.local(at);
  for (int iteration = 1; iteration <= newton_steps_max; ++iteration) {
    const double here = problem.penalised(at, local.likelihood);
    const Vector step = problem.newton_step(at, local) - at;
    if (step.cwiseAbs().maxCoeff() < converged_step)
      return Maximum{.at = std::move(at), .likelihood = local.likelihood, .iterations = iteration};
    // The bounds are convex: any part of the step stays within them. Close to the optimum the sums only differ by what
    // they are rounded by.
    const double not_less = here - rounding * std::abs(here);
    double share = 1;
    Vector next;
    for (int halving = 0; halving < halvings_max; ++halving, share /= 2) {
      next = at + share * step;
      local = problem.local(next);
      if (problem.penalised(next, local.likelihood) >= not_less) break;
    }
    at = std::move(next);
  }
  return fail(ErrorKind::failed, "the regression did not converge in " + std::to_string(newton_steps_max) + " steps");
}

}  // namespace

double score_of(const LogisticFit& fit, std::span<const float> row) {
  double score = fit.intercept;
  for (std::size_t c = 0; c < row.size(); ++c) score += fit.weights[c] * static_cast<double>(row[c]);
  return score;
}

Expected<LogisticFit> fit_logistic(const Design& design, const LogisticSettings& settings) {
  const auto fits = fit_logistic(design, settings, std::span(&settings.ridge, 1));
  if (!fits) return std::unexpected(fits.error());
  return fits->front();
}

Expected<std::vector<LogisticFit>> fit_logistic(const Design& design, const LogisticSettings& settings,
                                                std::span<const double> ridges) {
  const auto happened = std::ranges::count_if(design.outcome, [](std::uint8_t y) { return y != 0; });
  if (happened == 0 || static_cast<std::size_t>(happened) == design.rows())
    return fail(ErrorKind::invalid_argument,
                "a regression needs rows of both outcomes: " + std::to_string(design.rows()) + " rows, of which " +
                    std::to_string(happened) + " left");
  Problem problem(design, settings);
  Vector at = problem.start();
  std::vector<LogisticFit> fits;
  for (const double ridge : ridges) {
    problem.set_ridge(ridge);
    const auto found = maximum_from(problem, at);
    if (!found) return std::unexpected(found.error());
    at = found->at;
    fits.push_back(problem.unscaled(at, found->likelihood, found->iterations));
  }
  return fits;
}

}  // namespace holdfast::learn
