#include "engine/calibration.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "domain/random.hpp"
#include "engine/risk.hpp"
#include "engine/score.hpp"
#include "tests/support/task_world.hpp"

namespace holdfast::engine {
namespace {

constexpr Duration horizon = days(91);
constexpr Duration half_life = days(182);
/// A Monday, at 00:00.
constexpr Timestamp monday = new_year + days(2);
static_assert(monday.ms == 1'294'012'800'000);

/// Asks so many customers with each score from -3 to 3, of whom a share of sigmoid(intercept + slope * score) leave.
void live_through(Calibration& calibration, const Correction& truth, double customers, Timestamp t = monday) {
  for (double score = -3; score <= 3; score += 0.25) {
    const double left = std::round(customers * sigmoid(truth.intercept + truth.slope * score));
    const std::uint8_t bin = Calibration::bin_of(score);
    for (int i = 0; i < static_cast<int>(customers); ++i) {
      calibration.ask(bin, t, t);
      calibration.learn(bin, i < left, t + horizon, t + horizon);
    }
  }
}

TEST(Calibration, ScoresAreKeptByQuartersOfALogit) {
  EXPECT_EQ(Calibration::score_of(Calibration::bin_of(0)), 0);
  EXPECT_EQ(Calibration::score_of(Calibration::bin_of(0.124)), 0);
  EXPECT_EQ(Calibration::score_of(Calibration::bin_of(0.125)), 0.25);
  EXPECT_EQ(Calibration::score_of(Calibration::bin_of(-1.3)), -1.25);
  EXPECT_EQ(Calibration::bin_of(1e300), CalibrationState::bins_size);
  EXPECT_EQ(Calibration::bin_of(-1e300), 1) << "0 says that there is none";
}

TEST(Calibration, EverybodyIsAskedOnceInAHorizon) {
  EXPECT_TRUE(rc::check([] {
    const Calibration calibration(Duration{*rc::gen::inRange<std::int64_t>(1, limits::horizon_max.ms)}, half_life);
    const Duration between = calibration.state().horizon;
    const auto hash = *rc::gen::arbitrary<std::uint64_t>();
    const Timestamp t{*rc::gen::inRange(first_event_time.ms, last_event_time.ms)};
    const Timestamp next = calibration.next_probe(hash, t);
    RC_ASSERT(next > t);
    RC_ASSERT(next - t <= between);
    RC_ASSERT(calibration.is_probe(hash, next));
    RC_ASSERT(calibration.next_probe(hash, next) == next + between);
    RC_ASSERT(between == Duration{1} || !calibration.is_probe(hash, next - Duration{1}));
    RC_ASSERT(calibration.next_probe(hash & 0xffff'ffff, t) == next);
  }));
}

TEST(Calibration, FindsTheCorrectionThatSetsRisksRight) {
  for (const Correction truth : {Correction{0, 1}, Correction{-0.6, 1}, Correction{0.4, 0.7}, Correction{0.2, 1.5}}) {
    Calibration calibration(horizon, half_life);
    live_through(calibration, truth, 2000);
    const Correction found = calibration.fitted();
    EXPECT_NEAR(found.intercept, truth.intercept, 0.02);
    EXPECT_NEAR(found.slope, truth.slope, 0.02);
  }
}

TEST(Calibration, FewOutcomesMoveLittle) {
  Calibration calibration(horizon, half_life);
  EXPECT_EQ(calibration.fitted(), Correction{});
  calibration.learn(Calibration::bin_of(-2), true, monday + horizon, monday + horizon);
  const Correction found = calibration.fitted();
  EXPECT_GT(found.intercept, 0);
  EXPECT_LT(found.intercept, 0.25) << "one surprise is none yet";
}

TEST(Calibration, NoOutcomesLeadBeyondTheBounds) {
  Calibration calibration(horizon, half_life);
  for (const double score : {-7.0, -5.0, 5.0, 7.0}) {
    for (int i = 0; i < 10'000; ++i)
      calibration.learn(Calibration::bin_of(score), score < 0, monday + horizon, monday + horizon);
  }
  EXPECT_EQ(calibration.fitted().slope, Correction::slope_least) << "the order of customers is not turned round";
}

TEST(Calibration, TheFitIsAMaximum) {
  EXPECT_TRUE(rc::check([] {
    Calibration calibration(horizon, half_life);
    struct Seen {
      double score;
      bool left;
    };
    std::vector<Seen> seen;
    const auto customers = *rc::gen::inRange(1, 200);
    for (int i = 0; i < customers; ++i) {
      const auto bin = static_cast<std::uint8_t>(*rc::gen::inRange(16, 48));
      seen.push_back({Calibration::score_of(bin), *rc::gen::arbitrary<bool>()});
      calibration.learn(bin, seen.back().left, monday + horizon, monday + horizon);
    }
    const auto value = [&](double intercept, double slope) {
      double sum = -(intercept * intercept / 0.25 + (slope - 1) * (slope - 1) / 0.0625) / 2;
      for (const auto& [score, left] : seen) {
        const double risk = sigmoid(intercept + slope * score);
        sum += std::log(left ? risk : 1 - risk);
      }
      return sum;
    };
    const Correction best = calibration.fitted();
    RC_PRE(best.slope > Correction::slope_least && std::abs(best.intercept) < Correction::intercept_most);
    for (const double step : {-1e-3, 1e-3}) {
      RC_ASSERT(value(best.intercept, best.slope) > value(best.intercept + step, best.slope));
      RC_ASSERT(value(best.intercept, best.slope) > value(best.intercept, best.slope + step));
    }
  }));
}

TEST(Calibration, ReviewsComeWithTheWeekThatFollowsNews) {
  Calibration calibration(horizon, half_life);
  EXPECT_EQ(calibration.next_review(), after_all_time);
  calibration.ask(5, monday - milliseconds(1), monday - milliseconds(1));
  EXPECT_EQ(calibration.next_review(), monday);
  calibration.review();
  EXPECT_EQ(calibration.next_review(), after_all_time) << "nothing is new";
  calibration.ask(5, monday, monday);
  EXPECT_EQ(calibration.next_review(), monday + days(7));
  calibration.review();
  calibration.learn(5, true, monday, monday + days(30));
  EXPECT_EQ(calibration.next_review(), monday + days(35)) << "what comes late is reviewed when it has come";
}

TEST(Calibration, CountsHalveWithTheHalfLife) {
  Calibration calibration(horizon, days(14));
  calibration.ask(5, monday - days(1), monday - days(1));
  calibration.learn(5, true, monday - days(1), monday - days(1));
  calibration.review();
  EXPECT_EQ(calibration.report().outcomes, 1) << "nothing fades before the first review";
  calibration.ask(5, monday + days(13), monday + days(13));
  calibration.review();
  EXPECT_DOUBLE_EQ(calibration.report().outcomes, 0.5);
  EXPECT_DOUBLE_EQ(calibration.report().left, 0.5);
  EXPECT_DOUBLE_EQ(calibration.state().bins[4].asked, 1);
}

TEST(Calibration, ARiskIsJudgedByTheCorrectionOfItsTime) {
  Calibration calibration(horizon, half_life);
  calibration.correct(monday, {1, 1});
  const std::uint8_t bin = Calibration::bin_of(0);
  calibration.learn(bin, true, monday + horizon - milliseconds(1), monday + horizon);
  EXPECT_DOUBLE_EQ(calibration.report().told, 0.5);
  calibration.learn(bin, true, monday + horizon, monday + horizon);
  EXPECT_DOUBLE_EQ(calibration.report().told, 0.5 + sigmoid(1));
}

TEST(Calibration, KeepsNoMoreCorrectionsThanOutcomesCanComeOf) {
  Calibration calibration(horizon, half_life);
  for (int week = 0; week < 200; ++week) calibration.correct(monday + days(7 * week), {week / 100.0, 1});
  EXPECT_EQ(calibration.state().past.size(), 14U);
  EXPECT_LE(calibration.state().past.front().from, monday + days(7 * 199) - horizon);
}

TEST(Calibration, AnotherModelBeginsAnew) {
  Calibration calibration(horizon, half_life);
  live_through(calibration, {1, 1}, 10);
  calibration.correct(monday + horizon, {1, 1});
  calibration.begin(monday + horizon);
  EXPECT_EQ(calibration.fitted(), Correction{});
  calibration.learn(5, true, monday + horizon + horizon - milliseconds(1), monday + horizon + horizon);
  EXPECT_EQ(calibration.report().outcomes, 0) << "it was the former one's score";
  calibration.learn(5, true, monday + horizon + horizon, monday + horizon + horizon);
  EXPECT_EQ(calibration.report().outcomes, 1);
}

TEST(Calibration, ComesBackAsItWas) {
  Calibration calibration(horizon, half_life);
  live_through(calibration, {1, 1}, 10);
  calibration.review();
  calibration.correct(monday + horizon, {1, 1});
  calibration.ask(5, monday + horizon, monday + horizon);
  Calibration back(horizon, half_life);
  back.restore(calibration.state(), monday + horizon);
  EXPECT_EQ(back.fitted(), calibration.fitted());
  EXPECT_EQ(back.next_review(), calibration.next_review());
  Calibration of_another_horizon(days(30), half_life);
  of_another_horizon.restore(calibration.state(), monday + horizon);
  EXPECT_EQ(of_another_horizon.report().outcomes, 0);
  EXPECT_EQ(of_another_horizon.state().since, monday + horizon);
}

TEST(CalibrationReport, KnowsErrorFromChance) {
  Calibration right(horizon, half_life);
  live_through(right, {0, 1}, 400);
  EXPECT_LT(right.report().ece, right.report().ece_chance_most);
  EXPECT_NEAR(right.report().left, right.report().told, 25);
  Calibration wrong(horizon, half_life);
  live_through(wrong, {0.5, 1}, 400);
  EXPECT_GT(wrong.report().ece, 0.05);
  EXPECT_LT(wrong.report().ece_chance_most, 0.02);
  EXPECT_GT(wrong.report().left, wrong.report().told + 500);
  EXPECT_NEAR(wrong.report().drift, 0, 1e-12) << "those who were asked are those whose outcome is known";
}

/// Customers whose scores are spread as a shop's are, and who leave as often as these say, plus `off` in log-odds.
CalibrationReport report_of(Random& random, int customers, double off = 0) {
  Calibration calibration(horizon, half_life);
  for (int i = 0; i < customers; ++i) {
    const double score = 0.5 + 1.5 * random.normal();
    const std::uint8_t bin = Calibration::bin_of(score);
    calibration.ask(bin, monday, monday);
    calibration.learn(bin, random.uniform() < sigmoid(score + off), monday + horizon, monday + horizon);
  }
  return calibration.report();
}

TEST(CalibrationReport, ChanceIsExceededOnceInFortyTimes) {
  constexpr double ece_max = 0.05;
  constexpr int draws = 1'000;
  Random random(7);
  for (const int customers : {10, 20, 40, 80, 400, 2'000}) {
    int above_chance = 0;
    int alarms = 0;
    for (int i = 0; i < draws; ++i) {
      const CalibrationReport report = report_of(random, customers);
      above_chance += report.ece > report.ece_chance_most ? 1 : 0;
      alarms += report.ece > report.ece_chance_most + ece_max ? 1 : 0;
    }
    EXPECT_LE(above_chance, draws / 20) << customers;
    EXPECT_LE(alarms, draws / 50) << customers;
    if (customers > 80) {
      EXPECT_GE(above_chance, draws / 200) << customers;
    }
  }
  for (int i = 0; i < 100; ++i) {
    for (const double off : {-1.0, 1.0}) {
      const CalibrationReport report = report_of(random, 2'000, off);
      EXPECT_GT(report.ece, report.ece_chance_most + ece_max) << off;
    }
  }
}

TEST(CalibrationReport, SeesCustomersChange) {
  Calibration calibration(horizon, half_life);
  live_through(calibration, {0, 1}, 100);
  for (int i = 0; i < 2500; ++i) calibration.ask(Calibration::bin_of(2), monday + horizon, monday + horizon);
  EXPECT_GT(calibration.report().drift, 0.25) << "above which it is called a shift";
}

TEST(Corrected, ScoresAreThoseOfTheModelCorrected) {
  const Correction correction{-0.3, 0.8};
  for (const Model& model : {cdnow_model(), talkative_model()}) {
    const Model other = corrected(model, correction);
    Customer customer = buyer(4, days(90));
    for (const int silence : {0, 10, 200}) {
      const Timestamp t = customer.last() + days(silence);
      const double score = Score(customer, model, horizon).at(t).value;
      EXPECT_NEAR(Score(customer, other, horizon).at(t).value, -0.3 + 0.8 * score, 1e-12);
    }
  }
  EXPECT_FALSE(corrected(cdnow_model(), {}).logistic) << "no correction leaves the model alone";
}

// A shop of those who come no more, under a model that hopes for everybody.
struct Lost : World {
  explicit Lost(CalibrationUse use) : World(hopeful(), policy_for(use)) {
    std::vector<Event> events;
    for (const Timestamp bought : {new_year, new_year + days(1)}) {
      for (const std::string& id : ids()) events.push_back(of(id, purchase(bought)));
    }
    log(purchases, events);
    end(others);
  }
  void run_to(Timestamp clock) {
    while (task.advance(clock, unbounded, alerts)) {
    }
  }
  static Model hopeful() { return logistic_model(-1, {}); }
  static RiskPolicy policy_for(CalibrationUse use) {
    RiskPolicy policy = default_policy();
    policy.calibration = use;
    return policy;
  }
  static const std::vector<std::string>& ids() {
    static const std::vector<std::string> all = [] {
      std::vector<std::string> made;
      for (int i = 0; i < 400; ++i) made.push_back("c" + std::to_string(i));
      return made;
    }();
    return all;
  }
};

TEST(TaskCalibration, ComesToKnowWhatTheModelDoesNot) {
  Lost world(CalibrationUse::correct);
  world.run_to(new_year + days(300));
  ASSERT_FALSE(world.alerts.items.empty());
  const reference::NaiveAlert& first = world.alert(0);
  EXPECT_EQ(first.trigger, TriggerType::model);
  EXPECT_GT(first.time, new_year + horizon) << "no outcome is known before";
  EXPECT_GT(first.intercept, 1);
  EXPECT_EQ(first.model, world.model.id) << "it is still that model, corrected";
  EXPECT_GT(world.task.counts().corrections, 5U);
  EXPECT_EQ(world.task.counts().swaps, 0U);
}

TEST(TaskCalibration, WatchingChangesNoAlert) {
  Lost off(CalibrationUse::off);
  Lost watch(CalibrationUse::watch);
  for (Lost* world : {&off, &watch}) world->run_to(new_year + days(300));
  EXPECT_EQ(watch.alerts.text, off.alerts.text);
  EXPECT_EQ(off.task.calibration(), nullptr);
  const CalibrationReport report = watch.task.calibration()->report();
  EXPECT_GT(report.outcomes, 400);
  EXPECT_GT(report.left, report.outcomes * 0.99) << "but for those who were asked between their two purchases";
  EXPECT_NEAR(report.told / report.outcomes, sigmoid(-1), 0.01);
  EXPECT_GT(report.ece - report.ece_chance_most, 0.5);
  EXPECT_EQ(watch.task.counts().corrections, 0U);
}

TEST(TaskCalibration, WhenASwapBecomesKnownMakesNoDifference) {
  Lost early(CalibrationUse::correct);
  Lost late(CalibrationUse::correct);
  Model next = Lost::hopeful();
  next.id = next.bytes = "next";
  const Timestamp swapped = new_year + days(250);
  early.swap(next, swapped);
  early.run_to(new_year + days(400));
  late.run_to(new_year + days(240));
  EXPECT_GT(late.task.counts().corrections, 5U);
  late.swap(next, swapped);
  late.run_to(new_year + days(400));
  EXPECT_EQ(early.alerts.text, late.alerts.text);
}

TEST(TaskCalibration, ASwapBeginsAnew) {
  Lost world(CalibrationUse::correct);
  world.run_to(new_year + days(200));
  const Timestamp swapped = new_year + days(201);
  Model next = Lost::hopeful();
  next.id = next.bytes = "next";
  world.swap(next, swapped);
  world.run_to(swapped + Timers::tick_length);
  ASSERT_EQ(world.task.models().size(), 1U);
  EXPECT_EQ(world.task.models()[0].correction, Correction{});
  EXPECT_EQ(world.task.calibration()->report().outcomes, 0);
  world.run_to(swapped + horizon);
  EXPECT_EQ(world.task.models()[0].correction, Correction{}) << "what is known is of the other model's scores";
  world.run_to(swapped + horizon + days(60));
  EXPECT_GT(world.task.models()[0].correction.intercept, 1);
}

TEST(TaskCalibration, ComesBackWithItsMarker) {
  Lost world(CalibrationUse::correct);
  world.models.add(world.model);
  world.run_to(new_year + days(250));
  const Marker marker = *decode_marker(encode_marker(world.task.marker({}, {})));
  ASSERT_TRUE(marker.calibration);
  Task again(Partition{3}, world.model, world.policy, world.table, marker.position, &world.models);
  again.restore(marker);
  EXPECT_EQ(again.models()[0].correction, world.task.models()[0].correction);
  EXPECT_EQ(encode_marker(again.marker({}, {})), encode_marker(world.task.marker({}, {})));
  Marker without = marker;
  without.calibration.reset();
  Task later(Partition{3}, world.model, world.policy, world.table, marker.position, &world.models);
  later.restore(without);
  EXPECT_EQ(later.calibration()->state().since, marker.stream_time + milliseconds(1))
      << "how old the scores in the records are is not known";
}

TEST(TaskCalibration, NoCorrectionOutlivesItsMode) {
  Lost world(CalibrationUse::correct);
  world.models.add(world.model);
  world.run_to(new_year + days(250));
  const Marker marker = world.task.marker({}, {});
  ASSERT_NE(marker.models[0].correction, Correction{});
  const auto goes_on_with = [&](const RiskPolicy& policy) {
    Task again(Partition{3}, world.model, policy, world.table, marker.position, &world.models);
    again.restore(marker);
    return again.models()[0].correction;
  };
  EXPECT_EQ(goes_on_with(world.policy), marker.models[0].correction);
  EXPECT_EQ(goes_on_with(Lost::policy_for(CalibrationUse::watch)), Correction{});
  EXPECT_EQ(goes_on_with(Lost::policy_for(CalibrationUse::off)), Correction{});
  RiskPolicy of_another_horizon = world.policy;
  of_another_horizon.horizon = days(30);
  EXPECT_EQ(goes_on_with(of_another_horizon), Correction{}) << "it is of scores over the other one";
}

TEST(TaskCalibration, WhoIsAskedBehindTheEndOfCorrectionsIsToldNone) {
  Lost world(CalibrationUse::correct);
  world.models.add(world.model);
  world.run_to(new_year + days(250));
  const Marker marker = world.task.marker({}, {});
  ASSERT_GT(marker.models[0].correction.intercept, 1);
  const RiskPolicy watching = Lost::policy_for(CalibrationUse::watch);
  Task watch(Partition{3}, world.model, watching, world.table, marker.position, &world.models);
  watch.restore(marker);
  EXPECT_TRUE(decode_marker(encode_marker(watch.marker({}, {}))));
  watch.reached_end(purchases, marker.position.next[0]);
  watch.reached_end(others, marker.position.next[1]);
  const auto told_until = [&](Timestamp clock) {
    while (watch.advance(clock, unbounded, world.alerts)) {
    }
    const CalibrationState::Bin& bin = watch.calibration()->state().bins[28 - 1];
    return bin.told / bin.outcomes;
  };
  EXPECT_GT(told_until(marker.stream_time + horizon), 0.4) << "what was told before";
  EXPECT_NEAR(told_until(marker.stream_time + days(20'000)), sigmoid(-1), 1e-3);
}

TEST(TaskCalibration, NobodyIsAskedOfWhatLiesBehind) {
  World world(logistic_model(-1, {}), Lost::policy_for(CalibrationUse::correct));
  const Timestamp now = new_year + days(1000);
  world.log(purchases, {of("now", purchase(now)), of("late", purchase(first_event_time))});
  world.end(others);
  while (world.task.advance(now + horizon + horizon, unbounded, world.alerts)) {
  }
  EXPECT_LE(world.task.calibration()->report().outcomes, 4) << "each is asked once in a horizon";
  EXPECT_LE(world.task.counts().timers, 8U);
}

TEST(TaskCalibration, BeginsWithoutCatchingUp) {
  Lost off(CalibrationUse::off);
  off.models.add(off.model);
  off.run_to(new_year + days(1000));
  const Marker marker = off.task.marker({}, {});
  const RiskPolicy watching = Lost::policy_for(CalibrationUse::watch);
  Task watch(Partition{3}, off.model, watching, off.table, marker.position, &off.models);
  watch.restore(marker);
  watch.reached_end(purchases, marker.position.next[0]);
  watch.reached_end(others, marker.position.next[1]);
  while (watch.advance(marker.stream_time + horizon, unbounded, off.alerts)) {
  }
  EXPECT_LE(watch.counts().timers, Lost::ids().size() + 1);
  EXPECT_GT(watch.calibration()->state().bins[28 - 1].asked, 300);
}

}  // namespace
}  // namespace holdfast::engine
