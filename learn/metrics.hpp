#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace holdfast::learn {

/// How good a score for leaving is, over rows of which it is known who left. Everything here depends on the set of rows
/// alone: rows with the same score are one group, so that their order cannot matter.

/// What a score says beyond its order.
enum class Scale : std::uint8_t {
  probability,  ///< Within [0, 1]: the probability of leaving.
  order,        ///< A greater one: rather leaves. Nothing else.
};

enum class Metric : std::uint8_t {
  auc,              ///< Probability that one who left scores above one who stayed, ties counting half.
  top_decile_lift,  ///< Share who left among the tenth with the greatest scores, over the share who left of all.
  brier,            ///< Mean of (score - outcome)^2.
  log_loss,         ///< Mean of -ln(score given to what happened), scores taken within 1e-15 of 0 and 1.
  ece,              ///< Expected calibration error: mean distance of score and outcome over reliability().
  empc,             ///< Expected maximum profit for churn: expected_maximum_profit().
  target_share,     ///< The share of customers that goes with it.
};
inline constexpr std::size_t metric_count = 7;
[[nodiscard]] std::string_view name(Metric metric);

/// By Metric; no value where the rows or the scale give none.
using MetricValues = std::array<std::optional<double>, metric_count>;

/// Rows by the group of their score: how many of them left and stayed. Rows may have weights (whole numbers).
struct Tally {
  struct Group {
    double stayed = 0;
    double left = 0;
    [[nodiscard]] double rows() const { return stayed + left; }
  };
  std::vector<Group> groups;  ///< The greatest score first.
  double stayed = 0;          ///< Of all.
  double left = 0;
  [[nodiscard]] double rows() const { return stayed + left; }
};

/// Rows ranked by one score: sorted once, then tallied as often as there are weights.
class Ranking {
 public:
  /// REQUIRES: as many outcomes (0, 1) as scores; scores are finite, and within [0, 1] if they are probabilities.
  Ranking(std::span<const double> scores, std::span<const std::uint8_t> left, Scale scale);

  [[nodiscard]] std::size_t rows() const { return entries_.size(); }
  [[nodiscard]] Scale scale() const { return scale_; }
  /// Of each group, descending.
  [[nodiscard]] const std::vector<double>& scores() const { return scores_; }

  /// Each row once.
  [[nodiscard]] Tally tally() const;
  /// Each row `weights` times, by its number. Keeps the memory of `tally`.
  void tally(std::span<const std::uint32_t> weights, Tally& tally) const;

  /// What log_loss() takes for each group, so that a bootstrap takes no logarithms.
  struct Loss {
    double stayed;
    double left;
  };
  [[nodiscard]] const std::vector<Loss>& losses() const { return losses_; }

 private:
  struct Entry {
    std::uint32_t row;
    std::uint32_t slot;  ///< 2 * group + outcome
  };
  std::vector<Entry> entries_;  ///< By slot's group.
  std::vector<double> scores_;
  std::vector<Loss> losses_;  ///< Empty if the score is no probability.
  Scale scale_;
};

/// What contacting a customer costs and brings: the parameters of Verbraken, Verbeke, Baesens 2013.
struct ProfitSettings {
  double alpha = 6;         ///< The share of contacted leavers who take the offer and stay is Beta(alpha, beta).
  double beta = 14;         ///< Both > 0.
  double value = 200;       ///< Lifetime value of a customer, > offer_cost.
  double offer_cost = 10;   ///< d, >= 0: paid to all who take the offer, and would-be stayers do.
  double contact_cost = 1;  ///< f, >= 0: paid for each customer contacted.
};

struct Profit {
  double per_customer = 0;  ///< In the unit of `value`, over all customers, contacted or not.
  double target_share = 0;  ///< Share of customers contacted, expected.
};

/// 95 % bounds and the like.
struct ConfidenceInterval {
  double low = 0;
  double high = 0;
};

/// No value unless somebody left and somebody stayed.
[[nodiscard]] std::optional<double> auc(const Tally& tally);

/// Share of those who left that is among the `share` of all rows with the greatest scores; a group that lies across the
/// border counts in proportion. No value if nobody left. REQUIRES: share within (0, 1].
[[nodiscard]] std::optional<double> gain(const Tally& tally, double share);

/// No value if nobody left.
[[nodiscard]] std::optional<double> top_decile_lift(const Tally& tally);

/// REQUIRES of the next four: the ranking is by probability, the tally is of this ranking and not empty.
[[nodiscard]] double brier(const Ranking& ranking, const Tally& tally);
[[nodiscard]] double log_loss(const Ranking& ranking, const Tally& tally);

struct ReliabilityBin {
  double rows = 0;
  double mean_score = 0;
  double left_share = 0;
  ConfidenceInterval interval;  ///< Of left_share: Wilson, 95 %.
};
inline constexpr std::size_t reliability_bins = 10;

/// Predictions against outcomes in ten bins of about equally many rows, the least scores first. A group goes as a whole
/// into the bin that holds its middle; bins that get none are left out.
[[nodiscard]] std::vector<ReliabilityBin> reliability(const Ranking& ranking, const Tally& tally);
[[nodiscard]] double ece(const Ranking& ranking, const Tally& tally);

/// What ece() would come to, by chance alone, if the mean score of each bin were true: the mean of |N(0, p(1-p)/rows)|.
[[nodiscard]] double ece_by_chance(std::span<const ReliabilityBin> bins);

/// Rows by their score in bins of equal width over [0, 1]; 1 is in the last. REQUIRES: as brier(), bins > 0.
[[nodiscard]] std::vector<double> histogram(const Ranking& ranking, const Tally& tally, std::size_t bins);

/// EMPC (Verbraken, Verbeke, Baesens 2013, IEEE TKDE 25(5), 961-973). If the share g of contacted leavers stays, and
/// those with scores above a threshold are contacted, of whom L (of all customers) would leave and S would stay, then a
/// customer brings (value - d) g L - f L - (d + f) S on average. Each g has its best threshold, which is a vertex of
/// the ROC curve's convex hull; g is Beta(alpha, beta). REQUIRES: the tally is not empty.
[[nodiscard]] Profit expected_maximum_profit(const Tally& tally, const ProfitSettings& settings);

/// All who score at least so high, as shares of all rows, of those who left and of those who stayed. of_stayed and
/// of_left are a point of the ROC curve, targeted and of_left one of the cumulative gain.
struct CutPoint {
  double targeted = 0;
  double of_left = 0;
  double of_stayed = 0;
};

/// From nobody to all, in at most points_max steps that lie about evenly. Empty unless somebody left and somebody
/// stayed. REQUIRES: points_max >= 2.
[[nodiscard]] std::vector<CutPoint> cut_points(const Tally& tally, std::size_t points_max);

/// All metrics of the tally that there are; none if it is empty.
[[nodiscard]] MetricValues measure(const Ranking& ranking, const Tally& tally, const ProfitSettings& profit);

/// Wilson's score interval of a share, 95 % (Wilson 1927). REQUIRES: rows > 0.
[[nodiscard]] ConfidenceInterval wilson(double happened, double rows);

/// The value below which `share` of the sorted values lie, interpolated linearly (Hyndman, Fan 1996, type 7).
/// REQUIRES: not empty, share within [0, 1].
[[nodiscard]] double quantile(std::span<const double> sorted, double share);

/// The one of the values that lies there in order, or next below; their order changes. REQUIRES: as above.
[[nodiscard]] double element_at(std::vector<double>& values, double share);

}  // namespace holdfast::learn
