#include "app/known_models.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/minimal_config.hpp"

namespace holdfast::app {
namespace {

const std::vector<ingest::SourceFormat> sources = [] {
  ingest::SourceFormat purchases;
  purchases.kind = EventKind::purchase;
  return std::vector{purchases};
}();

TEST(KnownModels, OfAModelCountsWhatTheSourcesTellOf) {
  KnownModels known(sources);
  const auto model =
      known.read(R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6},)"
                 R"("logistic":{"intercept":0,"weights":{"mbg_logit":1,"visits_30d":-1}}})");
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ((*model)->logistic->terms.size(), 1U) << "as with the model of the configuration";
  EXPECT_EQ((*model)->logistic->terms[0].feature, Feature::mbg_logit);
}

TEST(KnownModels, AModelThatIsInUseIsInMemoryOnce) {
  KnownModels known(sources);
  const auto first = known.read(testing::minimal_model);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ((*first)->name, "m");
  EXPECT_EQ((*first)->bytes, testing::minimal_model);
  const auto again = known.read(testing::minimal_model);
  ASSERT_TRUE(again);
  EXPECT_EQ(first->get(), again->get());
  const auto other = known.read(std::string(testing::minimal_model) + " ");
  ASSERT_TRUE(other);
  EXPECT_NE(other->get(), first->get());
  EXPECT_NE((*other)->id, (*first)->id);
}

TEST(KnownModels, OneThatNobodyUsesAnyMoreIsReadAnew) {
  KnownModels known(sources);
  const std::string id = (*known.read(testing::minimal_model))->id;
  const auto again = known.read(testing::minimal_model);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->id, id);
}

TEST(KnownModels, WhatIsNoModelIsAnError) {
  KnownModels known(sources);
  EXPECT_EQ(known.read("{}").error().kind, ErrorKind::invalid_argument);
}

}  // namespace
}  // namespace holdfast::app
