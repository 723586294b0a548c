#include "learn/spend_currency.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace holdfast::learn {
namespace {

constexpr auto log_spend = static_cast<std::size_t>(Feature::log_mean_spend);

std::string text_of(const Currency& currency) {
  return currency.empty() ? "in amounts without a currency" : "in " + std::string(currency.text());
}

SpendCurrencies currencies_of(std::span<const Example> examples, const Cutoffs& cutoffs) {
  std::map<Currency, std::size_t> counts;
  for (const Example& example : examples) {
    if (example.cutoff + 1 == cutoffs.at.size() && !std::isnan(example.values[log_spend])) ++counts[example.currency];
  }
  SpendCurrencies found;
  for (const auto& [currency, count] : counts) found.shares.push_back({.currency = currency, .customers = count});
  std::ranges::stable_sort(found.shares, std::ranges::greater{}, &SpendCurrencies::Share::customers);
  return found;
}

std::size_t customers_of(const SpendCurrencies& found) {
  std::size_t customers = 0;
  for (const SpendCurrencies::Share& share : found.shares) customers += share.customers;
  return customers;
}

void forget_spend_but(std::span<Example> examples, const std::optional<Currency>& currency) {
  for (Example& example : examples) {
    if (currency == example.currency) continue;
    example.values[log_spend] = std::numeric_limits<float>::quiet_NaN();
    example.mean_repeat_spend = 0;
  }
}

}  // namespace

SpendCurrencies keep_one_currency(std::span<Example> examples, const Cutoffs& cutoffs) {
  SpendCurrencies found = currencies_of(examples, cutoffs);
  const double enough = currency_share_min * static_cast<double>(customers_of(found));
  if (!found.shares.empty() && static_cast<double>(found.shares.front().customers) >= enough)
    found.taken = found.shares.front().currency;
  forget_spend_but(examples, found.taken);
  return found;
}

SpendCurrencies keep_currency(std::span<Example> examples, const Cutoffs& cutoffs, const Currency& currency) {
  SpendCurrencies found = currencies_of(examples, cutoffs);
  found.taken = currency;
  forget_spend_but(examples, currency);
  return found;
}

std::string SpendCurrencies::warning() const {
  const std::size_t customers = customers_of(*this);
  std::string who;
  for (const Share& share : shares) {
    if (taken == share.currency) continue;
    who += fmt::format("{}{} ({:.1f} %) {}", who.empty() ? "" : ", ", share.customers,
                       100 * static_cast<double>(share.customers) / static_cast<double>(customers),
                       text_of(share.currency));
  }
  if (who.empty()) return {};
  if (taken)
    return fmt::format(
        "spend counts {} alone: it is not known of customers who spend otherwise, {}; convert amounts to one currency",
        text_of(*taken), who);
  return fmt::format(
      "customers spend in different currencies, {}: amounts cannot be compared, so the model has neither "
      "log_mean_spend nor Gamma-Gamma, and alerts no expected value; convert amounts to one currency",
      who);
}

bool uses_spend(const engine::Model& model) {
  return model.gamma_gamma ||
         (model.logistic && std::ranges::any_of(model.logistic->terms, [](const engine::Logistic::Term& term) {
            return term.feature == Feature::log_mean_spend && term.weight != 0;
          }));
}

}  // namespace holdfast::learn
