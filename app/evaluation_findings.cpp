#include "app/evaluation_findings.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace holdfast::app {
namespace {

using learn::Evaluation;
using learn::Metric;
using learn::Scorer;

constexpr std::string_view minus = "\xe2\x88\x92";

/// An AUC is called uncertain if its interval is wider.
constexpr double wide_auc = 0.1;
/// Calibration errors below are of no consequence, whatever their cause.
constexpr double small_error = 0.02;
/// Of flags: more that cannot be judged yet are worth a warning.
constexpr double many_undecided = 0.2;

std::string with_minus(std::string text) {
  if (text.starts_with('-')) text.replace(0, 1, minus);
  return text;
}

int digits_of(Metric metric) {
  switch (metric) {
    case Metric::auc: return 3;
    case Metric::top_decile_lift:
    case Metric::empc: return 2;
    default: return 4;
  }
}

std::string bracketed(const std::string& low, const std::string& high) { return fmt::format("[{}, {}]", low, high); }

std::string points(double share) { return fmt::format("{:.1f}", 100 * share); }

const std::optional<learn::Difference>& difference(const Evaluation& evaluation, Metric metric) {
  return evaluation.differences[static_cast<std::size_t>(metric)];
}

class Warnings {
 public:
  Warnings(const Evaluation& evaluation, const EvaluationFacts& facts, Language language)
      : evaluation_(evaluation), facts_(facts), language_(language) {}

  std::vector<std::string> run() {
    if (evaluation_.sample.shortage != learn::Shortage::none) {
      const auto& sample = evaluation_.sample;
      add(Text::warn_few, text(text_of(sample.shortage), language_), sample.left, sample.rows - sample.left,
          evaluation_.settings.least_of_each);
    } else {
      ranking();
      calibration();
    }
    cutoffs();
    alerts();
    treatment();
    return std::move(found_);
  }

 private:
  template <class... Arguments>
  void add(Text which, const Arguments&... arguments) {
    found_.push_back(words(which, language_, arguments...));
  }

  void ranking() {
    const auto& less = difference(evaluation_, Metric::auc);
    if (less && less->interval) {
      const std::string_view rule = text(text_of(less->baseline), language_);
      if (less->interval->high < 0) {
        add(Text::warn_worse, rule);
      } else if (less->interval->low <= 0) {
        add(Text::warn_not_better, rule);
      }
    }
    const auto& auc = estimate(evaluation_, Scorer::model, Metric::auc);
    if (auc && auc->interval && auc->interval->high - auc->interval->low > wide_auc)
      add(Text::warn_wide, interval_text(Metric::auc, *auc->interval));
  }

  void calibration() {
    const auto& sample = evaluation_.sample;
    const double off = std::abs(sample.mean_risk - sample.left_share());
    const auto& bounds = sample.left_share_bounds;
    if (bounds && off > small_error && (sample.mean_risk < bounds->low || sample.mean_risk > bounds->high))
      add(Text::warn_level, percent(sample.mean_risk), percent(sample.left_share()));
    const auto& error = estimate(evaluation_, Scorer::model, Metric::ece);
    const double chance = evaluation_.ece_by_chance.value_or(0);
    if (error && error->value > small_error && error->value > 2 * chance)
      add(Text::warn_calibration, points(error->value), points(chance));
  }

  void cutoffs() {
    const auto& all = evaluation_.cutoffs;
    if (all.size() == 1) add(Text::warn_one_cutoff);
    for (std::size_t i = 1; i < all.size(); ++i) {
      const auto& one = all[i - 1].sample;
      const auto& next = all[i].sample;
      if (!one.left_share_bounds || !next.left_share_bounds) continue;
      const bool apart = one.left_share_bounds->high < next.left_share_bounds->low ||
                         next.left_share_bounds->high < one.left_share_bounds->low;
      if (!apart) continue;
      add(Text::warn_drift, percent(one.left_share()), percent(next.left_share()));
      break;
    }
    std::vector<Timestamp> times = facts_.cutoffs;
    std::ranges::sort(times);
    const auto close =
        std::ranges::adjacent_find(times, [&](Timestamp a, Timestamp b) { return b - a < facts_.horizon; });
    if (close != times.end()) add(Text::warn_overlap);
  }

  void alerts() {
    const auto& alerts = evaluation_.alerts;
    if (alerts.flags > 0 && static_cast<double>(alerts.undecided) > many_undecided * static_cast<double>(alerts.flags))
      add(Text::warn_undecided, alerts.undecided, alerts.flags);
    if (alerts.flagged_of_left.of > 0 && alerts.flagged_of_left.count == 0)
      add(Text::warn_no_flags, alerts.flagged_of_left.of);
  }

  void treatment() {
    const auto has = [&](learn::Comparison::Groups groups) {
      return std::ranges::find(evaluation_.comparisons, groups, &learn::Comparison::groups) !=
             evaluation_.comparisons.end();
    };
    if (has(learn::Comparison::Groups::treated) && !has(learn::Comparison::Groups::arms)) add(Text::warn_no_control);
    if (evaluation_.treated_control > 0) add(Text::warn_treated_control, evaluation_.treated_control);
  }

  const Evaluation& evaluation_;
  const EvaluationFacts& facts_;
  Language language_;
  std::vector<std::string> found_;
};

}  // namespace

std::string percent(double share, int digits) { return with_minus(fmt::format("{:.{}f}%", 100 * share, digits)); }

std::string metric_text(Metric metric, double value) {
  if (metric == Metric::target_share) return percent(value);
  return with_minus(fmt::format("{:.{}f}", value, digits_of(metric)));
}

std::string signed_metric_text(Metric metric, double value) {
  if (metric == Metric::target_share) return with_minus(fmt::format("{:+.1f}%", 100 * value));
  return with_minus(fmt::format("{:+.{}f}", value, digits_of(metric)));
}

std::string interval_text(Metric metric, const learn::ConfidenceInterval& interval) {
  return bracketed(metric_text(metric, interval.low), metric_text(metric, interval.high));
}

std::string signed_interval_text(Metric metric, const learn::ConfidenceInterval& interval) {
  return bracketed(signed_metric_text(metric, interval.low), signed_metric_text(metric, interval.high));
}

std::string percent_interval(const learn::ConfidenceInterval& interval) {
  return bracketed(percent(interval.low), percent(interval.high));
}

std::string left_text(const learn::GroupOutcome& group, Language language) {
  return group.rows > 0 ? percent(group.left_share()) : std::string(text(Text::no_value, language));
}

std::string difference_text(const learn::Comparison& comparison, Language language) {
  if (!comparison.interval) return std::string(text(Text::too_few, language));
  const auto points_of = [](double share) { return with_minus(fmt::format("{:+.1f}", 100 * share)); };
  return words(Text::difference_value, language, points_of(comparison.difference()),
               bracketed(points_of(comparison.interval->low), points_of(comparison.interval->high)));
}

std::string group_text(const learn::Comparison& comparison, bool is_first, Language language) {
  const std::string_view group = text(text_at(text_of(comparison.groups), is_first ? 0 : 1), language);
  return comparison.at_watch ? words(Text::at_watch, language, group) : std::string(group);
}

std::string decimal(double value, int digits) { return with_minus(fmt::format("{:.{}f}", value, digits)); }

std::string short_number(double value) { return with_minus(fmt::format("{:.6g}", value)); }

std::string date(Timestamp time) {
  constexpr std::size_t date_chars = 10;
  return to_rfc3339(time).substr(0, date_chars);
}

std::string cutoff_name(const EvaluationFacts& facts, std::uint32_t cutoff) {
  return cutoff < facts.cutoffs.size() ? date(facts.cutoffs[cutoff]) : fmt::format("#{}", cutoff + 1);
}

std::string fraction_text(const learn::Fraction& fraction, Language language) {
  const auto share = fraction.share();
  if (!share || !fraction.interval) return std::string(text(Text::too_few, language));
  return words(Text::fraction_value, language, percent(*share), fraction.count, fraction.of,
               percent_interval(*fraction.interval));
}

std::string verdict(const Evaluation& evaluation, Language language) {
  const auto& model = estimate(evaluation, Scorer::model, Metric::auc);
  const auto& less = difference(evaluation, Metric::auc);
  if (!model || !less) return words(Text::verdict_none, language);
  const double rule = model->value - less->value;
  std::string by = words(Text::difference_of, language, signed_metric_text(Metric::auc, less->value));
  Text which = Text::verdict_unclear;
  if (less->interval) {
    by = words(Text::difference_within, language, signed_metric_text(Metric::auc, less->value),
               short_number(100 * evaluation.settings.bootstrap.coverage),
               signed_interval_text(Metric::auc, *less->interval));
    if (less->interval->low > 0) which = Text::verdict_better;
    if (less->interval->high < 0) which = Text::verdict_worse;
  }
  return words(which, language, text(text_of(less->baseline), language), metric_text(Metric::auc, model->value),
               metric_text(Metric::auc, rule), by);
}

std::vector<std::string> warnings(const Evaluation& evaluation, const EvaluationFacts& facts, Language language) {
  return Warnings(evaluation, facts, language).run();
}

}  // namespace holdfast::app
