#include "app/evaluation_findings.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/made_up_evaluation.hpp"

namespace holdfast::app {
namespace {

using learn::Metric;

constexpr Language english = Language::en;

/// A judgement that gives no cause for any warning.
learn::Evaluation faultless() {
  learn::Evaluation evaluation;
  evaluation.sample = {.rows = 2'000,
                       .customers = 1'000,
                       .left = 900,
                       .mean_risk = 0.45,
                       .left_share_bounds = learn::wilson(900, 2'000),
                       .shortage = learn::Shortage::none};
  const auto model = [&](Metric metric, double value, learn::ConfidenceInterval interval) {
    evaluation.scorers[0][static_cast<std::size_t>(metric)] = learn::Estimate{value, interval};
  };
  model(Metric::auc, 0.75, {0.73, 0.77});
  model(Metric::ece, 0.015, {0.012, 0.03});
  evaluation.differences[0] = learn::Difference{learn::Scorer::recency, 0.03, learn::ConfidenceInterval{0.01, 0.05}};
  evaluation.ece_by_chance = 0.012;
  for (const std::uint32_t cutoff : {0U, 1U}) {
    learn::CutoffCohort cohort;
    cohort.sample = evaluation.sample;
    cohort.cutoff = cutoff;
    evaluation.cutoffs.push_back(cohort);
  }
  return evaluation;
}

std::vector<std::string> warnings_of(const learn::Evaluation& evaluation) {
  return warnings(evaluation, support::made_up_facts(), english);
}

void expect_one(const learn::Evaluation& evaluation, const std::string& part) {
  const auto found = warnings_of(evaluation);
  ASSERT_EQ(found.size(), 1U) << part;
  EXPECT_NE(found[0].find(part), std::string::npos) << found[0];
}

TEST(EvaluationFindings, WithoutACauseThereIsNoWarning) {
  EXPECT_TRUE(warnings_of(faultless()).empty());
  EXPECT_NE(verdict(faultless(), english)
                .find("better than the best simple rule, “Recency”: AUC 0.750 against 0.720 "
                      "(difference +0.030, 95% interval [+0.010, +0.050])"),
            std::string::npos)
      << verdict(faultless(), english);
}

TEST(EvaluationFindings, AModelThatRanksNoBetterIsSaidToRankNoBetter) {
  auto evaluation = faultless();
  evaluation.differences[0]->interval = {-0.001, 0.05};
  expect_one(evaluation, "not shown to rank better than “Recency”");
  EXPECT_TRUE(verdict(evaluation, english).starts_with("It is not shown"));
  evaluation.differences[0] = learn::Difference{learn::Scorer::mbg, -0.03, learn::ConfidenceInterval{-0.05, -0.01}};
  expect_one(evaluation, "ranks worse than “MBG/NBD”");
  EXPECT_NE(verdict(evaluation, english).find("worse"), std::string::npos);
}

TEST(EvaluationFindings, ALevelThatMovedIsTold) {
  auto evaluation = faultless();
  evaluation.sample.mean_risk = 0.52;
  expect_one(evaluation, "predicted 52.0%, but 45.0% left");
}

TEST(EvaluationFindings, AnErrorBeyondChanceIsTold) {
  auto evaluation = faultless();
  evaluation.scorers[0][static_cast<std::size_t>(Metric::ece)]->value = 0.061;
  expect_one(evaluation, "off by 6.1 percentage points on average, where chance alone would make about 1.2");
  evaluation.ece_by_chance = 0.05;  // So few rows that it means nothing.
  EXPECT_TRUE(warnings_of(evaluation).empty());
}

TEST(EvaluationFindings, WideIntervalsAndFewRowsAreTold) {
  auto evaluation = faultless();
  evaluation.scorers[0][0]->interval = {0.66, 0.84};
  expect_one(evaluation, "lie within [0.660, 0.840]");
  evaluation.sample.shortage = learn::Shortage::few_left;
  evaluation.sample.left = 7;
  expect_one(evaluation, "(too few left): 7 left and 1993 stayed, and at least 10");
}

TEST(EvaluationFindings, CutoffsThatSayLittleAreTold) {
  auto evaluation = faultless();
  evaluation.cutoffs[1].sample.left = 700;
  evaluation.cutoffs[1].sample.left_share_bounds = learn::wilson(700, 2'000);
  expect_one(evaluation, "moved from 45.0% to 35.0%");
  evaluation.cutoffs.pop_back();
  expect_one(evaluation, "one cut-off only");
  auto facts = support::made_up_facts();
  facts.cutoffs[1] = facts.cutoffs[0] + Duration{30LL * 86'400'000};
  const auto found = warnings(faultless(), facts, english);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find("closer together than the horizon"), std::string::npos);
}

TEST(EvaluationFindings, FlagsThatSayLittleAreTold) {
  auto evaluation = faultless();
  evaluation.alerts.flags = 100;
  evaluation.alerts.undecided = 20;
  EXPECT_TRUE(warnings_of(evaluation).empty());
  evaluation.alerts.undecided = 21;
  expect_one(evaluation, "Of 100 flags, 21 cannot be judged yet");
  evaluation = faultless();
  evaluation.alerts.flagged_of_left.of = 12;
  expect_one(evaluation, "12 customers left and none was flagged");
}

TEST(EvaluationFindings, WhatIsNoEffectIsSaidToBeNone) {
  auto evaluation = faultless();
  learn::Comparison treated;
  treated.groups = learn::Comparison::Groups::treated;
  treated.first = {.rows = 100, .customers = 90, .left = 50};
  treated.second = {.rows = 200, .customers = 150, .left = 120};
  treated.interval = learn::ConfidenceInterval{-0.22, 0.021};
  evaluation.comparisons = {treated};
  expect_one(evaluation, "says nothing of the effect, since they were chosen for it. Set alerts.control_share");
  EXPECT_EQ(difference_text(treated, english), "−10.0 [−22.0, +2.1]");
  EXPECT_EQ(group_text(treated, false, english), "Not acted on");
  learn::Comparison arms = treated;
  arms.groups = learn::Comparison::Groups::arms;
  arms.at_watch = true;
  arms.interval.reset();
  evaluation.comparisons = {arms, treated};
  EXPECT_TRUE(warnings_of(evaluation).empty());
  EXPECT_EQ(difference_text(arms, english), "too few to say");
  EXPECT_EQ(group_text(arms, true, english), "Treatment arm, at watch or above");
  EXPECT_EQ(group_text(arms, false, english), "Control arm, at watch or above");
  evaluation.treated_control = 7;
  expect_one(evaluation, "7 rows of the control arm were acted on");
}

TEST(EvaluationFindings, FiguresHaveTheDigitsTheyDeserve) {
  EXPECT_EQ(metric_text(Metric::auc, 0.74049), "0.740");
  EXPECT_EQ(metric_text(Metric::top_decile_lift, 1.566), "1.57");
  EXPECT_EQ(metric_text(Metric::target_share, 0.3), "30.0%");
  EXPECT_EQ(signed_metric_text(Metric::brier, -0.00213), "−0.0021");
  EXPECT_EQ(interval_text(Metric::auc, {0.1, 0.25}), "[0.100, 0.250]");
  EXPECT_EQ(decimal(-3.04), "−3.0");
  EXPECT_EQ(short_number(0.5), "0.5");
  EXPECT_EQ(short_number(200), "200");
  EXPECT_EQ(cutoff_name(support::made_up_facts(), 0), "2011-06-10");
  EXPECT_EQ(cutoff_name(support::made_up_facts(), 7), "#8");
  EXPECT_EQ(fraction_text({.count = 3, .of = 4, .interval = learn::ConfidenceInterval{0.3, 0.954}}, english),
            "75.0% (3 of 4; 95% interval [30.0%, 95.4%])");
  EXPECT_EQ(fraction_text({}, english), "too few to say");
}

}  // namespace
}  // namespace holdfast::app
