#include "learn/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "domain/random.hpp"

namespace holdfast::learn {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

Timestamp day(double days) { return {static_cast<std::int64_t>(days * static_cast<double>(day_ms))}; }

std::size_t at(Metric metric) { return static_cast<std::size_t>(metric); }
std::size_t at(Scorer scorer) { return static_cast<std::size_t>(scorer); }

/// Customers at two cut-offs. The silence tells a little, the model more, and the number of purchases nothing.
std::vector<JudgedRow> simulated_rows(std::uint32_t customers, std::uint64_t seed) {
  Random random(seed);
  std::vector<JudgedRow> rows;
  for (std::uint32_t c = 0; c < customers; ++c) {
    for (std::uint32_t cutoff = 0; cutoff < 2; ++cutoff) {
      const double truth = random.uniform();
      const double repeats = random.below(8);
      rows.push_back({.customer = c,
                      .cutoff = cutoff,
                      .risk = truth,
                      .left = random.uniform() < truth,
                      .state = repeats == 0  ? CustomerState::first_time
                               : repeats < 4 ? CustomerState::repeat
                                             : CustomerState::loyal,
                      .complained = random.below(10) == 0,
                      .silence_days = std::floor(100 * (0.5 * truth + 0.5 * random.uniform())),
                      .repeat_purchases = repeats,
                      .mbg_risk = std::clamp(truth + 0.4 * (random.uniform() - 0.5), 0.0, 1.0)});
    }
  }
  return rows;
}

EvaluationInput input_of(std::vector<JudgedRow> rows) {
  EvaluationInput input;
  input.rows = std::move(rows);
  input.horizon = Duration{90 * day_ms};
  input.watched_from = day(100);
  input.watched_until = day(200);
  input.known_until = day(300);
  return input;
}

EvaluationSettings quick() { return {.bootstrap = {.replicates = 100}, .profit = {}, .least_of_each = 10}; }

TEST(Evaluation, JudgesModelAndBaselinesOnTheSameRows) {
  const auto rows = simulated_rows(1'000, 1);
  const Evaluation evaluation = evaluate(input_of(rows), quick());
  EXPECT_EQ(evaluation.sample.rows, 2'000U);
  EXPECT_EQ(evaluation.sample.customers, 1'000U);
  EXPECT_EQ(evaluation.sample.left, static_cast<std::uint64_t>(std::ranges::count_if(rows, &JudgedRow::left)));
  EXPECT_NEAR(evaluation.sample.mean_risk, 0.5, 0.03);

  const auto auc_of = [&](Scorer scorer) { return evaluation.scorers[at(scorer)][at(Metric::auc)]->value; };
  EXPECT_GT(auc_of(Scorer::model), auc_of(Scorer::mbg));
  EXPECT_GT(auc_of(Scorer::mbg), auc_of(Scorer::recency));
  EXPECT_NEAR(auc_of(Scorer::frequency), 0.5, 0.04);
  for (const Scorer scorer : {Scorer::recency, Scorer::frequency}) {
    EXPECT_FALSE(evaluation.scorers[at(scorer)][at(Metric::brier)]);
    EXPECT_TRUE(evaluation.scorers[at(scorer)][at(Metric::empc)]);
  }
  for (const auto& estimates : evaluation.scorers) {
    const auto& estimate = *estimates[at(Metric::auc)];
    ASSERT_TRUE(estimate.interval);
    EXPECT_LT(estimate.interval->low, estimate.value);
    EXPECT_GT(estimate.interval->high, estimate.value);
  }
}

TEST(Evaluation, SaysWhatItIsAtWhilePeopleWait) {
  std::vector<std::string> told;
  (void)evaluate(input_of(simulated_rows(1'000, 2)), quick(),
                 [&told](std::string_view doing) { told.emplace_back(doing); });
  ASSERT_GE(told.size(), 3U);
  EXPECT_EQ(told[0], "measuring");
  EXPECT_EQ(told[1], "measuring by state");
  EXPECT_EQ(told[2].substr(0, 24), "measuring by cut-off, 1 ");
}

TEST(Evaluation, ComparesTheModelWithTheBestBaselineOfEachMetric) {
  const Evaluation evaluation = evaluate(input_of(simulated_rows(1'000, 2)), quick());
  const auto& by_auc = evaluation.differences[at(Metric::auc)];
  ASSERT_TRUE(by_auc);
  EXPECT_EQ(by_auc->baseline, Scorer::mbg);
  EXPECT_EQ(by_auc->value, evaluation.scorers[at(Scorer::model)][at(Metric::auc)]->value -
                               evaluation.scorers[at(Scorer::mbg)][at(Metric::auc)]->value);
  EXPECT_GT(by_auc->interval->low, 0);
  // Only MBG/NBD has probabilities.
  EXPECT_EQ(evaluation.differences[at(Metric::brier)]->baseline, Scorer::mbg);
  EXPECT_LT(evaluation.differences[at(Metric::brier)]->value, 0);
  EXPECT_FALSE(evaluation.differences[at(Metric::target_share)]);
}

TEST(Evaluation, HoldsArmsAndWhatWasDoneAgainstEachOther) {
  auto rows = simulated_rows(1'000, 2);
  EXPECT_TRUE(evaluate(input_of(rows), quick()).comparisons.empty());
  Random random(5);
  for (JudgedRow& row : rows) {
    row.at_watch = row.risk >= 0.6;
    row.arm = row.customer % 4 == 0 ? Arm::control : Arm::treatment;
    // Those at risk are called, and one in three of them stays who would have left.
    row.treated = row.at_watch && row.arm == Arm::treatment;
    if (row.treated && row.left) row.left = random.below(3) > 0;
  }
  const Evaluation evaluation = evaluate(input_of(rows), quick());
  ASSERT_EQ(evaluation.comparisons.size(), 4U);
  const Comparison& arms_at_watch = evaluation.comparisons[1];
  EXPECT_EQ(arms_at_watch.groups, Comparison::Groups::arms);
  EXPECT_TRUE(arms_at_watch.at_watch);
  EXPECT_LT(arms_at_watch.interval->high, 0) << "acting works";
  EXPECT_NEAR(arms_at_watch.difference(), -0.8 / 3, 0.08);
  const Comparison& arms = evaluation.comparisons[0];
  EXPECT_FALSE(arms.at_watch);
  EXPECT_EQ(arms.first.customers, 750U);
  EXPECT_EQ(arms.second.rows, 500U);
  EXPECT_GT(arms.difference(), arms_at_watch.difference()) << "diluted by those whom nobody called";
  const Comparison& treated = evaluation.comparisons[2];
  EXPECT_EQ(treated.groups, Comparison::Groups::treated);
  EXPECT_GT(treated.interval->low, 0) << "who is called is at risk: that is no effect";
  EXPECT_EQ(evaluation.treated_control, 0U);

  for (JudgedRow& row : rows) row.arm = row.arm == Arm::control ? Arm::treatment : Arm::control;
  EXPECT_EQ(evaluate(input_of(rows), quick()).treated_control,
            static_cast<std::uint64_t>(std::ranges::count_if(rows, &JudgedRow::treated)));
  for (JudgedRow& row : rows) row.treated = false;
  EXPECT_EQ(evaluate(input_of(rows), quick()).comparisons.size(), 2U);
}

TEST(Evaluation, CohortsShareTheRowsOut) {
  const auto rows = simulated_rows(800, 3);
  const Evaluation evaluation = evaluate(input_of(rows), quick());
  ASSERT_EQ(evaluation.states.size(), 3U);
  EXPECT_EQ(evaluation.states[0].state, CustomerState::first_time);
  EXPECT_EQ(evaluation.states[2].state, CustomerState::loyal);
  std::uint64_t sum = 0;
  for (const auto& cohort : evaluation.states) sum += cohort.sample.rows;
  EXPECT_EQ(sum, rows.size());
  ASSERT_EQ(evaluation.cutoffs.size(), 2U);
  EXPECT_EQ(evaluation.cutoffs[1].cutoff, 1U);
  EXPECT_EQ(evaluation.cutoffs[0].sample.rows, 800U);
  EXPECT_EQ(evaluation.cutoffs[0].sample.customers, 800U);
  EXPECT_EQ(evaluation.after_complaint.sample.rows,
            static_cast<std::uint64_t>(std::ranges::count_if(rows, &JudgedRow::complained)));
  EXPECT_TRUE(evaluation.after_complaint.model[at(Metric::auc)]);
  EXPECT_TRUE(evaluation.after_complaint.auc[at(Scorer::recency)]);
}

TEST(Evaluation, TooFewGiveNoMetricsAndSayWhy) {
  auto rows = simulated_rows(500, 4);
  for (JudgedRow& row : rows) {
    if (row.state == CustomerState::first_time) row.left = false;
    if (row.state == CustomerState::loyal) row.left = true;
    row.complained = false;
  }
  const auto few = std::ranges::find_if(rows, [](const auto& row) { return row.state == CustomerState::first_time; });
  few->complained = true;
  const Evaluation evaluation = evaluate(input_of(rows), quick());
  EXPECT_EQ(evaluation.sample.shortage, Shortage::none);
  EXPECT_EQ(evaluation.states[0].sample.shortage, Shortage::nobody_left);
  EXPECT_EQ(evaluation.states[1].sample.shortage, Shortage::none);
  EXPECT_EQ(evaluation.states[2].sample.shortage, Shortage::everybody_left);
  EXPECT_EQ(evaluation.after_complaint.sample.shortage, Shortage::nobody_left);
  for (const auto& estimate : evaluation.states[0].model) EXPECT_FALSE(estimate);
  for (const auto& one : evaluation.states[2].auc) EXPECT_FALSE(one);
  EXPECT_EQ(evaluation.states[2].sample.left_share(), 1);

  few->left = true;
  EXPECT_EQ(evaluate(input_of(rows), quick()).states[0].sample.shortage, Shortage::few_left);
}

TEST(Evaluation, NothingToJudgeIsSaidToBeNothing) {
  const Evaluation evaluation = evaluate(input_of({}), quick());
  EXPECT_EQ(evaluation.sample.shortage, Shortage::no_rows);
  EXPECT_TRUE(evaluation.states.empty());
  EXPECT_TRUE(evaluation.reliability.empty());
  EXPECT_TRUE(evaluation.targets.empty());
  EXPECT_FALSE(evaluation.alerts.left_of_flagged.share());
  EXPECT_FALSE(evaluation.alerts.lead_days);
  EXPECT_EQ(evaluation.alerts.flags_per_day(), 0);
}

TEST(Evaluation, ReachesTheLeaversThatTheGreatestScoresHold) {
  const Evaluation evaluation = evaluate(input_of(simulated_rows(1'000, 5)), quick());
  ASSERT_EQ(evaluation.targets.size(), targeted_shares.size());
  for (const TargetedShare& target : evaluation.targets) {
    EXPECT_GT(target.of_left[at(Scorer::model)], target.share);
    EXPECT_LE(target.who_left(Scorer::model, evaluation.sample), 1);
  }
  EXPECT_NEAR(evaluation.targets[1].of_left[0] / 0.1, evaluation.scorers[0][at(Metric::top_decile_lift)]->value, 1e-12);
}

TEST(Evaluation, DoesNotDependOnTheOrderOfTheRows) {
  const auto rows = simulated_rows(300, 6);
  auto shuffled = rows;
  std::ranges::reverse(shuffled);
  const Evaluation one = evaluate(input_of(rows), quick());
  const Evaluation other = evaluate(input_of(shuffled), quick());
  for (std::size_t m = 0; m < metric_count; ++m) {
    EXPECT_EQ(one.scorers[0][m]->value, other.scorers[0][m]->value);
    EXPECT_EQ(one.scorers[0][m]->interval->low, other.scorers[0][m]->interval->low);
    EXPECT_EQ(one.cutoffs[1].model[m]->interval->high, other.cutoffs[1].model[m]->interval->high);
  }
  EXPECT_EQ(one.sample.mean_risk, other.sample.mean_risk);
}

// Horizon 90 days, purchases known up to day 300. Of six flags two left, two bought in time, and of the last ones it is
// not known yet, or was known too soon to count.
TEST(Evaluation, FlagsAreJudgedByWhatCameOfThem) {
  EvaluationInput input = input_of({});
  const auto flag = [&](std::uint32_t customer, double raised, std::optional<double> next, double last) {
    input.flags.push_back({.customer = customer,
                           .raised = day(raised),
                           .next_purchase = next ? std::optional(day(*next)) : std::nullopt,
                           .usual_gap_days = unknown,
                           .last_purchase = day(last)});
  };
  flag(1, 110.0, std::nullopt, 80);
  flag(2, 110.5, 110.5 + 91, 90);  // Came back, but later than the horizon.
  flag(3, 120, 120 + 90, 100);     // On its last day.
  flag(1, 150, 151, 140);
  flag(4, 211, std::nullopt, 160);  // 211 + 90 is not over yet.
  flag(5, 212, 213, 161);           // Nor is 212 + 90, whatever happened already.
  const AlertJudgement alerts = evaluate(input, quick()).alerts;
  EXPECT_EQ(alerts.flags, 6U);
  EXPECT_EQ(alerts.customers, 5U);
  EXPECT_EQ(alerts.undecided, 2U);
  EXPECT_EQ(alerts.left_of_flagged.count, 2U);
  EXPECT_EQ(alerts.left_of_flagged.of, 4U);
  EXPECT_EQ(alerts.left_of_flagged.share(), 0.5);
  EXPECT_NEAR(alerts.left_of_flagged.interval->low, 0.15, 0.005);
  EXPECT_EQ(alerts.busiest_day, 2U);
  EXPECT_NEAR(alerts.flags_per_day(), 0.06, 1e-12);
  EXPECT_EQ(alerts.silence_days->median, 25.25);
}

TEST(Evaluation, LeaversAreFlaggedWithinTheirSilence) {
  EvaluationInput input = input_of({});
  // Customers 1 to 6 fell silent at day 100; each usually buys every 20 days, or it is not known.
  for (std::uint32_t customer = 1; customer <= 6; ++customer)
    input.leavers.push_back({.customer = customer, .last_purchase = day(100)});
  const auto flag = [&](std::uint32_t customer, double raised, double last, double gap) {
    input.flags.push_back({.customer = customer,
                           .raised = day(raised),
                           .next_purchase = std::nullopt,
                           .usual_gap_days = gap,
                           .last_purchase = day(last)});
  };
  flag(1, 110, 100, 20);  // 10 days before the purchase would have been overdue.
  flag(2, 140, 100, 20);  // A second flag in the same silence: the first counts.
  flag(2, 115, 100, 20);
  flag(3, 130, 100, 20);  // 10 days after it.
  flag(4, 108, 100, unknown);
  flag(5, 95, 90, 20);  // In an earlier silence.
  flag(6, 118, 100, 20);
  // One was flagged before the watched time began, another when nobody needed to be told any more.
  for (const std::uint32_t customer : {7U, 8U})
    input.leavers.push_back({.customer = customer, .last_purchase = day(30)});
  input.earlier_flags.push_back({.customer = 7,
                                 .raised = day(60),
                                 .next_purchase = std::nullopt,
                                 .usual_gap_days = unknown,
                                 .last_purchase = day(30)});
  flag(8, 130, 30, unknown);
  const AlertJudgement alerts = evaluate(input, quick()).alerts;
  EXPECT_EQ(alerts.flagged_of_left.of, 8U);
  EXPECT_EQ(alerts.flagged_of_left.count, 6U);
  EXPECT_EQ(alerts.gap_unknown, 2U);
  ASSERT_TRUE(alerts.lead_days);  // -10, 2, 5, 10
  EXPECT_NEAR(alerts.lead_days->lower, -1, 1e-9);
  EXPECT_NEAR(alerts.lead_days->median, 3.5, 1e-9);
  EXPECT_NEAR(alerts.lead_days->upper, 6.25, 1e-9);
  EXPECT_EQ(alerts.before_overdue.count, 3U);
  EXPECT_EQ(alerts.before_overdue.of, 4U);
}

}  // namespace
}  // namespace holdfast::learn
