#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "domain/time.hpp"
#include "ingest/reason_words.hpp"
#include "learn/evaluation.hpp"

namespace holdfast::app {

/// The risk of a customer with some history who stays silent. As many days as risks, ascending; finite, risks in [0,
/// 1].
struct RiskCurve {
  std::uint32_t purchases = 0;  ///< Days with one, from 1 on.
  double gap_days = 0;          ///< Between them; one: means nothing.
  std::vector<double> days;     ///< Since the latest purchase.
  std::vector<double> risk;
};

/// What a feature contributes to the scores of the judged rows, in log-odds; finite.
struct FeatureContribution {
  std::string feature;       ///< As in the model file.
  double mean_absolute = 0;  ///< How much it moves them.
  double mean = 0;           ///< Where it moves them on the whole; greater: towards leaving.
};

/// What a report says besides the judgement itself. Texts come from outside and may hold anything.
struct EvaluationFacts {
  std::string model_name;
  std::string model_id;
  Duration horizon;
  std::vector<Timestamp> cutoffs;  ///< By the number that rows have.
  Timestamp data_from;
  Timestamp data_to;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< Names and texts, to be shown as they are.
  std::vector<std::pair<std::string, double>> levels;           ///< Alert levels with their thresholds, ascending.
  std::vector<RiskCurve> curves;
  std::vector<FeatureContribution> contributions;  ///< In the order in which they are to be shown.
};

using ingest::Language;
/// "en" or "zh".
[[nodiscard]] std::optional<Language> language_named(std::string_view name);

/// For a terminal, in English.
[[nodiscard]] std::string evaluation_text(const learn::Evaluation& evaluation, const EvaluationFacts& facts);

/// Everything, for programs: names as in the code, shares within [0, 1], numbers finite; what there is no value for is
/// left out. Warnings are in English.
[[nodiscard]] nlohmann::ordered_json evaluation_json(const learn::Evaluation& evaluation, const EvaluationFacts& facts);

/// A page for people: one file that needs no other and runs no script, HTML that is well-formed XML as well.
[[nodiscard]] std::string evaluation_page(const learn::Evaluation& evaluation, const EvaluationFacts& facts,
                                          Language language);

}  // namespace holdfast::app
