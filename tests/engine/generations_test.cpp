#include "engine/generations.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "engine/timers.hpp"
#include "tests/support/named_models.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::engine {
namespace {

using testing::days;

std::shared_ptr<const Model> model_named(std::string id) {
  Model model = testing::cdnow_model();
  model.id = std::move(id);
  model.bytes = model.id;
  return std::make_shared<const Model>(std::move(model));
}

Generations first_alone() { return {model_named("first"), days(91)}; }

/// Bits 8 to 31 of a hash say where in the spread its customer has its place.
constexpr std::uint64_t earliest = 0;
constexpr std::uint64_t middle = 0x8000'0000;
constexpr std::uint64_t latest = 0xffff'ffff;

TEST(Generations, TheFirstIsInForceFromTheBeginning) {
  const Generations generations = first_alone();
  EXPECT_TRUE(generations.is_one_for_all());
  EXPECT_EQ(generations.at(middle, first_event_time).model->id, "first");
  EXPECT_EQ(generations.next_change(), after_all_time);
  EXPECT_EQ(generations.next_adoption(middle, Timestamp{0}), after_all_time);
  EXPECT_FALSE(generations.is_adopted_at(middle, Timestamp{0}));
}

TEST(Generations, TheSpreadIsATickForEvery8192Customers) {
  EXPECT_EQ(spread_of(0), Timers::tick_length);
  EXPECT_EQ(spread_of(8192), Timers::tick_length);
  EXPECT_EQ(spread_of(8193).ms, 2 * Timers::tick_length.ms);
  EXPECT_EQ(spread_of(1'000'000).ms, 123 * Timers::tick_length.ms);
}

TEST(Generations, EachCustomerComesUnderANewOneAtAMomentOfItsOwn) {
  Generations generations = first_alone();
  const Timestamp from{1'000};
  generations.add(model_named("second"), from);
  EXPECT_EQ(generations.next_change(), from);
  EXPECT_TRUE(generations.is_one_for_all()) << "time has not come to it";
  EXPECT_EQ(generations.at(earliest, from).model->id, "first");
  const Generation* const begun = generations.change(5);
  ASSERT_NE(begun, nullptr);
  EXPECT_EQ(begun->model->id, "second");
  EXPECT_FALSE(generations.is_one_for_all());
  const Duration spread = Timers::tick_length;
  EXPECT_EQ(begun->adoption(earliest), from);
  EXPECT_EQ(begun->adoption(middle), from + Duration{spread.ms / 2});
  EXPECT_LT(begun->adoption(latest), from + spread);
  EXPECT_EQ(begun->adoption(middle | 0xabcd'0000'0000'00ff), begun->adoption(middle)) << "other bits do not count";

  const Timestamp adopted = begun->adoption(middle);
  EXPECT_EQ(generations.at(middle, adopted - Duration{1}).model->id, "first");
  EXPECT_EQ(generations.at(middle, adopted).model->id, "second");
  EXPECT_EQ(generations.next_adoption(middle, adopted - Duration{1}), adopted);
  EXPECT_EQ(generations.next_adoption(middle, adopted), after_all_time);
  EXPECT_TRUE(generations.is_adopted_at(middle, adopted));
  EXPECT_FALSE(generations.is_adopted_at(middle, adopted + Duration{1}));

  EXPECT_EQ(generations.next_change(), from + spread);
  EXPECT_EQ(generations.change(5), nullptr);
  EXPECT_TRUE(generations.is_one_for_all());
  EXPECT_EQ(generations.at(middle, Timestamp{0}).model->id, "second") << "nobody is under the first any more";
  EXPECT_EQ(generations.all().size(), 1U);
  EXPECT_EQ(generations.next_change(), after_all_time);
}

TEST(Generations, TheNewestThatACustomerHasComeUnderCounts) {
  Generations generations = first_alone();
  generations.add(model_named("second"), Timestamp{0});
  // Many customers, and so a long spread; then few: whoever comes under the third first never comes under the second.
  (void)generations.change(100 * 8192);
  generations.add(model_named("third"), Timestamp{10});
  EXPECT_EQ(generations.next_change(), Timestamp{10});
  (void)generations.change(1);
  const Timestamp third = generations.all()[2].adoption(middle);
  EXPECT_EQ(generations.at(middle, third - Duration{1}).model->id, "first");
  EXPECT_EQ(generations.next_adoption(middle, Timestamp{0}), third);
  EXPECT_EQ(generations.at(middle, third).model->id, "third");
  EXPECT_EQ(generations.next_adoption(middle, third), after_all_time);
  EXPECT_FALSE(generations.is_adopted_at(middle, generations.all()[1].adoption(middle)));
  EXPECT_EQ(generations.at(earliest, Timestamp{5}).model->id, "second");
  // All are under the third before all have come under the second.
  EXPECT_EQ(generations.next_change(), Timestamp{10} + Timers::tick_length);
  EXPECT_EQ(generations.change(1), nullptr);
  EXPECT_EQ(generations.all().size(), 1U);
  EXPECT_EQ(generations.all().front().model->id, "third");
}

TEST(Generations, OneThatHasNotBegunOutlivesTheEndOfOthers) {
  Generations generations = first_alone();
  generations.add(model_named("second"), Timestamp{0});
  (void)generations.change(1);
  generations.add(model_named("third"), Timestamp{0} + days(1));
  EXPECT_EQ(generations.next_change(), Timestamp{0} + Timers::tick_length);
  EXPECT_EQ(generations.change(1), nullptr);
  EXPECT_TRUE(generations.is_one_for_all());
  EXPECT_EQ(generations.all().size(), 2U);
  EXPECT_EQ(generations.next_change(), Timestamp{0} + days(1));
}

TEST(Generations, ComeBackAsAMarkerHasThem) {
  testing::NamedModels models;
  for (const char* id : {"first", "second", "third"}) models.add(*model_named(id));
  Generations generations = first_alone();
  const std::vector<ModelGeneration> marked{{"first", before_all_time, Duration{0}},
                                            {"second", Timestamp{5}, Duration{1'000'000}},
                                            {"third", Timestamp{9}, ModelGeneration::not_begun}};
  generations.restore(marked, models, true);
  ASSERT_EQ(generations.all().size(), 3U);
  EXPECT_FALSE(generations.is_one_for_all());
  EXPECT_EQ(generations.at(middle, Timestamp{5 + 499'999}).model->id, "first");
  EXPECT_EQ(generations.at(middle, Timestamp{5 + 500'000}).model->id, "second");
  EXPECT_EQ(generations.next_change(), Timestamp{9});
}

TEST(Generations, TheMostCustomersThatThereCanBeOverflowNothing) {
  Generations generations = first_alone();
  generations.add(model_named("second"), last_event_time);
  const Generation* const begun = generations.change(std::numeric_limits<std::uint32_t>::max());
  ASSERT_NE(begun, nullptr);
  EXPECT_GT(begun->adoption(latest), begun->adoption(middle));
  EXPECT_LT(begun->adoption(latest), begun->end());
}

}  // namespace
}  // namespace holdfast::engine
