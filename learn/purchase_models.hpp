#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/model.hpp"

namespace holdfast::learn {

/// What the purchase models know of a customer when its observation ends. Times are in the model's time unit.
struct CustomerSummary {
  double x = 0;         ///< Repeat purchase days; a whole number.
  double t_x = 0;       ///< From the first purchase to the latest: 0 for x = 0, else > 0.
  double age = 0;       ///< T: from the first purchase to the end of the observation, >= t_x.
  double log_gaps = 0;  ///< Sum of ln(gap) over the x gaps between purchase days. Only k > 1 looks at it.
};

/// How customers buy, and how they leave. In all of them a customer's purchase rate comes from a Gamma(r, alpha)
/// distribution, alpha in time units.
enum class PurchaseFamily : std::uint8_t {
  /// Nobody leaves; Erlang-k gaps. NBD of Ehrenberg 1959 for k = 1, CNBD of Chatfield and Goodhardt 1973 for k = 2.
  cnbd,
  /// Poisson purchases; drop-out after each repeat purchase with a Beta(a, b) probability. Fader, Hardie and Lee 2005.
  bg_nbd,
  /// The same, with drop-out after the first purchase too. Batislam, Denizel and Filiztekin 2007.
  mbg_nbd,
  /// The same, with Erlang-k gaps: k phases at the customer's rate make a purchase. Reutterer, Platzer and Schroeder
  /// 2021. For k = 1 it is mbg_nbd.
  mbg_cnbd,
  /// Poisson purchases; drop-out at any moment, at a rate from a Gamma(s, beta) distribution. Schmittlein, Morrison and
  /// Colombo 1987.
  pareto_nbd,
};

/// Phases that a gap may consist of: beyond that, gaps are all but equal.
inline constexpr int erlang_phases_max = 12;

struct PurchaseModel {
  PurchaseFamily family = PurchaseFamily::mbg_nbd;
  /// In the order of parameter_names(); beyond them unused. Finite and > 0.
  std::array<double, 4> parameters{};
  int k = 1;  ///< Of cnbd and mbg_cnbd, 1 to erlang_phases_max; 1 for the others.
};

/// "r", "alpha", and "a", "b" or "s", "beta" or nothing.
[[nodiscard]] std::span<const std::string_view> parameter_names(PurchaseFamily family);

/// r, alpha, a, b. REQUIRES: bg_nbd, mbg_nbd or mbg_cnbd.
[[nodiscard]] engine::MbgParameters mbg_parameters(const PurchaseModel& model);

/// Log of the likelihood of a customer's purchase times; with the same summaries, those of all families and all k
/// compare.
///
/// With n = r + k x and, for the silence u = T - t_x,
///     G(u) = sum over j < k of (n)_j u^j / (j! (alpha + t_x + u)^(n + j)),    (n)_j = n (n + 1) ... (n + j - 1)
/// the likelihood is
///     gap^(k-1) / (k-1)!^x * Gamma(n) alpha^r / Gamma(r) * (active + dropped out), where by family
///     cnbd                active G(u)
///     bg_nbd              active B(a, b+x) / B(a, b) G(u), dropped out B(a+1, b+x-1) / B(a, b) (alpha + t_x)^-n, x > 0
///     mbg_nbd, mbg_cnbd   active B(a, b+x+1) / B(a, b) G(u), dropped out B(a+1, b+x) / B(a, b) (alpha + t_x)^-n
///     pareto_nbd          active (alpha + T)^-n (beta / (beta + T))^s,
///                         dropped out s beta^s * integral over y from t_x to T of (alpha + y)^-n (beta + y)^-(s+1)
/// gap^(k-1) is the product over the gaps. Pareto's integral is that over the moment of drop-out in Schmittlein,
/// Morrison and Colombo's likelihood, with the two rates integrated out first; Fader and Hardie ("A Note on Deriving
/// the Pareto/NBD Model", 2005) write it as a difference of hypergeometric functions, which cancels. G sums over the
/// phases, 0 to k - 1, that an active customer may have gone through since the latest purchase.
[[nodiscard]] double log_likelihood(const PurchaseModel& model, const CustomerSummary& customer);

/// Probability that the customer has not dropped out by the end of its observation: the active share of the likelihood.
[[nodiscard]] double p_alive(const PurchaseModel& model, const CustomerSummary& customer);

/// Probability of no purchase within `horizon` > 0 from the end of the observation. It is the likelihood of the same
/// purchases and a silence that is longer by the horizon, divided by that of what was observed.
[[nodiscard]] double no_purchase(const PurchaseModel& model, const CustomerSummary& customer, double horizon);

/// Expected repeat purchases within `horizon` from the end of the observation. No value for k > 1, which has no closed
/// form.
/// bg_nbd, mbg_nbd: P(alive) * sum over m >= 0 of P(N > m) E[(1-p)^m], with N the purchases of a customer who stays,
/// negative binomial, and (1-p)^m the probability of outlasting m of them. Equal to the hypergeometric form of Fader,
/// Hardie and Lee 2005 (their eq. 10), without its singularity at a = 1; it takes about E[N] + 40 horizon / (alpha + T)
/// terms. pareto_nbd: the closed form of 1987.
[[nodiscard]] std::optional<double> expected_purchases(const PurchaseModel& model, const CustomerSummary& customer,
                                                       double horizon);

/// What Gamma-Gamma knows of a customer.
struct SpendSummary {
  double x = 0;     ///< Repeat purchase days, > 0.
  double mean = 0;  ///< Their mean spend, currency units, > 0.
};

/// Log of the density of a mean spend (Fader, Hardie and Lee 2005, "RFM and CLV", eq. 1a).
[[nodiscard]] double log_likelihood(const engine::GammaGammaParameters& parameters, const SpendSummary& customer);

}  // namespace holdfast::learn
