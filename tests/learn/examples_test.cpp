#include "learn/examples.hpp"

#include <cmath>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/features.hpp"
#include "engine/risk.hpp"
#include "state/hot_table.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::learn {
namespace {

using engine::Customer;
using testing::days;
using ::testing::ElementsAre;
using testing::new_year;

/// Customers who do as the test says.
class Shop {
 public:
  Shop() : table_(sizeof(Customer)) {}

  void buys(const std::string& id, Timestamp t, double amount = 10) {
    const Slot slot = table_.find_or_insert(make_customer_key(id)).first;
    engine::apply_event(*reinterpret_cast<Customer*>(table_.modify(slot)), testing::purchase(t, amount));
  }
  void looks(const std::string& id, Timestamp t) {
    const Slot slot = table_.find_or_insert(make_customer_key(id)).first;
    engine::apply_event(*reinterpret_cast<Customer*>(table_.modify(slot)), testing::visit(t));
  }
  void is_erased(const std::string& id) { table_.erase(*table_.find(make_customer_key(id))); }
  [[nodiscard]] const Customer& customer(const std::string& id) const {
    return *reinterpret_cast<const Customer*>(table_.read(*table_.find(make_customer_key(id))));
  }
  [[nodiscard]] const RecordTable& table() const { return table_; }

 private:
  state::HotTable table_;
};

std::uint64_t hash_of(const std::string& id) { return make_customer_key(id).hash; }

std::vector<Example> taken_from(ExampleCollector collector) { return merge({&collector, 1}); }

const Example* of(const std::vector<Example>& examples, const std::string& id, std::uint32_t cutoff = 0) {
  for (const Example& example : examples) {
    if (example.customer == hash_of(id) && example.cutoff == cutoff) return &example;
  }
  return nullptr;
}

TEST(Cutoffs, RollBackFromTheLastWhoseOutcomeIsKnown) {
  const Cutoffs cutoffs = rolling_cutoffs(new_year, new_year + days(100), days(30), days(25));
  EXPECT_THAT(cutoffs.at, ElementsAre(new_year + days(20), new_year + days(45), new_year + days(70)));
  EXPECT_EQ(cutoffs.end(2), new_year + days(100));
  EXPECT_TRUE(rolling_cutoffs(new_year, new_year + days(10), days(30), days(25)).at.empty());
}

TEST(Cutoffs, HaveEachMomentOnceInOrder) {
  const Cutoffs cutoffs{.at = {new_year, new_year + days(10), new_year + days(30)}, .horizon = days(30)};
  EXPECT_THAT(cutoffs.moments(), ElementsAre(new_year, new_year + days(10), new_year + days(30), new_year + days(40),
                                             new_year + days(60)));
}

TEST(Examples, SayWhoStayedAwayForAHorizon) {
  const Cutoffs cutoffs{.at = {new_year + days(50)}, .horizon = days(30)};
  Shop shop;
  for (const char* id : {"stays", "late", "leaves", "then"}) shop.buys(id, new_year);
  shop.buys("then", cutoffs.at[0]);
  shop.looks("no purchase", new_year);
  ExampleBudget budget(100);
  ExampleCollector collector(cutoffs, budget);
  collector.look(cutoffs.at[0], shop.table());
  shop.buys("stays", cutoffs.at[0] + days(30));
  shop.buys("new", cutoffs.at[0] + days(1));
  shop.looks("leaves", cutoffs.at[0] + days(2));
  collector.look(cutoffs.end(0), shop.table());
  shop.buys("late", cutoffs.end(0) + Duration{1});

  const auto examples = taken_from(std::move(collector));
  ASSERT_EQ(examples.size(), 4u) << "who had not bought yet is none";
  EXPECT_FALSE(of(examples, "stays")->left) << "the last moment of the horizon counts";
  EXPECT_TRUE(of(examples, "late")->left);
  EXPECT_TRUE(of(examples, "leaves")->left) << "to look around is not to buy";
  EXPECT_TRUE(of(examples, "then")->left) << "what happens at the cut-off is known by it";
}

TEST(Examples, HaveTheFeaturesThatTheEngineHas) {
  const Cutoffs cutoffs{.at = {new_year + days(50)}, .horizon = days(30)};
  Shop shop;
  shop.buys("c", new_year, 20);
  shop.buys("c", new_year + days(10), 30);
  shop.buys("c", new_year + days(25), 70);
  shop.looks("c", new_year + days(40));
  shop.buys("once", new_year);
  const engine::Model model = testing::cdnow_model();
  ExampleBudget budget(100);
  ExampleCollector collector(cutoffs, budget);
  collector.look(cutoffs.at[0], shop.table(), [&](const CustomerKey&) { return &model; });
  const Customer then = shop.customer("c");
  shop.buys("c", cutoffs.at[0] + days(3));
  collector.look(cutoffs.end(0), shop.table());
  const auto examples = taken_from(std::move(collector));
  const Example& example = *of(examples, "c");
  EXPECT_EQ(example.repeats, 2u);
  EXPECT_EQ(example.first_to_last_days, 25);
  EXPECT_EQ(example.age_days, 50);
  EXPECT_EQ(example.mean_repeat_spend, 50);
  EXPECT_EQ(example.currency.text(), "GBP");
  EXPECT_EQ(example.risk, engine::risk_at(then, model, days(30), cutoffs.at[0]));
  for (std::size_t f = 0; f < features; ++f) {
    const auto feature = static_cast<Feature>(f);
    if (feature == Feature::mbg_logit || feature == Feature::purchase_history) {
      EXPECT_TRUE(std::isnan(example.values[f]));
    } else {
      EXPECT_EQ(example.values[f],
                static_cast<float>(*engine::plain_feature_at(then, feature, cutoffs.at[0], std::nullopt)))
          << name(feature);
    }
  }
  EXPECT_TRUE(std::isnan(of(examples, "once")->values[static_cast<std::size_t>(Feature::recency_ratio)]));
  EXPECT_EQ(of(examples, "once")->mean_repeat_spend, 0);
}

TEST(Examples, OfWhoWasErasedNoOutcomeIsKnown) {
  const Cutoffs cutoffs{.at = {new_year + days(50), new_year + days(60)}, .horizon = days(5)};
  Shop shop;
  for (const char* id : {"goes", "stays"}) shop.buys(id, new_year);
  ExampleBudget budget(100);
  ExampleCollector collector(cutoffs, budget);
  collector.look(cutoffs.at[0], shop.table());
  shop.is_erased("goes");
  shop.buys("takes the place", cutoffs.at[0] + days(1));
  collector.look(cutoffs.end(0), shop.table());
  collector.look(cutoffs.at[1], shop.table());
  collector.look(cutoffs.end(1), shop.table());
  const auto examples = taken_from(std::move(collector));
  EXPECT_EQ(of(examples, "goes"), nullptr);
  EXPECT_EQ(of(examples, "goes", 1), nullptr);
  EXPECT_EQ(of(examples, "takes the place", 0), nullptr);
  EXPECT_NE(of(examples, "stays", 0), nullptr);
  EXPECT_NE(of(examples, "takes the place", 1), nullptr);
}

TEST(Examples, SayWhatWasDoneBehindTheCutoffAndBefore) {
  const Cutoffs cutoffs{.at = {new_year + days(50), new_year + days(60)}, .horizon = days(30)};
  Shop shop;
  for (const char* id : {"called", "nobody", "too late", "erased"}) shop.buys(id, new_year);
  ExampleBudget budget(100);
  ExampleCollector collector(cutoffs, budget);
  collector.acted(make_customer_key("called"), new_year + days(45), 1, shop.table());
  collector.acted(make_customer_key("erased"), new_year + days(45), 1, shop.table());
  collector.erased(hash_of("erased"));
  collector.look(cutoffs.at[0], shop.table());
  collector.acted(make_customer_key("called"), new_year + days(53), 2, shop.table());
  collector.acted(make_customer_key("called"), new_year + days(55), 3, shop.table());
  collector.look(cutoffs.at[1], shop.table());
  collector.acted(make_customer_key("called"), new_year + days(70), 4, shop.table());
  collector.look(cutoffs.end(0), shop.table());
  collector.acted(make_customer_key("too late"), cutoffs.end(1) + Duration{1}, 5, shop.table());
  collector.look(cutoffs.end(1), shop.table());
  const auto examples = taken_from(std::move(collector));
  EXPECT_EQ(of(examples, "called", 0)->treatment, 2) << "the first one";
  EXPECT_EQ(of(examples, "called", 0)->treatment_days, 3);
  EXPECT_EQ(of(examples, "called", 0)->days_since_action, 5);
  EXPECT_EQ(of(examples, "called", 1)->treatment, 4) << "what was done before it is no treatment";
  EXPECT_EQ(of(examples, "called", 1)->treatment_days, 10);
  EXPECT_EQ(of(examples, "called", 1)->days_since_action, 5);
  for (const char* id : {"nobody", "too late", "erased"}) {
    EXPECT_EQ(of(examples, id, 1)->treatment, 0) << id;
    EXPECT_TRUE(std::isnan(of(examples, id, 1)->treatment_days)) << id;
    EXPECT_TRUE(std::isnan(of(examples, id, 1)->days_since_action)) << id;
    EXPECT_EQ(of(examples, id, 1)->arm, Arm::none);
  }
}

// A voucher to say thank you for a purchase has not brought it about.
TEST(Examples, WhatWasDoneOnceTheCustomerHadBoughtIsNoTreatment) {
  const Cutoffs cutoffs{.at = {new_year + days(50), new_year + days(60)}, .horizon = days(30)};
  Shop shop;
  for (const char* id : {"thanked", "called", "at the cut-off", "late"}) shop.buys(id, new_year);
  shop.buys("at the cut-off", cutoffs.at[0]);
  ExampleBudget budget(100);
  ExampleCollector collector(cutoffs, budget);
  const auto act = [&](const char* id, int day) {
    collector.acted(make_customer_key(id), new_year + days(day), 1, shop.table());
  };
  collector.look(cutoffs.at[0], shop.table());
  act("called", 52);
  act("at the cut-off", 52);
  for (const char* id : {"thanked", "called", "late"}) shop.buys(id, new_year + days(53));
  act("thanked", 57);
  act("called", 57);
  act("late", 51);
  collector.look(cutoffs.at[1], shop.table());
  act("thanked", 65);
  for (std::size_t i = 0; i < 2; ++i) collector.look(cutoffs.end(i), shop.table());
  const auto examples = taken_from(std::move(collector));
  EXPECT_FALSE(of(examples, "thanked", 0)->left);
  EXPECT_EQ(of(examples, "thanked", 0)->treatment, 0);
  EXPECT_TRUE(std::isnan(of(examples, "thanked", 0)->treatment_days));
  EXPECT_EQ(of(examples, "thanked", 1)->treatment, 1) << "it bought before the later cut-off, and not behind";
  EXPECT_EQ(of(examples, "thanked", 1)->days_since_action, 3);
  EXPECT_EQ(of(examples, "called", 0)->treatment_days, 2) << "it bought after that";
  EXPECT_EQ(of(examples, "at the cut-off", 0)->treatment_days, 2) << "that purchase is no outcome";
  EXPECT_EQ(of(examples, "late", 0)->treatment_days, 1) << "told late, but done before the purchase";
}

TEST(Examples, HaveTheArmsThatAlertsHave) {
  const Cutoffs cutoffs{.at = {new_year + days(50)}, .horizon = days(5)};
  const engine::ControlGroup control{.share = 0.3, .seed = 5};
  Shop shop;
  for (int i = 0; i < 300; ++i) shop.buys(std::to_string(i), new_year);
  ExampleBudget budget(1'000);
  ExampleCollector collector(cutoffs, budget, control);
  for (const Timestamp moment : cutoffs.moments()) collector.look(moment, shop.table());
  const auto examples = taken_from(std::move(collector));
  std::size_t left_alone = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_EQ(of(examples, id)->arm, engine::arm_of(id, control));
    left_alone += of(examples, id)->arm == Arm::control ? 1 : 0;
  }
  EXPECT_GT(left_alone, 60u);
  EXPECT_LT(left_alone, 120u);
}

TEST(Examples, AreBoundedByLeavingOutCustomersNotMoments) {
  const Cutoffs cutoffs = rolling_cutoffs(new_year + days(10), new_year + days(100), days(20), days(10));
  Shop shop;
  for (int i = 0; i < 2'000; ++i) shop.buys(std::to_string(i), new_year);
  ExampleBudget budget(4'000);
  ExampleCollector collector(cutoffs, budget);
  for (const Timestamp moment : cutoffs.moments()) collector.look(moment, shop.table());
  EXPECT_LT(budget.hash_max(), ~std::uint64_t{0});
  const auto examples = taken_from(std::move(collector));
  EXPECT_LE(examples.size(), 4'000u);
  EXPECT_GT(examples.size(), 1'500u);
  std::map<std::uint64_t, std::size_t> cutoffs_of;
  for (const Example& example : examples) ++cutoffs_of[example.customer];
  for (const auto& [customer, count] : cutoffs_of) {
    EXPECT_LE(customer, budget.hash_max());
    EXPECT_EQ(count, cutoffs.at.size()) << "who is kept is kept at each cut-off";
  }
}

TEST(Examples, AreTheSameHoweverManyTasksThereAreAndHoweverUnlike) {
  const Cutoffs cutoffs{.at = {new_year + days(50), new_year + days(53)}, .horizon = days(5)};
  const auto collected = [&](std::size_t tasks, std::size_t examples_max) {
    // The first task has most of the customers.
    std::vector<Shop> shops(tasks);
    for (std::size_t i = 0; i < 1'000; ++i) shops[i % 4 == 0 ? i / 4 % tasks : 0].buys(std::to_string(i), new_year);
    ExampleBudget budget(examples_max);
    std::vector<ExampleCollector> collectors;
    for (const Shop& shop : shops) {
      collectors.emplace_back(cutoffs, budget);
      for (const Timestamp moment : cutoffs.moments()) collectors.back().look(moment, shop.table());
    }
    std::vector<std::uint64_t> customers;
    for (const Example& example : merge(collectors)) customers.push_back(example.customer);
    return customers;
  };
  EXPECT_EQ(collected(1, 10'000).size(), 2'000u);
  EXPECT_EQ(collected(1, 10'000), collected(3, 10'000));
  for (const std::size_t examples_max : {1'500u, 300u}) {
    const auto of_one = collected(1, examples_max);
    EXPECT_LE(of_one.size(), examples_max);
    EXPECT_GT(of_one.size(), examples_max / 3);
    EXPECT_EQ(collected(3, examples_max), of_one);
    EXPECT_EQ(collected(50, examples_max), of_one);
  }
}

}  // namespace
}  // namespace holdfast::learn
