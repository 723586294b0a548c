#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/evaluation_findings.hpp"
#include "app/evaluation_report.hpp"
#include "app/text_table.hpp"

namespace holdfast::app {
namespace {

using learn::Metric;
using learn::metric_count;
using learn::scorer_count;

constexpr Language english = Language::en;
using Table = std::vector<std::vector<std::string>>;

std::string word(Text which) { return std::string(text(which, english)); }

/// A terminal's columns are aligned by bytes, so signs are plain there.
std::string plain(std::string text) {
  constexpr std::string_view minus = "\xe2\x88\x92";
  constexpr std::string_view dash = "\xe2\x80\x93";
  for (const std::string_view sign : {minus, dash}) {
    for (std::size_t at = text.find(sign); at != std::string::npos; at = text.find(sign))
      text.replace(at, sign.size(), "-");
  }
  return text;
}

std::string with_interval(Metric metric, const std::optional<learn::Estimate>& estimate) {
  if (!estimate) return word(Text::no_value);
  std::string out = metric_text(metric, estimate->value);
  if (estimate->interval) out += " " + interval_text(metric, *estimate->interval);
  return out;
}

std::string with_interval(Metric metric, const std::optional<learn::Difference>& difference) {
  if (!difference) return word(Text::no_value);
  std::string out = signed_metric_text(metric, difference->value);
  if (difference->interval) out += " " + signed_interval_text(metric, *difference->interval);
  return out + " " + words(Text::against, english, text(text_of(difference->baseline), english));
}

Table fact_rows(const learn::Evaluation& evaluation, const EvaluationFacts& facts) {
  std::string cutoffs;
  for (const Timestamp cutoff : facts.cutoffs) cutoffs += (cutoffs.empty() ? "" : ", ") + date(cutoff);
  const auto& sample = evaluation.sample;
  Table rows{{"model", facts.model_name + " (" + facts.model_id + ")"},
             {"horizon", words(Text::fact_horizon_value, english, short_number(facts.horizon.days()))},
             {"data", words(Text::fact_data_value, english, date(facts.data_from), date(facts.data_to))},
             {"cut-offs", cutoffs},
             {"judged", words(Text::fact_rows_value, english, sample.rows, sample.customers, sample.left,
                              percent(sample.left_share()))},
             {"predicted", percent(sample.mean_risk) + " on average"}};
  for (const auto& [name, parameter] : facts.parameters) rows.push_back({name, parameter});
  return rows;
}

Table metric_rows(const learn::Evaluation& evaluation) {
  Table rows{{word(Text::metric), word(Text::model), word(Text::recency), word(Text::frequency), word(Text::mbg),
              word(Text::model_less_best)}};
  for (std::size_t m = 0; m < metric_count; ++m) {
    const auto metric = static_cast<Metric>(m);
    std::vector<std::string> row{word(text_of(metric))};
    for (std::size_t s = 0; s < scorer_count; ++s) {
      const auto& one = evaluation.scorers[s][m];
      row.push_back(s == 0 ? with_interval(metric, one) : one ? metric_text(metric, one->value) : word(Text::no_value));
    }
    row.push_back(with_interval(metric, evaluation.differences[m]));
    rows.push_back(std::move(row));
  }
  return rows;
}

void add_cohort(Table& rows, const std::string& name, const learn::Cohort& cohort) {
  const auto& sample = cohort.sample;
  std::vector<std::string> row{name, fmt::to_string(sample.rows), fmt::to_string(sample.customers)};
  if (sample.rows > 0) row.insert(row.end(), {percent(sample.left_share()), percent(sample.mean_risk)});
  if (sample.shortage != learn::Shortage::none) {
    row.push_back(word(text_of(sample.shortage)));
  } else {
    for (const Metric metric : {Metric::auc, Metric::ece})
      row.push_back(with_interval(metric, cohort.model[static_cast<std::size_t>(metric)]));
  }
  rows.push_back(std::move(row));
}

Table cohort_rows(const learn::Evaluation& evaluation, const EvaluationFacts& facts) {
  Table rows{{word(Text::group), word(Text::rows), word(Text::customers), word(Text::left), word(Text::predicted),
              word(Text::auc), "ECE"}};
  for (const auto& cohort : evaluation.states) add_cohort(rows, word(text_of(cohort.state)), cohort);
  add_cohort(rows, word(Text::after_complaint), evaluation.after_complaint);
  for (const auto& cohort : evaluation.cutoffs)
    add_cohort(rows, words(Text::at_cutoff, english, cutoff_name(facts, cohort.cutoff)), cohort);
  return rows;
}

Table comparison_rows(const learn::Evaluation& evaluation) {
  Table rows{
      {word(Text::group), word(Text::rows), word(Text::customers), word(Text::left), word(Text::difference_points)}};
  for (const auto& comparison : evaluation.comparisons) {
    for (const bool is_first : {true, false}) {
      const learn::GroupOutcome& group = is_first ? comparison.first : comparison.second;
      rows.push_back({group_text(comparison, is_first, english), fmt::to_string(group.rows),
                      fmt::to_string(group.customers), left_text(group, english),
                      is_first ? difference_text(comparison, english) : ""});
    }
  }
  return rows;
}

std::string quartiles_text(const std::optional<learn::Quartiles>& quartiles) {
  if (!quartiles) return word(Text::too_few);
  return words(Text::lead_value, english, decimal(quartiles->median), decimal(quartiles->lower),
               decimal(quartiles->upper));
}

Table alert_rows(const learn::AlertJudgement& alerts) {
  return {
      {word(Text::flags), words(Text::flags_value, english, alerts.flags, alerts.customers, short_number(alerts.days))},
      {word(Text::load), words(Text::load_value, english, decimal(alerts.flags_per_day()), alerts.busiest_day)},
      {word(Text::precision), fraction_text(alerts.left_of_flagged, english)},
      {word(Text::undecided), fmt::to_string(alerts.undecided)},
      {word(Text::recall), fraction_text(alerts.flagged_of_left, english)},
      {word(Text::silence_at_flag), quartiles_text(alerts.silence_days)},
      {word(Text::lead), quartiles_text(alerts.lead_days)},
      {word(Text::before_overdue), fraction_text(alerts.before_overdue, english)},
      {word(Text::lead_unknown), fmt::to_string(alerts.gap_unknown)}};
}

}  // namespace

std::string evaluation_text(const learn::Evaluation& evaluation, const EvaluationFacts& facts) {
  std::string out = text_table(fact_rows(evaluation, facts));
  out += "\n" + verdict(evaluation, english) + "\n";
  for (const std::string& warning : warnings(evaluation, facts, english)) out += "! " + warning + "\n";
  const auto section = [&](const Table& rows) {
    Table plain_rows = rows;
    for (auto& row : plain_rows) {
      for (std::string& cell : row) cell = plain(std::move(cell));
    }
    out += "\n" + text_table(plain_rows);
  };
  section(metric_rows(evaluation));
  section(cohort_rows(evaluation, facts));
  section(alert_rows(evaluation.alerts));
  if (!evaluation.comparisons.empty()) section(comparison_rows(evaluation));
  return out;
}

}  // namespace holdfast::app
