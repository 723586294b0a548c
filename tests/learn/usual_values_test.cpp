#include "learn/usual_values.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::learn {
namespace {

constexpr float absent = std::numeric_limits<float>::quiet_NaN();

Example example(std::uint32_t cutoff, std::uint32_t repeats, float days, float visits) {
  Example made;
  made.cutoff = cutoff;
  made.repeats = repeats;
  made.values.fill(absent);
  made.values[static_cast<std::size_t>(Feature::days_since_purchase)] = days;
  made.values[static_cast<std::size_t>(Feature::visits_30d)] = visits;
  made.values[static_cast<std::size_t>(Feature::returns_60d)] = 1;
  return made;
}

class UsualValues : public ::testing::Test {
 protected:
  UsualValues() {
    model_.logistic = engine::Logistic{.intercept = 0,
                                       .terms = {{.feature = Feature::mbg_logit, .weight = 1},
                                                 {.feature = Feature::visits_30d, .weight = -0.5},
                                                 {.feature = Feature::returns_60d, .weight = 0}}};
    // By group, days of 1 to 40 at the last cut-off; another one says otherwise.
    for (const std::uint32_t repeats : {0U, 2U, 4U}) {
      for (int i = 1; i <= 40; ++i) {
        const auto days = static_cast<float>(i * (repeats + 1));
        examples_.push_back(example(1, repeats, days, i <= 29 ? 2.0F : absent));
        examples_.push_back(example(0, repeats, 1000, 1000));
      }
    }
  }

  const Cutoffs cutoffs_{.at = {Timestamp{0}, Timestamp{1}}, .horizon = Duration{1}};
  engine::Model model_;
  std::vector<Example> examples_;
};

TEST_F(UsualValues, AreMediansOfCustomersWithAsManyPurchaseDaysAtTheLastCutoff) {
  const engine::UsualValues usual = usual_values(examples_, cutoffs_, model_);
  EXPECT_EQ(usual.of(CustomerState::first_time, Feature::days_since_purchase), 20);
  EXPECT_EQ(usual.of(CustomerState::repeat, Feature::days_since_purchase), 60);
  EXPECT_EQ(usual.of(CustomerState::loyal, Feature::days_since_purchase), 100);
  EXPECT_EQ(usual.of(CustomerState::loyal, Feature::purchase_history), 5);
}

TEST_F(UsualValues, AreNotKnownOfAFewCustomers) {
  EXPECT_TRUE(std::isnan(usual_values(examples_, cutoffs_, model_).of(CustomerState::repeat, Feature::visits_30d)));
  examples_.push_back(example(1, 3, 1, 5));
  EXPECT_EQ(usual_values(examples_, cutoffs_, model_).of(CustomerState::repeat, Feature::visits_30d), 2);
}

TEST_F(UsualValues, AreThoseThatTheModelCanGiveAsAReason) {
  const engine::UsualValues usual = usual_values(examples_, cutoffs_, model_);
  EXPECT_TRUE(std::isnan(usual.of(CustomerState::repeat, Feature::returns_60d))) << "its weight is 0";
  EXPECT_TRUE(std::isnan(usual.of(CustomerState::repeat, Feature::mbg_logit)));
}

}  // namespace
}  // namespace holdfast::learn
