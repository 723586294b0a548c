#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"
#include "learn/examples.hpp"
#include "learn/fit.hpp"
#include "learn/progress.hpp"
#include "learn/score_fit.hpp"

namespace holdfast::learn {

/// What is likely of a shop before its history is seen (docs/models/README.md, "The usual prior"): about one purchase
/// every other month, and about one in twenty is the last. Keeps drop-out from running away where the history is short.
[[nodiscard]] std::vector<LogNormal> usual_purchases(Duration time_unit);

struct TrainingSettings {
  Duration time_unit{7LL * 86'400'000};
  bool with_prior = true;    ///< usual_purchases(), for MBG/NBD.
  bool all_families = true;  ///< Also fit BG/NBD and Pareto/NBD, to compare.
  ScoreFitSettings score = {};
  Progress progress = no_progress;  ///< Of all parts.
};

/// How many of the customers at a cut-off stayed away.
struct CutoffOutcome {
  Timestamp at;
  std::size_t customers = 0;
  std::size_t left = 0;
};

struct Training {
  engine::Model model;  ///< Without id and name.
  PurchaseFit mbg;
  std::vector<PurchaseFit> others;  ///< BG/NBD and Pareto/NBD, without a prior, where they could be fitted.
  std::optional<GammaGammaFit> spend;
  ScoreFit score;
  std::vector<CutoffOutcome> outcomes;
  std::vector<std::string> warnings;  ///< Of all parts, and of the history.
};

/// Learns a model from examples: MBG/NBD and Gamma-Gamma from the customers as they stood at the last cut-off, and on
/// top a logistic part, which the model gets if it predicted better than MBG/NBD alone what it had not seen.
/// REQUIRES: examples by cut-off. invalid_argument: there is too little to learn from.
[[nodiscard]] Expected<Training> train(std::span<const Example> examples, const Cutoffs& cutoffs,
                                       const TrainingSettings& settings);

}  // namespace holdfast::learn
