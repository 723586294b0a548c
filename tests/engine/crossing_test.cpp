#include "engine/crossing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

constexpr Duration horizon = days(91);
constexpr Duration reach = days(3650);

Band below(double risk) { return {.below = risk}; }
Band at_least(double risk) { return {.at_least = risk}; }

Score score_of(const Customer& customer, const Model& model) { return {customer, model, horizon}; }

Timestamp crossing(const Score& score, const Band& band, Timestamp after) {
  return first_crossing(score, band, after, after + reach);
}

/// Moments from which to look for excursions: closer together where curves move fast, soon after `after`.
std::vector<Timestamp> grid(Timestamp after, Timestamp until) {
  std::vector<Timestamp> moments;
  const auto length = static_cast<double>((until - after).ms);
  for (int i = 0; i <= 1500; ++i) {
    moments.push_back(after + milliseconds(std::max<std::int64_t>(1, std::llround(std::pow(length, i / 1500.0)))));
    moments.push_back(after + milliseconds(std::max<std::int64_t>(1, std::llround(length * i / 1500.0))));
  }
  return moments;
}

/// The moment of the highest risk around a local maximum between two moments.
Timestamp peak_between(const Score& score, Timestamp low, Timestamp high) {
  while ((high - low).ms > 3) {
    const Duration third{(high - low).ms / 3};
    if (score.at(low + third).value < score.at(high - third).value)
      low = low + third;
    else
      high = high - third;
  }
  return score.at(low).value > score.at(high).value ? low : high;
}

/// Visits fade and their absence raises the risk; meanwhile the customer's age lowers it: up, then down.
Model bumpy_model() { return logistic_model(0.5, {{Feature::customer_age_days, -0.01}, {Feature::visits_30d, -1}}); }

Customer bumpy_customer() {
  Customer customer = buyer(3, days(30));
  customer.counters[static_cast<std::size_t>(Counter::visits_30d)] = 2;
  return customer;
}

TEST(Crossing, OfDropOutAloneIsAtItsClosedForm) {
  // Over an endless horizon an active customer surely buys: the risk is 1 - P(alive).
  const Model model = cdnow_model();
  const auto& [r, alpha, a, b] = model.mbg;
  for (const std::uint32_t x : {1u, 3u, 12u}) {
    const Customer customer = buyer(x, days(100));
    const Score score(customer, model, days(100'000'000'000));
    for (const double risk : {0.4, 0.6, 0.9}) {
      const double odds = risk / (1 - risk);
      const double t_x = 100.0 / 7;
      const double age = (alpha + t_x) * std::pow(odds * (b + x) / a, 1 / (r + x)) - alpha;
      const double exact = static_cast<double>(new_year.ms) + age * static_cast<double>(days(7).ms);
      const Timestamp found = crossing(score, below(risk), customer.moment());
      EXPECT_GE(static_cast<double>(found.ms), exact - 0.01) << x << ' ' << risk;
      EXPECT_LE(static_cast<double>(found.ms), exact + 1.01) << x << ' ' << risk;
    }
  }
}

TEST(Crossing, LooksNeitherAtTheStartNorBeyondTheEnd) {
  const Customer customer = buyer(3, days(30));
  const Score score = score_of(customer, cdnow_model());
  const Timestamp found = crossing(score, below(0.75), customer.moment());
  ASSERT_NE(found, after_all_time);
  EXPECT_EQ(first_crossing(score, below(0.75), customer.moment(), found), found);
  EXPECT_EQ(first_crossing(score, below(0.75), customer.moment(), found - milliseconds(1)), after_all_time);
  EXPECT_EQ(first_crossing(score, below(0.75), found - milliseconds(1), found), found);
  EXPECT_EQ(first_crossing(score, below(0.75), found, found + days(1)), found + milliseconds(1));
  EXPECT_EQ(first_crossing(score, below(0.75), found, found), after_all_time);
}

TEST(Crossing, FindsFallsAsWellAsRises) {
  // Complaints count against the customer and are forgotten.
  const Model model = logistic_model(-1, {{Feature::complaints_opened_60d, 1}});
  Customer customer = buyer(3, days(30));
  customer.counters[static_cast<std::size_t>(Counter::complaints_opened_60d)] = 4;
  const Score score = score_of(customer, model);
  // 4 * 2^(-d/60) - 1 = 0 at d = 120.
  EXPECT_EQ(crossing(score, at_least(0.5), customer.moment()), customer.moment() + days(120) + milliseconds(1));
  EXPECT_EQ(crossing(score, below(0.99), customer.moment()), after_all_time);
}

TEST(Crossing, FindsABumpOfMilliseconds) {
  const Customer customer = bumpy_customer();
  const Score score = score_of(customer, bumpy_model());
  const Timestamp peak = peak_between(score, customer.moment(), customer.moment() + days(200));
  ASSERT_GT(peak, customer.moment() + days(20));
  ASSERT_LT(peak, customer.moment() + days(120));
  const double highest = score.risk(peak);
  for (const double depth : {1e-3, 1e-6, 1e-9, 1e-12}) {
    const Timestamp found = crossing(score, below(highest - depth), customer.moment());
    ASSERT_LE(found, peak) << depth;
    EXPECT_GE(score.risk(found), highest - depth);
    EXPECT_LT(score.risk(found - milliseconds(1)), highest - depth);
  }
  EXPECT_EQ(crossing(score, below(highest + 1e-12), customer.moment()), after_all_time);
}

TEST(Crossing, FindsADipOfMilliseconds) {
  Model model = bumpy_model();
  model.logistic->intercept = -0.5;
  for (Logistic::Term& term : model.logistic->terms) term.weight = -term.weight;
  const Customer customer = bumpy_customer();
  const Score score = score_of(customer, model);
  const Score upside_down = score_of(customer, bumpy_model());
  const Timestamp trough = peak_between(upside_down, customer.moment(), customer.moment() + days(200));
  const double lowest = score.risk(trough);
  for (const double depth : {1e-3, 1e-6, 1e-9, 1e-12}) {
    const Timestamp found = crossing(score, at_least(lowest + depth), customer.moment());
    ASSERT_LE(found, trough) << depth;
    EXPECT_LT(score.risk(found), lowest + depth);
    EXPECT_GE(score.risk(found - milliseconds(1)), lowest + depth);
  }
  EXPECT_EQ(crossing(score, at_least(lowest - 1e-12), customer.moment()), after_all_time);
}

TEST(Crossing, APlateauJustBelowTheThresholdEndsTheSearch) {
  Customer customer = buyer(3, days(30));
  for (float& counter : customer.counters) counter = 2;
  const std::vector<Logistic> flat{
      {.intercept = 0.25, .terms = {}},
      {.intercept = 0.25, .terms = {{Feature::complaints_opened_60d, 1}, {Feature::complaints_resolved_60d, -1}}},
      {.intercept = 0.25, .terms = {{Feature::days_since_purchase, 0.3}, {Feature::recency_ratio, -3}}},
  };
  for (const Logistic& logistic : flat) {
    Model model = cdnow_model();
    model.logistic = logistic;
    const Score score = score_of(customer, model);
    const double level = score.risk(customer.moment());
    EXPECT_EQ(crossing(score, below(level + 1e-15), customer.moment()), after_all_time);
    EXPECT_EQ(crossing(score, at_least(level - 1e-15), customer.moment()), after_all_time);
  }
}

TEST(Crossing, AHardPlateauIsLookedThroughInPieces) {
  // Two curves that cancel for ever, of which neither knows: the worst case of all, just below the threshold.
  Model model = logistic_model(0, {{Feature::mbg_logit, 1}, {Feature::log_days_since_purchase, -3}});
  model.time_unit = days(1);
  model.mbg = {.r = 3, .alpha = 1, .a = 1, .b = 1};
  const Customer customer = buyer(0, days(0));
  const Score score(customer, model, days(100'000'000'000));
  const Band band = below(score.risk(customer.moment()) + 1e-10);
  int looks = 0;
  Timestamp t = customer.moment();
  while (t != after_all_time) {
    const Timestamp next = first_crossing(score, band, t, customer.moment() + days(60));
    ASSERT_GT(next, t);
    ASSERT_TRUE(next == after_all_time || band.contains(score.risk(next)));
    t = next;
    ++looks;
  }
  EXPECT_GT(looks, 1) << "or the case is no longer hard";
  EXPECT_LT(looks, 1'000);
}

TEST(Crossing, NoExcursionIsMissedAndTheFirstMomentIsExact) {
  const bool ok = rc::check("against a scan", [] {
    const Customer customer = any_customer();
    const Model model = *rc::gen::element(0, 1, 1, 1) == 0 ? any_mbg_model() : any_logistic_model();
    const Score score = score_of(customer, model);
    const Timestamp after = customer.moment();
    // Thresholds that the curve comes to, or nearly so.
    const auto any_risk = [&] {
      const Timestamp t =
          after + milliseconds(static_cast<std::int64_t>(any_magnitude(1, static_cast<double>(reach.ms))));
      return score.risk(t) * any_real(0.98, 1.02);
    };
    Band band;
    if (*rc::gen::element(0, 1, 2) != 0) band.below = any_risk();
    if (*rc::gen::element(0, 1, 2) != 0) band.at_least = any_risk();
    if (band.at_least >= band.below) std::swap(band.at_least, band.below);

    const Timestamp found = crossing(score, band, after);
    const Timestamp end = found == after_all_time ? after + reach : found - milliseconds(1);
    for (const Timestamp t : grid(after, after + reach)) {
      if (t <= end) RC_ASSERT(band.contains(score.risk(t)));
    }
    if (found == after_all_time) return;
    RC_ASSERT(found > after && found <= after + reach);
    RC_ASSERT(!band.contains(score.risk(found)));
    for (std::int64_t back = 1; back < 500 && found.ms - back > after.ms; ++back) {
      RC_ASSERT(band.contains(score.risk(found - milliseconds(back))));
    }
  });
  EXPECT_TRUE(ok);
}

/// Forgotten visits raise the risk at first, age lowers it later; or the other way round. Begins at middling risks.
Model any_model_with_extremes(const Customer& customer, double sign) {
  Model model = logistic_model(0, {{Feature::mbg_logit, sign * any_real(0, 0.3)},
                                   {Feature::log_days_since_purchase, any_real(-0.5, 0.5)},
                                   {Feature::customer_age_days, -sign * any_magnitude(1e-3, 3e-2)},
                                   {Feature::purchases_90d, sign * any_real(-0.5, 0)},
                                   {Feature::visits_30d, sign * any_real(-2, 0)}});
  model.logistic->intercept = any_real(-1, 1) - score_of(customer, model).at(customer.moment()).value;
  return model;
}

/// Around which moment of some, in order, a curve first comes higher than before and falls again.
std::optional<std::size_t> first_peak(const std::vector<double>& curve) {
  double highest_yet = curve.front();
  for (std::size_t i = 1; i + 1 < curve.size(); ++i) {
    if (curve[i] > highest_yet && curve[i] > curve[i + 1]) return i;
    highest_yet = std::max(highest_yet, curve[i]);
  }
  return std::nullopt;
}

TEST(Crossing, PeaksAndTroughsOfAnyCurveAreFoundToTheirTip) {
  int cases = 0;
  int peaks = 0;
  int troughs = 0;
  const bool ok = rc::check("a threshold at a local extreme", [&] {
    ++cases;
    const double sign = *rc::gen::element(-1.0, 1.0);
    Customer customer = any_customer();
    customer.counters[static_cast<std::size_t>(Counter::visits_30d)] = static_cast<float>(any_real(1, 4));
    const Model model = any_model_with_extremes(customer, sign);
    Model upside_down = model;
    upside_down.logistic->intercept *= -1;
    for (Logistic::Term& term : upside_down.logistic->terms) term.weight *= -1;
    const Score score = score_of(customer, model);
    const Score mirrored = score_of(customer, upside_down);
    const Score& peaked = sign > 0 ? score : mirrored;

    const Timestamp after = customer.moment();
    std::vector<Timestamp> moments = grid(after, after + reach);
    std::ranges::sort(moments);
    moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
    std::vector<double> curve;
    curve.reserve(moments.size());
    for (const Timestamp t : moments) curve.push_back(peaked.at(t).value);
    const auto peak = first_peak(curve);
    if (!peak) return;
    const Timestamp tip = peak_between(peaked, moments[*peak - 1], moments[*peak + 1]);
    const double risk = score.risk(tip);
    if (risk < 0.01 || risk > 0.99) return;
    ++(sign > 0 ? peaks : troughs);

    const auto beyond = [&](double depth) { return sign > 0 ? below(risk - depth) : at_least(risk + depth); };
    const Timestamp found = crossing(score, beyond(1e-11), after);
    RC_ASSERT(found <= tip);
    RC_ASSERT(!beyond(1e-11).contains(score.risk(found)));
    RC_ASSERT(crossing(score, beyond(-1e-11), after) > tip);
  });
  EXPECT_TRUE(ok);
  EXPECT_GT(peaks * 20, cases) << "too few have a peak to prove anything: of " << cases;
  EXPECT_GT(troughs * 20, cases) << "too few have a trough to prove anything: of " << cases;
}

TEST(Crossing, SlopesBoundTheCurve) {
  const bool ok = rc::check("slopes between two moments", [] {
    const Customer customer = any_customer();
    const Model model = *rc::gen::arbitrary<bool>() ? any_logistic_model() : any_mbg_model();
    const Score score = score_of(customer, model);
    const auto any_step = [] { return milliseconds(static_cast<std::int64_t>(any_magnitude(1e6, 1e11))); };
    const Score::Point a = score.at(customer.moment() + any_step());
    const Score::Point b = score.at(a.t + any_step());
    const auto length = static_cast<double>((b.t - a.t).ms);
    const Slopes slopes = score.slopes(a, b);
    const double chord = (b.value - a.value) / length;
    const double tolerance = 1e-9 * (std::abs(slopes.at_least) + std::abs(slopes.at_most)) + 1e-12 / length;
    RC_ASSERT(slopes.at_least <= chord + tolerance && chord <= slopes.at_most + tolerance);
    for (const Score::Point& end : {a, b}) {
      const double slope = score.slope(end);
      RC_ASSERT(slopes.at_least <= slope + tolerance && slope <= slopes.at_most + tolerance);
      const Slopes both = score.slopes(end, end);
      RC_ASSERT(std::abs(both.at_least - slope) <= tolerance && std::abs(both.at_most - slope) <= tolerance);
    }
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace holdfast::engine
