#include "learn/spend_currency.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace holdfast::learn {
namespace {

float& log_spend_of(Example& example) { return example.values[static_cast<std::size_t>(Feature::log_mean_spend)]; }

bool spend_is_known(Example& example) { return !std::isnan(log_spend_of(example)); }

std::string text_of(const Currency& currency) {
  return currency.empty() ? "without a currency" : "in " + std::string(currency.text());
}

}  // namespace

SpendCurrencies keep_one_currency(std::span<Example> examples, const Cutoffs& cutoffs) {
  std::map<Currency, std::size_t> counts;
  std::size_t customers = 0;
  for (Example& example : examples) {
    if (example.cutoff + 1 != cutoffs.at.size() || !spend_is_known(example)) continue;
    ++counts[example.currency];
    ++customers;
  }
  SpendCurrencies found;
  for (const auto& [currency, count] : counts) found.shares.push_back({.currency = currency, .customers = count});
  std::ranges::stable_sort(found.shares, std::ranges::greater{}, &SpendCurrencies::Share::customers);
  if (customers == 0) return found;
  const SpendCurrencies::Share& most = found.shares.front();
  if (static_cast<double>(most.customers) >= currency_share_min * static_cast<double>(customers))
    found.taken = most.currency;
  for (Example& example : examples) {
    if (found.taken == example.currency) continue;
    log_spend_of(example) = std::numeric_limits<float>::quiet_NaN();
    example.mean_repeat_spend = 0;
  }
  return found;
}

std::string SpendCurrencies::warning() const {
  if (shares.size() < 2) return {};
  std::size_t customers = 0;
  for (const Share& share : shares) customers += share.customers;
  std::string who;
  for (const Share& share : shares)
    who += fmt::format("{}{} ({:.1f} %) {}", who.empty() ? "" : ", ", share.customers,
                       100 * static_cast<double>(share.customers) / static_cast<double>(customers),
                       text_of(share.currency));
  if (!taken)
    return fmt::format(
        "customers spend in different currencies, {}: amounts cannot be compared, so the model has neither "
        "log_mean_spend nor Gamma-Gamma, and alerts no expected value; convert amounts to one currency",
        who);
  return fmt::format(
      "customers spend in different currencies, {}: spend was learnt from those {} alone, and says nothing right of "
      "the others; convert amounts to one currency",
      who, text_of(*taken));
}

}  // namespace holdfast::learn
