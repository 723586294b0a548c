#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace holdfast::bench {

/// What trees are grown on: a matrix of features, with NaN for what is absent, and what came of each row.
struct TreeRows {
  std::size_t columns = 0;
  std::vector<float> values;  ///< rows x columns, row by row.
  std::vector<float> left;    ///< 0 or 1, one a row.
  std::vector<float> weight;  ///< What a row counts.

  [[nodiscard]] std::size_t rows() const { return left.size(); }
};

struct TreeSettings {
  int depth = 3;
  double least_child = 20;  ///< Least weight of a leaf, p(1 - p) a row (XGBoost's min_child_weight).
  int rounds = 100;         ///< Trees.
};

/// Gradient-boosted trees (XGBoost, Chen, Guestrin 2016; the release that Debian has), with its defaults but for a
/// learning rate of .1 and the settings. On one thread and without drawing rows or columns: the same rows give the same
/// trees. Throws std::runtime_error with what the library says.
class BoostedTrees {
 public:
  BoostedTrees(const TreeRows& rows, const TreeSettings& settings);
  ~BoostedTrees();
  BoostedTrees(const BoostedTrees&) = delete;
  BoostedTrees& operator=(const BoostedTrees&) = delete;

  /// The probability of leaving, by row, by the first `rounds` trees.
  [[nodiscard]] std::vector<double> predict(const TreeRows& rows, int rounds) const;

  /// "1.6.0"
  [[nodiscard]] static std::string version();

 private:
  class Matrix;
  std::unique_ptr<Matrix> rows_;
  void* booster_ = nullptr;
};

/// Settings by how they do on customers that were not learnt from.
struct TreeChoice {
  TreeSettings settings;
  double log_loss = 0;    ///< Mean, weighted, over all rows, each predicted from other customers.
  std::size_t tried = 0;  ///< Settings.
};

/// Tries a small grid of depths, leaves and numbers of trees on five groups of customers, each predicted from the other
/// four, and takes the one with the least log loss; ties: the smaller trees. `customers`: by row.
[[nodiscard]] TreeChoice choose_trees(const TreeRows& rows, std::span<const std::uint64_t> customers);

}  // namespace holdfast::bench
