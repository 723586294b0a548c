#pragma once

#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/evaluation_report.hpp"
#include "app/history.hpp"
#include "app/purchase_times.hpp"
#include "learn/evaluation.hpp"
#include "learn/examples.hpp"

namespace holdfast::app {

struct EvaluationRun {
  learn::EvaluationInput input;
  EvaluationFacts facts;
  std::vector<learn::Example> examples;  ///< What the rows of `input` are made of, in the same order.
  std::string warning;                   ///< Of spend that does not count; empty: there is none.
};

/// Has the configured model and levels go through a history, and takes down what they said at the cut-offs, whom they
/// flagged from the first cut-off on, and what came of it, which is for `purchases` to say: all that the history has,
/// settled.
[[nodiscard]] Expected<EvaluationRun> run_evaluation(const Config& config, const History& history,
                                                     const HistorySpan& span, const PurchaseTimes& purchases,
                                                     const learn::Cutoffs& cutoffs, Timestamp known_until,
                                                     std::size_t examples_max, const HistoryProgress& progress);

}  // namespace holdfast::app
