#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/event.hpp"
#include "engine/model.hpp"
#include "learn/examples.hpp"

namespace holdfast::learn {

/// Of the customers whose spend is known, so many have to spend in one currency for spend to be learnt from.
inline constexpr double currency_share_min = 0.95;

/// In which currencies customers spend, as they stood at the last cut-off: those whose spend is known.
struct SpendCurrencies {
  struct Share {
    Currency currency;  ///< None: amounts came without one.
    std::size_t customers = 0;
  };
  std::vector<Share> shares;        ///< Most customers first, then by code.
  std::optional<Currency> taken{};  ///< In which spend counts; none: it does not.

  /// What a reader of the model has to know; empty: all spend in the one that is taken.
  [[nodiscard]] std::string warning() const;
};

/// Amounts in different currencies cannot be compared, and a model has one number for all: leaves the spend of
/// customers who spend in another currency than nearly all others out of the examples, as if it were not known; where
/// there is no such currency, everybody's. Customers who mix currencies have no known spend anyway.
SpendCurrencies keep_one_currency(std::span<Example> examples, const Cutoffs& cutoffs);

/// The same with the currency that a model names, whoever spends in it.
SpendCurrencies keep_currency(std::span<Example> examples, const Cutoffs& cutoffs, const Currency& currency);

/// Whether the currency of amounts makes a difference to the model.
[[nodiscard]] bool uses_spend(const engine::Model& model);

}  // namespace holdfast::learn
