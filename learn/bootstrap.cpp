#include "learn/bootstrap.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "domain/random.hpp"

namespace holdfast::learn {
namespace {

/// Of the replicates, those in which a metric must have a value.
constexpr double defined_share = 0.95;

/// Each row's customer as a number from 0 without gaps, in the order of the customers' own numbers.
struct Clusters {
  std::vector<std::uint32_t> of_row;
  std::uint32_t count = 0;
};

Clusters clusters_of(std::span<const std::uint32_t> customers) {
  std::vector<std::uint32_t> known(customers.begin(), customers.end());
  std::ranges::sort(known);
  const auto repeated = std::ranges::unique(known);
  known.erase(repeated.begin(), repeated.end());
  Clusters out{.of_row = {}, .count = static_cast<std::uint32_t>(known.size())};
  for (const std::uint32_t customer : customers)
    out.of_row.push_back(static_cast<std::uint32_t>(std::ranges::lower_bound(known, customer) - known.begin()));
  return out;
}

}  // namespace

Bootstrap::Bootstrap(std::span<const Ranking> rankings, std::span<const std::uint32_t> customers,
                     const BootstrapSettings& settings, const ProfitSettings& profit)
    : settings_(settings), scorers_(rankings.size()) {
  for (const Ranking& ranking : rankings) {
    assert(ranking.rows() == customers.size());
    measured_.push_back(measure(ranking, ranking.tally(), profit));
  }
  values_.reserve(settings.replicates * scorers_);
  const Clusters clusters = clusters_of(customers);
  Random random(settings.seed);
  std::vector<std::uint32_t> drawn(clusters.count);
  std::vector<std::uint32_t> weights(customers.size());
  Tally tally;
  for (std::size_t replicate = 0; replicate < settings.replicates; ++replicate) {
    std::ranges::fill(drawn, 0U);
    for (std::uint32_t i = 0; i < clusters.count; ++i) ++drawn[random.below(clusters.count)];
    for (std::size_t row = 0; row < weights.size(); ++row) weights[row] = drawn[clusters.of_row[row]];
    for (const Ranking& ranking : rankings) {
      ranking.tally(weights, tally);
      values_.push_back(measure(ranking, tally, profit));
    }
  }
}

std::optional<ConfidenceInterval> Bootstrap::interval(std::size_t scorer, Metric metric) const {
  std::vector<double> values;
  for (std::size_t replicate = 0; replicate < settings_.replicates; ++replicate) {
    if (const auto& one = value(replicate, scorer, metric)) values.push_back(*one);
  }
  const auto& measured = measured_[scorer][static_cast<std::size_t>(metric)];
  auto found = percentiles(std::move(values), metric, measured.value_or(0));
  if (found && metric == Metric::ece) found->low = std::max(0.0, found->low);
  return found;
}

std::optional<ConfidenceInterval> Bootstrap::interval_of_difference(std::size_t scorer, std::size_t other,
                                                                    Metric metric) const {
  std::vector<double> values;
  for (std::size_t replicate = 0; replicate < settings_.replicates; ++replicate) {
    const auto& one = value(replicate, scorer, metric);
    const auto& another = value(replicate, other, metric);
    if (one && another) values.push_back(*one - *another);
  }
  const auto m = static_cast<std::size_t>(metric);
  return percentiles(std::move(values), metric, measured_[scorer][m].value_or(0) - measured_[other][m].value_or(0));
}

std::optional<ConfidenceInterval> Bootstrap::percentiles(std::vector<double> values, Metric metric,
                                                         double measured) const {
  const double wanted = defined_share * static_cast<double>(settings_.replicates);
  if (values.empty() || static_cast<double>(values.size()) < wanted) return std::nullopt;
  double excess = 0;
  if (metric == Metric::ece) {
    for (const double one : values) excess += (one - measured) / static_cast<double>(values.size());
  }
  std::ranges::sort(values);
  const double tail = (1 - settings_.coverage) / 2;
  return ConfidenceInterval{.low = quantile(values, tail) - excess, .high = quantile(values, 1 - tail) - excess};
}

}  // namespace holdfast::learn
