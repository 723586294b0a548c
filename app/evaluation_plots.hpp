#pragma once

#include <string>

#include "app/evaluation_report.hpp"
#include "app/evaluation_words.hpp"

namespace holdfast::app {

// The plots of the page, each an SVG element. Series have the CSS classes s0, s1 and so on: scorers in the order of
// learn::Scorer, curves in their own. REQUIRES of all: what they draw is there.

/// AUC with interval: of all scorers, then of the model within each group of customers that has one.
[[nodiscard]] std::string auc_plot(const learn::Evaluation& evaluation, Language language);
[[nodiscard]] std::string roc_plot(const learn::Evaluation& evaluation, Language language);
[[nodiscard]] std::string gain_plot(const learn::Evaluation& evaluation, Language language);
[[nodiscard]] std::string reliability_plot(const learn::Evaluation& evaluation, Language language);
/// How many rows got which risk; stands below the former and shares its horizontal axis.
[[nodiscard]] std::string histogram_plot(const learn::Evaluation& evaluation, Language language);
[[nodiscard]] std::string silence_plot(const EvaluationFacts& facts, Language language);
[[nodiscard]] std::string contribution_plot(const EvaluationFacts& facts, Language language);

/// A short line as a series is drawn, for legends.
[[nodiscard]] std::string swatch(const std::string& css_class);
/// The CSS class of the i-th series.
[[nodiscard]] std::string series_class(std::size_t i);

/// The risk of a curve after so many days, interpolated; no value beyond its ends.
[[nodiscard]] std::optional<double> risk_after(const RiskCurve& curve, double days);
/// The last day of all curves.
[[nodiscard]] double last_day(const EvaluationFacts& facts);

}  // namespace holdfast::app
