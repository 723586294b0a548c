#include "app/evaluation_plots.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "app/evaluation_findings.hpp"
#include "app/svg_plot.hpp"

namespace holdfast::app {
namespace {

using learn::Evaluation;
using learn::Metric;
using learn::Scorer;
using learn::scorer_count;

constexpr double square_height = 400;
constexpr double series_count = 6;  ///< With colours of their own; then they begin again.

const std::vector<double> fifths{0, 0.2, 0.4, 0.6, 0.8, 1};

PlotAxis share_axis(Text title, Language language) {
  return {.title = words(title, language), .least = 0, .most = 1, .ticks = percent_ticks(fifths)};
}

std::string auc_of(const Evaluation& evaluation, Scorer scorer) {
  const auto& auc = estimate(evaluation, scorer, Metric::auc);
  return auc ? metric_text(Metric::auc, auc->value) : "-";
}

/// What plots of all scorers say to those who cannot see them.
std::string auc_description(const Evaluation& evaluation, Language language) {
  std::string out;
  for (std::size_t s = 0; s < scorer_count; ++s) {
    const auto scorer = static_cast<Scorer>(s);
    out += (s == 0 ? "" : "; ") + words(text_of(scorer), language) + ": AUC " + auc_of(evaluation, scorer);
  }
  return out;
}

struct IntervalRow {
  std::string label;
  learn::Estimate estimate;
  std::string css_class;
};

std::vector<IntervalRow> auc_rows(const Evaluation& evaluation, Language language) {
  constexpr auto auc = static_cast<std::size_t>(Metric::auc);
  std::vector<IntervalRow> rows;
  for (std::size_t s = 0; s < scorer_count; ++s) {
    if (const auto& one = evaluation.scorers[s][auc])
      rows.push_back({words(text_of(static_cast<Scorer>(s)), language), *one, series_class(s)});
  }
  const auto add = [&](const learn::Cohort& cohort, Text name) {
    if (!cohort.model[auc]) return;
    rows.push_back({words(Text::model, language) + ": " + words(name, language), *cohort.model[auc], "s0 part"});
  };
  for (const auto& cohort : evaluation.states) add(cohort, text_of(cohort.state));
  add(evaluation.after_complaint, Text::after_complaint);
  return rows;
}

}  // namespace

std::string series_class(std::size_t i) { return fmt::format("s{}", i % static_cast<std::size_t>(series_count)); }

std::string swatch(const std::string& css_class) {
  return fmt::format(
      "<svg class=\"swatch\" viewBox=\"0 0 28 10\" aria-hidden=\"true\"><path d=\"M1 5H27\" "
      "class=\"line {}\"/></svg>",
      css_class);
}

std::string auc_plot(const Evaluation& evaluation, Language language) {
  constexpr double row_height = 38;
  const std::vector<IntervalRow> rows = auc_rows(evaluation, language);
  double least = 0.5;
  double most = 0.5;
  for (const IntervalRow& row : rows) {
    const auto bounds =
        row.estimate.interval.value_or(learn::ConfidenceInterval{row.estimate.value, row.estimate.value});
    least = std::min(least, bounds.low);
    most = std::max(most, bounds.high);
  }
  least = std::max(0.0, std::floor(least * 20) / 20);
  most = std::min(1.0, std::ceil((most + 0.01) * 20) / 20);
  const auto count = static_cast<double>(rows.size());
  SvgPlot plot(
      "auc", words(Text::auc_plot, language), auc_description(evaluation, language),
      {.title = words(Text::auc, language), .least = least, .most = most, .ticks = round_ticks(least, most, 5)},
      {.title = "", .least = 0, .most = count, .ticks = {}}, 60 + row_height * count);
  if (least < 0.5) plot.line({{0.5, 0}, {0.5, count}}, "reference");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const IntervalRow& row = rows[i];
    const double y = count - static_cast<double>(i) - 0.68;
    plot.label({least, y + 0.36}, row.label, Anchor::start, "row-label");
    plot.label({most, y + 0.36}, metric_text(Metric::auc, row.estimate.value), Anchor::end, "row-value");
    if (row.estimate.interval)
      plot.line({{row.estimate.interval->low, y}, {row.estimate.interval->high, y}}, "whisker " + row.css_class);
    plot.dot({row.estimate.value, y}, 5, "dot " + row.css_class);
  }
  return plot.svg();
}

std::string roc_plot(const Evaluation& evaluation, Language language) {
  SvgPlot plot("roc", words(Text::roc, language), auc_description(evaluation, language),
               share_axis(Text::stayed_met_axis, language), share_axis(Text::left_met_axis, language), square_height);
  plot.line({{0, 0}, {1, 1}}, "reference");
  for (std::size_t s = scorer_count; s-- > 0;) {
    std::vector<PlotPoint> points;
    for (const auto& point : evaluation.curves[s]) points.push_back({point.of_stayed, point.of_left});
    plot.line(points, series_class(s));
  }
  return plot.svg();
}

std::string gain_plot(const Evaluation& evaluation, Language language) {
  std::string description;
  for (const auto& target : evaluation.targets) {
    description +=
        fmt::format("{}{} {}: {} {}", description.empty() ? "" : "; ", words(Text::contacted, language),
                    percent(target.share, 0), words(Text::reached_axis, language), percent(target.of_left[0]));
  }
  SvgPlot plot("gain", words(Text::gain, language), description, share_axis(Text::contacted_axis, language),
               share_axis(Text::reached_axis, language), square_height);
  plot.line({{0, 0}, {1, 1}}, "reference");
  plot.line({{0, 0}, {evaluation.sample.left_share(), 1}, {1, 1}}, "ceiling");
  for (std::size_t s = scorer_count; s-- > 0;) {
    std::vector<PlotPoint> points;
    for (const auto& point : evaluation.curves[s]) points.push_back({point.targeted, point.of_left});
    plot.line(points, series_class(s));
  }
  return plot.svg();
}

std::string reliability_plot(const Evaluation& evaluation, Language language) {
  std::string description;
  for (const auto& bin : evaluation.reliability) {
    description += fmt::format("{}{} {}, {} {}", description.empty() ? "" : "; ", words(Text::predicted, language),
                               percent(bin.mean_score), words(Text::left, language), percent(bin.left_share));
  }
  SvgPlot plot("reliability", words(Text::reliability, language), description, share_axis(Text::risk_axis, language),
               share_axis(Text::left_axis, language), square_height);
  plot.line({{0, 0}, {1, 1}}, "reference");
  std::vector<PlotPoint> points;
  for (const auto& bin : evaluation.reliability) {
    plot.line({{bin.mean_score, bin.interval.low}, {bin.mean_score, bin.interval.high}}, "whisker s0");
    points.push_back({bin.mean_score, bin.left_share});
  }
  plot.line(points, "thin s0");
  for (const PlotPoint& point : points) plot.dot(point, 4.5, "dot s0");
  return plot.svg();
}

std::string histogram_plot(const Evaluation& evaluation, Language language) {
  const auto& bins = evaluation.histogram;
  const double greatest = std::max(1.0, *std::ranges::max_element(bins));
  std::string description;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const double from = static_cast<double>(i) / static_cast<double>(bins.size());
    description += fmt::format("{}{}: {:.0f}", i == 0 ? "" : "; ", percent(from, 0), bins[i]);
  }
  SvgPlot plot(
      "histogram", words(Text::rows_axis, language), description, share_axis(Text::risk_axis, language),
      {.title = words(Text::rows_axis, language), .least = 0, .most = greatest, .ticks = round_ticks(0, greatest, 2)},
      130);
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const double width = 1 / static_cast<double>(bins.size());
    const double from = width * static_cast<double>(i);
    if (bins[i] > 0) plot.bar({from + 0.1 * width, 0}, {from + 0.9 * width, bins[i]}, "fill s0");
  }
  return plot.svg();
}

double last_day(const EvaluationFacts& facts) {
  double last = 1;
  for (const RiskCurve& curve : facts.curves) {
    if (!curve.days.empty()) last = std::max(last, curve.days.back());
  }
  return last;
}

std::optional<double> risk_after(const RiskCurve& curve, double days) {
  const auto after = std::ranges::lower_bound(curve.days, days);
  if (after == curve.days.end()) return std::nullopt;
  const auto i = static_cast<std::size_t>(after - curve.days.begin());
  if (curve.days[i] == days) return curve.risk[i];
  if (i == 0) return std::nullopt;
  const double share = (days - curve.days[i - 1]) / (curve.days[i] - curve.days[i - 1]);
  return curve.risk[i - 1] + share * (curve.risk[i] - curve.risk[i - 1]);
}

std::string silence_plot(const EvaluationFacts& facts, Language language) {
  const double last = last_day(facts);
  std::string description;
  for (const RiskCurve& curve : facts.curves) {
    if (curve.risk.empty()) continue;
    description += fmt::format("{}{}: {} – {}", description.empty() ? "" : "; ", curve_text(curve, language),
                               percent(curve.risk.front()), percent(curve.risk.back()));
  }
  SvgPlot plot("silence", words(Text::silence, language), description,
               {.title = words(Text::days_axis, language), .least = 0, .most = last, .ticks = day_ticks(last)},
               share_axis(Text::risk_axis, language), square_height);
  for (const auto& [name, threshold] : facts.levels) plot.line({{0, threshold}, {last, threshold}}, "level");
  for (std::size_t i = facts.curves.size(); i-- > 0;) {
    std::vector<PlotPoint> points;
    for (std::size_t d = 0; d < facts.curves[i].days.size(); ++d)
      points.push_back({facts.curves[i].days[d], facts.curves[i].risk[d]});
    plot.line(points, series_class(i));
  }
  for (const auto& [name, threshold] : facts.levels)
    plot.label({last, threshold + 0.012}, name + " " + percent(threshold, 0), Anchor::end, "level-label");
  return plot.svg();
}

std::string contribution_plot(const EvaluationFacts& facts, Language language) {
  constexpr double row_height = 38;
  const auto& all = facts.contributions;
  double least = 0;
  double most = 0;
  std::string description;
  for (const FeatureContribution& one : all) {
    least = std::min(least, one.mean);
    most = std::max({most, one.mean_absolute, one.mean});
    description += fmt::format("{}{}: {}, {}", description.empty() ? "" : "; ", feature_text(one.feature, language),
                               decimal(one.mean_absolute, 2), decimal(one.mean, 2));
  }
  const double margin = std::max(1e-9, 0.04 * (most - least));
  least -= least < 0 ? margin : 0;
  most += margin;
  const auto count = static_cast<double>(all.size());
  SvgPlot plot("contributions", words(Text::contributions, language), description,
               {.title = words(Text::log_odds_axis, language),
                .least = least,
                .most = most,
                .ticks = round_ticks(least, most, 5)},
               {.title = "", .least = 0, .most = count, .ticks = {}}, 60 + row_height * count);
  plot.line({{0, 0}, {0, count}}, "zero");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double y = count - static_cast<double>(i) - 0.72;
    plot.label({least, y + 0.36}, feature_text(all[i].feature, language), Anchor::start, "row-label");
    plot.bar({0, y - 0.14}, {all[i].mean_absolute, y + 0.14}, "fill s0");
    plot.diamond({all[i].mean, y}, 5.5, all[i].mean > 0 ? "diamond up" : "diamond down");
  }
  return plot.svg();
}

}  // namespace holdfast::app
