#include "learn/score_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/mbg.hpp"
#include "engine/score.hpp"
#include "learn/metrics.hpp"

namespace holdfast::learn {
namespace {

constexpr double unbounded = std::numeric_limits<double>::infinity();
constexpr std::size_t examples_min = 50;      ///< To fit to.
constexpr std::size_t examples_needed = 100;  ///< To fit and to try.
/// Who is unlike all others in a feature, for it to be weighed at all.
constexpr std::size_t exceptions_min = 30;

/// What one fit is made of: the rows of some examples, within their ranges.
struct Ranges {
  std::vector<double> least;
  std::vector<double> most;
};

struct Fitted {
  std::vector<LogisticFit> fits;  ///< One a penalty.
  Ranges ranges;
};

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

class ScoreFitter {
 public:
  ScoreFitter(std::span<const Example> examples, const Cutoffs& cutoffs, const engine::Model& base,
              const RefitBase& refit, const ScoreFitSettings& settings)
      : examples_(examples), cutoffs_(cutoffs), base_(base), refit_(refit), settings_(settings) {}

  Expected<ScoreFit> run() const {
    const auto left = left_of_all();
    if (examples_.size() < examples_needed || left == 0 || left == examples_.size()) return too_little();
    ScoreFit result{.rows = examples_.size()};
    auto splits = splits_by_time();
    if (!splits) return std::unexpected(splits.error());
    result.out_of_time = !splits->empty();
    if (splits->empty()) splits = splits_by_customer();
    if (splits->empty()) return too_little();
    result.validations = splits->size();
    for (const double ridge : settings_.ridges) result.trials.push_back({.ridge = ridge});
    for (std::size_t s = 0; s < splits->size(); ++s) {
      settings_.progress(fmt::format("trying penalties, {} of {}", s + 1, splits->size()));
      if (const Status tried = add_losses((*splits)[s], result); !tried) return std::unexpected(tried.error());
    }
    result.base.log_loss = mean_of(result.base.losses);
    for (Trial& trial : result.trials) trial.log_loss = mean_of(trial.losses);
    result.ridge = ridge_of(result.trials);
    splits->clear();

    settings_.progress("fitting the weights");
    std::vector<std::size_t> all(examples_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const auto fitted = fit(all, mbg_logits_of(base_), std::span(&result.ridge, 1));
    if (!fitted) return std::unexpected(fitted.error());
    const auto& [fits, ranges] = *fitted;
    const LogisticFit& best = fits.front();
    result.log_loss = -best.log_likelihood / static_cast<double>(all.size());
    result.logistic.intercept = best.intercept;
    for (std::size_t c = 0; c < settings_.features.size(); ++c) {
      if (best.weights[c] == 0) continue;
      result.logistic.terms.push_back({.feature = settings_.features[c].feature,
                                       .weight = best.weights[c],
                                       .least = ranges.least[c],
                                       .most = ranges.most[c]});
    }
    std::ranges::sort(result.logistic.terms, {}, &engine::Logistic::Term::feature);
    return result;
  }

 private:
  [[nodiscard]] std::size_t left_of_all() const {
    return static_cast<std::size_t>(std::ranges::count(examples_, true, &Example::left));
  }

  [[nodiscard]] std::unexpected<Error> too_little() const {
    return fail(ErrorKind::invalid_argument, "too little history to learn from: " + std::to_string(examples_.size()) +
                                                 " customers at a cut-off whose outcome is known, of whom " +
                                                 std::to_string(left_of_all()) +
                                                 " left; take a longer history or a shorter horizon");
  }

  /// What is predicted, and from what: numbers of examples. `mbg_logits`: of all examples, under what was known.
  struct Split {
    std::vector<std::size_t> fitted;
    std::vector<std::size_t> predicted;
    std::vector<double> mbg_logits;
  };

  [[nodiscard]] std::vector<double> mbg_logits_of(const engine::Model& base) const {
    std::vector<double> logits;
    logits.reserve(examples_.size());
    for (const Example& example : examples_) logits.push_back(mbg_logit_of(example, base, cutoffs_.horizon));
    return logits;
  }

  /// The latest cut-offs, each from those whose outcomes were known by then, over a horizon at least.
  [[nodiscard]] Expected<std::vector<Split>> splits_by_time() const {
    std::vector<std::uint32_t> late;
    for (std::uint32_t c = 0; c < cutoffs_.at.size(); ++c) {
      if (cutoffs_.end(0) + cutoffs_.horizon <= cutoffs_.at[c]) late.push_back(c);
    }
    std::vector<Split> splits;
    const std::size_t count = std::min(late.size(), settings_.validations_max);
    for (std::size_t k = 0; k < count; ++k) {
      auto split = split_before(late[late.size() - 1 - k * late.size() / count]);
      if (!split) return std::unexpected(split.error());
      if (!split->predicted.empty()) splits.push_back(std::move(*split));
    }
    return splits;
  }

  /// Empty: there is nothing to predict it from.
  [[nodiscard]] Expected<Split> split_before(std::uint32_t predicted) const {
    Split split;
    for (std::size_t i = 0; i < examples_.size(); ++i) {
      if (examples_[i].cutoff == predicted) split.predicted.push_back(i);
      if (cutoffs_.end(examples_[i].cutoff) <= cutoffs_.at[predicted]) split.fitted.push_back(i);
    }
    if (!has_both_outcomes(split.fitted)) return Split{};
    const std::uint32_t last = examples_[split.fitted.back()].cutoff;
    const auto begin = std::ranges::lower_bound(examples_, last, {}, &Example::cutoff);
    const auto end = std::ranges::upper_bound(examples_, last, {}, &Example::cutoff);
    engine::Model base = base_;
    const auto parameters = refit_(std::span(begin, end));
    if (!parameters) return std::unexpected(parameters.error());
    base.mbg = *parameters;
    split.mbg_logits = mbg_logits_of(base);
    return split;
  }

  [[nodiscard]] std::vector<Split> splits_by_customer() const {
    std::vector<Split> splits(settings_.folds);
    for (std::size_t i = 0; i < examples_.size(); ++i) {
      // The upper bits decide who is kept at all: other ones than these.
      const std::size_t fold = examples_[i].customer % settings_.folds;
      for (std::size_t f = 0; f < splits.size(); ++f) (f == fold ? splits[f].predicted : splits[f].fitted).push_back(i);
    }
    std::erase_if(splits,
                  [&](const Split& split) { return split.predicted.empty() || !has_both_outcomes(split.fitted); });
    for (Split& split : splits) split.mbg_logits = mbg_logits_of(base_);
    return splits;
  }

  [[nodiscard]] bool has_both_outcomes(std::span<const std::size_t> rows) const {
    const auto left = std::ranges::count_if(rows, [&](std::size_t i) { return examples_[i].left; });
    return rows.size() >= examples_min && left > 0 && static_cast<std::size_t>(left) < rows.size();
  }

  /// What is lost on what is predicted, by MBG/NBD alone and with each penalty.
  Status add_losses(const Split& split, ScoreFit& to) const {
    const auto fitted = fit(split.fitted, split.mbg_logits, settings_.ridges);
    if (!fitted) return std::unexpected(fitted.error());
    double base = 0;
    std::vector<double> losses(to.trials.size());
    std::vector<float> row;
    for (const std::size_t i : split.predicted) {
      const auto loss = [left = examples_[i].left](double score) { return engine::softplus(left ? -score : score); };
      base += loss(split.mbg_logits[i]);
      row.clear();
      append_row(i, split.mbg_logits, fitted->ranges, row);
      for (std::size_t r = 0; r < losses.size(); ++r) losses[r] += loss(score_of(fitted->fits[r], row));
    }
    const auto predicted = static_cast<double>(split.predicted.size());
    to.base.losses.push_back(base / predicted);
    for (std::size_t r = 0; r < losses.size(); ++r) to.trials[r].losses.push_back(losses[r] / predicted);
    return {};
  }

  /// The strongest one that does as well as the best, as far as the validations can tell.
  static double ridge_of(std::span<const Trial> trials) {
    const Trial& best = *std::ranges::min_element(trials, {}, &Trial::log_loss);
    double ridge = best.ridge;
    for (const Trial& trial : trials) {
      if (trial.ridge > ridge && is_as_good(trial, best)) ridge = trial.ridge;
    }
    return ridge;
  }

  static bool is_as_good(const Trial& trial, const Trial& best) {
    std::vector<double> lost;
    for (std::size_t v = 0; v < trial.losses.size(); ++v) lost.push_back(trial.losses[v] - best.losses[v]);
    const double mean = mean_of(lost);
    double squares = 0;
    for (const double l : lost) squares += (l - mean) * (l - mean);
    const auto n = static_cast<double>(lost.size());
    return n > 1 && mean <= std::sqrt(squares / (n - 1) / n);
  }

  [[nodiscard]] Expected<Fitted> fit(std::span<const std::size_t> rows, const std::vector<double>& mbg_logits,
                                     std::span<const double> penalties) const {
    Fitted fitted{.fits = {}, .ranges = ranges_of(rows, mbg_logits)};
    const std::vector<float> weights = weights_of(rows);
    Design design{.columns = settings_.features.size(), .values = {}, .outcome = {}};
    design.values.reserve(rows.size() * design.columns);
    design.outcome.reserve(rows.size());
    design.weight.reserve(rows.size());
    for (const std::size_t i : rows) {
      append_row(i, mbg_logits, fitted.ranges, design.values);
      design.outcome.push_back(examples_[i].left ? 1 : 0);
      design.weight.push_back(weights[examples_[i].cutoff]);
    }
    LogisticSettings settings;
    for (const FeatureRule& rule : settings_.features) settings.bounds.push_back(rule.bounds);
    std::vector<double> ridges;
    for (const double penalty : penalties) ridges.push_back(penalty * static_cast<double>(rows.size()));
    auto found = fit_logistic(design, settings, ridges);
    if (!found) return std::unexpected(found.error());
    fitted.fits = std::move(*found);
    return fitted;
  }

  /// By cut-off, so that all count alike and a row counts 1 on average.
  [[nodiscard]] std::vector<float> weights_of(std::span<const std::size_t> rows) const {
    std::vector<std::size_t> counts(cutoffs_.at.size());
    for (const std::size_t i : rows) ++counts[examples_[i].cutoff];
    const auto used = static_cast<double>(std::ranges::count_if(counts, [](std::size_t n) { return n > 0; }));
    std::vector<float> weights;
    for (const std::size_t n : counts)
      weights.push_back(n == 0 ? 0
                               : static_cast<float>(static_cast<double>(rows.size()) / used / static_cast<double>(n)));
    return weights;
  }

  /// Before ranges; NaN: absent.
  [[nodiscard]] double value_of(std::size_t i, Feature feature, const std::vector<double>& mbg_logits) const {
    if (feature == Feature::mbg_logit) return mbg_logits[i];
    return static_cast<double>(examples_[i].values[static_cast<std::size_t>(feature)]);
  }

  [[nodiscard]] Ranges ranges_of(std::span<const std::size_t> rows, const std::vector<double>& mbg_logits) const {
    Ranges ranges;
    std::vector<double> present;
    for (const FeatureRule& rule : settings_.features) {
      if (!rule.has_range) {
        ranges.least.push_back(rule.least);
        ranges.most.push_back(unbounded);
        continue;
      }
      present.clear();
      for (const std::size_t i : rows) {
        if (const double value = value_of(i, rule.feature, mbg_logits); !std::isnan(value)) present.push_back(value);
      }
      const auto [least, most] = range_of(present);
      ranges.least.push_back(least);
      ranges.most.push_back(most);
    }
    return ranges;
  }

  /// What all but a share at either end have. Where that is the same value for all, as that of a complaint which few
  /// have made, the others are who the feature tells of: the range is theirs, from that value on.
  [[nodiscard]] std::pair<double, double> range_of(std::vector<double>& present) const {
    if (present.empty()) return {0, 0};
    const double least = element_at(present, settings_.outside_range);
    const double most = element_at(present, 1 - settings_.outside_range);
    if (least != most) return {least, most};
    std::erase(present, most);
    if (present.size() < exceptions_min) return {most, most};
    return {std::min(most, element_at(present, settings_.outside_range)),
            std::max(most, element_at(present, 1 - settings_.outside_range))};
  }

  /// An absent feature adds nothing, as in the engine.
  void append_row(std::size_t i, const std::vector<double>& mbg_logits, const Ranges& ranges,
                  std::vector<float>& out) const {
    for (std::size_t c = 0; c < settings_.features.size(); ++c) {
      const double value = value_of(i, settings_.features[c].feature, mbg_logits);
      out.push_back(std::isnan(value) ? 0 : static_cast<float>(std::clamp(value, ranges.least[c], ranges.most[c])));
    }
  }

  const std::span<const Example> examples_;
  const Cutoffs& cutoffs_;
  const engine::Model& base_;
  const RefitBase& refit_;
  const ScoreFitSettings& settings_;
};

}  // namespace

std::vector<FeatureRule> default_features() {
  // What grows with silence may not lower the risk; what fades with it may not raise the risk while it lasts.
  // Complaints fade too, but the sign of a complaint is for the data to tell.
  constexpr WeightBounds raises{.least = 0};
  constexpr WeightBounds lowers{.most = 0};
  constexpr WeightBounds any;
  // Of those who go on buying as before, one in 55 has that many to make up for, e^-4: the silence is no whim any more.
  // From there on each further one says more of drop-out, but no more than the likelihood of such a silence does, which
  // has a weight of 1. Silences that long are too few for the data to say it by themselves.
  constexpr double beyond_chance = 4;
  constexpr WeightBounds raises_as_evidence{.least = 0, .most = 1};
  // What a long silence of somebody who bought every day means is known, however rare that is: it needs no range. Of
  // visits it is not: they come in bunches.
  return {{Feature::mbg_logit, raises, false},
          {Feature::log_days_since_purchase, raises},
          {Feature::log_repeat_purchases, any},
          {Feature::recency_ratio, raises},
          {Feature::gap_variation, any},
          {Feature::purchases_30d, lowers},
          {Feature::purchases_90d, lowers},
          {Feature::visits_30d, lowers},
          {Feature::complaints_opened_60d, any},
          {Feature::complaints_resolved_60d, any},
          {Feature::complaints_withdrawn_60d, any},
          {Feature::returns_60d, any},
          {Feature::open_complaints, any},
          {Feature::log_mean_spend, any},
          {Feature::missed_purchases, raises_as_evidence, false, beyond_chance},
          {Feature::log_days_since_seen, raises},
          {Feature::seen_since_purchase, any},
          {Feature::log_activity, lowers},
          {Feature::missed_events, raises}};
}

const Trial& ScoreFit::taken() const { return *std::ranges::find(trials, ridge, &Trial::ridge); }

double mbg_logit_of(const Example& example, const engine::Model& base, Duration horizon) {
  const double unit_days = base.time_unit.days();
  const engine::Mbg mbg(base.mbg, example.repeats, example.first_to_last_days / unit_days, horizon.days() / unit_days);
  return mbg.logit((example.age_days - example.first_to_last_days) / unit_days).value;
}

Expected<ScoreFit> fit_score(std::span<const Example> examples, const Cutoffs& cutoffs, const engine::Model& base,
                             const RefitBase& refit, const ScoreFitSettings& settings) {
  return ScoreFitter(examples, cutoffs, base, refit, settings).run();
}

}  // namespace holdfast::learn
