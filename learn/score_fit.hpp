#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "domain/error.hpp"
#include "engine/model.hpp"
#include "learn/examples.hpp"
#include "learn/logistic_regression.hpp"
#include "learn/progress.hpp"

namespace holdfast::learn {

/// A feature that a model may weigh, and what its weight may be for the risk never to fall while a customer is silent.
struct FeatureRule {
  Feature feature{};
  WeightBounds bounds;
  bool has_range = true;  ///< It counts within what the examples had; otherwise from `least` on.
  double least = -std::numeric_limits<double>::infinity();
};

/// What a model weighs unless told otherwise: what stays within bounds as customers grow old. Plain days and ages are
/// not among them: in a few months they come to where no customer was at the time of training.
[[nodiscard]] std::vector<FeatureRule> default_features();

struct ScoreFitSettings {
  std::vector<FeatureRule> features = default_features();
  /// Of the penalty, a row: ridge = this times the number of rows.
  std::vector<double> ridges{1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1};  ///< Ascending.
  /// The share of the examples at either end of a feature's values that its range leaves out; of a feature that is the
  /// same for nearly all, the share of the others. What fewer than 30 examples have is not weighed.
  double outside_range = 0.01;
  std::size_t validations_max = 4;  ///< Cut-offs that are predicted from what was known before them.
  std::size_t folds = 5;            ///< Of customers, where history is too short for that.
  Progress progress = no_progress;
};

/// How well a way to predict did on examples that it was not fitted to.
struct Trial {
  double ridge = 0;
  double log_loss = 0;              ///< Mean of `losses`.
  std::vector<double> losses = {};  ///< By validation: mean log loss, nats.
};

struct ScoreFit {
  engine::Logistic logistic = {};
  std::size_t rows = 0;
  double log_loss = 0;             ///< On the rows it was fitted to, weighted.
  double ridge = 0;                ///< The one of `trials` that was taken.
  std::vector<Trial> trials = {};  ///< By ridge.
  Trial base = {};                 ///< Of the MBG/NBD part alone on the same examples.
  bool out_of_time = false;        ///< The trials predict later cut-offs; else they predict other customers.
  std::size_t validations = 0;     ///< Cut-offs, or groups of customers, that were predicted.

  /// The trial of the ridge that was taken.
  [[nodiscard]] const Trial& taken() const;
  /// On MBG/NBD alone, in the trials.
  [[nodiscard]] bool improves() const { return taken().log_loss < base.log_loss; }
};

/// Fits MBG/NBD anew to customers as they stood at an earlier cut-off: what could have been known then.
using RefitBase = std::function<Expected<engine::MbgParameters>(std::span<const Example> at_cutoff)>;

/// The logit of the MBG/NBD probability of no purchase within the horizon, as the engine has it.
[[nodiscard]] double mbg_logit_of(const Example& example, const engine::Model& base, Duration horizon);

/// Fits a model's `logistic` part: a regularised logistic regression over mbg_logit under `base` and the features. Each
/// cut-off counts alike, however many customers there were: which season a cut-off lies in moves the share of those who
/// leave more than anything else, and no season is to weigh more because the shop had grown. No outcome is weighed, so
/// probabilities stay what they are. A feature counts within the range that it had in the examples.
///
/// How strong the penalty is to be is tried on later cut-offs, each predicted from what was known before it, where that
/// spans a horizon at least; else on groups of customers, each predicted from the others. The strongest penalty is
/// taken that loses no more to the best one than a standard error of what it loses (Breiman et al. 1984).
/// REQUIRES: examples by cut-off. invalid_argument: too few examples, or one outcome alone.
[[nodiscard]] Expected<ScoreFit> fit_score(std::span<const Example> examples, const Cutoffs& cutoffs,
                                           const engine::Model& base, const RefitBase& refit,
                                           const ScoreFitSettings& settings = {});

}  // namespace holdfast::learn
