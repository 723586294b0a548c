#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/error.hpp"
#include "learn/purchase_models.hpp"

namespace holdfast::learn {

/// What is held to be likely of a parameter before the data are seen: its logarithm is normal.
struct LogNormal {
  double centre = 1;
  double sd = 1;  ///< Of the logarithm.
};

struct FitSettings {
  /// One a parameter, in the order of parameter_names(); empty: none. With Erlang-k gaps, alpha's centre is that of
  /// k = 1 and is divided by k: k phases make a purchase.
  std::vector<LogNormal> prior;
  /// Of more customers than this, every n-th is fitted to, with the least n that does.
  std::size_t customers_max = 100'000;
  /// The same for trying out where to begin.
  std::size_t trial_customers_max = 5'000;
};

struct PurchaseFit {
  PurchaseModel model;
  double log_likelihood = 0;  ///< Of all customers, without the prior.
  /// By which `log_likelihood` exceeds the greatest one of the same purchases without drop-out; 0 for cnbd.
  double drop_out_gain = 0;
  std::size_t customers = 0;
  std::size_t customers_used = 0;  ///< That the parameters were found from.
  bool with_prior = false;
  /// Of the parameters' logarithms, in the order of parameter_names(); empty where the data leave them open.
  std::vector<double> standard_errors;
  /// Sentences for whoever wants to rely on the fit; empty: nothing speaks against it.
  std::vector<std::string> warnings;
};

/// The parameters that maximise the likelihood, or, with a prior, the posterior density of their logarithms. A function
/// of the customers in their order and of nothing else.
/// invalid_argument: no customers, none who bought again, a summary that is none, or a prior of the wrong size.
/// failed: the search broke down.
[[nodiscard]] Expected<PurchaseFit> fit_purchases(std::span<const CustomerSummary> customers, PurchaseFamily family,
                                                  int k, const FitSettings& settings);

struct RegularityFit {
  PurchaseFit best;
  std::vector<double> log_likelihoods;  ///< By k, from k = 1 on.
  double gain = 0;                      ///< Of the best k over k = 1.
};

/// mbg_cnbd with the k of the greatest likelihood, the least of equals. REQUIRES: 1 <= k_max <= erlang_phases_max.
[[nodiscard]] Expected<RegularityFit> fit_regularity(std::span<const CustomerSummary> customers, int k_max,
                                                     const FitSettings& settings);

struct GammaGammaFit {
  engine::GammaGammaParameters parameters;
  double log_likelihood = 0;       ///< Of all customers that count, without the prior.
  std::size_t customers = 0;       ///< Those with x > 0 and a mean spend > 0: the others do not count.
  std::size_t customers_used = 0;  ///< That the parameters were found from.
  bool with_prior = false;
  std::vector<double> standard_errors;  ///< Of the logarithms of p, q and v.
  std::vector<std::string> warnings;
};

/// The same for spend; a prior is one of p, q and v.
/// invalid_argument: nobody with a repeat purchase and spend, or a prior of the wrong size.
[[nodiscard]] Expected<GammaGammaFit> fit_gamma_gamma(std::span<const SpendSummary> customers,
                                                      const FitSettings& settings);

}  // namespace holdfast::learn
