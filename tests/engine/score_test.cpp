#include "engine/score.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

constexpr Duration horizon = days(91);

/// Of each term's range.
std::vector<int> sides(const Score::Point& point) {
  std::vector<int> sides;
  for (const Score::RangedSlope& term : point.ranged) sides.push_back(term.side);
  return sides;
}

Duration any_span(double longest_ms) { return milliseconds(static_cast<std::int64_t>(any_magnitude(1, longest_ms))); }

TEST(Score, IsTheLogOddsOfTheRisk) {
  const bool ok = rc::check("of any model", [] {
    const Customer customer = any_customer();
    const Model model = *rc::gen::arbitrary<bool>() ? any_logistic_model() : any_mbg_model();
    const Score score(customer, model, horizon);
    const Timestamp t = customer.moment() + any_span(1e11);
    RC_ASSERT(std::abs(score.risk(t) - sigmoid(score.at(t).value)) < 1e-12);
  });
  EXPECT_TRUE(ok);
}

TEST(Score, SurelyRisesIfNoTermCanFall) {
  Customer customer = buyer(2, days(20));
  const auto only_rises = [&](Feature feature, double weight) {
    return Score(customer, logistic_model(0, {{Feature::mbg_logit, 1}, {feature, weight}}), horizon).only_rises();
  };
  EXPECT_TRUE(Score(customer, cdnow_model(), horizon).only_rises());
  for (const Feature grows :
       {Feature::days_since_purchase, Feature::log_days_since_purchase, Feature::customer_age_days,
        Feature::recency_ratio, Feature::missed_purchases, Feature::missed_events, Feature::log_days_since_seen}) {
    EXPECT_TRUE(only_rises(grows, 0.1)) << name(grows);
    EXPECT_FALSE(only_rises(grows, -0.1)) << name(grows);
  }
  EXPECT_TRUE(only_rises(Feature::log_activity, -0.1)) << "a rate sinks while nothing happens";
  EXPECT_FALSE(only_rises(Feature::log_activity, 0.1));
  EXPECT_TRUE(only_rises(Feature::visits_30d, 1)) << "there were no visits that could be forgotten";
  customer.counters.fill(1);
  EXPECT_TRUE(only_rises(Feature::visits_30d, -1));
  EXPECT_FALSE(only_rises(Feature::visits_30d, 1));
  EXPECT_FALSE(Score(customer, logistic_model(0, {{Feature::mbg_logit, -1}}), horizon).only_rises());
}

TEST(Score, SurelyRisesWithRangesAsWithout) {
  const bool ok = rc::check("of any model", [] {
    const Customer customer = any_customer();
    Model model = any_logistic_model();
    const Score score(customer, model, horizon);
    for (Logistic::Term& term : model.logistic->terms) term = {term.feature, term.weight};
    // Without ranges equal paces are added up first, so a sum may rise whose parts do not.
    RC_ASSERT(!score.only_rises() || Score(customer, model, horizon).only_rises());
  });
  EXPECT_TRUE(ok);
}

TEST(Score, AFeatureCountsWithinItsRangeOnly) {
  Customer customer = buyer(2, days(20));
  customer.counters[static_cast<std::size_t>(Counter::visits_30d)] = 8;
  const Model model = logistic_model(0.5, {{Feature::days_since_purchase, 0.1, 10, 40},
                                           {Feature::repeat_purchases, 1, 0, 1.5},
                                           {Feature::visits_30d, -1, 1, 4}});
  const Score score(customer, model, horizon);
  const auto at = [&](int day) { return score.at(customer.last() + days(day)); };
  EXPECT_NEAR(at(0).value, 0.5 + 1 + 1.5 - 4, 1e-12);
  EXPECT_NEAR(at(30).value, 0.5 + 3 + 1.5 - 4, 1e-12);
  EXPECT_NEAR(at(60).value, 0.5 + 4 + 1.5 - 2, 1e-12);
  EXPECT_NEAR(at(900).value, 0.5 + 4 + 1.5 - 1, 1e-12);
  EXPECT_EQ(score.slope(at(0)), 0);
  EXPECT_NEAR(score.slope(at(20)), 0.1 / 86'400'000, 1e-20);
  EXPECT_EQ(score.slope(at(900)), 0);
  EXPECT_TRUE(score.only_rises());
}

TEST(Score, LiesWithinItsBoundsEverywhereBetweenTheirEnds) {
  const bool ok = rc::check("at a moment between two others", [] {
    const Customer customer = any_customer();
    Model model = *rc::gen::element(0, 1, 1) == 0 ? any_mbg_model() : any_logistic_model();
    // Rounding grows with the terms, of which large ones may cancel.
    const double scale = *rc::gen::arbitrary<bool>() ? 1 : any_magnitude(1, 1e9);
    if (model.logistic) {
      for (Logistic::Term& term : model.logistic->terms) term.weight *= scale;
      model.logistic->intercept -= Score(customer, model, horizon).at(customer.moment()).value;
    }
    const Score score(customer, model, horizon);
    const Timestamp begin = customer.moment() + any_span(1e11);
    const Timestamp end = begin + any_span(1e11);
    const auto length = static_cast<double>((end - begin).ms);
    const double between = score.at(begin + milliseconds(static_cast<std::int64_t>(length * any_real(0, 1)))).value;
    RC_ASSERT(score.at_least(begin, end) <= between);
    RC_ASSERT(score.at_most(begin, end) >= between);
  });
  EXPECT_TRUE(ok);
}

void expect_within_bounds(const Score& score, Timestamp from, Timestamp to, Timestamp t) {
  const double value = score.at(t).value;
  EXPECT_LE(score.at_least(from, to), value);
  EXPECT_GE(score.at_most(from, to), value);
}

// The bounds take a shorter way to the logit of MBG/NBD, which is rounded otherwise.
TEST(Score, LiesWithinItsBoundsAtASingleMoment) {
  const Customer customer = buyer(3, days(30));
  const Score score(customer, cdnow_model(), horizon);
  for (int day = 0; day < 50; ++day) {
    const Timestamp t = customer.moment() + days(day);
    expect_within_bounds(score, t, t, t);
  }
}

// That way loses more where the exponent is large.
TEST(Score, LiesWithinItsBoundsWithALargeExponent) {
  Model model = cdnow_model();
  model.time_unit = days(1);
  model.mbg = {.r = 94.98934901963432, .alpha = 205413.8055781585, .a = 2.138349599999867, .b = 7.171529920365618};
  const Customer customer = buyer(0, days(0));
  const Timestamp from = customer.moment() + milliseconds(204'449'028);
  expect_within_bounds(Score(customer, model, days(252)), from, from + milliseconds(4), from + milliseconds(4));
}

// A logit that hardly rises is rounded downwards now and then, here at the first of two moments.
TEST(Score, LiesWithinItsBoundsWhereItsRoundingFalls) {
  Model model = logistic_model(0, {{Feature::mbg_logit, -307.3846075453604, -1e9, 1e9}});
  model.mbg = {.r = 3.3616794534429615, .alpha = 261633019.8817826, .a = 0.6217566008772165, .b = 0.4660730478351161};
  const Customer customer = buyer(0, days(0));
  const Timestamp from = customer.moment();
  expect_within_bounds(Score(customer, model, days(215)), from, from + milliseconds(3), from);
}

TEST(Score, ThatRisesHasReachedAValueByTheMomentItNames) {
  const bool ok = rc::check("drop-out alone", [] {
    const Customer customer = any_customer();
    const Score score(customer, any_mbg_model(), horizon);
    const double value = any_real(-4, 4);
    const Timestamp t = score.reached_by(value);
    RC_ASSERT(t >= customer.last());
    RC_PRE(t < Timestamp{std::int64_t{1} << 60});
    RC_ASSERT(score.at(t + milliseconds(1)).value >= value - 1e-9);
  });
  EXPECT_TRUE(ok);
}

TEST(Score, IsFlatWhereTermsCancel) {
  Customer customer = buyer(2, days(20));
  customer.counters.fill(2);
  const Model model = logistic_model(0.5, {{Feature::days_since_purchase, 0.3},
                                           {Feature::recency_ratio, -3},
                                           {Feature::complaints_opened_60d, 1.5},
                                           {Feature::complaints_resolved_60d, -1.5}});
  const Score score(customer, model, horizon);
  const Score::Point soon = score.at(customer.moment());
  const Score::Point later = score.at(customer.moment() + days(500));
  EXPECT_NEAR(soon.value, 0.5, 1e-12);
  EXPECT_NEAR(later.value, 0.5, 1e-12);
  const Slopes slopes = score.slopes(soon, later);
  EXPECT_NEAR(slopes.at_least, 0, 1e-20) << "equal half-lives are one term, and so are the days";
  EXPECT_NEAR(slopes.at_most, 0, 1e-20);
}

TEST(Score, AbsentFeaturesAddNothing) {
  const Model model =
      logistic_model(0.5, {{Feature::recency_ratio, 1}, {Feature::gap_variation, 1}, {Feature::log_mean_spend, 1}});
  const Customer customer = buyer(0, days(0));
  EXPECT_EQ(Score(customer, model, horizon).at(customer.moment() + days(30)).value, 0.5);
}

TEST(Score, SlopesHoldEverywhereBetweenTheirEnds) {
  const bool ok = rc::check("at a moment between two others", [] {
    const Customer customer = any_customer();
    const Model model = *rc::gen::element(0, 1, 1) == 0 ? any_mbg_model() : any_logistic_model();
    const Score score(customer, model, horizon);
    const Score::Point begin = score.at(customer.moment() + any_span(1e11));
    const Score::Point end = score.at(begin.t + any_span(1e11));
    const auto length = static_cast<double>((end.t - begin.t).ms);
    const Score::Point between = score.at(begin.t + milliseconds(static_cast<std::int64_t>(length * any_real(0, 1))));
    const Slopes slopes = score.slopes(begin, end);
    const double tolerance = 1e-9 * (std::abs(slopes.at_least) + std::abs(slopes.at_most));
    const double slope = score.slope(between);
    RC_ASSERT(slopes.at_least <= slope + tolerance && slope <= slopes.at_most + tolerance);
  });
  EXPECT_TRUE(ok);
}

TEST(Score, TheSlopeIsThatOfTheCurve) {
  const bool ok = rc::check("against a difference", [] {
    const Customer customer = any_customer();
    const Score score(customer, any_logistic_model(), horizon);
    const Timestamp t = customer.moment() + days(1) + any_span(1e10);
    const Duration step = milliseconds(60'000);
    const double difference =
        (score.at(t + step).value - score.at(t - step).value) / (2 * static_cast<double>(step.ms));
    const Score::Point point = score.at(t);
    RC_PRE(sides(score.at(t - step)) == sides(score.at(t + step)));  // Not at the end of a range.
    const double size = std::abs(point.rising_slope) + std::abs(point.falling_slope) + std::abs(score.slope(point)) +
                        std::accumulate(point.ranged.begin(), point.ranged.end(), 0.0,
                                        [](double sum, const auto& term) { return sum + std::abs(term.inside); });
    // What an evaluation is rounded by, over the step.
    RC_ASSERT(std::abs(score.slope(point) - difference) <=
              1e-4 * size + 1e-14 * (1 + std::abs(point.value)) / static_cast<double>(step.ms));
  });
  EXPECT_TRUE(ok);
}

TEST(Score, AStepBackIsStretchedOverTheLogarithmOfTheAge) {
  const Customer customer = buyer(3, days(70));
  const Score score(customer, cdnow_model(), horizon);
  const Timestamp t = customer.last() + days(100);
  EXPECT_EQ(score.stretched(t, 1e9), 1e9) << "a step forward as it is";
  const double age_ms = (6.183 * 7 + 170) * static_cast<double>(days(1).ms);
  EXPECT_NEAR(score.stretched(t, -1e10), age_ms * std::expm1(-1e10 / age_ms), 1);
  EXPECT_GT(score.stretched(t, -1e15), -age_ms - 1) << "never back beyond the origin";
}

}  // namespace
}  // namespace holdfast::engine
