#include "learn/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace holdfast::learn {
namespace {

/// Quartiles of fewer say nothing.
constexpr std::size_t least_for_quartiles = 4;

using Rows = std::vector<const JudgedRow*>;

Rows rows_of(const EvaluationInput& input, const auto& wanted) {
  Rows out;
  for (const JudgedRow& row : input.rows) {
    if (wanted(row)) out.push_back(&row);
  }
  return out;
}

double score(const JudgedRow& row, Scorer scorer) {
  switch (scorer) {
    case Scorer::model: return row.risk;
    case Scorer::recency: return row.silence_days;
    case Scorer::frequency: return -row.repeat_purchases;
    case Scorer::mbg: return row.mbg_risk;
  }
  return 0;
}

Ranking ranking_of(const Rows& rows, Scorer scorer) {
  std::vector<double> scores;
  std::vector<std::uint8_t> left;
  for (const JudgedRow* row : rows) {
    scores.push_back(score(*row, scorer));
    left.push_back(row->left ? 1 : 0);
  }
  const bool is_probability = scorer == Scorer::model || scorer == Scorer::mbg;
  return {scores, left, is_probability ? Scale::probability : Scale::order};
}

std::vector<Ranking> rankings_of(const Rows& rows) {
  std::vector<Ranking> out;
  for (std::size_t s = 0; s < scorer_count; ++s) out.push_back(ranking_of(rows, static_cast<Scorer>(s)));
  return out;
}

std::vector<std::uint32_t> customers_of(const Rows& rows) {
  std::vector<std::uint32_t> out;
  for (const JudgedRow* row : rows) out.push_back(row->customer);
  return out;
}

Shortage shortage_of(std::uint64_t rows, std::uint64_t left, std::uint64_t least) {
  if (rows == 0) return Shortage::no_rows;
  if (left == 0) return Shortage::nobody_left;
  if (left == rows) return Shortage::everybody_left;
  if (left < least) return Shortage::few_left;
  return rows - left < least ? Shortage::few_stayed : Shortage::none;
}

/// Summed in the order of the ranking, not in that of the rows.
double mean_of(const Ranking& risks, const Tally& tally) {
  double sum = 0;
  for (std::size_t g = 0; g < tally.groups.size(); ++g) sum += risks.scores()[g] * tally.groups[g].rows();
  return tally.rows() == 0 ? 0 : sum / tally.rows();
}

Sample sample_of(const Rows& rows, const Ranking& risks, std::uint64_t least) {
  std::vector<std::uint32_t> customers = customers_of(rows);
  std::ranges::sort(customers);
  const auto repeated = std::ranges::unique(customers);
  Sample sample;
  sample.rows = rows.size();
  sample.customers = customers.size() - repeated.size();
  sample.left = static_cast<std::uint64_t>(std::ranges::count_if(rows, [](const JudgedRow* row) { return row->left; }));
  sample.mean_risk = mean_of(risks, risks.tally());
  if (!rows.empty())
    sample.left_share_bounds = wilson(static_cast<double>(sample.left), static_cast<double>(sample.rows));
  sample.shortage = shortage_of(sample.rows, sample.left, least);
  return sample;
}

Estimates estimates_of(const MetricValues& values, const Bootstrap& bootstrap, std::size_t scorer) {
  Estimates out;
  for (std::size_t m = 0; m < metric_count; ++m) {
    if (values[m])
      out[m] = Estimate{.value = *values[m], .interval = bootstrap.interval(scorer, static_cast<Metric>(m))};
  }
  return out;
}

void judge(Cohort& cohort, const Rows& rows, const EvaluationSettings& settings) {
  const std::vector<Ranking> rankings = rankings_of(rows);
  const std::span<const Ranking> model(rankings.data(), 1);
  cohort.sample = sample_of(rows, model[0], settings.least_of_each);
  if (cohort.sample.shortage != Shortage::none) return;
  const Bootstrap bootstrap(model, customers_of(rows), settings.bootstrap, settings.profit);
  cohort.model = estimates_of(measure(model[0], model[0].tally(), settings.profit), bootstrap, 0);
  for (std::size_t s = 0; s < scorer_count; ++s) cohort.auc[s] = auc(rankings[s].tally());
}

bool is_better(double value, double than, Metric metric) {
  return better(metric) == Better::greater ? value > than : value < than;
}

/// Against the baseline that is best by the metric; ties: the first one.
std::optional<Difference> difference(const Evaluation& evaluation, const Bootstrap& bootstrap, Metric metric) {
  const auto m = static_cast<std::size_t>(metric);
  const auto& model = evaluation.scorers[static_cast<std::size_t>(Scorer::model)][m];
  if (!model || better(metric) == Better::neither) return std::nullopt;
  std::optional<std::size_t> best;
  for (std::size_t s = 1; s < scorer_count; ++s) {
    const auto& one = evaluation.scorers[s][m];
    if (one && (!best || is_better(one->value, evaluation.scorers[*best][m]->value, metric))) best = s;
  }
  if (!best) return std::nullopt;
  return Difference{.baseline = static_cast<Scorer>(*best),
                    .value = model->value - evaluation.scorers[*best][m]->value,
                    .interval = bootstrap.interval_of_difference(0, *best, metric)};
}

void judge_all(Evaluation& evaluation, const Rows& rows) {
  const EvaluationSettings& settings = evaluation.settings;
  const std::vector<Ranking> rankings = rankings_of(rows);
  std::vector<Tally> tallies;
  for (const Ranking& ranking : rankings) tallies.push_back(ranking.tally());
  evaluation.sample = sample_of(rows, rankings[0], settings.least_of_each);
  if (rows.empty()) return;
  evaluation.reliability = reliability(rankings[0], tallies[0]);
  evaluation.histogram = histogram(rankings[0], tallies[0], histogram_bins);
  if (evaluation.sample.shortage != Shortage::none) return;

  const Bootstrap bootstrap(rankings, customers_of(rows), settings.bootstrap, settings.profit);
  for (std::size_t s = 0; s < scorer_count; ++s) {
    evaluation.scorers[s] = estimates_of(measure(rankings[s], tallies[s], settings.profit), bootstrap, s);
    evaluation.curves[s] = cut_points(tallies[s], curve_points_max);
  }
  for (std::size_t m = 0; m < metric_count; ++m)
    evaluation.differences[m] = difference(evaluation, bootstrap, static_cast<Metric>(m));
  evaluation.ece_by_chance = ece_by_chance(evaluation.reliability);
  for (const double share : targeted_shares) {
    TargetedShare target{.share = share};
    for (std::size_t s = 0; s < scorer_count; ++s) target.of_left[s] = gain(tallies[s], share).value_or(0);
    evaluation.targets.push_back(target);
  }
}

void judge_cohorts(Evaluation& evaluation, const EvaluationInput& input, const Progress& progress) {
  std::set<CustomerState> states;
  std::set<std::uint32_t> cutoffs;
  for (const JudgedRow& row : input.rows) {
    states.insert(row.state);
    cutoffs.insert(row.cutoff);
  }
  progress("measuring by state");
  for (const CustomerState state : states) {
    StateCohort& cohort = evaluation.states.emplace_back();
    cohort.state = state;
    judge(cohort, rows_of(input, [&](const JudgedRow& row) { return row.state == state; }), evaluation.settings);
  }
  for (const std::uint32_t cutoff : cutoffs) {
    progress(fmt::format("measuring by cut-off, {} of {}", evaluation.cutoffs.size() + 1, cutoffs.size()));
    CutoffCohort& cohort = evaluation.cutoffs.emplace_back();
    cohort.cutoff = cutoff;
    judge(cohort, rows_of(input, [&](const JudgedRow& row) { return row.cutoff == cutoff; }), evaluation.settings);
  }
  judge(evaluation.after_complaint, rows_of(input, [](const JudgedRow& row) { return row.complained; }),
        evaluation.settings);
}

std::optional<Quartiles> quartiles(std::vector<double> values) {
  if (values.size() < least_for_quartiles) return std::nullopt;
  std::ranges::sort(values);
  return Quartiles{.lower = quantile(values, 0.25), .median = quantile(values, 0.5), .upper = quantile(values, 0.75)};
}

void add(Fraction& fraction, bool counts) {
  ++fraction.of;
  if (counts) ++fraction.count;
}

void bound(Fraction& fraction) {
  if (fraction.of > 0)
    fraction.interval = wilson(static_cast<double>(fraction.count), static_cast<double>(fraction.of));
}

/// Whether there was no purchase within the horizon behind a flag; no value while that cannot be known. A purchase is
/// known at once, but who counts those who came back and not those who may yet have left finds nobody leaving.
std::optional<bool> left(const Flag& flag, const EvaluationInput& input) {
  const Timestamp end = flag.raised + input.horizon;
  if (end > input.known_until) return std::nullopt;
  return !flag.next_purchase || *flag.next_purchase > end;
}

/// The first flag of each silence, by customer and the purchase before it.
using Silence = std::pair<std::uint32_t, std::int64_t>;
std::map<Silence, const Flag*> first_flags(const EvaluationInput& input) {
  std::map<Silence, const Flag*> out;
  for (const std::vector<Flag>* const flags : {&input.earlier_flags, &input.flags}) {
    for (const Flag& flag : *flags) {
      const Flag*& first = out[{flag.customer, flag.last_purchase.ms}];
      if (first == nullptr || flag.raised < first->raised) first = &flag;
    }
  }
  return out;
}

void judge_flags(AlertJudgement& out, const EvaluationInput& input) {
  std::set<std::uint32_t> customers;
  std::map<std::int64_t, std::uint64_t> by_day;
  std::vector<double> silences;
  for (const Flag& flag : input.flags) {
    customers.insert(flag.customer);
    out.busiest_day = std::max(out.busiest_day, ++by_day[flag.raised.utc_day()]);
    silences.push_back((flag.raised - flag.last_purchase).days());
    if (const auto has_left = left(flag, input)) {
      add(out.left_of_flagged, *has_left);
    } else {
      ++out.undecided;
    }
  }
  out.flags = input.flags.size();
  out.customers = customers.size();
  out.silence_days = quartiles(std::move(silences));
  bound(out.left_of_flagged);
}

void judge_leavers(AlertJudgement& out, const EvaluationInput& input) {
  const auto flags = first_flags(input);
  std::vector<double> leads;
  for (const Leaver& leaver : input.leavers) {
    const auto found = flags.find({leaver.customer, leaver.last_purchase.ms});
    // Once the horizon is over, everybody can see who left.
    const bool in_time = found != flags.end() && found->second->raised <= leaver.last_purchase + input.horizon;
    add(out.flagged_of_left, in_time);
    if (!in_time) continue;
    const Flag& flag = *found->second;
    if (!std::isfinite(flag.usual_gap_days)) {
      ++out.gap_unknown;
      continue;
    }
    leads.push_back(flag.usual_gap_days - (flag.raised - flag.last_purchase).days());
    add(out.before_overdue, leads.back() > 0);
  }
  out.lead_days = quartiles(std::move(leads));
  bound(out.flagged_of_left);
  bound(out.before_overdue);
}

void compare_groups(Evaluation& evaluation, const EvaluationInput& input, Comparison::Groups groups) {
  for (const bool at_watch : {false, true}) {
    std::vector<GroupRow> rows;
    for (const JudgedRow& row : input.rows) {
      if (at_watch && !row.at_watch) continue;
      const bool in_first = groups == Comparison::Groups::arms ? row.arm == Arm::treatment : row.treated;
      rows.push_back({.customer = row.customer, .in_first = in_first, .left = row.left});
    }
    Comparison& comparison = evaluation.comparisons.emplace_back();
    static_cast<GroupComparison&>(comparison) =
        compare(rows, evaluation.settings.bootstrap, evaluation.settings.least_of_each);
    comparison.groups = groups;
    comparison.at_watch = at_watch;
  }
}

void judge_treatment(Evaluation& evaluation, const EvaluationInput& input) {
  const auto has = [&](const auto& wanted) { return std::ranges::any_of(input.rows, wanted); };
  if (has([](const JudgedRow& row) { return row.arm != Arm::none; }))
    compare_groups(evaluation, input, Comparison::Groups::arms);
  if (has([](const JudgedRow& row) { return row.treated; }))
    compare_groups(evaluation, input, Comparison::Groups::treated);
  evaluation.treated_control = static_cast<std::uint64_t>(
      std::ranges::count_if(input.rows, [](const JudgedRow& row) { return row.treated && row.arm == Arm::control; }));
}

}  // namespace

std::string_view name(Comparison::Groups groups) { return groups == Comparison::Groups::arms ? "arms" : "treated"; }

std::string_view name(Scorer scorer) {
  constexpr std::array<std::string_view, scorer_count> names{"model", "recency", "frequency", "mbg"};
  return names[static_cast<std::size_t>(scorer)];
}

std::string_view name(Shortage shortage) {
  constexpr std::array<std::string_view, 6> names{"none",           "no_rows",  "nobody_left",
                                                  "everybody_left", "few_left", "few_stayed"};
  return names[static_cast<std::size_t>(shortage)];
}

Better better(Metric metric) {
  switch (metric) {
    case Metric::auc:
    case Metric::top_decile_lift:
    case Metric::empc: return Better::greater;
    case Metric::brier:
    case Metric::log_loss:
    case Metric::ece: return Better::lesser;
    case Metric::target_share: return Better::neither;
  }
  return Better::neither;
}

Evaluation evaluate(const EvaluationInput& input, const EvaluationSettings& settings, const Progress& progress) {
  Evaluation evaluation;
  evaluation.settings = settings;
  progress("measuring");
  judge_all(evaluation, rows_of(input, [](const JudgedRow&) { return true; }));
  judge_cohorts(evaluation, input, progress);
  evaluation.alerts.days = std::max(0.0, (input.watched_until - input.watched_from).days());
  judge_flags(evaluation.alerts, input);
  judge_leavers(evaluation.alerts, input);
  judge_treatment(evaluation, input);
  return evaluation;
}

}  // namespace holdfast::learn
