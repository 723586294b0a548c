#include "engine/mbg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;

const MbgParameters cdnow = cdnow_model().mbg;

MbgParameters any_parameters() { return any_mbg_model().mbg; }

/// One with a history, and a horizon from an hour to centuries; in weeks.
Mbg any_mbg(const MbgParameters& parameters) {
  const double x = *rc::gen::inRange(0, 200);
  return {parameters, x, x == 0 ? 0 : any_magnitude(1e-3, 1e3), any_magnitude(1e-2, 1e4)};
}

TEST(Mbg, CrossesAnyProbabilityOfBeingActiveAtItsClosedForm) {
  const bool ok = rc::check("T* of a probability", [] {
    const MbgParameters parameters = any_parameters();
    const auto& [r, alpha, a, b] = parameters;
    const double x = *rc::gen::inRange(0, 50);
    const double t_x = x == 0 ? 0 : any_magnitude(0.1, 200);
    const Mbg mbg(parameters, x, t_x, 13);
    const double p = any_real(0.01, 0.99);
    const double silence = mbg.silence_for(std::log(1 / p - 1));
    const double age = (alpha + t_x) * std::pow((1 / p - 1) * (b + x) / a, 1 / (r + x)) - alpha;
    RC_PRE(std::isfinite(age) && age < 1e12);
    RC_ASSERT(std::abs(silence - (age - t_x)) <= 1e-9 * (alpha + t_x + std::abs(age)));
    if (silence >= 0) RC_ASSERT(std::abs(mbg.p_alive(silence) - p) < 1e-9);
    // Who dropped out before it began is past the crossing from the first.
    if (silence < 0) RC_ASSERT(mbg.p_alive(0) < p + 1e-9);
  });
  EXPECT_TRUE(ok);
}

TEST(Mbg, RiskIsThatOfNoPurchaseByTheActiveAndTheOthers) {
  const Mbg mbg(cdnow, 2, 30.43, 13);
  for (const double silence : {0.0, 8.43, 100.0}) {
    const double age = 6.183 + 30.43 + silence;
    const double stays_away = std::pow(age / (age + 13), 2.525);
    const double alive = 1 / (1 + 0.891 / 3.614 * std::pow(age / (6.183 + 30.43), 2.525));
    EXPECT_NEAR(mbg.p_alive(silence), alive, 1e-14);
    EXPECT_NEAR(mbg.risk(silence), 1 - alive + alive * stays_away, 1e-14);
    EXPECT_NEAR(mbg.logit(silence).value, std::log(mbg.risk(silence) / (1 - mbg.risk(silence))), 1e-13);
    EXPECT_NEAR(mbg.logit(silence).buys, 1 - stays_away, 1e-14);
    EXPECT_NEAR(mbg.logit(silence).age, age, 1e-12);
  }
}

TEST(Mbg, SilenceOnlyRaisesTheRisk) {
  const bool ok = rc::check("over silence", [] {
    const Mbg mbg = any_mbg(any_parameters());
    const double a = any_magnitude(1e-3, 1e5);
    const double b = a * (1 + any_magnitude(1e-3, 10));
    constexpr double rounding = 1e-14;
    RC_ASSERT(mbg.p_alive(b) <= mbg.p_alive(a) * (1 + rounding));
    RC_ASSERT(mbg.risk(b) >= mbg.risk(a) * (1 - rounding));
    const double value = mbg.logit(a).value;
    RC_ASSERT(mbg.logit(b).value >= value - rounding * (1 + std::abs(value)));
    RC_ASSERT(mbg.slope(mbg.logit(a)) > 0);
  });
  EXPECT_TRUE(ok);
}

TEST(Mbg, AMoreDistantHorizonAndALowerRateOfDropOutLowerTheRisk) {
  const bool ok = rc::check("over parameters", [] {
    MbgParameters parameters = any_parameters();
    const double silence = any_magnitude(1e-2, 1e3);
    const double near = any_magnitude(1e-1, 1e3);
    const double risk = Mbg(parameters, 3, 20, near).risk(silence);
    RC_ASSERT(Mbg(parameters, 3, 20, near * 2).risk(silence) <= risk + 1e-15);
    parameters.a /= 2;
    RC_ASSERT(Mbg(parameters, 3, 20, near).risk(silence) <= risk + 1e-15);
  });
  EXPECT_TRUE(ok);
}

TEST(Mbg, ExtremeArgumentsStayWithinBounds) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double r : {0.0, 1e-300, 1.0, 1e300, infinity}) {
    for (const double alpha : {0.0, 1.0, infinity}) {
      for (const double a : {0.0, 1.0, infinity}) {
        for (const double b : {0.0, 1.0, infinity}) {
          for (const double horizon : {0.0, 13.0, infinity}) {
            for (const double x : {0.0, 1.0, 4294967295.0}) {
              const Mbg mbg({.r = r, .alpha = alpha, .a = a, .b = b}, x, x == 0 ? 0 : 1e4, horizon);
              for (const double silence : {0.0, 1e-12, 1.0, 1e12}) {
                const Mbg::Logit logit = mbg.logit(silence);
                ASSERT_TRUE(mbg.risk(silence) >= 0 && mbg.risk(silence) <= 1);
                ASSERT_TRUE(mbg.p_alive(silence) >= 0 && mbg.p_alive(silence) <= 1);
                ASSERT_TRUE(std::isfinite(logit.value));
                ASSERT_TRUE(logit.dropped >= 0 && logit.dropped <= 1);
                ASSERT_TRUE(std::isfinite(mbg.slope(logit)) && mbg.slope(logit) >= 0)
                    << r << ' ' << alpha << ' ' << a << ' ' << b << ' ' << horizon << ' ' << x << ' ' << silence;
              }
            }
          }
        }
      }
    }
  }
}

TEST(Mbg, TheSlopeIsThatOfTheLogit) {
  const bool ok = rc::check("against a difference", [] {
    const Mbg mbg = any_mbg(any_parameters());
    const double silence = any_magnitude(1e-2, 1e3);
    const double step = 1e-5 * (mbg.age_at_last() + silence);
    RC_PRE(silence > step);
    const double difference = (mbg.logit(silence + step).value - mbg.logit(silence - step).value) / (2 * step);
    const Mbg::Logit logit = mbg.logit(silence);
    const double rounding = 1e-14 * (1 + std::abs(logit.value)) / step;
    RC_ASSERT(std::abs(mbg.slope(logit) - difference) <= 1e-4 * difference + rounding);
  });
  EXPECT_TRUE(ok);
}

TEST(Mbg, AboutTheLogitIsTheLogitAndNeitherIsLargerThanItsSize) {
  int about = 0;
  const bool ok = rc::check("at any silence", [&] {
    const Mbg mbg = any_mbg(any_parameters());
    const double silence = any_magnitude(1e-6, 1e6);
    const double logit = mbg.logit(silence).value;
    about += mbg.about_logit(silence) != logit ? 1 : 0;
    RC_ASSERT(std::abs(mbg.about_logit(silence) - logit) <= 1e-12 * std::max(1.0, std::abs(logit)));
    RC_ASSERT(std::abs(logit) <= mbg.logit_size(silence));
    RC_ASSERT(std::abs(mbg.logit(silence * any_real(0, 1)).value) <= mbg.logit_size(silence));
  });
  EXPECT_TRUE(ok);
  EXPECT_GT(about, 5) << "else it is the logit itself";
  for (const double value : {1e-300, 1e-50, 1.0, 1e50, 1e300}) {
    for (const double x : {0.0, 1.0, 1e9}) {
      const Mbg mbg({value, 1 / value, value, 1 / value}, x, x, 1);
      const double logit = mbg.logit(3).value;
      EXPECT_NEAR(mbg.about_logit(3), logit, 1e-12 * std::max(1.0, std::abs(logit)));
      EXPECT_LE(std::abs(logit), mbg.logit_size(3));
    }
  }
}

TEST(Mbg, SlopesHoldEverywhereBetweenTheirEnds) {
  const bool ok = rc::check("at a moment between two others", [] {
    const Mbg mbg = any_mbg(any_parameters());
    const double begin = any_magnitude(1e-3, 1e4);
    const double end = begin + any_magnitude(1e-3, 1e4);
    const Slopes slopes = mbg.slopes(mbg.logit(begin), mbg.logit(end));
    const double between = mbg.slope(mbg.logit(begin + (end - begin) * any_real(0, 1)));
    const double tolerance = 1e-9 * slopes.at_most;
    RC_ASSERT(slopes.at_least >= 0);
    RC_ASSERT(slopes.at_least <= between + tolerance && between <= slopes.at_most + tolerance);
    // Nor are they wide where the ends are close.
    const Slopes narrow = mbg.slopes(mbg.logit(begin), mbg.logit(begin * (1 + 1e-6)));
    RC_ASSERT(narrow.at_most - narrow.at_least <= 1e-4 * narrow.at_most);
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace holdfast::engine
