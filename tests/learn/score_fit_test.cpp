#include "learn/score_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/risk.hpp"
#include "engine/score.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::learn {
namespace {

using testing::days;
using testing::new_year;

constexpr float absent = std::numeric_limits<float>::quiet_NaN();

engine::Model base_model() { return testing::cdnow_model(); }

RefitBase as_it_is() {
  return [](std::span<const Example>) -> Expected<engine::MbgParameters> { return base_model().mbg; };
}

double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

struct World {
  Cutoffs cutoffs;
  std::vector<Example> examples;
};

/// Customers whose leaving depends on mbg_logit and visits alone; `drift`: log-odds that each cut-off adds.
World world(std::size_t cutoffs, std::size_t customers, double visits_weight, double drift = 0) {
  std::mt19937_64 random(42);
  World made{.cutoffs = {.at = {}, .horizon = days(91)}, .examples = {}};
  for (std::uint32_t c = 0; c < cutoffs; ++c) {
    made.cutoffs.at.push_back(new_year + days(30 * c));
    for (std::size_t i = 0; i < customers; ++i) {
      Example example{.customer = i * 0x9e3779b97f4a7c15U,
                      .cutoff = c,
                      .repeats = static_cast<std::uint32_t>(random() % 6),
                      .values = {},
                      .state = CustomerState::repeat};
      example.first_to_last_days = example.repeats == 0 ? 0 : 10 + 200 * uniform(random);
      example.age_days = example.first_to_last_days + 150 * uniform(random);
      example.values.fill(0);
      const auto set = [&](Feature feature, double value) {
        example.values[static_cast<std::size_t>(feature)] = static_cast<float>(value);
      };
      const double silence = example.age_days - example.first_to_last_days;
      set(Feature::log_days_since_purchase, std::log1p(silence));
      set(Feature::log_repeat_purchases, std::log1p(example.repeats));
      set(Feature::visits_30d, 4 * uniform(random));
      if (example.repeats < 2) example.values[static_cast<std::size_t>(Feature::gap_variation)] = absent;
      const double score =
          -0.5 + mbg_logit_of(example, base_model(), days(91)) +
          visits_weight * static_cast<double>(example.values[static_cast<std::size_t>(Feature::visits_30d)]) +
          drift * c;
      example.left = uniform(random) < engine::sigmoid(score);
      made.examples.push_back(example);
    }
  }
  return made;
}

const engine::Logistic::Term* term(const ScoreFit& fit, Feature feature) {
  const auto found = std::ranges::find(fit.logistic.terms, feature, &engine::Logistic::Term::feature);
  return found == fit.logistic.terms.end() ? nullptr : &*found;
}

TEST(ScoreFit, FindsWhatMadeCustomersLeave) {
  const World made = world(3, 8'000, -0.8);
  ScoreFitSettings settings;
  settings.ridges = {1e-5};
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is(), settings);
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_NEAR(term(*fit, Feature::mbg_logit)->weight, 1, 0.1);
  EXPECT_NEAR(term(*fit, Feature::visits_30d)->weight, -0.8, 0.06);
  EXPECT_NEAR(term(*fit, Feature::visits_30d)->least, 0.04, 0.02) << "the range leaves out a hundredth at either end";
  EXPECT_NEAR(term(*fit, Feature::visits_30d)->most, 3.96, 0.02);
  EXPECT_TRUE(fit->improves());
  EXPECT_EQ(term(*fit, Feature::returns_60d), nullptr) << "what never happened has no part in it";
}

TEST(ScoreFit, SaysWhatItIsAtWhilePeopleWait) {
  const World made = world(3, 8'000, -0.8);
  std::vector<std::string> told;
  ScoreFitSettings settings;
  settings.progress = [&told](std::string_view doing) { told.emplace_back(doing); };
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is(), settings);
  ASSERT_TRUE(fit) << fit.error().message;
  ASSERT_EQ(told.size(), fit->validations + 1);
  EXPECT_EQ(told.front(), "trying penalties, 1 of " + std::to_string(fit->validations));
  EXPECT_EQ(told.back(), "fitting the weights");
}

/// Some customers of whom few have complained: `each`-th one, and it made them leave.
World complaining_world(std::size_t each) {
  World made = world(3, 8'000, -0.8);
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < made.examples.size(); i += each) {
    Example& example = made.examples[i];
    example.values[static_cast<std::size_t>(Feature::complaints_opened_60d)] =
        static_cast<float>(0.1 + uniform(random));
    example.left = uniform(random) < 0.95;
  }
  return made;
}

TEST(ScoreFit, WhatIsRareAndTellsALotIsWeighed) {
  const World made = complaining_world(150);
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is());
  ASSERT_TRUE(fit) << fit.error().message;
  const auto* const complaints = term(*fit, Feature::complaints_opened_60d);
  ASSERT_NE(complaints, nullptr) << "of whom fewer than one in a hundred have any";
  EXPECT_GT(complaints->weight, 1);
  EXPECT_EQ(complaints->least, 0);
  EXPECT_GT(complaints->most, 1) << "what most of those who have complained have";
  EXPECT_LT(complaints->most, 1.1);
}

TEST(ScoreFit, WhatHardlyAnybodyHasIsNot) {
  const World made = complaining_world(1'000);
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is());
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(term(*fit, Feature::complaints_opened_60d), nullptr);
}

TEST(ScoreFit, AFeatureWithoutARangeMayCountFromAValueOn) {
  const World made = world(2, 8'000, -0.8);
  ScoreFitSettings settings;
  settings.ridges = {1e-5};
  settings.features = {{Feature::mbg_logit, {}, false}, {Feature::visits_30d, {}, false, 3.0}};
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is(), settings);
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_FALSE(term(*fit, Feature::mbg_logit)->has_range());
  EXPECT_EQ(term(*fit, Feature::visits_30d)->least, 3);
  EXPECT_EQ(term(*fit, Feature::visits_30d)->most, std::numeric_limits<double>::infinity());
  EXPECT_LT(term(*fit, Feature::visits_30d)->weight, -0.8) << "what it missed below is in those above";
}

TEST(ScoreFit, NeverLetsSilenceLowerTheRisk) {
  // In these data visitors leave: the sign that the domain forbids.
  const World made = world(2, 4'000, 0.6);
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is());
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(term(*fit, Feature::visits_30d), nullptr);
  for (const FeatureRule& rule : default_features()) {
    const auto* const found = term(*fit, rule.feature);
    if (found == nullptr) continue;
    EXPECT_GE(found->weight, rule.bounds.least) << name(rule.feature);
    EXPECT_LE(found->weight, rule.bounds.most) << name(rule.feature);
  }
  engine::Model model = base_model();
  model.logistic = fit->logistic;
  const engine::Customer customer = testing::buyer(3, days(60));
  double before = 0;
  for (int day = 0; day < 400; ++day) {
    const double risk = engine::risk_at(customer, model, days(91), customer.last() + days(day));
    EXPECT_GE(risk, before - 1e-15) << day;
    before = risk;
  }
}

TEST(ScoreFit, PredictsOnAverageWhatHappenedWithEachCutoffCountingAlike) {
  World made = world(4, 3'000, -0.5, 0.4);
  // A shop that has grown: most examples are of the last cut-off.
  std::erase_if(made.examples, [](const Example& e) { return e.cutoff < 3 && e.customer % 4 != 0; });
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is());
  ASSERT_TRUE(fit) << fit.error().message;
  engine::Model model = base_model();
  model.logistic = fit->logistic;
  std::array<double, 4> predicted{};
  std::array<double, 4> left{};
  std::array<double, 4> count{};
  for (const Example& example : made.examples) {
    double score = model.logistic->intercept;
    for (const auto& t : model.logistic->terms) {
      const double value = t.feature == Feature::mbg_logit
                               ? mbg_logit_of(example, base_model(), days(91))
                               : static_cast<double>(example.values[static_cast<std::size_t>(t.feature)]);
      if (!std::isnan(value)) score += t.weight * t.within_range(value);
    }
    predicted[example.cutoff] += engine::sigmoid(score);
    left[example.cutoff] += example.left ? 1 : 0;
    ++count[example.cutoff];
  }
  double difference = 0;
  for (std::size_t c = 0; c < 4; ++c) difference += (predicted[c] - left[c]) / count[c] / 4;
  EXPECT_NEAR(difference, 0, 1e-4);
}

TEST(ScoreFit, IsTriedOnLaterCutoffsWhereHistoryIsLongEnough) {
  const World brief = world(5, 500, -0.5);
  const World longer = world(12, 500, -0.5);
  const auto a = fit_score(brief.examples, brief.cutoffs, base_model(), as_it_is());
  const auto b = fit_score(longer.examples, longer.cutoffs, base_model(), as_it_is());
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(a->out_of_time);
  EXPECT_EQ(a->validations, 5u);
  EXPECT_TRUE(b->out_of_time);
  EXPECT_GE(b->validations, 3u);
}

TEST(ScoreFit, TriesOnlyWithWhatCouldHaveBeenKnown) {
  const World longer = world(12, 300, -0.5);
  std::vector<std::uint32_t> refits;
  const RefitBase refit = [&](std::span<const Example> at_cutoff) -> Expected<engine::MbgParameters> {
    for (const Example& example : at_cutoff) EXPECT_EQ(example.cutoff, at_cutoff.front().cutoff);
    EXPECT_EQ(at_cutoff.size(), 300u);
    refits.push_back(at_cutoff.front().cutoff);
    return base_model().mbg;
  };
  ASSERT_TRUE(fit_score(longer.examples, longer.cutoffs, base_model(), refit));
  ASSERT_FALSE(refits.empty());
  // 91 days are four cut-offs of 30 days: the last one that was known at cut-off 11 is 7.
  EXPECT_EQ(refits.front(), 7u);
}

TEST(ScoreFit, TakesTheStrongerPenaltyWhereItDoesAsWell) {
  const World made = world(2, 1'000, -0.5);
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is());
  ASSERT_TRUE(fit);
  const Trial& best = *std::ranges::min_element(fit->trials, {}, &Trial::log_loss);
  EXPECT_GE(fit->ridge, best.ridge);
  EXPECT_LT(fit->taken().log_loss, best.log_loss + 0.01);
  EXPECT_LT(fit->ridge, 0.1) << "which flattens everything";
}

TEST(ScoreFit, TooLittleHistoryIsRefused) {
  World made = world(1, 40, -0.5);
  const auto fit = fit_score(made.examples, made.cutoffs, base_model(), as_it_is());
  ASSERT_FALSE(fit);
  EXPECT_NE(fit.error().message.find("40 customers at a cut-off"), std::string::npos);
  made = world(1, 55, -0.5);
  EXPECT_FALSE(fit_score(made.examples, made.cutoffs, base_model(), as_it_is())) << "nothing is left to try it on";
}

TEST(ScoreFit, TheMbgLogitIsThatOfTheEngine) {
  const engine::Customer customer = testing::buyer(3, days(60));
  const Timestamp t = customer.last() + days(20);
  Example example{.repeats = 3, .first_to_last_days = 60, .age_days = 80, .values = {}};
  EXPECT_NEAR(mbg_logit_of(example, base_model(), days(91)),
              *engine::feature_at(customer, base_model(), days(91), Feature::mbg_logit, t), 1e-12);
}

}  // namespace
}  // namespace holdfast::learn
