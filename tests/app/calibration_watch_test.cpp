#include "app/calibration_watch.hpp"

#include <gtest/gtest.h>

namespace holdfast::app {
namespace {

using News = CalibrationWatch::News;

class CalibrationWatchTest : public ::testing::Test {
 protected:
  /// Of a partition that this instance has.
  void outcomes_say(double outcomes, double ece) {
    now_.assigned.set(true);
    now_.calibration.watched.set(true);
    now_.calibration.outcomes.set(outcomes);
    now_.calibration.ece.set(ece);
    now_.calibration.ece_chance_most.set(0.02);
  }
  News look() { return watch_.look(3, now_); }

  CalibrationWatch watch_{0.05};
  PartitionStatistics now_{};
};

TEST_F(CalibrationWatchTest, EachTurnIsSaidOnce) {
  EXPECT_EQ(look(), News::none);
  outcomes_say(100, 0.06);
  EXPECT_EQ(look(), News::none) << "no more than chance is likely to do";
  outcomes_say(100, 0.08);
  EXPECT_EQ(look(), News::off);
  EXPECT_EQ(look(), News::none);
  outcomes_say(100, 0.03);
  EXPECT_EQ(look(), News::again);
  EXPECT_EQ(look(), News::none);
  outcomes_say(100, 0.08);
  EXPECT_EQ(look(), News::off);
}

TEST_F(CalibrationWatchTest, WhereTheModelIsNewNothingIsRightAgain) {
  outcomes_say(100, 0.08);
  EXPECT_EQ(look(), News::off);
  outcomes_say(0, 0);
  EXPECT_EQ(look(), News::none) << "what was known was of another model's risks";
  outcomes_say(50, 0.01);
  EXPECT_EQ(look(), News::none) << "nobody was told that these are off";
}

TEST_F(CalibrationWatchTest, APartitionThatIsAnothersIsNotRightAgain) {
  outcomes_say(100, 0.08);
  EXPECT_EQ(look(), News::off);
  now_.assigned.set(false);
  EXPECT_EQ(look(), News::none);
  now_.assigned.set(true);
  EXPECT_EQ(look(), News::off) << "it is this instance's to say again";
  now_.calibration.watched.set(false);
  EXPECT_EQ(look(), News::none);
}

}  // namespace
}  // namespace holdfast::app
