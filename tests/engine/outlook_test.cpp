#include "engine/outlook.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/risk.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

/// As it is after each event.
void judge(Customer& customer, const Model& model, const RiskPolicy& policy) {
  const double risk = risk_at(customer, model, policy.horizon, customer.moment());
  customer.set_level(judged_level(customer.current_level(), risk, policy));
}

bool stands(const Outlook& outlook, const Customer& now, EventKind event, const Model& model,
            const RiskPolicy& policy) {
  LazyScore score(now, model, policy.horizon);
  return outlook.stands(now, event, score, policy);
}

Event event_at(Timestamp t, EventKind kind) {
  Event event;
  event.time = t;
  event.kind = kind;
  event.amount = 10;
  event.has_amount = kind == EventKind::purchase;
  return event;
}

TEST(Outlook, WhatStandsIsWhatJudgingAndSearchingWouldHaveFound) {
  int stood_after_visit = 0;
  int stood_after_purchase = 0;
  int stood_under_logistic = 0;
  const bool ok = rc::check("events before a timer", [&] {
    Model model = *rc::gen::arbitrary<bool>() ? any_mbg_model() : any_logistic_model();
    // Fits may run off to where the risk hardly moves.
    if (*rc::gen::inRange(0, 4) == 0) model.mbg.r = any_magnitude(1, 1e8);
    if (*rc::gen::inRange(0, 4) == 0) model.mbg.alpha = any_magnitude(1, 1e9);
    const RiskPolicy policy = default_policy();
    Customer customer = any_customer();
    RC_PRE(is_judged(customer, policy));
    judge(customer, model, policy);
    Timestamp due = next_timer(customer, model, policy);
    RC_PRE(due != after_all_time);
    for (int i = 0; i < 5; ++i) {
      // Anywhere before the timer, just before it and just after the event before, and late ones.
      const double ahead = static_cast<double>((due - customer.moment()).ms);
      if (ahead <= 1) break;
      const auto part = static_cast<std::int64_t>(std::min(ahead - 1, any_magnitude(1, std::max(2.0, ahead))));
      const Timestamp t = *rc::gen::element(due - Duration{part}, customer.moment() + Duration{part},
                                            customer.moment() - Duration{std::min(part, std::int64_t{86'400'000'000})});
      const EventKind kind = *rc::gen::element(EventKind::visit, EventKind::purchase, EventKind::complaint);
      const Outlook outlook(customer, due);
      apply_event(customer, event_at(std::clamp(t, first_event_time, last_event_time), kind));
      const bool still = stands(outlook, customer, kind, model, policy);
      const Level before = customer.current_level();
      judge(customer, model, policy);
      const Timestamp exact = next_timer(customer, model, policy);
      if (!still) {
        due = exact;
        if (due == after_all_time) break;
        continue;
      }
      ++(model.logistic                ? stood_under_logistic
         : kind == EventKind::purchase ? stood_after_purchase
                                       : stood_after_visit);
      RC_ASSERT(customer.current_level() == before);
      // A timer may stand too early; after an event that leaves the curve alone it is still where it was.
      RC_ASSERT(exact >= due);
    }
  });
  EXPECT_TRUE(ok);
  EXPECT_GT(stood_after_visit, 50);
  EXPECT_GT(stood_after_purchase, 5);
  EXPECT_GT(stood_under_logistic, 20);
}

struct Visited {
  Customer before = buyer(3, days(20));
  Customer after = before;
  Timestamp due = next_timer(before, cdnow_model(), default_policy());

  explicit Visited(Duration later) {
    before.level = after.level = 0;
    apply_event(after, event_at(before.moment() + later, EventKind::visit));
  }
  [[nodiscard]] bool stands(const Model& model = cdnow_model()) const {
    return engine::stands(Outlook(before, due), after, EventKind::visit, model, default_policy());
  }
};

TEST(Outlook, StandsAfterAVisitUntilCloseToTheTimer) {
  EXPECT_TRUE(Visited(days(1)).stands());
  const std::int64_t ahead = (Visited(days(1)).due - Visited(days(1)).before.moment()).ms;
  EXPECT_TRUE(Visited(milliseconds(ahead - 60'000)).stands());
  EXPECT_FALSE(Visited(milliseconds(ahead - 1)).stands());
  EXPECT_FALSE(Visited(milliseconds(ahead)).stands());
}

TEST(Outlook, DoesNotStandWhereTheRiskRisesByLessThanItsRounding) {
  Model model = cdnow_model();
  model.mbg = {.r = 8152.34, .alpha = 1.90167e6, .a = 0.00198789, .b = 678.222};
  Customer customer = buyer(9, days(700));
  RiskPolicy policy = default_policy();
  policy.thresholds = {risk_at(customer, model, policy.horizon, customer.moment() + days(500)), 0.99, 0.999};
  const Timestamp due = next_timer(customer, model, policy);
  ASSERT_GT(due, customer.moment() + days(400));
  ASSERT_LT(due, customer.moment() + days(600));
  const Outlook outlook(customer, due);
  apply_event(customer, event_at(customer.moment() + days(1), EventKind::visit));
  EXPECT_FALSE(stands(outlook, customer, EventKind::visit, model, policy));
}

// Every moment counts, also where large terms cancel and what is left of them is mostly rounding.
TEST(Outlook, WhatStandsStaysWithinItsLevelAtAllMoments) {
  int stood = 0;
  const bool ok = rc::check("of a score that hardly moves", [&] {
    Customer customer = buyer(*rc::gen::inRange(1u, 50u), days(700));
    const double weight = any_magnitude(1, 1e12);
    Model model = logistic_model(0, {{Feature::mbg_logit, weight}});
    model.mbg = {.r = any_magnitude(1e2, 1e5), .alpha = any_magnitude(1e6, 1e12), .a = 0.002, .b = 678};
    model.logistic->intercept =
        -weight * *feature_at(customer, model, default_policy().horizon, Feature::mbg_logit, customer.moment());
    const auto ahead = static_cast<std::int64_t>(any_magnitude(1e3, 1e9));
    const Outlook outlook(customer, customer.moment() + milliseconds(ahead));
    apply_event(customer, event_at(customer.moment() + milliseconds(1), EventKind::visit));
    RiskPolicy policy = default_policy();
    policy.thresholds[0] = risk_at(customer, model, policy.horizon, customer.moment()) + any_magnitude(2e-9, 1e-3);
    customer.level = 0;
    if (!(policy.thresholds[0] < policy.thresholds[1]) || !stands(outlook, customer, EventKind::visit, model, policy))
      return;
    ++stood;
    for (std::int64_t i = 0; i < 500; ++i) {
      const Timestamp t = customer.moment() + milliseconds(i * (ahead - 1) / 500);
      RC_ASSERT(risk_at(customer, model, policy.horizon, t) < policy.thresholds[0]);
    }
  });
  EXPECT_TRUE(ok);
  EXPECT_GT(stood, 20);
}

// Its features move within ranges: however long the silence, the watch level is out of reach.
TEST(Outlook, StandsWhereTheScoreNeverComesToAThreshold) {
  Customer customer = buyer(3, days(20));
  const Model model = logistic_model(-2, {{Feature::log_days_since_purchase, 0.3, 0, 5}, {Feature::visits_30d, -0.1}});
  ASSERT_EQ(next_timer(customer, model, default_policy()), after_all_time);
  const Outlook outlook(customer, after_all_time);
  for (const EventKind kind : {EventKind::visit, EventKind::purchase}) {
    apply_event(customer, event_at(customer.moment() + days(3), kind));
    EXPECT_TRUE(stands(outlook, customer, kind, model, default_policy()));
    EXPECT_EQ(next_timer(customer, model, default_policy()), after_all_time);
  }
  // It does so but once within ten years, and whoever has a level may lose it.
  EXPECT_FALSE(stands(outlook, customer, EventKind::purchase,
                      logistic_model(-2, {{Feature::log_days_since_purchase, 0.3}}), default_policy()));
  customer.level = static_cast<std::uint8_t>(Level::watch);
  EXPECT_FALSE(stands(outlook, customer, EventKind::purchase, model, default_policy()));
}

// Models as they are trained, close to their thresholds too: ranges, counters that pull both ways.
TEST(Outlook, StandsAfterAVisitThatLowersTheScore) {
  int stood = 0;
  const bool ok = rc::check("visits before a timer", [&] {
    Customer customer = any_customer();
    const double most = any_real(0, 6);
    const Model model = logistic_model(
        any_real(-3, 1), {{Feature::mbg_logit, any_real(0, 1)},
                          {Feature::log_days_since_purchase, any_real(0, 1), 0.2, 5},
                          {Feature::visits_30d, -any_magnitude(1e-8, 1), *rc::gen::element(0.0, 1.0), most},
                          {Feature::complaints_opened_60d, any_real(-1, 1), 0, 2},
                          {Feature::log_days_since_seen, any_real(-0.3, 1), 0, 5},
                          {Feature::seen_since_purchase, any_real(-1, 0.3), 0, *rc::gen::element(0.5, 1.0)},
                          {Feature::log_activity, any_real(-1, 0.3), any_real(-4, 0), any_real(0, 2)},
                          {Feature::missed_events, any_real(-0.3, 1), 0, any_real(0, 20)}});
    const RiskPolicy policy = default_policy();
    customer.level = 0;
    RC_PRE(is_judged(customer, policy));
    RC_PRE(level_for(risk_at(customer, model, policy.horizon, customer.moment()), policy) == Level::none);
    const Timestamp due = next_timer(customer, model, policy);
    RC_PRE(due != after_all_time && due > customer.moment() + milliseconds(1));
    const auto ahead = static_cast<double>((due - customer.moment()).ms);
    const Outlook outlook(customer, due);
    apply_event(customer,
                event_at(customer.moment() + milliseconds(1 + static_cast<std::int64_t>(ahead * any_real(0, 1))),
                         EventKind::visit));
    if (!stands(outlook, customer, EventKind::visit, model, policy)) return;
    ++stood;
    RC_ASSERT(risk_at(customer, model, policy.horizon, customer.moment()) < policy.thresholds[0]);
    RC_ASSERT(next_timer(customer, model, policy) >= due);
  });
  EXPECT_TRUE(ok);
  EXPECT_GT(stood, 20);
}

TEST(Outlook, NothingHappensToACustomerWhileItIsQuiet) {
  int quiet = 0;
  const bool ok = rc::check("of any logistic model", [&] {
    Customer customer = any_customer();
    const Model model = any_logistic_model();
    const RiskPolicy policy = default_policy();
    RC_PRE(is_judged(customer, policy));
    judge(customer, model, policy);
    customer.raised_at_ms = customer.moment_ms;
    LazyScore score(customer, model, policy.horizon);
    const Timestamp until = quiet_until(customer, score, policy, customer.moment());
    RC_ASSERT(until >= customer.moment());
    RC_ASSERT(next_timer(customer, model, policy) >= until);
    quiet += until > customer.moment() ? 1 : 0;
  });
  EXPECT_TRUE(ok);
  EXPECT_GT(quiet, 20);
}

TEST(Outlook, NeverStandsWithoutATimerOrWhereAVisitBendsTheScore) {
  Visited visited(days(1));
  EXPECT_FALSE(visited.stands(logistic_model(0, {{Feature::visits_30d, 1}})));
  visited.due = after_all_time;
  EXPECT_FALSE(visited.stands());
}

TEST(Outlook, DoesNotStandForAPurchaseThatBringsTheTimerForward) {
  Customer customer = buyer(10, days(700));
  const Timestamp due = next_timer(customer, cdnow_model(), default_policy());
  ASSERT_NE(due, after_all_time);
  // From now on it buys every day, and misses it the sooner.
  for (int i = 0; i < 60; ++i) {
    const Outlook outlook(customer, due);
    apply_event(customer, event_at(customer.moment() + days(1), EventKind::purchase));
    const bool early_enough = due <= next_timer(customer, cdnow_model(), default_policy());
    ASSERT_TRUE(early_enough || !stands(outlook, customer, EventKind::purchase, cdnow_model(), default_policy())) << i;
    if (!early_enough) return;
  }
  FAIL() << "no purchase brought the timer forward";
}

}  // namespace
}  // namespace holdfast::engine
