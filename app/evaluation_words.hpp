#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "app/evaluation_report.hpp"

namespace holdfast::app {

/// Every text of the reports on a model, by what it is for. {0}, {1} and so on stand for what words() is given.
enum class Text : std::uint8_t {
  page_language,
  page_title,
  page_lead,
  // Sections, and how to read them.
  summary,
  read_with_care,
  comparison,
  comparison_how,
  auc_plot,
  auc_plot_how,
  roc,
  roc_how,
  gain,
  gain_how,
  reliability,
  reliability_how,
  reliability_chance,
  silence,
  silence_how,
  contributions,
  contributions_how,
  cohorts,
  cohorts_how,
  by_cutoff,
  alerts,
  alerts_how,
  treatment,
  treatment_how,
  about,
  method,
  // Verdicts.
  verdict_better,
  verdict_unclear,
  verdict_worse,
  verdict_none,
  difference_of,
  difference_within,
  // Key figures.
  key_auc,
  key_auc_note,
  key_lift,
  key_lift_note,
  key_calibration,
  key_calibration_note,
  key_precision,
  key_precision_note,
  key_recall,
  key_recall_note,
  key_load,
  key_load_note,
  // Scorers.
  model,
  recency,
  frequency,
  mbg,
  coin,
  perfect,
  // Metrics, in the order of learn::Metric, and what they mean, in the same order.
  auc,
  top_decile_lift,
  brier,
  log_loss,
  ece,
  empc,
  target_share,
  auc_means,
  top_decile_lift_means,
  brier_means,
  log_loss_means,
  ece_means,
  empc_means,
  target_share_means,
  // Table headings and axes.
  metric,
  model_less_best,
  against,
  interval,
  group,
  rows,
  customers,
  left,
  left_of_all,
  predicted,
  best_rule_auc,
  contacted,
  contacted_axis,
  reached_axis,
  of_contacted_left,
  stayed_met_axis,
  left_met_axis,
  risk_axis,
  left_axis,
  rows_axis,
  days_axis,
  days,
  curve_of_one,
  curve_of_several,
  log_odds_axis,
  feature,
  mean_absolute,
  mean_signed,
  measure,
  value,
  cutoff,
  at_cutoff,
  no_value,
  // States, in the order of CustomerState.
  potential,
  first_time,
  repeat,
  loyal,
  lost,
  won_back,
  after_complaint,
  // Shortages, in the order of learn::Shortage without `none`.
  no_rows,
  nobody_left,
  everybody_left,
  few_left,
  few_stayed,
  // Alerts.
  flags,
  flags_value,
  load,
  load_value,
  precision,
  recall,
  fraction_value,
  undecided,
  silence_at_flag,
  lead,
  lead_value,
  lead_unknown,
  before_overdue,
  too_few,
  // Groups that are held against each other: of each pair the first one, then the second.
  arm_treatment,
  arm_control,
  treated,
  not_treated,
  at_watch,
  difference_points,
  difference_value,
  // Facts.
  fact_model,
  fact_horizon,
  fact_horizon_value,
  fact_data,
  fact_data_value,
  fact_cutoffs,
  fact_rows,
  fact_rows_value,
  // Warnings.
  warn_few,
  warn_wide,
  warn_not_better,
  warn_worse,
  warn_level,
  warn_calibration,
  warn_drift,
  warn_one_cutoff,
  warn_overlap,
  warn_undecided,
  warn_no_flags,
  warn_no_control,
  warn_treated_control,
  count
};
inline constexpr std::size_t text_count = static_cast<std::size_t>(Text::count);

/// The text as it stands in the table.
[[nodiscard]] std::string_view text(Text text, Language language);

/// The text with its places filled. REQUIRES: as many arguments as it has places.
template <class... Arguments>
[[nodiscard]] std::string words(Text which, Language language, const Arguments&... arguments) {
  return fmt::format(fmt::runtime(text(which, language)), arguments...);
}

/// The text that stands `by` places behind `first`: for those that are in the order of another enumeration.
template <class Enumeration>
[[nodiscard]] Text text_at(Text first, Enumeration by) {
  return static_cast<Text>(static_cast<std::size_t>(first) + static_cast<std::size_t>(by));
}

[[nodiscard]] inline Text text_of(learn::Scorer scorer) { return text_at(Text::model, scorer); }
[[nodiscard]] inline Text text_of(learn::Metric metric) { return text_at(Text::auc, metric); }
[[nodiscard]] inline Text meaning_of(learn::Metric metric) { return text_at(Text::auc_means, metric); }
[[nodiscard]] inline Text text_of(CustomerState state) { return text_at(Text::potential, state); }
/// REQUIRES: not `none`.
[[nodiscard]] inline Text text_of(learn::Shortage shortage) {
  return text_at(Text::no_rows, static_cast<std::size_t>(shortage) - 1);
}

/// Whose risk a curve shows.
[[nodiscard]] std::string curve_text(const RiskCurve& curve, Language language);

/// The first of the two groups; the text behind it is the second's.
[[nodiscard]] inline Text text_of(learn::Comparison::Groups groups) {
  return groups == learn::Comparison::Groups::arms ? Text::arm_treatment : Text::treated;
}

/// What a feature is called in plain words; one that is not known: its own name.
[[nodiscard]] std::string_view feature_text(std::string_view feature, Language language);

}  // namespace holdfast::app
