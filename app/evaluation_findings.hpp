#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/evaluation_report.hpp"
#include "app/evaluation_words.hpp"

namespace holdfast::app {

// How figures are written in all reports. Negative ones have a true minus sign.

/// "47.1%"
[[nodiscard]] std::string percent(double share, int digits = 1);
/// With as many digits as the metric deserves.
[[nodiscard]] std::string metric_text(learn::Metric metric, double value);
/// The same with a sign, for differences.
[[nodiscard]] std::string signed_metric_text(learn::Metric metric, double value);
/// "[0.712, 0.768]"
[[nodiscard]] std::string interval_text(learn::Metric metric, const learn::ConfidenceInterval& interval);
[[nodiscard]] std::string signed_interval_text(learn::Metric metric, const learn::ConfidenceInterval& interval);
/// "[42.0%, 52.2%]"
[[nodiscard]] std::string percent_interval(const learn::ConfidenceInterval& interval);
/// "42.0%"; a dash for a group without rows.
[[nodiscard]] std::string left_text(const learn::GroupOutcome& group, Language language);
/// "+1.2 [−0.4, +2.8]" in percentage points; "too few to say" without an interval.
[[nodiscard]] std::string difference_text(const learn::Comparison& comparison, Language language);
/// "Control arm, at watch or above"
[[nodiscard]] std::string group_text(const learn::Comparison& comparison, bool is_first, Language language);
/// "12.5", "−3.0"
[[nodiscard]] std::string decimal(double value, int digits = 1);
/// "90", "0.5"
[[nodiscard]] std::string short_number(double value);
/// "2011-09-09"
[[nodiscard]] std::string date(Timestamp time);
/// The date of a cut-off by its number; "#3" where it is not told.
[[nodiscard]] std::string cutoff_name(const EvaluationFacts& facts, std::uint32_t cutoff);
/// "12 (9.8% of 122; 95% interval …)"; "too few" without any.
[[nodiscard]] std::string fraction_text(const learn::Fraction& fraction, Language language);

[[nodiscard]] inline const std::optional<learn::Estimate>& estimate(const learn::Evaluation& evaluation,
                                                                    learn::Scorer scorer, learn::Metric metric) {
  return evaluation.scorers[static_cast<std::size_t>(scorer)][static_cast<std::size_t>(metric)];
}

/// One sentence: whether the model is better than the best simple rule.
[[nodiscard]] std::string verdict(const learn::Evaluation& evaluation, Language language);

/// What whoever reads the figures must know, the gravest first.
[[nodiscard]] std::vector<std::string> warnings(const learn::Evaluation& evaluation, const EvaluationFacts& facts,
                                                Language language);

}  // namespace holdfast::app
