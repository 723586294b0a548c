#include "learn/metrics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>

#include <boost/math/special_functions/beta.hpp>

namespace holdfast::learn {
namespace {

constexpr double least_probability = 1e-15;
constexpr double normal_97_5 = 1.959963984540054;

double loss(double probability) { return -std::log(std::max(probability, least_probability)); }

/// Beta(alpha, beta) up to x: its mass, and the integral of x over it.
struct BetaPart {
  double mass;
  double moment;
};

BetaPart beta_up_to(double x, double alpha, double beta) {
  using Policy = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
  const double mean = alpha / (alpha + beta);
  if (x <= 0) return {0, 0};
  if (x >= 1) return {1, mean};
  const double mass = boost::math::ibeta(alpha, beta, x, Policy());
  // The moment is mean * I(x; alpha + 1, beta), by the recurrence of the incomplete beta function (DLMF 8.17.20).
  const double step = x * (1 - x) * boost::math::ibeta_derivative(alpha, beta, x, Policy()) / alpha;
  return {mass, mean * std::max(0.0, mass - step)};
}

/// Customers contacted: rows that would leave and rows that would stay.
struct Contacted {
  double left = 0;
  double stayed = 0;
};

/// The convex hull over the ROC curve, from nobody to all.
std::vector<Contacted> roc_hull(const Tally& tally) {
  std::vector<Contacted> hull{{}};
  Contacted at;
  for (const Tally::Group& group : tally.groups) {
    if (group.rows() == 0) continue;
    at.left += group.left;
    at.stayed += group.stayed;
    const auto lies_below = [&](const Contacted& from, const Contacted& between) {
      return (between.stayed - from.stayed) * (at.left - between.left) >=
             (between.left - from.left) * (at.stayed - between.stayed);
    };
    while (hull.size() >= 2 && lies_below(hull[hull.size() - 2], hull.back())) hull.pop_back();
    hull.push_back(at);
  }
  return hull;
}

/// Which bin the middle of a group lies in, of those that hold equally many rows.
std::size_t bin_of(double before, double rows, double total) {
  const double middle = (before + rows / 2) / total;
  return std::min(reliability_bins - 1, static_cast<std::size_t>(middle * static_cast<double>(reliability_bins)));
}

struct BinSums {
  double rows = 0;
  double score = 0;
  double left = 0;
};

/// From the least score on.
std::array<BinSums, reliability_bins> binned(const Ranking& ranking, const Tally& tally) {
  assert(ranking.scale() == Scale::probability && tally.rows() > 0);
  std::array<BinSums, reliability_bins> bins{};
  double before = 0;
  for (std::size_t g = tally.groups.size(); g-- > 0;) {
    const double rows = tally.groups[g].rows();
    if (rows == 0) continue;
    BinSums& bin = bins[bin_of(before, rows, tally.rows())];
    bin.rows += rows;
    bin.score += rows * ranking.scores()[g];
    bin.left += tally.groups[g].left;
    before += rows;
  }
  return bins;
}

}  // namespace

std::string_view name(Metric metric) {
  constexpr std::array<std::string_view, metric_count> names{"auc",  "top_decile_lift", "brier", "log_loss", "ece",
                                                             "empc", "target_share"};
  return names[static_cast<std::size_t>(metric)];
}

Ranking::Ranking(std::span<const double> scores, std::span<const std::uint8_t> left, Scale scale)
    : entries_(scores.size()), scale_(scale) {
  assert(scores.size() == left.size());
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(
      order, [&](std::uint32_t a, std::uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double score = scores[order[i]];
    if (i == 0 || score != scores_.back()) scores_.push_back(score);
    entries_[i] = {.row = order[i],
                   .slot = static_cast<std::uint32_t>(2 * (scores_.size() - 1) + (left[order[i]] != 0 ? 1 : 0))};
  }
  if (scale_ == Scale::order) return;
  assert(scores_.empty() || (scores_.front() <= 1 && scores_.back() >= 0));
  for (const double score : scores_) losses_.push_back({.stayed = loss(1 - score), .left = loss(score)});
}

Tally Ranking::tally() const {
  Tally out;
  const std::vector<std::uint32_t> once(entries_.size(), 1);
  tally(once, out);
  return out;
}

void Ranking::tally(std::span<const std::uint32_t> weights, Tally& tally) const {
  assert(weights.size() == entries_.size());
  tally.groups.assign(scores_.size(), {});
  for (const Entry& entry : entries_) {
    Tally::Group& group = tally.groups[entry.slot / 2];
    (entry.slot % 2 != 0 ? group.left : group.stayed) += weights[entry.row];
  }
  tally.left = 0;
  tally.stayed = 0;
  for (const Tally::Group& group : tally.groups) {
    tally.left += group.left;
    tally.stayed += group.stayed;
  }
}

std::optional<double> auc(const Tally& tally) {
  if (tally.left == 0 || tally.stayed == 0) return std::nullopt;
  double twice = 0;
  double stayed_above = 0;
  for (const Tally::Group& group : tally.groups) {
    twice += group.left * (2 * (tally.stayed - stayed_above) - group.stayed);
    stayed_above += group.stayed;
  }
  return twice / 2 / tally.left / tally.stayed;
}

std::optional<double> gain(const Tally& tally, double share) {
  if (tally.left == 0) return std::nullopt;
  const double wanted = share * tally.rows();
  double rows = 0;
  double left = 0;
  for (const Tally::Group& group : tally.groups) {
    if (rows + group.rows() >= wanted) {
      if (group.rows() > 0) left += group.left * (wanted - rows) / group.rows();
      break;
    }
    rows += group.rows();
    left += group.left;
  }
  return left / tally.left;
}

std::optional<double> top_decile_lift(const Tally& tally) {
  constexpr double decile = 0.1;
  const auto reached = gain(tally, decile);
  if (!reached) return std::nullopt;
  return *reached / decile;
}

double brier(const Ranking& ranking, const Tally& tally) {
  assert(ranking.scale() == Scale::probability && tally.rows() > 0);
  double sum = 0;
  for (std::size_t g = 0; g < tally.groups.size(); ++g) {
    const double p = ranking.scores()[g];
    sum += tally.groups[g].left * (1 - p) * (1 - p) + tally.groups[g].stayed * p * p;
  }
  return sum / tally.rows();
}

double log_loss(const Ranking& ranking, const Tally& tally) {
  assert(ranking.scale() == Scale::probability && tally.rows() > 0);
  double sum = 0;
  for (std::size_t g = 0; g < tally.groups.size(); ++g) {
    const Ranking::Loss& each = ranking.losses()[g];
    sum += tally.groups[g].left * each.left + tally.groups[g].stayed * each.stayed;
  }
  return sum / tally.rows();
}

std::vector<ReliabilityBin> reliability(const Ranking& ranking, const Tally& tally) {
  std::vector<ReliabilityBin> out;
  for (const BinSums& bin : binned(ranking, tally)) {
    if (bin.rows == 0) continue;
    out.push_back({.rows = bin.rows,
                   .mean_score = bin.score / bin.rows,
                   .left_share = bin.left / bin.rows,
                   .interval = wilson(bin.left, bin.rows)});
  }
  return out;
}

double ece(const Ranking& ranking, const Tally& tally) {
  double sum = 0;
  for (const BinSums& bin : binned(ranking, tally)) sum += std::abs(bin.score - bin.left);
  return sum / tally.rows();
}

double ece_by_chance(std::span<const ReliabilityBin> bins) {
  double sum = 0;
  double rows = 0;
  for (const ReliabilityBin& bin : bins) {
    const double variance = bin.mean_score * (1 - bin.mean_score) / bin.rows;
    sum += bin.rows * std::sqrt(2 * variance / std::numbers::pi);
    rows += bin.rows;
  }
  return rows == 0 ? 0 : sum / rows;
}

std::vector<double> histogram(const Ranking& ranking, const Tally& tally, std::size_t bins) {
  assert(ranking.scale() == Scale::probability && bins > 0);
  std::vector<double> out(bins);
  for (std::size_t g = 0; g < tally.groups.size(); ++g) {
    const auto bin = static_cast<std::size_t>(ranking.scores()[g] * static_cast<double>(bins));
    out[std::min(bin, bins - 1)] += tally.groups[g].rows();
  }
  return out;
}

// From vertex to vertex of the hull it pays to go on once g is large enough: the profit of the rows between is then
// positive. Vertices follow one another by that g, since the hull bends one way only.
Profit expected_maximum_profit(const Tally& tally, const ProfitSettings& settings) {
  assert(tally.rows() > 0 && settings.value > settings.offer_cost);
  const double saved = settings.value - settings.offer_cost;
  const double wasted = settings.offer_cost + settings.contact_cost;
  const std::vector<Contacted> hull = roc_hull(tally);
  double profit = 0;
  double contacted = 0;
  BetaPart from{0, 0};
  for (std::size_t v = 0; v < hull.size() && from.mass < 1; ++v) {
    double until = 1;
    if (v + 1 < hull.size()) {
      const double left = hull[v + 1].left - hull[v].left;
      const double stayed = hull[v + 1].stayed - hull[v].stayed;
      if (left > 0) until = (wasted * stayed + settings.contact_cost * left) / (saved * left);
    }
    const BetaPart to = beta_up_to(until, settings.alpha, settings.beta);
    const double mass = to.mass - from.mass;
    profit += saved * hull[v].left * (to.moment - from.moment) -
              (settings.contact_cost * hull[v].left + wasted * hull[v].stayed) * mass;
    contacted += (hull[v].left + hull[v].stayed) * mass;
    from = to;
  }
  return {.per_customer = profit / tally.rows(), .target_share = contacted / tally.rows()};
}

std::vector<CutPoint> cut_points(const Tally& tally, std::size_t points_max) {
  assert(points_max >= 2);
  if (tally.left == 0 || tally.stayed == 0) return {};
  const double step = tally.rows() / static_cast<double>(points_max - 1);
  std::vector<CutPoint> points{{}};
  Tally::Group at;
  for (const Tally::Group& group : tally.groups) {
    at.left += group.left;
    at.stayed += group.stayed;
    const bool is_last = at.rows() == tally.rows();
    if (group.rows() == 0 || (!is_last && at.rows() < static_cast<double>(points.size()) * step)) continue;
    points.push_back(
        {.targeted = at.rows() / tally.rows(), .of_left = at.left / tally.left, .of_stayed = at.stayed / tally.stayed});
    if (is_last) break;
  }
  return points;
}

MetricValues measure(const Ranking& ranking, const Tally& tally, const ProfitSettings& profit) {
  MetricValues out;
  if (tally.rows() == 0) return out;
  const auto set = [&](Metric metric, std::optional<double> value) { out[static_cast<std::size_t>(metric)] = value; };
  set(Metric::auc, auc(tally));
  set(Metric::top_decile_lift, top_decile_lift(tally));
  if (ranking.scale() == Scale::probability) {
    set(Metric::brier, brier(ranking, tally));
    set(Metric::log_loss, log_loss(ranking, tally));
    set(Metric::ece, ece(ranking, tally));
  }
  const Profit best = expected_maximum_profit(tally, profit);
  set(Metric::empc, best.per_customer);
  set(Metric::target_share, best.target_share);
  return out;
}

ConfidenceInterval wilson(double happened, double rows) {
  assert(rows > 0);
  const double z2 = normal_97_5 * normal_97_5;
  const double share = happened / rows;
  const double middle = (share + z2 / (2 * rows)) / (1 + z2 / rows);
  const double half = normal_97_5 / (1 + z2 / rows) * std::sqrt(share * (1 - share) / rows + z2 / (4 * rows * rows));
  return {.low = std::max(0.0, middle - half), .high = std::min(1.0, middle + half)};
}

double quantile(std::span<const double> sorted, double share) {
  assert(!sorted.empty());
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

double element_at(std::vector<double>& values, double share) {
  assert(!values.empty());
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, at);
  return *at;
}

}  // namespace holdfast::learn
