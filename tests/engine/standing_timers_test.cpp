#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/task_world.hpp"

// Tasks whose timers stand too early, and their like restored from a checkpoint, whose timers are exact.
namespace holdfast::engine {
namespace {

/// The task's records and its place, in a world of its own.
struct Restored {
  explicit Restored(World& from) {
    const Marker marker = from.task.marker(PolicyId{1}, Timestamp{0});
    for (Slot slot{0}; slot < from.table.slots_end(); ++slot.value) {
      if (from.table.is_used(slot))
        table.load(from.table.key(slot).id, {reinterpret_cast<const char*>(from.table.read(slot)), sizeof(Customer)});
    }
    table.finish_loading();
    task = std::make_unique<Task>(Partition{3}, from.model, from.policy, table, marker.position);
    task->restore(marker);
  }
  void push(SourceIndex source, const std::vector<Event>& events, Offset first) {
    EventBatch batch;
    for (Event event : events) {
      event.offset = Offset{first.value++};
      batch.events.push_back(event);
    }
    task->push(source, std::move(batch));
    task->reached_end(source, first);
  }

  state::HotTable table{sizeof(Customer)};
  std::unique_ptr<Task> task;
  AlertList alerts;
};

TEST(StandingTimers, WhatAStepHasLeftFiresAfterTheNextRecordWhoeversItIs) {
  World world;
  std::vector<Event> bought = regular("a");
  for (const auto& customer : {std::pair{"b", new_year}, std::pair{"z", new_year + milliseconds(1)}}) {
    for (const Event& event : regular(customer.first, customer.second)) bought.push_back(event);
  }
  std::ranges::stable_sort(bought, {}, [](const Event& event) { return event.time; });
  const Timestamp due = next_timer(customer_after(regular("a")), world.model, world.policy);
  // Its timer stands a millisecond behind that of the others.
  bought.push_back(of("z", purchase(new_year + days(30), 20)));
  world.log(purchases, bought);
  world.log(others, {of("q", visit(due + days(10)))});
  // The purchases and the timer of a: that of b, due at the same moment, is left.
  const std::size_t work = bought.size() + 1;
  const auto first = world.task.advance(before_all_time, work, world.alerts);
  ASSERT_TRUE(first);
  ASSERT_EQ(world.story(), "raised watch");
  Restored restored(world);

  const std::vector<Event> late{of("z", visit(due - milliseconds(1))), of("b", purchase(due - milliseconds(1), 20))};
  const Offset next{static_cast<std::int64_t>(bought.size())};
  world.log(purchases, late);
  restored.push(purchases, late, next);
  restored.push(others, {of("q", visit(due + days(10)))}, Offset{0});
  const auto step = world.task.advance(before_all_time, unbounded, world.alerts);
  ASSERT_TRUE(step);
  restored.task->apply(*step, restored.alerts);
  EXPECT_EQ(world.alert(1).customer, "b");
  EXPECT_EQ(world.alert(1).time, due);
  ASSERT_EQ(world.alerts.items.size(), restored.alerts.items.size() + 1);
  EXPECT_TRUE(world.alerts.text.ends_with(restored.alerts.text));
}

TEST(StandingTimers, AClockThatOnlyMovesATimerMakesNoStep) {
  World world;
  world.log(purchases, regular("a"));
  world.end_all();
  ASSERT_TRUE(world.task.advance(before_all_time, unbounded, world.alerts));
  const Timestamp stands = world.task.next_timer();
  std::vector<Event> bought = regular("a");
  const Timestamp early = next_timer(customer_after(bought), world.model, world.policy);
  bought.push_back(of("a", purchase(new_year + days(14), 20)));
  const Timestamp due = next_timer(customer_after(bought), world.model, world.policy);
  world.log(purchases, {bought.back()});
  ASSERT_TRUE(world.task.advance(before_all_time, unbounded, world.alerts));
  ASSERT_EQ(world.task.next_timer(), stands);
  EXPECT_FALSE(world.task.advance(early, unbounded, world.alerts));
  EXPECT_GT(world.task.next_timer(), early);
  EXPECT_TRUE(world.alerts.items.empty());
  EXPECT_FALSE(world.task.advance(due - milliseconds(1), unbounded, world.alerts));
  EXPECT_TRUE(world.task.advance(due, unbounded, world.alerts));
  EXPECT_EQ(world.story(), "raised watch");
}

}  // namespace
}  // namespace holdfast::engine
