// What an erasure leaves of a customer: nothing.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/task.hpp"
#include "tests/support/task_world.hpp"

namespace holdfast::engine {
namespace {

TEST(Task, AnErasedCustomerIsGoneWithRecordAndTimer) {
  World world;
  world.log(purchases, regular("a"));
  world.log(others, {});
  world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_LT(world.task.next_timer(), after_all_time);
  world.log(others, {of("a", erasure(new_year + days(8)))});
  ASSERT_TRUE(world.task.advance(before_all_time, unbounded, world.alerts));
  EXPECT_EQ(world.table.size(), 0U);
  EXPECT_FALSE(world.table.find(make_customer_key("a")));
  EXPECT_EQ(world.task.counts().erased, 1U);
  EXPECT_EQ(world.story(), "") << "nobody was told of the customer";
  world.task.advance(new_year + days(3000), unbounded, world.alerts);
  EXPECT_EQ(world.story(), "");
  EXPECT_EQ(world.task.next_timer(), after_all_time);
}

TEST(Task, WhoWasToldOfACustomerIsToldOfTheErasureAndNothingElse) {
  World world;
  world.log(purchases, regular("a"));
  world.log(others, {of("b", visit(new_year + days(300)))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_GT(world.alerts.items.size(), 0U);
  const auto last = world.alerts.items.back().alert;
  ASSERT_EQ(last.customer, "a");
  world.alerts.items.clear();

  Event request = with_id("r-1", of("a", erasure(new_year + days(301))));
  request.logged_at = new_year + days(302);
  world.log(others, {request});
  world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_EQ(world.story(), "erased none");
  const auto& told = world.alert(0);
  EXPECT_EQ(told.customer, "a");
  EXPECT_EQ(told.seq, last.seq + 1);
  EXPECT_EQ(told.episode, last.episode);
  EXPECT_EQ(told.previous_level, last.level);
  EXPECT_EQ(told.time, new_year + days(301));
  EXPECT_EQ(told.trigger, TriggerType::action);
  EXPECT_EQ(told.source, others.value);
  EXPECT_EQ(told.offset, 1);
  EXPECT_EQ(told.event_id, "r-1");
  EXPECT_EQ(told.logged_at, new_year + days(302));
  // Nothing of what was known.
  EXPECT_TRUE(told.reasons.empty());
  EXPECT_EQ(told.risk, 0);
  EXPECT_EQ(told.p_alive, 0);
  EXPECT_EQ(told.base, 0);
  EXPECT_EQ(told.state, CustomerState::potential);
  EXPECT_EQ(told.purchases, 0U);
  EXPECT_EQ(told.first, Timestamp{0});
  EXPECT_EQ(told.last, Timestamp{0});
  EXPECT_EQ(told.open_complaints, 0);
  EXPECT_FALSE(told.has_value);
  EXPECT_EQ(told.currency, "");
  EXPECT_EQ(told.spent, 0);
  EXPECT_EQ(world.task.counts().alerts[static_cast<std::size_t>(Change::erased)][0], 1U);
}

TEST(Task, ALateErasureErasesAtTheCustomersMoment) {
  World world;
  world.log(purchases, regular("a"));
  world.log(others, {of("a", visit(new_year + days(300)))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_GT(world.alerts.items.size(), 0U);
  world.alerts.items.clear();
  world.log(others, {of("a", erasure(new_year + days(1)))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_EQ(world.story(), "erased none");
  EXPECT_EQ(world.alert(0).time, new_year + days(300));
  EXPECT_EQ(world.task.counts().late, 1U);
  EXPECT_EQ(world.table.size(), 0U);
}

TEST(Task, AnErasedCustomerWhoComesBackIsANewOne) {
  World world(talkative_model());
  world.log(purchases, regular("a"));
  world.log(others, {of("a", complaint(new_year + days(8))), of("a", erasure(new_year + days(9)))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised high, erased none");
  world.alerts.items.clear();
  const auto again = regular("a", new_year + days(20));
  world.log(purchases, again);
  const Event complains = of("a", complaint(new_year + days(28)));
  world.log(others, {complains});
  world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_EQ(world.story(), "raised high");
  EXPECT_EQ(world.alert(0).seq, 1U);
  EXPECT_EQ(world.alert(0).episode, 1U);
  EXPECT_EQ(world.alert(0).purchases, 2U);
  EXPECT_EQ(world.alert(0).first, new_year + days(20));
}

TEST(Task, AnErasureIsNoDuplicateAndASecondOneDoesNothing) {
  World world;
  world.log(purchases, {with_id("7", of("a", purchase(new_year)))});
  world.log(others,
            {with_id("7", of("a", erasure(new_year + days(1)))), with_id("7", of("a", erasure(new_year + days(1))))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  EXPECT_EQ(world.table.size(), 0U);
  EXPECT_EQ(world.task.counts().erased, 1U);
  EXPECT_EQ(world.task.counts().duplicates, 0U);
  EXPECT_EQ(world.task.counts().events[others.value], 2U);
  // What the customer's record knew of event ids is gone with it.
  world.log(purchases, {with_id("7", of("a", purchase(new_year + days(2))))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  EXPECT_EQ(world.task.counts().duplicates, 0U);
  EXPECT_EQ(world.table.size(), 1U);
}

TEST(Task, OtherActionsOnlyCount) {
  World world;
  world.log(purchases, regular("a"));
  world.log(others, {of("a", action(new_year + days(8))), of("b", action(new_year + days(9)))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  EXPECT_EQ(world.task.counts().events[others.value], 2U);
  EXPECT_EQ(world.table.size(), 1U) << "nobody becomes known by what staff did";
  EXPECT_EQ(world.task.stream_time(), new_year + days(9));
  Customer now{};
  const auto slot = world.table.find(make_customer_key("a"));
  ASSERT_TRUE(slot);
  std::memcpy(&now, world.table.read(*slot), sizeof now);
  EXPECT_EQ(now.moment(), new_year + days(7));
}

TEST(Task, ASlotThatIsGivenOutAgainKeepsNothing) {
  World world;
  world.log(purchases, regular("a"));
  world.log(others, {of("a", erasure(new_year + days(8)))});
  world.task.advance(before_all_time, unbounded, world.alerts);
  const auto again = regular("b", new_year + days(30));
  world.log(purchases, again);
  world.task.advance(before_all_time, unbounded, world.alerts);
  Customer now{};
  std::memcpy(&now, world.table.read(*world.table.find(make_customer_key("b"))), sizeof now);
  const Customer alone = customer_after(again);
  EXPECT_EQ(std::memcmp(&now, &alone, sizeof now), 0);
}

}  // namespace
}  // namespace holdfast::engine
