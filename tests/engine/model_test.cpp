#include "engine/model.hpp"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/risk.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Duration horizon = days(91);

EvidenceSet set_of(std::vector<Evidence> evidence) {
  EvidenceSet set;
  for (const Evidence one : evidence) set.set(static_cast<std::size_t>(one));
  return set;
}

TEST(Model, KeepsWhatSomethingIsKnownOf) {
  const auto terms = [](const Model& model) {
    std::vector<Feature> out;
    for (const auto& term : model.logistic->terms) out.push_back(term.feature);
    return out;
  };
  const Model whole = logistic_model(0.5, {{Feature::mbg_logit, 1},
                                           {Feature::visits_30d, -1},
                                           {Feature::complaints_opened_60d, 0},
                                           {Feature::open_complaints, 2},
                                           {Feature::log_mean_spend, 0.5},
                                           {Feature::missed_purchases, 0.5},
                                           {Feature::seen_since_purchase, -1}});
  Model model = whole;
  EXPECT_THAT(keep_present(model, EvidenceSet{}.set()), IsEmpty());
  EXPECT_EQ(terms(model), terms(whole));
  EXPECT_TRUE(model.absent.none());

  EXPECT_THAT(keep_present(model, set_of({Evidence::purchase, Evidence::amount, Evidence::complaint})),
              ElementsAre(Feature::visits_30d, Feature::seen_since_purchase));
  EXPECT_TRUE(model.absent.test(static_cast<std::size_t>(Feature::visits_30d)));
  EXPECT_EQ(model.absent.count(), 5u) << "all that visits tell";

  model = whole;
  EXPECT_THAT(
      keep_present(model, set_of({Evidence::purchase})),
      ElementsAre(Feature::visits_30d, Feature::open_complaints, Feature::log_mean_spend, Feature::seen_since_purchase))
      << "a weight of 0 is no loss";
  EXPECT_THAT(terms(model), ElementsAre(Feature::mbg_logit, Feature::missed_purchases));
}

TEST(Model, WhatIsAbsentIsNoReasonWhateverTheRecordHolds) {
  Customer customer = buyer(3, days(60));
  customer.counters.fill(4);  // Left from a source that is no longer configured.
  customer.open_complaints = 1;
  const Timestamp t = customer.last() + days(50);
  Model model =
      logistic_model(0.5, {{Feature::mbg_logit, 1}, {Feature::visits_30d, -1}, {Feature::open_complaints, 2}});
  EXPECT_EQ(explain_at(customer, model, horizon, t).size, 4u);
  (void)keep_present(model, set_of({Evidence::purchase, Evidence::amount}));
  const Explanation explanation = explain_at(customer, model, horizon, t);
  ASSERT_EQ(explanation.size, 2u);
  const Model without = logistic_model(0.5, {{Feature::mbg_logit, 1}});
  EXPECT_EQ(risk_at(customer, model, horizon, t), risk_at(customer, without, horizon, t));
  EXPECT_EQ(explanation.base, explain_at(customer, without, horizon, t).base);
}

TEST(Model, UsualValuesAreUnknownUntilSet) {
  UsualValues alike;
  for (const CustomerState group : UsualValues::groups) {
    for (std::size_t i = 0; i < features; ++i) EXPECT_TRUE(std::isnan(alike.of(group, static_cast<Feature>(i))));
  }
  alike.set(CustomerState::loyal, Feature::visits_30d, 3);
  EXPECT_EQ(alike.of(CustomerState::loyal, Feature::visits_30d), 3);
  EXPECT_TRUE(std::isnan(alike.of(CustomerState::repeat, Feature::visits_30d)));
}

TEST(Evidence, OfEachKindThereIsAFeature) {
  EvidenceSet seen;
  for (std::size_t i = 0; i < features; ++i) seen.set(static_cast<std::size_t>(evidence_of(static_cast<Feature>(i))));
  EXPECT_TRUE(seen.all());
  EXPECT_EQ(kind_of(Evidence::amount), EventKind::purchase);
}

}  // namespace
}  // namespace holdfast::engine
