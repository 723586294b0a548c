// New models in a task: who comes under them when, and what of it shows.

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/task_world.hpp"

namespace holdfast::engine {
namespace {

Model named(std::string id, Model model) {
  model.id = std::move(id);
  model.name = "the " + model.id + " one";
  return model;
}
/// Says of everybody the same, whatever they do.
Model calm() { return named("calm", logistic_model(-3, {})); }
Model worried() { return named("worried", logistic_model(2, {})); }
Model alarmed() { return named("alarmed", logistic_model(4, {})); }

constexpr Timestamp swapped = new_year + days(10);

std::string_view id_of(int customer) {
  static std::deque<std::string> ids;  // Events point to them.
  while (ids.size() <= static_cast<std::size_t>(customer)) ids.push_back("c" + std::to_string(ids.size()));
  return ids[static_cast<std::size_t>(customer)];
}

/// So many customers, who bought twice within the first week.
struct Regulars : World {
  explicit Regulars(int customers, const Model& model_ = calm()) : World(model_) {
    models.add(model_);
    std::vector<Event> events;
    for (const Timestamp bought : {new_year, new_year + days(7)}) {
      for (int i = 0; i < customers; ++i) events.push_back(of(id_of(i), purchase(bought)));
    }
    log(purchases, events);
    end(others);
    while (task.advance(before_all_time, unbounded, alerts)) {
    }
  }
};

void run_to(World& world, Timestamp clock) {
  while (world.task.advance(clock, unbounded, world.alerts)) {
  }
}

Timestamp adoption(std::string_view customer, Timestamp from = swapped, std::uint64_t customers = 1) {
  return Generation{.model = nullptr, .from = from, .spread = spread_of(customers)}.adoption(
      make_customer_key(customer).hash);
}

TEST(Swap, JudgesACustomerAtItsMomentUnderTheNewModel) {
  Regulars world(1);
  const Step step = world.swap(worried(), swapped);
  ASSERT_NE(step.swap, nullptr);
  EXPECT_EQ(step.swap->model, "worried");
  EXPECT_EQ(step.swap->from, swapped);
  EXPECT_EQ(world.task.next_timer(), swapped);
  run_to(world, adoption("c0") - milliseconds(1));
  EXPECT_EQ(world.story(), "");
  EXPECT_EQ(world.task.model_of(make_customer_key("c0"))->id, "calm");
  run_to(world, adoption("c0"));
  ASSERT_EQ(world.story(), "raised high");
  EXPECT_EQ(world.alert(0).trigger, TriggerType::model);
  EXPECT_EQ(world.alert(0).time, adoption("c0"));
  EXPECT_EQ(world.alert(0).model, "worried");
  EXPECT_EQ(world.task.model_of(make_customer_key("c0"))->id, "worried");
  run_to(world, swapped + Timers::tick_length);
  EXPECT_EQ(world.task.models().size(), 1U);
  EXPECT_EQ(world.task.counts().swaps, 1U);
}

TEST(Swap, EventsAreJudgedUnderTheModelOfTheirMoment) {
  Regulars world(1);
  world.swap(worried(), swapped);
  world.log(purchases, {of("c0", purchase(adoption("c0") - milliseconds(1))), of("n", purchase(swapped + days(1))),
                        of("n", purchase(swapped + days(2)))});
  run_to(world, before_all_time);
  ASSERT_EQ(world.story(), "raised high, raised high");
  EXPECT_EQ(world.alert(0).trigger, TriggerType::model) << "the purchase before it was judged calmly";
  EXPECT_EQ(world.alert(1).customer, "n");
  EXPECT_EQ(world.alert(1).trigger, TriggerType::purchase);
  EXPECT_EQ(world.alert(1).model, "worried");
}

TEST(Swap, LeavesAloneWhomAlertsAreNotMadeFor) {
  World world(calm());
  world.log(purchases, {of("once", purchase(new_year))});
  world.log(others, {of("visitor", visit(new_year))});
  run_to(world, before_all_time);
  world.swap(worried(), swapped);
  run_to(world, swapped + days(1));
  EXPECT_EQ(world.story(), "");
  EXPECT_EQ(world.task.counts().timers, 0U);
  const auto slot = world.table.find(make_customer_key("once"));
  EXPECT_EQ(reinterpret_cast<const Customer*>(world.table.read(*slot))->moment(), new_year);
}

TEST(Swap, TakesTimeByItselfWhereNothingElseHappens) {
  Regulars world(1);
  world.swap(calm(), swapped);
  EXPECT_FALSE(world.task.advance(swapped - milliseconds(1), unbounded, world.alerts));
  const auto begins = world.task.advance(swapped, unbounded, world.alerts);
  ASSERT_TRUE(begins);
  EXPECT_EQ(begins->clock, swapped);
  EXPECT_EQ(world.task.models().size(), 2U);
  run_to(world, swapped + Timers::tick_length);
  EXPECT_EQ(world.task.models().size(), 1U);
  run_to(world, swapped + days(100));
  EXPECT_EQ(world.task.counts().timers, 1U) << "coming under the model";
  EXPECT_GT(world.task.next_timer(), swapped + days(100)) << "at most another look at what else there is";
}

TEST(Swap, IsPutOffToBehindAllThatHasHappened) {
  Regulars world(1);
  run_to(world, before_all_time);
  const Step late = world.swap(worried(), new_year);
  EXPECT_EQ(late.swap->from, new_year + days(7) + milliseconds(1));
  const Step later = world.swap(alarmed(), new_year + days(7) + milliseconds(5));
  const Step before_that = world.swap(calm(), new_year + days(7) + milliseconds(2));
  EXPECT_EQ(before_that.swap->from, later.swap->from) << "models begin in the order in which they came";
}

TEST(Swap, BackToTheFormerModelIsASwapAsWell) {
  Regulars world(1);
  world.swap(worried(), swapped);
  run_to(world, swapped + days(1));
  world.swap(calm(), swapped + days(2));
  run_to(world, swapped + days(3));
  ASSERT_EQ(world.story(), "raised high, resolved none");
  EXPECT_EQ(world.alert(1).trigger, TriggerType::model);
  EXPECT_EQ(world.alert(1).model, "calm");
  EXPECT_EQ(world.alert(1).episode, 1U);
}

TEST(Swap, BackBeforeAllHaveLeftTheFormerModel) {
  constexpr int customers = 200;
  Regulars world(customers);
  world.swap(worried(), swapped);
  // Half of them are worried about by then.
  const Timestamp back = swapped + Duration{Timers::tick_length.ms / 2};
  run_to(world, back - milliseconds(1));
  const auto half = world.alerts.items.size();
  EXPECT_GT(half, customers / 4);
  EXPECT_LT(half, customers * 3 / 4);
  world.swap(calm(), back);
  run_to(world, back + days(1));
  std::map<std::string, std::string> stories;
  for (const auto& item : world.alerts.items) stories[item.alert.customer] += name(item.alert.change);
  for (const auto& [customer, story] : stories) EXPECT_EQ(story, "raisedresolved") << customer;
  // Their places are the same in both spreads: nobody comes to the second swap before the first.
  EXPECT_EQ(stories.size(), std::size_t{customers});
  EXPECT_EQ(world.task.models().size(), 1U);
}

TEST(Swap, IsSpreadSoThatNoTickHasMuchToDo) {
  constexpr std::size_t customers = 20'000;
  Regulars world(customers);
  world.swap(worried(), swapped);
  std::size_t before = 0;
  std::vector<std::size_t> ticks;
  for (Timestamp t = swapped; world.alerts.items.size() < customers; t = t + Timers::tick_length) {
    while (const auto step = world.task.advance(t, 4096, world.alerts)) {
      EXPECT_LE(world.alerts.items.size() - before, 4096U);
      before = world.alerts.items.size();
    }
    ticks.push_back(world.alerts.items.size());
    ASSERT_LT(ticks.size(), 6U);
  }
  ASSERT_EQ(ticks.size(), 4U) << "the first one begins it";
  for (std::size_t i = 1; i < ticks.size(); ++i) EXPECT_NEAR(static_cast<double>(ticks[i] - ticks[i - 1]), 6667, 400);
  for (const auto& item : world.alerts.items)
    ASSERT_EQ(item.alert.time, adoption(item.alert.customer, swapped, customers));
}

TEST(Swap, ACrossingCountsUpToTheMomentOfTheNewModelAndNotBehindIt) {
  World before(named("cdnow", cdnow_model()));
  before.log(purchases, regular("a"));
  before.end(others);
  run_to(before, new_year + days(100));
  const Timestamp crossing = before.alert(0).time;

  World exact(named("cdnow", cdnow_model()));
  exact.log(purchases, regular("a"));
  exact.end(others);
  run_to(exact, new_year + days(8));
  exact.swap(calm(), crossing - (adoption("a") - swapped));
  run_to(exact, crossing + days(1));
  EXPECT_EQ(exact.story(), "") << "at the moment of the crossing it is under the calm model";
  World missed(named("cdnow", cdnow_model()));
  missed.log(purchases, regular("a"));
  missed.end(others);
  run_to(missed, new_year + days(8));
  missed.swap(calm(), crossing + milliseconds(1) - (adoption("a") - swapped));
  run_to(missed, crossing + days(1));
  EXPECT_EQ(missed.story(), "raised watch, resolved none");
}

TEST(Swap, WhereExpiryTiesWithItOnlyTheExpiryIsReported) {
  Regulars world(1, worried());
  const Timestamp raised = world.alert(0).time;
  const Timestamp expiry = raised + world.policy.expire_after;
  world.swap(calm(), expiry - (adoption("c0") - swapped));
  run_to(world, expiry + days(1));
  ASSERT_EQ(world.story(), "raised high, expired none");
  EXPECT_EQ(world.alert(1).trigger, TriggerType::silence);
  EXPECT_EQ(world.alert(1).model, "calm");
}

TEST(Swap, ALateCustomerComesThroughTheModelsInOrder) {
  Regulars world(3);
  world.swap(worried(), swapped);
  run_to(world, swapped + Duration{Timers::tick_length.ms - 1});
  ASSERT_EQ(world.story(), "raised high, raised high, raised high");
  world.log(purchases, {of("late", purchase(new_year)), of("late", purchase(new_year + days(1)))});
  run_to(world, before_all_time);
  ASSERT_EQ(world.alerts.items.size(), 4U);
  EXPECT_EQ(world.alert(3).trigger, TriggerType::model) << "at the purchase it was under the calm one";
  EXPECT_EQ(world.alert(3).time, adoption("late"));
  // Once nobody is under it any more, it is as if it had never been.
  run_to(world, swapped + days(1));
  world.log(purchases, {of("later", purchase(new_year)), of("later", purchase(new_year + days(1)))});
  run_to(world, before_all_time);
  ASSERT_EQ(world.alerts.items.size(), 5U);
  EXPECT_EQ(world.alert(4).trigger, TriggerType::purchase);
  EXPECT_EQ(world.alert(4).model, "worried");
}

// The first swap finds nobody to be judged, the second sets a timer all the same, and that stands behind the moment at
// which the customer, who is judged by then, comes under the first one.
TEST(Swap, WhoIsJudgedOnlyBetweenTwoSwapsMissesNeither) {
  const std::string_view id = "c0";
  World world(calm());
  world.log(purchases, {of(id, purchase(new_year))});
  world.end(others);
  run_to(world, before_all_time);
  // The first one is adopted at the end of a tick, the second one in the next.
  const Duration tick = Timers::tick_length;
  const Timestamp boundary = first_event_time + Duration{(swapped - first_event_time).ms / tick.ms * tick.ms};
  const Duration phase = adoption(id) - swapped;
  const Timestamp first = boundary - milliseconds(1'000) - phase;
  const Timestamp second = boundary + milliseconds(20'000) - phase;
  world.swap(worried(), first);
  world.swap(calm(), second);
  ASSERT_LT(second, boundary - milliseconds(5'000)) << "both have begun before either is adopted";
  run_to(world, boundary - milliseconds(5'000));
  world.log(purchases, {of(id, purchase(boundary - milliseconds(4'000)))});
  run_to(world, boundary + days(1));
  ASSERT_EQ(world.story(), "raised high, resolved none");
  EXPECT_EQ(world.alert(0).time, boundary - milliseconds(1'000));
  EXPECT_EQ(world.alert(0).trigger, TriggerType::model);
  EXPECT_EQ(world.alert(1).time, boundary + milliseconds(20'000));
}

TEST(Swap, ARestoredTaskGoesOnInTheMidstOfIt) {
  constexpr std::size_t customers = 300;
  Regulars world(customers);
  world.swap(worried(), swapped);
  world.swap(alarmed(), swapped + Duration{Timers::tick_length.ms / 2});
  run_to(world, swapped + Duration{Timers::tick_length.ms / 4});
  ASSERT_LT(world.alerts.items.size(), customers);
  const Marker marker = world.task.marker(PolicyId{1}, Timestamp{0});
  ASSERT_EQ(marker.models.size(), 3U);
  EXPECT_EQ(marker.models[1].spread, Timers::tick_length);
  EXPECT_EQ(marker.models[2].spread, ModelGeneration::not_begun);

  World other(alarmed());
  for (const Model& model : {calm(), worried(), alarmed()}) other.models.add(model);
  for (Slot slot{0}; slot < world.table.slots_end(); ++slot.value)
    other.table.load(world.table.key(slot).id,
                     {reinterpret_cast<const char*>(world.table.read(slot)), sizeof(Customer)});
  other.table.finish_loading();
  Task restored{Partition{3}, other.model, other.policy, other.table, marker.position, &other.models};
  restored.restore(marker);
  EXPECT_TRUE(restored.model_is_recorded());
  restored.reached_end(purchases, marker.position.next[0]);
  restored.reached_end(others, marker.position.next[1]);
  const std::size_t before = world.alerts.text.size();
  run_to(world, swapped + days(1));
  while (restored.advance(swapped + days(1), 100, other.alerts)) {
  }
  EXPECT_GT(other.alerts.items.size(), customers);
  EXPECT_EQ(other.alerts.text, world.alerts.text.substr(before));
}

TEST(Swap, ATaskThatBeginsSaysWhichModelItIsUnder) {
  World world(calm());
  EXPECT_FALSE(world.task.model_is_recorded());
  const Step first = world.swap(worried(), before_all_time);
  EXPECT_EQ(first.number, 1U);
  EXPECT_EQ(first.swap->from, before_all_time);
  EXPECT_TRUE(world.task.model_is_recorded());
  EXPECT_EQ(world.task.counts().swaps, 0U);
  EXPECT_EQ(world.task.models().size(), 1U);
  world.log(purchases, regular("a"));
  world.end(others);
  run_to(world, before_all_time);
  ASSERT_EQ(world.story(), "raised high");
  EXPECT_EQ(world.alert(0).model, "worried");
}

// Its configuration has another model by now; what it took steps under comes with the first of them.
TEST(Swap, ATaskOfAnEarlierReleaseTakesTheModelThatItsStepsSay) {
  Regulars world(3);
  ASSERT_EQ(world.task.next_timer(), after_all_time);
  world.swap(named("cdnow", cdnow_model()), before_all_time);
  EXPECT_LT(world.task.next_timer(), new_year + days(100)) << "timers are those of the model";
  run_to(world, new_year + days(100));
  ASSERT_GE(world.alerts.items.size(), 3U);
  EXPECT_EQ(world.alert(0).trigger, TriggerType::silence);
  EXPECT_EQ(world.alert(0).model, "cdnow");
}

TEST(Swap, AnErasedCustomersAlertNamesTheModelItWasUnder) {
  Regulars world(1, worried());
  ASSERT_EQ(world.story(), "raised high");
  world.swap(alarmed(), swapped);
  world.log(others, {of("c0", erasure(swapped + days(1)))});
  run_to(world, before_all_time);
  ASSERT_EQ(world.story(), "raised high, escalated critical, erased none");
  EXPECT_EQ(world.alert(2).model, "alarmed");
}

}  // namespace
}  // namespace holdfast::engine
