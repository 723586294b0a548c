#include "engine/risk.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

constexpr Duration horizon = days(91);

double logit(double p) { return std::log(p / (1 - p)); }

/// The formulas of docs/semantics.md as they stand there, in long double.
struct Formulas {
  long double p_alive;
  long double risk;
  long double logit;
};
Formulas formulas(const Customer& customer, const Model& model, Timestamp t) {
  const auto units = [&](Duration d) { return static_cast<long double>(d.ms) / model.time_unit.ms; };
  const auto& [r, alpha, a, b] = model.mbg;
  const long double k = static_cast<long double>(r) + customer.x;
  const long double age = alpha + units(t - customer.first());
  const long double p =
      1 / (1 + a / (b + customer.x) * std::pow(age / (alpha + units(customer.last() - customer.first())), k));
  const long double s = std::pow(age / (age + units(horizon)), k);
  const long double safe = p * (1 - s);
  return {p, 1 - safe, std::log((1 - safe) / safe)};
}

TEST(Risk, FollowsTheFormulas) {
  const Model model = cdnow_model();
  for (const std::uint32_t x : {0u, 1u, 2u, 7u, 40u}) {
    const Customer customer = buyer(x, days(x == 0 ? 0 : 150));
    for (const std::int64_t silence : {0, 1, 30, 91, 400}) {
      const Timestamp t = customer.last() + days(silence);
      const Formulas exact = formulas(customer, model, t);
      EXPECT_NEAR(p_alive_at(customer, model, t), static_cast<double>(exact.p_alive), 1e-14);
      EXPECT_NEAR(risk_at(customer, model, horizon, t), static_cast<double>(exact.risk), 1e-14);
      EXPECT_NEAR(*feature_at(customer, model, horizon, Feature::mbg_logit, t), static_cast<double>(exact.logit),
                  1e-12);
    }
  }
}

TEST(Risk, OfMbgAgreesWithTheFormulasAndNeverFalls) {
  const bool ok = rc::check("risk over time", [] {
    const Customer customer = any_customer();
    const Model model = any_mbg_model();
    const Timestamp a = customer.moment() + milliseconds(static_cast<std::int64_t>(any_magnitude(1, 1e11)));
    const Timestamp b = a + milliseconds(static_cast<std::int64_t>(any_magnitude(1, 1e11)));
    const double risk = risk_at(customer, model, horizon, a);
    RC_ASSERT(std::abs(risk - static_cast<double>(formulas(customer, model, a).risk)) < 1e-12);
    RC_ASSERT(risk_at(customer, model, horizon, b) >= risk - 1e-15);
    RC_ASSERT(p_alive_at(customer, model, b) <= p_alive_at(customer, model, a) + 1e-15);
  });
  EXPECT_TRUE(ok);
}

TEST(Risk, KeepsItsPrecisionNearZero) {
  Model model = cdnow_model();
  model.mbg.a = 1e-15;
  const Customer regular = buyer(1'000, days(1'000));
  // With a / (b + x) next to nothing, and S as well, long double still knows the sum of both.
  const long double s = std::pow((6.183L + 1000 / 7.0L) / (6.183L + 1091 / 7.0L), 1000.525L);
  const long double odds = 1e-15L / (1.614L + 1000);
  const auto exact = static_cast<double>((odds + s) / (1 + odds));
  ASSERT_LT(exact, 1e-15);
  EXPECT_NEAR(risk_at(regular, model, horizon, regular.last()) / exact, 1, 1e-11);
  EXPECT_NEAR(*feature_at(regular, model, horizon, Feature::mbg_logit, regular.last()), std::log(exact), 1e-11);
}

TEST(Risk, NoArgumentLeadsToAnInfinityOrNaN) {
  const bool ok = rc::check("extreme parameters and times", [] {
    Model model = any_logistic_model();
    const auto any_parameter = [] { return any_magnitude(1e-300, 1e300); };
    model.mbg = {.r = any_parameter(), .alpha = any_parameter(), .a = any_parameter(), .b = any_parameter()};
    model.gamma_gamma = GammaGammaParameters{.p = any_parameter(), .q = any_parameter(), .v = any_parameter()};
    model.time_unit = *rc::gen::element(milliseconds(1), days(7), days(100'000));
    for (Logistic::Term& term : model.logistic->terms) term.weight *= any_magnitude(1e-300, 1e300);
    if (*rc::gen::arbitrary<bool>()) model.logistic.reset();

    Customer customer = any_customer();
    customer.x = *rc::gen::element(0u, customer.x, std::numeric_limits<std::uint32_t>::max());
    customer.spent = *rc::gen::element(0.0, customer.spent, std::numeric_limits<double>::max());
    customer.counters[3] = *rc::gen::element(0.0f, 1e30f);
    const Timestamp t =
        *rc::gen::element(customer.moment(), customer.moment() + days(1), Timestamp{253'402'300'799'999});

    const double risk = risk_at(customer, model, horizon, t);
    RC_ASSERT(risk >= 0 && risk <= 1);
    const double p_alive = p_alive_at(customer, model, t);
    RC_ASSERT(p_alive >= 0 && p_alive <= 1);
    RC_ASSERT(std::isfinite(*feature_at(customer, model, horizon, Feature::mbg_logit, t)));
    RC_ASSERT(std::isfinite(expected_spend_at(customer, model, horizon, t).value_or(0)));
    const Explanation explanation = explain_at(customer, model, horizon, t);
    RC_ASSERT(std::isfinite(explanation.base));
    for (const Reason& reason : explanation.span()) RC_ASSERT(std::isfinite(reason.contribution));
    RC_ASSERT(next_timer(customer, model, default_policy()) > customer.moment());
  });
  EXPECT_TRUE(ok);
}

TEST(Risk, LogisticWeighsEveryFeature) {
  Customer customer = buyer(4, days(80));
  customer.gap_squares = 4 * (20.0f * 20 + 9);
  customer.counters = {1, 2, 3, 4, 5, 6, 7};
  customer.open_complaints = 2;
  customer.set(Customer::has_amount, true);
  customer.spent = 50;
  const Timestamp t = customer.last() + days(30);
  const std::map<Feature, double> values{
      {Feature::mbg_logit, logit(risk_at(customer, cdnow_model(), horizon, t))},
      {Feature::days_since_purchase, 30},
      {Feature::log_days_since_purchase, std::log(31)},
      {Feature::customer_age_days, 110},
      {Feature::repeat_purchases, 4},
      {Feature::log_repeat_purchases, std::log(5)},
      {Feature::recency_ratio, 1.5},
      {Feature::gap_variation, 3.0 / 20},
      {Feature::purchases_30d, 0.5},
      {Feature::purchases_90d, 2 * std::exp2(-1.0 / 3)},
      {Feature::visits_30d, 1.5},
      {Feature::complaints_opened_60d, 4 * std::sqrt(0.5)},
      {Feature::complaints_resolved_60d, 5 * std::sqrt(0.5)},
      {Feature::complaints_withdrawn_60d, 6 * std::sqrt(0.5)},
      {Feature::returns_60d, 7 * std::sqrt(0.5)},
      {Feature::open_complaints, 2},
      {Feature::log_mean_spend, std::log(11)},
      {Feature::missed_purchases, 4 * std::log(117.0 / 87)},
      {Feature::log_days_since_seen, std::log(31)},
      {Feature::seen_since_purchase, 0},
      {Feature::log_activity, std::log(7.0 * 5 / 117)},
      {Feature::missed_events, 4 * std::log(117.0 / 87)},
  };
  ASSERT_EQ(values.size() + 1, features);
  for (const auto& [feature, value] : values) {
    const Model model = logistic_model(0.25, {{feature, -0.125}});
    EXPECT_NEAR(*feature_at(customer, model, horizon, feature, t), value, 1e-9) << name(feature);
    EXPECT_NEAR(risk_at(customer, model, horizon, t), 1 / (1 + std::exp(-(0.25 - 0.125 * value))), 1e-9)
        << name(feature);
  }
}

TEST(Risk, AbsentFeaturesAddNothing) {
  const Customer once = buyer(0, days(0));
  const Customer twice = buyer(1, days(10));
  const Timestamp t = new_year + days(40);
  for (const Feature feature : {Feature::recency_ratio, Feature::gap_variation, Feature::log_mean_spend}) {
    const Model model = logistic_model(0, {{feature, 3}});
    EXPECT_FALSE(feature_at(once, model, horizon, feature, t)) << name(feature);
    EXPECT_EQ(risk_at(once, model, horizon, t), 0.5) << name(feature);
  }
  EXPECT_EQ(*feature_at(twice, cdnow_model(), horizon, Feature::recency_ratio, t), 3);
  EXPECT_FALSE(feature_at(twice, cdnow_model(), horizon, Feature::gap_variation, t));
}

TEST(Risk, ReasonsAreTheDocumentedParts) {
  Customer customer = buyer(4, days(80));
  customer.counters[2] = 8;
  const Model model = logistic_model(0.5, {{Feature::mbg_logit, 2},
                                           {Feature::days_since_purchase, 0.01},
                                           {Feature::recency_ratio, -0.5},
                                           {Feature::visits_30d, -0.5},
                                           {Feature::open_complaints, 3},
                                           {Feature::log_mean_spend, 3}});
  const Timestamp t = customer.last() + days(30);
  const auto mbg_logit = [&](const Customer& of, Timestamp at) {
    return *feature_at(of, model, horizon, Feature::mbg_logit, at);
  };
  const double newcomer = mbg_logit(buyer(0, days(0)), new_year);
  const double at_last = mbg_logit(customer, customer.last());
  const double now = mbg_logit(customer, t);

  const Explanation explanation = explain_at(customer, model, horizon, t);
  EXPECT_NEAR(explanation.base, 0.5 + 2 * newcomer, 1e-12);
  std::map<Feature, Reason> reasons;
  for (const Reason& reason : explanation.span()) reasons[reason.feature] = reason;
  ASSERT_EQ(reasons.size(), 4u) << "nothing of contributions of 0 or of absent features";
  EXPECT_EQ(explanation.size, 4u);

  EXPECT_EQ(reasons[Feature::purchase_history].value, 5);
  EXPECT_TRUE(std::isnan(reasons[Feature::purchase_history].typical));
  EXPECT_NEAR(reasons[Feature::purchase_history].contribution, 2 * (at_last - newcomer), 1e-12);
  EXPECT_EQ(reasons[Feature::days_since_purchase].value, 30);
  EXPECT_EQ(reasons[Feature::days_since_purchase].typical, 20);
  EXPECT_NEAR(reasons[Feature::days_since_purchase].contribution, 2 * (now - at_last) + 0.3, 1e-12);
  EXPECT_EQ(reasons[Feature::recency_ratio].value, 1.5);
  EXPECT_EQ(reasons[Feature::recency_ratio].typical, 1);
  EXPECT_EQ(reasons[Feature::visits_30d].value, 4);
  EXPECT_TRUE(std::isnan(reasons[Feature::visits_30d].typical));
  EXPECT_NEAR(reasons[Feature::visits_30d].contribution, -2, 1e-12);
}

TEST(Risk, ReasonsSayWhatIsUsualAmongCustomersWithAsManyPurchaseDays) {
  Model model = logistic_model(0.5, {{Feature::mbg_logit, 1}, {Feature::visits_30d, -0.5}});
  model.alike.set(CustomerState::first_time, Feature::visits_30d, 1);
  model.alike.set(CustomerState::repeat, Feature::visits_30d, 2);
  model.alike.set(CustomerState::loyal, Feature::visits_30d, 3);
  const auto visits = [&](Customer customer) {
    customer.counters.fill(8);
    const Explanation explanation = explain_at(customer, model, horizon, customer.last());
    for (const Reason& reason : explanation.span()) {
      if (reason.feature == Feature::visits_30d) return reason.alike;
      EXPECT_TRUE(std::isnan(reason.alike)) << name(reason.feature);
    }
    return -1.0;
  };
  EXPECT_EQ(visits(buyer(0, days(0))), 1);
  EXPECT_EQ(visits(buyer(1, days(10))), 2);
  EXPECT_EQ(visits(buyer(3, days(10))), 2);
  EXPECT_EQ(visits(buyer(4, days(10))), 3);
  Customer back = buyer(4, days(10));
  back.set(Customer::won_back, true);
  EXPECT_EQ(visits(back), 3);
}

TEST(Risk, AContributionIsWhatSetsTheCustomerApartFromCustomersAlike) {
  Model model = logistic_model(0.5, {{Feature::repeat_purchases, -0.1},
                                     {Feature::visits_30d, -0.5, 0, 10},
                                     {Feature::returns_60d, 1},
                                     {Feature::open_complaints, 0.2}});
  model.alike.set(CustomerState::repeat, Feature::repeat_purchases, 2);
  model.alike.set(CustomerState::repeat, Feature::visits_30d, 12);
  model.alike.set(CustomerState::repeat, Feature::open_complaints, 1);
  Customer customer = buyer(3, days(60));
  customer.counters.fill(4);
  customer.open_complaints = 1;
  const Explanation explanation = explain_at(customer, model, horizon, customer.last());
  std::map<Feature, double> contributions;
  for (const Reason& reason : explanation.span()) contributions[reason.feature] = reason.contribution;
  EXPECT_NEAR(explanation.base, 0.5 - 0.1 * 2 - 0.5 * 10 + 0.2 * 1, 1e-12) << "the score of customers alike";
  EXPECT_NEAR(contributions[Feature::repeat_purchases], -0.1, 1e-12);
  EXPECT_NEAR(contributions[Feature::visits_30d], 3, 1e-12) << "fewer than usual raise it, held within the range";
  EXPECT_NEAR(contributions[Feature::returns_60d], 4, 1e-12) << "of which it is not known what is usual";
  EXPECT_FALSE(contributions.contains(Feature::open_complaints)) << "as many as usual say nothing";
}

TEST(Risk, OneTimeBuyerHasNoTypicalGap) {
  const Customer once = buyer(0, days(0));
  const Explanation explanation = explain_at(once, cdnow_model(), horizon, new_year + days(10));
  ASSERT_EQ(explanation.size, 1u) << "a history of one purchase adds nothing";
  EXPECT_EQ(explanation.reasons[0].feature, Feature::days_since_purchase);
  EXPECT_TRUE(std::isnan(explanation.reasons[0].typical));
  EXPECT_EQ(explain_at(once, cdnow_model(), horizon, new_year).size, 0u);
}

TEST(Risk, ReasonsStandInOrderAndAddUpToTheScore) {
  const bool ok = rc::check("reasons of any customer under any model", [] {
    const Customer customer = any_customer();
    const Model model = *rc::gen::arbitrary<bool>() ? any_logistic_model() : any_mbg_model();
    const Timestamp t = customer.moment() + milliseconds(static_cast<std::int64_t>(any_magnitude(1, 1e10)));
    const double risk = risk_at(customer, model, horizon, t);
    const Explanation explanation = explain_at(customer, model, horizon, t);
    double score = explanation.base;
    for (const Reason& reason : explanation.span()) {
      RC_ASSERT(reason.contribution != 0);
      score += reason.contribution;
    }
    for (std::size_t i = 1; i < explanation.size; ++i) {
      const Reason& before = explanation.reasons[i - 1];
      const Reason& after = explanation.reasons[i];
      RC_ASSERT(std::abs(before.contribution) > std::abs(after.contribution) ||
                (std::abs(before.contribution) == std::abs(after.contribution) && before.feature < after.feature));
    }
    RC_PRE(risk > 1e-6 && risk < 1 - 1e-6);
    RC_ASSERT(std::abs(score - logit(risk)) < 1e-9);
  });
  EXPECT_TRUE(ok);
}

TEST(Risk, WhatAFeatureAddsToEveryoneIsNoReason) {
  const Customer customer = buyer(6, days(60));
  const auto reason_at = [&](Feature feature, std::int64_t silence) {
    const Logistic::Term from_four{.feature = feature, .weight = 0.3, .least = 4};
    const Model model = logistic_model(0.5, {from_four});
    const Explanation explanation = explain_at(customer, model, horizon, customer.last() + days(silence));
    double contribution = 0;
    for (const Reason& reason : explanation.span()) {
      if (reason.feature == feature) contribution = reason.contribution;
    }
    return contribution;
  };
  for (const Feature feature : {Feature::missed_purchases, Feature::days_since_purchase})
    EXPECT_EQ(reason_at(feature, 3), 0) << "it counts as 4 of all whose silence is short";
  EXPECT_NEAR(reason_at(Feature::missed_purchases, 120), 0.3 * (6 * std::log1p(120.0 / 67) - 4), 1e-9);
  EXPECT_NEAR(reason_at(Feature::days_since_purchase, 120), 0.3 * (120 - 4), 1e-9);
}

TEST(Risk, ExpectedSpendIsTheSpendModelTimesTheRate) {
  const Model model = cdnow_model();
  Customer customer = buyer(2, days(70));
  const Timestamp t = new_year + days(210);
  EXPECT_FALSE(expected_spend_at(customer, model, horizon, t)) << "no amounts";
  customer.set(Customer::has_amount, true);
  customer.spent = 70;
  customer.first_day_spent = 25.3;
  const double per_purchase = 6.25 * (15.44 + 2 * 22.35) / (6.25 * 2 + 3.74 - 1);
  EXPECT_NEAR(*expected_spend_at(customer, model, horizon, t), per_purchase * 2.525 / (6.183 + 30) * 13, 1e-9);

  Customer once = buyer(0, days(0));
  once.set(Customer::has_amount, true);
  once.spent = once.first_day_spent = 1000;
  EXPECT_NEAR(*expected_spend_at(once, model, horizon, new_year), 6.25 * 15.44 / 2.74 * 0.525 / 6.183 * 13, 1e-9);

  Customer mixed = customer;
  mixed.set(Customer::mixed_currencies, true);
  EXPECT_FALSE(expected_spend_at(mixed, model, horizon, t)) << "not all of the spend is in the sum";
  EXPECT_FALSE(feature_at(mixed, model, horizon, Feature::log_mean_spend, t));

  Model no_spend = model;
  no_spend.gamma_gamma.reset();
  EXPECT_FALSE(expected_spend_at(customer, no_spend, horizon, t));
}

TEST(Risk, SpendInAnotherCurrencyThanTheModelsIsNotKnown) {
  Customer customer = buyer(2, days(70));
  customer.set(Customer::has_amount, true);
  customer.currency = {'J', 'P', 'Y'};
  customer.spent = 9000;
  customer.first_day_spent = 3000;
  const Timestamp t = new_year + days(210);
  for (const auto& spend :
       {Logistic::Term{Feature::log_mean_spend, -0.4},
        Logistic::Term{.feature = Feature::log_mean_spend, .weight = -0.4, .least = 2, .most = 6}}) {
    Model model = logistic_model(0.2, {{Feature::mbg_logit, 0.9}, spend});
    const double without = risk_at(customer, logistic_model(0.2, {{Feature::mbg_logit, 0.9}}), horizon, t);
    model.gamma_gamma = cdnow_model().gamma_gamma;
    EXPECT_LT(risk_at(customer, model, horizon, t), without) << "it does not name one";
    EXPECT_TRUE(expected_spend_at(customer, model, horizon, t));
    model.currency = Currency::from("JPY");
    EXPECT_LT(risk_at(customer, model, horizon, t), without);
    EXPECT_TRUE(expected_spend_at(customer, model, horizon, t));
    model.currency = Currency::from("GBP");
    EXPECT_EQ(risk_at(customer, model, horizon, t), without);
    EXPECT_FALSE(expected_spend_at(customer, model, horizon, t));
    EXPECT_FALSE(feature_at(customer, model, horizon, Feature::log_mean_spend, t));
    const Explanation explanation = explain_at(customer, model, horizon, t);
    for (const Reason& reason : explanation.span()) EXPECT_NE(reason.feature, Feature::log_mean_spend);
  }
}

TEST(Risk, LevelsBeginAtTheirThresholds) {
  const RiskPolicy policy = default_policy();
  EXPECT_EQ(level_for(0, policy), Level::none);
  EXPECT_EQ(level_for(std::nextafter(0.60, 0), policy), Level::none);
  EXPECT_EQ(level_for(0.60, policy), Level::watch);
  EXPECT_EQ(level_for(0.75, policy), Level::high);
  EXPECT_EQ(level_for(0.8999, policy), Level::high);
  EXPECT_EQ(level_for(0.90, policy), Level::critical);
  EXPECT_EQ(level_for(1, policy), Level::critical);
}

TEST(Risk, LevelsRiseAtOnceAndFallBelowTheHysteresis) {
  const RiskPolicy policy = default_policy();
  EXPECT_EQ(judged_level(Level::none, 0.95, policy), Level::critical);
  EXPECT_EQ(judged_level(Level::none, 0.59, policy), Level::none);
  EXPECT_EQ(judged_level(Level::watch, 0.56, policy), Level::watch);
  EXPECT_EQ(judged_level(Level::watch, 0.54, policy), Level::none);
  EXPECT_EQ(judged_level(Level::high, 0.75 - 0.05, policy), Level::high);
  EXPECT_EQ(judged_level(Level::high, std::nextafter(0.75 - 0.05, 0), policy), Level::watch);
  EXPECT_EQ(judged_level(Level::critical, 0.86, policy), Level::critical);
  EXPECT_EQ(judged_level(Level::critical, 0.84, policy), Level::high);
  EXPECT_EQ(judged_level(Level::critical, 0.1, policy), Level::none);
  EXPECT_EQ(judged_level(Level::watch, 0.95, policy), Level::critical);
}

TEST(Risk, WhoIsJudged) {
  RiskPolicy policy = default_policy();
  EXPECT_FALSE(is_judged(Customer{}, policy));
  EXPECT_FALSE(is_judged(buyer(0, days(0)), policy));
  EXPECT_TRUE(is_judged(buyer(1, days(5)), policy));
  Customer lost = buyer(1, days(5));
  lost.set(Customer::lost, true);
  EXPECT_FALSE(is_judged(lost, policy));
  policy.min_purchases = 0;
  EXPECT_FALSE(is_judged(Customer{}, policy)) << "no purchase, no risk";
  EXPECT_TRUE(is_judged(buyer(0, days(0)), policy));
}

TEST(NextTimer, IsNoneForWhoIsNotJudged) {
  EXPECT_EQ(next_timer(Customer{}, cdnow_model(), default_policy()), after_all_time);
  EXPECT_EQ(next_timer(buyer(0, days(0)), cdnow_model(), default_policy()), after_all_time);
  Customer lost = buyer(3, days(50));
  lost.set(Customer::lost, true);
  EXPECT_EQ(next_timer(lost, cdnow_model(), default_policy()), after_all_time);
}

/// One whose risk is critical, and has been for long.
Customer silent_for(Duration silence) {
  Customer customer = buyer(3, days(20));
  customer.set_level(Level::critical);
  customer.moment_ms = (customer.last() + silence).ms;
  return customer;
}

TEST(NextTimer, ExpiryCountsFromTheLaterOfRaiseAndPurchase) {
  Customer customer = silent_for(days(120));
  customer.raised_at_ms = customer.moment_ms;
  EXPECT_EQ(next_timer(customer, cdnow_model(), default_policy()), customer.moment() + days(180));
  customer.raised_at_ms = customer.first_ms;
  EXPECT_EQ(next_timer(customer, cdnow_model(), default_policy()), customer.last() + days(180));
}

TEST(NextTimer, ExpiryThatHasPassedComesAtOnce) {
  const Customer customer = silent_for(days(180));
  EXPECT_EQ(next_timer(customer, cdnow_model(), default_policy()), customer.moment() + milliseconds(1));
}

TEST(NextTimer, ExpiryDoesNotNeedTheCustomerJudged) {
  Customer customer = buyer(1, days(50));
  customer.set_level(Level::watch);
  RiskPolicy policy = default_policy();
  policy.min_purchases = 5;
  EXPECT_EQ(next_timer(customer, cdnow_model(), policy), customer.last() + days(180));
}

TEST(NextTimer, ReachesTenYears) {
  const Customer customer = silent_for(days(100));
  RiskPolicy policy = default_policy();
  policy.expire_after = days(100 + 3650);
  EXPECT_EQ(next_timer(customer, cdnow_model(), policy), customer.moment() + timer_reach);
  policy.expire_after.ms += 1;
  EXPECT_EQ(next_timer(customer, cdnow_model(), policy), after_all_time);
}

TEST(NextTimer, ALevelThatTheRiskHasLeftIsLeftAtOnce) {
  Customer customer = buyer(3, days(50));
  customer.set_level(Level::critical);
  ASSERT_LT(risk_at(customer, cdnow_model(), horizon, customer.moment()), 0.8);
  EXPECT_EQ(next_timer(customer, cdnow_model(), default_policy()), customer.moment() + milliseconds(1));
  customer.set_level(Level::none);
  customer.moment_ms = (customer.last() + days(500)).ms;
  EXPECT_EQ(next_timer(customer, cdnow_model(), default_policy()), customer.moment() + milliseconds(1));
}

TEST(NextTimer, AfterEachTimerTheNextOneLiesAheadUntilTheCustomerIsLost) {
  const bool ok = rc::check("a life without further events", [] {
    const Model model = *rc::gen::arbitrary<bool>() ? any_logistic_model() : any_mbg_model();
    const RiskPolicy policy = default_policy();
    Customer customer = any_customer();
    RC_PRE(is_judged(customer, policy));
    const auto judge = [&](Timestamp t) {
      const Level before = customer.current_level();
      const Level after = judged_level(before, risk_at(customer, model, policy.horizon, t), policy);
      customer.set_level(after);
      if (before == Level::none && after != before) customer.raised_at_ms = t.ms;
      return after != before;
    };
    (void)judge(customer.moment());
    int changes = 0;
    while (changes < 50) {
      const Timestamp due = next_timer(customer, model, policy);
      if (due == after_all_time) break;
      RC_ASSERT(due > customer.moment());
      const bool lost = customer.current_level() != Level::none &&
                        std::max(Timestamp{customer.raised_at_ms}, customer.last()) + policy.expire_after <= due;
      if (lost) break;
      RC_ASSERT(judge(due));
      advance_to(customer, due);
      ++changes;
    }
    RC_ASSERT(changes < 50);
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace holdfast::engine
