#include "learn/group_comparison.hpp"

#include <algorithm>
#include <cstddef>
#include <map>

#include "domain/random.hpp"

namespace holdfast::learn {
namespace {

/// A customer's rows of either group.
struct Cluster {
  GroupOutcome first;
  GroupOutcome second;
};

void add(GroupOutcome& to, const GroupOutcome& more) {
  to.rows += more.rows;
  to.left += more.left;
  to.customers += more.rows > 0 ? 1 : 0;
}

std::vector<Cluster> clusters_of(std::span<const GroupRow> rows) {
  std::map<std::uint32_t, Cluster> by_customer;
  for (const GroupRow& row : rows) {
    Cluster& cluster = by_customer[row.customer];
    GroupOutcome& outcome = row.in_first ? cluster.first : cluster.second;
    ++outcome.rows;
    outcome.left += row.left ? 1 : 0;
  }
  std::vector<Cluster> out;
  for (const auto& [customer, cluster] : by_customer) out.push_back(cluster);
  return out;
}

}  // namespace

GroupComparison compare(std::span<const GroupRow> rows, const BootstrapSettings& settings,
                        std::uint64_t least_customers) {
  const std::vector<Cluster> clusters = clusters_of(rows);
  GroupComparison out;
  for (const Cluster& cluster : clusters) {
    add(out.first, cluster.first);
    add(out.second, cluster.second);
  }
  if (std::min(out.first.customers, out.second.customers) < std::max<std::uint64_t>(least_customers, 1)) return out;

  Random random(settings.seed);
  std::vector<double> differences;
  for (std::size_t replicate = 0; replicate < settings.replicates; ++replicate) {
    GroupComparison drawn;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      const Cluster& cluster = clusters[random.below(clusters.size())];
      add(drawn.first, cluster.first);
      add(drawn.second, cluster.second);
    }
    if (drawn.first.rows > 0 && drawn.second.rows > 0) differences.push_back(drawn.difference());
  }
  if (differences.empty()) return out;
  std::ranges::sort(differences);
  const double tail = (1 - settings.coverage) / 2;
  out.interval = ConfidenceInterval{.low = quantile(differences, tail), .high = quantile(differences, 1 - tail)};
  return out;
}

}  // namespace holdfast::learn
