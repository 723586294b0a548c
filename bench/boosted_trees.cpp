#include "bench/boosted_trees.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include "domain/random.hpp"

namespace holdfast::bench {
namespace {

constexpr int folds = 5;
constexpr int rounds_max = 200;
constexpr int rounds_step = 20;
constexpr std::array depths{1, 2, 3, 4, 6};
constexpr std::array leaves{20.0, 100.0};

void check(int status) {
  if (status != 0) throw std::runtime_error(fmt::format("xgboost: {}", XGBGetLastError()));
}

int fold_of(std::uint64_t customer) { return static_cast<int>(Random(customer).below(folds)); }

/// The rows of the customers of a fold, or those of all others.
TreeRows part_of(const TreeRows& rows, std::span<const std::uint64_t> customers, int fold, bool within) {
  TreeRows part{.columns = rows.columns, .values = {}, .left = {}, .weight = {}};
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    if ((fold_of(customers[i]) == fold) != within) continue;
    const auto row = std::span(rows.values).subspan(i * rows.columns, rows.columns);
    part.values.insert(part.values.end(), row.begin(), row.end());
    part.left.push_back(rows.left[i]);
    part.weight.push_back(rows.weight[i]);
  }
  return part;
}

/// Summed over the rows, weighted.
double log_loss_sum(const TreeRows& rows, std::span<const double> predicted) {
  constexpr double least = 1e-15;
  double sum = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const double p = std::clamp(predicted[i], least, 1 - least);
    sum -= static_cast<double>(rows.weight[i]) * std::log(rows.left[i] > 0 ? p : 1 - p);
  }
  return sum;
}

}  // namespace

class BoostedTrees::Matrix {
 public:
  explicit Matrix(const TreeRows& rows) {
    check(XGDMatrixCreateFromMat(rows.values.data(), rows.rows(), rows.columns, std::numeric_limits<float>::quiet_NaN(),
                                 &handle_));
    check(XGDMatrixSetFloatInfo(handle_, "label", rows.left.data(), rows.left.size()));
    check(XGDMatrixSetFloatInfo(handle_, "weight", rows.weight.data(), rows.weight.size()));
  }
  ~Matrix() { XGDMatrixFree(handle_); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  [[nodiscard]] DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

BoostedTrees::BoostedTrees(const TreeRows& rows, const TreeSettings& settings) : rows_(std::make_unique<Matrix>(rows)) {
  const DMatrixHandle handle = rows_->handle();
  check(XGBoosterCreate(&handle, 1, &booster_));
  const auto set = [&](const char* name, const std::string& value) {
    check(XGBoosterSetParam(booster_, name, value.c_str()));
  };
  set("objective", "binary:logistic");
  set("tree_method", "hist");
  set("nthread", "1");
  set("seed", "1");
  set("verbosity", "0");
  set("eta", "0.1");
  set("max_depth", fmt::to_string(settings.depth));
  set("min_child_weight", fmt::to_string(settings.least_child));
  for (int round = 0; round < settings.rounds; ++round) check(XGBoosterUpdateOneIter(booster_, round, handle));
}

BoostedTrees::~BoostedTrees() { XGBoosterFree(booster_); }

std::vector<double> BoostedTrees::predict(const TreeRows& rows, int rounds) const {
  const Matrix matrix(rows);
  const std::string how = fmt::format(
      R"({{"type":0,"training":false,"iteration_begin":0,"iteration_end":{},"strict_shape":false}})", rounds);
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;
  check(XGBoosterPredictFromDMatrix(booster_, matrix.handle(), how.c_str(), &shape, &dimensions, &result));
  return {result, result + rows.rows()};
}

std::string BoostedTrees::version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

TreeChoice choose_trees(const TreeRows& rows, std::span<const std::uint64_t> customers) {
  std::vector<TreeRows> learnt;
  std::vector<TreeRows> held_out;
  double weight = 0;
  for (const float one : rows.weight) weight += static_cast<double>(one);
  for (int fold = 0; fold < folds; ++fold) {
    learnt.push_back(part_of(rows, customers, fold, false));
    held_out.push_back(part_of(rows, customers, fold, true));
  }
  TreeChoice choice{.settings = {}, .log_loss = std::numeric_limits<double>::infinity()};
  for (const int depth : depths) {
    for (const double leaf : leaves) {
      std::array<double, rounds_max / rounds_step> losses{};
      for (std::size_t fold = 0; fold < learnt.size(); ++fold) {
        const BoostedTrees trees(learnt[fold], {.depth = depth, .least_child = leaf, .rounds = rounds_max});
        for (std::size_t i = 0; i < losses.size(); ++i)
          losses[i] +=
              log_loss_sum(held_out[fold], trees.predict(held_out[fold], static_cast<int>(i + 1) * rounds_step)) /
              weight;
      }
      for (std::size_t i = 0; i < losses.size(); ++i) {
        ++choice.tried;
        if (losses[i] >= choice.log_loss) continue;
        choice.log_loss = losses[i];
        choice.settings = {.depth = depth, .least_child = leaf, .rounds = static_cast<int>(i + 1) * rounds_step};
      }
    }
  }
  return choice;
}

}  // namespace holdfast::bench
