#include "learn/purchase_models.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/math/quadrature/gauss.hpp>

#include "engine/mbg.hpp"

namespace holdfast::learn {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();
constexpr std::array<std::string_view, 4> beta_geometric_names{"r", "alpha", "a", "b"};
constexpr std::array<std::string_view, 4> pareto_names{"r", "alpha", "s", "beta"};

/// ln(Gamma(y + n) / Gamma(y)) for a whole n.
double log_rising(double y, double n) {
  constexpr int factors_max = 16;
  if (n > factors_max) return std::lgamma(y + n) - std::lgamma(y);
  double product = 1;
  for (int i = 0; i < n; ++i) product *= y + i;
  return std::log(product);
}

/// ln(exp(a) + exp(b)); b may be `never`.
double log_sum(double a, double b) {
  const double greater = std::max(a, b);
  return greater + std::log1p(std::exp(std::min(a, b) - greater));
}

/// The two ways in which a silence may have come about: logs of their likelihoods, without what they have in common.
struct Silence {
  double active = 0;
  double dropped_out = never;
  [[nodiscard]] double either() const { return log_sum(active, dropped_out); }
};

/// The rate at which a customer buys, as its purchases leave it: Gamma(n, base) at the latest of them.
struct Rate {
  double n;     ///< r + k x
  double base;  ///< alpha + t_x
};

Rate rate_of(const PurchaseModel& model, const CustomerSummary& customer) {
  return {.n = model.parameters[0] + model.k * customer.x, .base = model.parameters[1] + customer.t_x};
}

/// ln of G(u) base^n: fewer than k phases within a silence of u.
double log_unfinished_gap(const Rate& rate, int k, double u) {
  const double share = u / (rate.base + u);
  double term = 1;
  double sum = 1;
  for (int j = 1; j < k; ++j) {
    term *= (rate.n + j - 1) / j * share;
    sum += term;
  }
  return std::log(sum) - rate.n * std::log1p(u / rate.base);
}

/// Integral over w from 0 to `length` of exp(-p w) (1 + c (exp(w) - 1))^-q, for p > -1, q > 0 and 0 < c <= 1.
///
/// The exponent is convex in w, and its slope grows no faster than exp(w) does. So Gauss-Legendre in pieces, each so
/// short that the exponent changes by little, reaches a relative error below 1e-13 whatever the parameters: a fixed
/// rule, smooth in all of them, which is what an optimiser needs.
double integral_of_falling(double p, double q, double c, double length) {
  constexpr double piece_max = 2;  // The nearest singularities lie pi beside the real axis.
  constexpr double change_max = 4;
  constexpr double negligible = 1e-18;
  using Rule = boost::math::quadrature::gauss<double, 15>;
  double sum = 0;
  for (double from = 0; from < length;) {
    const double grown = c * std::exp(from);
    const double slope = p + q * grown / (grown + 1 - c);
    const double step = std::min({piece_max, change_max / std::abs(slope), length - from});
    const double center = from + step / 2;
    const double piece = step / 2 * Rule::integrate([&](double u) {
                           const double w = center + u * step / 2;
                           return std::exp(-p * w - q * std::log1p(c * std::expm1(w)));
                         });
    sum += piece;
    from += step;
    if (slope > 0 && piece < negligible * sum) break;
  }
  return sum;
}

/// Relative to (alpha + t_x)^-n (beta + t_x)^-s. The moment of drop-out is measured in w = ln(1 + y / the lesser of
/// alpha + t_x and beta + t_x), y after the latest purchase: then the integrand has no scale but that of w.
Silence pareto_silence(const PurchaseModel& model, const CustomerSummary& customer, double u) {
  const auto [n, base] = rate_of(model, customer);
  const double s = model.parameters[2];
  const double drop_out_base = model.parameters[3] + customer.t_x;
  Silence silence{.active = -n * std::log1p(u / base) - s * std::log1p(u / drop_out_base)};
  if (u <= 0) return silence;
  const double ratio = base / drop_out_base;
  silence.dropped_out =
      ratio <= 1 ? std::log(s * ratio) + std::log(integral_of_falling(n - 1, s + 1, ratio, std::log1p(u / base)))
                 : std::log(s) + std::log(integral_of_falling(s, n, 1 / ratio, std::log1p(u / drop_out_base)));
  return silence;
}

/// For a silence of u after the latest purchase.
Silence silence_of(const PurchaseModel& model, const CustomerSummary& customer, double u) {
  if (model.family == PurchaseFamily::pareto_nbd) return pareto_silence(model, customer, u);
  Silence silence{.active = log_unfinished_gap(rate_of(model, customer), model.k, u)};
  const auto& [r, alpha, a, b] = model.parameters;
  switch (model.family) {
    case PurchaseFamily::bg_nbd:
      if (customer.x > 0) silence.dropped_out = std::log(a / (b + customer.x - 1));
      break;
    case PurchaseFamily::mbg_nbd:
    case PurchaseFamily::mbg_cnbd: {
      // Of the latest of x + 1 chances to drop out; the earlier ones are common.
      const double odds = a / (b + customer.x);
      silence.active -= std::log1p(odds);
      silence.dropped_out = std::log(odds) - std::log1p(odds);
      break;
    }
    case PurchaseFamily::cnbd:
    case PurchaseFamily::pareto_nbd: break;
  }
  return silence;
}

/// What the two parts of the likelihood have in common.
double log_common(const PurchaseModel& model, const CustomerSummary& customer) {
  const auto& [r, alpha, third, fourth] = model.parameters;
  const double phases = model.k * customer.x;
  double sum = -r * std::log1p(customer.t_x / alpha);
  if (customer.x > 0) sum += log_rising(r, phases) - phases * std::log(alpha + customer.t_x);
  if (model.k > 1) sum += (model.k - 1) * customer.log_gaps - customer.x * std::lgamma(model.k);
  switch (model.family) {
    case PurchaseFamily::bg_nbd:
    case PurchaseFamily::mbg_nbd:
    case PurchaseFamily::mbg_cnbd: return sum + log_rising(fourth, customer.x) - log_rising(third + fourth, customer.x);
    case PurchaseFamily::pareto_nbd: return sum - third * std::log1p(customer.t_x / fourth);
    case PurchaseFamily::cnbd: break;
  }
  return sum;
}

engine::Mbg mbg_of(const PurchaseModel& model, const CustomerSummary& customer, double horizon) {
  return {mbg_parameters(model), customer.x, customer.t_x, horizon};
}

/// Expected purchases of an active customer whose probability of drop-out is Beta(a, b) and comes after each purchase.
double purchases_before_drop_out(double n, double age, double a, double b, double horizon) {
  constexpr double negligible = 1e-15;
  const double staying = n * horizon / age;  // E[N]
  const double log_success = -std::log1p(age / horizon);
  double log_probability = -n * std::log1p(horizon / age);  // Of N = m.
  double more = -std::expm1(log_probability);               // P(N > m)
  double outlasts = 1;                                      // E[(1-p)^m]
  double sum = 0;
  for (double m = 0; more * outlasts > negligible * sum; ++m) {
    // Far beyond the mean P(N = m) falls by about h / (age + h) each time. Where that has come to nothing, `more` holds
    // only rounding, of which there would be no end.
    if (m > staying && std::exp(log_probability) * (1 + horizon / age) < negligible) break;
    sum += more * outlasts;
    outlasts *= (b + m) / (a + b + m);
    log_probability += log_success + std::log((n + m) / (m + 1));
    more -= std::exp(log_probability);
  }
  return sum;
}

}  // namespace

std::span<const std::string_view> parameter_names(PurchaseFamily family) {
  switch (family) {
    case PurchaseFamily::pareto_nbd: return pareto_names;
    case PurchaseFamily::cnbd: return std::span(beta_geometric_names).first(2);
    case PurchaseFamily::bg_nbd:
    case PurchaseFamily::mbg_nbd:
    case PurchaseFamily::mbg_cnbd: break;
  }
  return beta_geometric_names;
}

engine::MbgParameters mbg_parameters(const PurchaseModel& model) {
  const auto& [r, alpha, a, b] = model.parameters;
  return {.r = r, .alpha = alpha, .a = a, .b = b};
}

double log_likelihood(const PurchaseModel& model, const CustomerSummary& customer) {
  return log_common(model, customer) + silence_of(model, customer, customer.age - customer.t_x).either();
}

double p_alive(const PurchaseModel& model, const CustomerSummary& customer) {
  const double silence = customer.age - customer.t_x;
  if (model.family == PurchaseFamily::mbg_nbd) return mbg_of(model, customer, 1).p_alive(silence);
  const auto [active, dropped_out] = silence_of(model, customer, silence);
  return 1 / (1 + std::exp(dropped_out - active));
}

double no_purchase(const PurchaseModel& model, const CustomerSummary& customer, double horizon) {
  const double silence = customer.age - customer.t_x;
  if (model.family == PurchaseFamily::mbg_nbd) return mbg_of(model, customer, horizon).risk(silence);
  const double longer = silence_of(model, customer, silence + horizon).either();
  return std::exp(std::min(longer - silence_of(model, customer, silence).either(), 0.0));
}

std::optional<double> expected_purchases(const PurchaseModel& model, const CustomerSummary& customer, double horizon) {
  if (model.k > 1) return std::nullopt;
  const auto& [r, alpha, third, fourth] = model.parameters;
  const double n = r + customer.x;
  const double age = alpha + customer.age;
  const double alive = p_alive(model, customer);
  switch (model.family) {
    case PurchaseFamily::cnbd: break;
    case PurchaseFamily::bg_nbd: return alive * purchases_before_drop_out(n, age, third, fourth + customer.x, horizon);
    case PurchaseFamily::mbg_nbd:
    case PurchaseFamily::mbg_cnbd:
      return alive * purchases_before_drop_out(n, age, third, fourth + customer.x + 1, horizon);
    case PurchaseFamily::pareto_nbd: {
      // The time within the horizon that an active customer stays: (1 - (1 + horizon / drop_out_age)^-(s-1)) / (s-1).
      const double drop_out_age = fourth + customer.age;
      const double length = std::log1p(horizon / drop_out_age);
      const double power = (third - 1) * length;
      const double stays = drop_out_age * length * (power == 0 ? 1 : -std::expm1(-power) / power);
      return alive * n / age * stays;
    }
  }
  return n / age * horizon;
}

double log_likelihood(const engine::GammaGammaParameters& parameters, const SpendSummary& customer) {
  const auto& [p, q, v] = parameters;
  const double px = p * customer.x;
  const double spent = customer.x * customer.mean;
  // ln of Gamma(px+q) / (Gamma(px) Gamma(q)) * (v / (v + spent))^q * (spent / (v + spent))^px / mean.
  return std::lgamma(px + q) - std::lgamma(px) - std::lgamma(q) - q * std::log1p(spent / v) -
         px * std::log1p(v / spent) - std::log(customer.mean);
}

}  // namespace holdfast::learn
