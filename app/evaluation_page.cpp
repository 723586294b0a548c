#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/evaluation_findings.hpp"
#include "app/evaluation_plots.hpp"
#include "app/evaluation_report.hpp"
#include "app/evaluation_style.hpp"
#include "app/evaluation_words.hpp"
#include "app/html_table.hpp"
#include "app/markup.hpp"
#include "app/svg_plot.hpp"

namespace holdfast::app {
namespace {

using learn::Evaluation;
using learn::Metric;
using learn::metric_count;
using learn::Scorer;
using learn::scorer_count;

std::string small(const std::string& text) { return text.empty() ? "" : "<small>" + escaped(text) + "</small>"; }

class Page {
 public:
  Page(const Evaluation& evaluation, const EvaluationFacts& facts, Language language)
      : evaluation_(evaluation),
        facts_(facts),
        language_(language),
        judged_(evaluation.sample.shortage == learn::Shortage::none) {}

  std::string run() {
    head();
    summary();
    if (judged_) {
      comparison();
      ranking();
    }
    if (!evaluation_.reliability.empty()) probabilities();
    if (!facts_.curves.empty()) silence();
    if (!facts_.contributions.empty()) contributions();
    if (evaluation_.sample.rows > 0) cohorts();
    alerts();
    if (!evaluation_.comparisons.empty()) treatment();
    about();
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  template <class... Arguments>
  [[nodiscard]] std::string say(Text which, const Arguments&... arguments) const {
    return words(which, language_, arguments...);
  }
  template <class... Arguments>
  [[nodiscard]] std::string paragraph(Text which, const Arguments&... arguments) const {
    return "<p class=\"how\">" + escaped(say(which, arguments...)) + "</p>\n";
  }
  [[nodiscard]] std::string coverage() const { return short_number(100 * evaluation_.settings.bootstrap.coverage); }
  [[nodiscard]] std::string scorer_name(std::size_t s) const { return say(text_of(static_cast<Scorer>(s))); }

  void open(Text heading) { out_ += "<section>\n<h2>" + escaped(say(heading)) + "</h2>\n"; }
  void close() { out_ += "</section>\n"; }
  /// A plot on the left, and on the right what belongs beside it.
  void pair(const std::string& figure, const std::string& beside) {
    out_ += "<div class=\"pair\">\n<figure>\n" + figure + "</figure>\n<div>\n" + beside + "</div>\n</div>\n";
  }

  void head() {
    const std::string title = escaped(say(Text::page_title, facts_.model_name));
    out_ += fmt::format(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\"/>\n<meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n<title>{}</title>\n<style>{}</style>\n</head>\n"
        "<body>\n<main>\n<header>\n<h1>{}</h1>\n",
        say(Text::page_language), title, evaluation_style(), title);
    out_ += "<p class=\"lead\">" + escaped(say(Text::page_lead, short_number(facts_.horizon.days()))) + "</p>\n";
    const auto& sample = evaluation_.sample;
    out_ +=
        "<p class=\"identity\">" +
        escaped(say(Text::fact_rows_value, sample.rows, sample.customers, sample.left, percent(sample.left_share())) +
                " · " + say(Text::fact_data_value, date(facts_.data_from), date(facts_.data_to))) +
        "</p>\n</header>\n";
  }

  [[nodiscard]] std::string verdict_class() const {
    const auto& less = evaluation_.differences[static_cast<std::size_t>(Metric::auc)];
    if (!less || !less->interval) return "unclear";
    return less->interval->low > 0 ? "better" : less->interval->high < 0 ? "worse" : "unclear";
  }

  void card(Text name, const std::string& figure, const std::string& bounds, const std::string& note) {
    out_ += "<li><span class=\"name\">" + escaped(say(name)) + "</span><span class=\"figure\">" + escaped(figure) +
            "</span>";
    if (!bounds.empty()) out_ += "<span class=\"bounds\">" + escaped(bounds) + "</span>";
    out_ += "<span class=\"note\">" + escaped(note) + "</span></li>\n";
  }

  void fraction_card(Text name, Text note, const learn::Fraction& fraction) {
    const auto share = fraction.share();
    if (!share) return;
    card(name, percent(*share), fraction.interval ? percent_interval(*fraction.interval) : "",
         say(note, fraction.count, fraction.of));
  }

  void summary() {
    out_ += fmt::format("<p class=\"verdict {}\">{}</p>\n", verdict_class(), escaped(verdict(evaluation_, language_)));
    const auto found = warnings(evaluation_, facts_, language_);
    if (!found.empty()) {
      out_ += "<aside class=\"care\">\n<h2>" + escaped(say(Text::read_with_care)) + "</h2>\n<ul>\n";
      for (const std::string& warning : found) out_ += "<li>" + escaped(warning) + "</li>\n";
      out_ += "</ul>\n</aside>\n";
    }
    cards();
  }

  void cards() {
    const auto& sample = evaluation_.sample;
    const auto& alerts = evaluation_.alerts;
    std::string before = std::move(out_);
    out_.clear();
    const auto bounds = [](Metric metric, const learn::Estimate& one) {
      return one.interval ? interval_text(metric, *one.interval) : std::string();
    };
    if (const auto& auc = estimate(evaluation_, Scorer::model, Metric::auc))
      card(Text::key_auc, metric_text(Metric::auc, auc->value), bounds(Metric::auc, *auc),
           say(Text::key_auc_note, decimal(100 * auc->value, 0)));
    if (const auto& lift = estimate(evaluation_, Scorer::model, Metric::top_decile_lift))
      card(Text::key_lift, metric_text(Metric::top_decile_lift, lift->value) + "×",
           bounds(Metric::top_decile_lift, *lift),
           say(Text::key_lift_note, percent(lift->value * sample.left_share()), percent(sample.left_share())));
    if (sample.rows > 0)
      card(Text::key_calibration, percent(sample.mean_risk) + " / " + percent(sample.left_share()), "",
           say(Text::key_calibration_note));
    fraction_card(Text::key_precision, Text::key_precision_note, alerts.left_of_flagged);
    fraction_card(Text::key_recall, Text::key_recall_note, alerts.flagged_of_left);
    if (alerts.flags > 0)
      card(Text::key_load, decimal(alerts.flags_per_day()), "", say(Text::key_load_note, alerts.busiest_day));
    if (!out_.empty()) before += "<ul class=\"cards\">\n" + out_ + "</ul>\n";
    out_ = std::move(before);
  }

  [[nodiscard]] std::string with_interval(Metric metric, const std::optional<learn::Estimate>& one) const {
    if (!one) return escaped(say(Text::no_value));
    return escaped(metric_text(metric, one->value)) +
           (one->interval ? small(interval_text(metric, *one->interval)) : "");
  }

  [[nodiscard]] std::string difference_cell(Metric metric) const {
    const auto& less = evaluation_.differences[static_cast<std::size_t>(metric)];
    if (!less) return escaped(say(Text::no_value));
    const auto rule = say(Text::against, text(text_of(less->baseline), language_));
    return escaped(signed_metric_text(metric, less->value)) +
           (less->interval ? small(signed_interval_text(metric, *less->interval)) : "") + small(rule);
  }

  [[nodiscard]] std::optional<std::size_t> best_scorer(Metric metric) const {
    std::optional<std::size_t> best;
    const bool greater = learn::better(metric) == learn::Better::greater;
    if (learn::better(metric) == learn::Better::neither) return best;
    for (std::size_t s = 0; s < scorer_count; ++s) {
      const auto& one = estimate(evaluation_, static_cast<Scorer>(s), metric);
      if (!one) continue;
      const double record = best ? estimate(evaluation_, static_cast<Scorer>(*best), metric)->value : one->value;
      if (!best || (greater ? one->value > record : one->value < record)) best = s;
    }
    return best;
  }

  void comparison() {
    open(Text::comparison);
    out_ += paragraph(Text::comparison_how, coverage());
    HtmlTable table({say(Text::metric), scorer_name(0), scorer_name(1), scorer_name(2), scorer_name(3),
                     say(Text::model_less_best)});
    for (std::size_t m = 0; m < metric_count; ++m) {
      const auto metric = static_cast<Metric>(m);
      std::vector<std::string> row{escaped(say(text_of(metric))) + small(say(meaning_of(metric)))};
      for (std::size_t s = 0; s < scorer_count; ++s) {
        const std::string cell = with_interval(metric, evaluation_.scorers[s][m]);
        row.push_back(best_scorer(metric) == s ? "<span class=\"best\">" + cell + "</span>" : cell);
      }
      row.push_back(difference_cell(metric));
      table.add(row);
    }
    out_ += table.html({.stacks = true});
    close();
  }

  [[nodiscard]] std::string legend(const std::vector<std::pair<std::string, std::string>>& entries) const {
    std::string out = "<ul class=\"legend\">\n";
    for (const auto& [css_class, name] : entries) out += "<li>" + swatch(css_class) + escaped(name) + "</li>\n";
    return out + "</ul>\n";
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> scorer_legend() const {
    std::vector<std::pair<std::string, std::string>> entries;
    for (std::size_t s = 0; s < scorer_count; ++s) {
      const auto& auc = evaluation_.scorers[s][static_cast<std::size_t>(Metric::auc)];
      const std::string value = auc ? " " + metric_text(Metric::auc, auc->value) : "";
      entries.emplace_back(series_class(s), scorer_name(s) + value);
    }
    return entries;
  }

  void ranking() {
    open(Text::auc_plot);
    std::string beside = paragraph(Text::auc_plot_how, coverage());
    HtmlTable table({"", say(Text::auc), say(Text::interval, coverage())});
    const auto add = [&](const std::string& name, const std::optional<learn::Estimate>& one) {
      if (!one) return;
      table.add({escaped(name), escaped(metric_text(Metric::auc, one->value)),
                 one->interval ? escaped(interval_text(Metric::auc, *one->interval)) : escaped(say(Text::no_value))});
    };
    constexpr auto auc = static_cast<std::size_t>(Metric::auc);
    for (std::size_t s = 0; s < scorer_count; ++s) add(scorer_name(s), evaluation_.scorers[s][auc]);
    for (const auto& cohort : evaluation_.states) add(say(text_of(cohort.state)), cohort.model[auc]);
    add(say(Text::after_complaint), evaluation_.after_complaint.model[auc]);
    beside += table.html({});
    pair(auc_plot(evaluation_, language_), beside);
    close();

    open(Text::roc);
    pair(legend(scorer_legend()) + roc_plot(evaluation_, language_), paragraph(Text::roc_how) + roc_table());
    close();

    open(Text::gain);
    auto entries = scorer_legend();
    for (std::size_t s = 0; s < scorer_count; ++s) entries[s].second = scorer_name(s);
    entries.emplace_back("reference", say(Text::coin));
    entries.emplace_back("ceiling", say(Text::perfect));
    pair(legend(entries) + gain_plot(evaluation_, language_), paragraph(Text::gain_how) + gain_table());
    close();
  }

  /// Of those who left, the share met when so many of those who stayed have been: read off the curves.
  [[nodiscard]] std::string roc_table() const {
    HtmlTable table({say(Text::stayed_met_axis), scorer_name(0), scorer_name(1), scorer_name(2), scorer_name(3)});
    for (const double stayed : {0.05, 0.1, 0.2, 0.3, 0.5}) {
      std::vector<std::string> row{percent(stayed, 0)};
      for (const auto& curve : evaluation_.curves) {
        const auto after = std::ranges::lower_bound(curve, stayed, {}, &learn::CutPoint::of_stayed);
        if (after == curve.begin() || after == curve.end()) {
          row.push_back(escaped(say(Text::no_value)));
          continue;
        }
        const auto& before = *std::prev(after);
        const double share = (stayed - before.of_stayed) / (after->of_stayed - before.of_stayed);
        row.push_back(percent(before.of_left + share * (after->of_left - before.of_left)));
      }
      table.add(row);
    }
    return table.html({.caption = say(Text::left_met_axis)});
  }

  [[nodiscard]] std::string gain_table() const {
    HtmlTable table({say(Text::contacted), scorer_name(0), scorer_name(1), scorer_name(2), scorer_name(3),
                     say(Text::of_contacted_left)});
    for (const auto& target : evaluation_.targets) {
      std::vector<std::string> row{percent(target.share, 0)};
      for (const double reached : target.of_left) row.push_back(percent(reached));
      row.push_back(percent(target.who_left(Scorer::model, evaluation_.sample)));
      table.add(row);
    }
    return table.html({.caption = say(Text::reached_axis), .stacks = true});
  }

  void probabilities() {
    open(Text::reliability);
    std::string beside = paragraph(Text::reliability_how);
    const auto& error = estimate(evaluation_, Scorer::model, Metric::ece);
    if (error && evaluation_.ece_by_chance)
      beside +=
          paragraph(Text::reliability_chance, decimal(100 * error->value), decimal(100 * *evaluation_.ece_by_chance));
    HtmlTable table(
        {say(Text::group), say(Text::rows), say(Text::predicted), say(Text::left), say(Text::interval, 95)});
    for (std::size_t i = 0; i < evaluation_.reliability.size(); ++i) {
      const auto& bin = evaluation_.reliability[i];
      table.add({fmt::to_string(i + 1), fmt::format("{:.0f}", bin.rows), percent(bin.mean_score),
                 percent(bin.left_share), escaped(percent_interval(bin.interval))});
    }
    beside += table.html({});
    pair(reliability_plot(evaluation_, language_) + histogram_plot(evaluation_, language_), beside);
    close();
  }

  void silence() {
    open(Text::silence);
    std::vector<std::pair<std::string, std::string>> entries;
    std::vector<std::string> headings{say(Text::days)};
    for (std::size_t i = 0; i < facts_.curves.size(); ++i) {
      entries.emplace_back(series_class(i), curve_text(facts_.curves[i], language_));
      headings.push_back(entries.back().second);
    }
    HtmlTable table(headings);
    for (const PlotTick& tick : day_ticks(last_day(facts_))) {
      std::vector<std::string> row{tick.label};
      for (const RiskCurve& curve : facts_.curves) {
        const auto risk = risk_after(curve, tick.at);
        row.push_back(risk ? percent(*risk) : escaped(say(Text::no_value)));
      }
      table.add(row);
    }
    pair(legend(entries) + silence_plot(facts_, language_), paragraph(Text::silence_how) + table.html({}));
    close();
  }

  void contributions() {
    open(Text::contributions);
    HtmlTable table({say(Text::feature), say(Text::mean_absolute), say(Text::mean_signed)});
    for (const FeatureContribution& one : facts_.contributions) {
      const std::string_view plain = feature_text(one.feature, language_);
      table.add({escaped(plain) + (plain == one.feature ? "" : small(one.feature)), decimal(one.mean_absolute, 3),
                 (one.mean > 0 ? "+" : "") + decimal(one.mean, 3)});
    }
    pair(contribution_plot(facts_, language_), paragraph(Text::contributions_how) + table.html({}));
    close();
  }

  [[nodiscard]] std::vector<std::string> cohort_row(const std::string& name, const learn::Cohort& cohort) const {
    const auto& sample = cohort.sample;
    std::vector<std::string> row{escaped(name), fmt::to_string(sample.rows), fmt::to_string(sample.customers)};
    const std::string none = escaped(say(Text::no_value));
    row.push_back(sample.left_share_bounds
                      ? percent(sample.left_share()) + small(percent_interval(*sample.left_share_bounds))
                      : none);
    row.push_back(sample.rows > 0 ? percent(sample.mean_risk) : none);
    if (sample.shortage != learn::Shortage::none) {
      row.push_back(small(say(text_of(sample.shortage))));
      row.insert(row.end(), {none, none, none});
      return row;
    }
    for (const Metric metric : {Metric::auc, Metric::top_decile_lift, Metric::ece})
      row.push_back(with_interval(metric, cohort.model[static_cast<std::size_t>(metric)]));
    const auto best = std::ranges::max_element(cohort.auc.begin() + 1, cohort.auc.end());
    const auto scorer = static_cast<std::size_t>(best - cohort.auc.begin());
    row.push_back(*best ? escaped(metric_text(Metric::auc, **best)) + small(scorer_name(scorer)) : none);
    return row;
  }

  [[nodiscard]] HtmlTable cohort_table(Text first) const {
    return HtmlTable({say(first), say(Text::rows), say(Text::customers), say(Text::left), say(Text::predicted),
                      say(Text::auc), say(Text::top_decile_lift), "ECE", say(Text::best_rule_auc)});
  }

  void cohorts() {
    open(Text::cohorts);
    out_ += paragraph(Text::cohorts_how);
    HtmlTable by_state = cohort_table(Text::group);
    for (const auto& cohort : evaluation_.states) by_state.add(cohort_row(say(text_of(cohort.state)), cohort));
    by_state.add(cohort_row(say(Text::after_complaint), evaluation_.after_complaint));
    out_ += by_state.html({.stacks = true});
    close();
    open(Text::by_cutoff);
    HtmlTable by_cutoff = cohort_table(Text::cutoff);
    for (const auto& cohort : evaluation_.cutoffs)
      by_cutoff.add(cohort_row(cutoff_name(facts_, cohort.cutoff), cohort));
    out_ += by_cutoff.html({.stacks = true});
    close();
  }

  [[nodiscard]] std::string quartiles_text(const std::optional<learn::Quartiles>& quartiles) const {
    if (!quartiles) return say(Text::too_few);
    return say(Text::lead_value, decimal(quartiles->median), decimal(quartiles->lower), decimal(quartiles->upper));
  }

  void alerts() {
    const auto& alerts = evaluation_.alerts;
    open(Text::alerts);
    out_ += paragraph(Text::alerts_how);
    HtmlTable table({say(Text::measure), say(Text::value)});
    const auto add = [&](Text name, const std::string& value) { table.add({escaped(say(name)), escaped(value)}); };
    add(Text::flags, say(Text::flags_value, alerts.flags, alerts.customers, short_number(alerts.days)));
    add(Text::load, say(Text::load_value, decimal(alerts.flags_per_day()), alerts.busiest_day));
    add(Text::precision, fraction_text(alerts.left_of_flagged, language_));
    add(Text::undecided, fmt::to_string(alerts.undecided));
    add(Text::recall, fraction_text(alerts.flagged_of_left, language_));
    add(Text::silence_at_flag, quartiles_text(alerts.silence_days));
    add(Text::lead, quartiles_text(alerts.lead_days));
    add(Text::before_overdue, fraction_text(alerts.before_overdue, language_));
    add(Text::lead_unknown, fmt::to_string(alerts.gap_unknown));
    out_ += table.html({.words = true});
    close();
  }

  void treatment() {
    open(Text::treatment);
    out_ += paragraph(Text::treatment_how, coverage());
    HtmlTable table(
        {say(Text::group), say(Text::rows), say(Text::customers), say(Text::left), say(Text::difference_points)});
    for (const auto& comparison : evaluation_.comparisons) {
      for (const bool is_first : {true, false}) {
        const learn::GroupOutcome& group = is_first ? comparison.first : comparison.second;
        table.add({escaped(group_text(comparison, is_first, language_)), fmt::to_string(group.rows),
                   fmt::to_string(group.customers), escaped(left_text(group, language_)),
                   is_first ? escaped(difference_text(comparison, language_)) : ""});
      }
    }
    out_ += table.html({});
    close();
  }

  void about() {
    open(Text::about);
    HtmlTable table({say(Text::measure), say(Text::value)});
    std::string cutoffs;
    for (const Timestamp cutoff : facts_.cutoffs) cutoffs += (cutoffs.empty() ? "" : ", ") + date(cutoff);
    table.add({escaped(say(Text::fact_model)), escaped(facts_.model_name) + small(facts_.model_id)});
    table.add({escaped(say(Text::fact_horizon)),
               escaped(say(Text::fact_horizon_value, short_number(facts_.horizon.days())))});
    table.add({escaped(say(Text::fact_data)),
               escaped(say(Text::fact_data_value, date(facts_.data_from), date(facts_.data_to)))});
    table.add({escaped(say(Text::fact_cutoffs)), escaped(cutoffs)});
    for (const auto& [name, value] : facts_.parameters) table.add({escaped(name), escaped(value)});
    out_ += table.html({.words = true});
    const auto& settings = evaluation_.settings;
    out_ += "<footer><p>" +
            escaped(say(Text::method, coverage(), settings.bootstrap.replicates, settings.bootstrap.seed,
                        short_number(settings.profit.alpha), short_number(settings.profit.beta),
                        short_number(settings.profit.value), short_number(settings.profit.offer_cost),
                        short_number(settings.profit.contact_cost), settings.least_of_each)) +
            "</p></footer>\n";
    close();
  }

  const Evaluation& evaluation_;
  const EvaluationFacts& facts_;
  Language language_;
  bool judged_;
  std::string out_;
};

}  // namespace

std::string evaluation_page(const Evaluation& evaluation, const EvaluationFacts& facts, Language language) {
  return Page(evaluation, facts, language).run();
}

}  // namespace holdfast::app
