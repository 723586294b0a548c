#include "engine/timers.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "state/hot_table.hpp"

namespace holdfast::engine {
namespace {

/// Customers, when something happens to each, and their timers.
struct Customers {
  explicit Customers(std::uint32_t count) : table(8), timers(table) {
    // Ids in falling order of slots, so that an order by slot would show.
    for (std::uint32_t i = 0; i < count; ++i) add("c" + std::to_string(1000 - i));
  }
  void add(const std::string& id) { slots.push_back(table.find_or_insert(make_customer_key(id)).first); }
  void set(Slot slot, Timestamp due) {
    happens[slot.value] = due;
    timers.set(slot, due);
  }
  /// What a task does to find who is next; nobody: nothing is due at or before `t`.
  std::optional<Timers::Due> take(Timestamp t) {
    while (true) {
      const auto tick = timers.take_tick(t);
      for (const Slot slot : tick) timers.set(slot, happens.at(slot.value));
      const auto first = timers.first(t);
      if (!first && !tick.empty()) continue;
      if (first) {
        timers.take_first();
        happens[first->slot.value] = after_all_time;
      }
      return first;
    }
  }
  std::string take_id(Timestamp t) {
    const auto due = take(t);
    return due ? std::string(table.key(due->slot).id) : "nobody";
  }

  state::HotTable table;
  std::map<std::uint32_t, Timestamp> happens;  ///< By slot.
  std::vector<Slot> slots;
  Timers timers;
};

TEST(Timers, OneIsBroughtForwardAndNeverPutOff) {
  Customers customers(3);
  const auto [late, early, none] = std::tuple(customers.slots[0], customers.slots[1], customers.slots[2]);
  const Duration tick = Timers::tick_length;
  const Timestamp now{0};
  (void)customers.take(now);
  customers.set(late, now + Duration{20 * tick.ms});
  customers.set(early, now + Duration{2 * tick.ms});
  for (const Slot slot : customers.slots)
    EXPECT_TRUE(customers.timers.bring_forward(slot, now + Duration{10 * tick.ms}));
  EXPECT_EQ(customers.timers.standing(late), customers.timers.standing(none));
  EXPECT_LE(customers.timers.standing(late), now + Duration{10 * tick.ms});
  EXPECT_GT(customers.timers.standing(late), now + Duration{8 * tick.ms});
  EXPECT_LE(customers.timers.standing(early), now + Duration{2 * tick.ms});
  // Nothing happens to anybody any earlier for it.
  customers.happens[none.value] = after_all_time;
  EXPECT_EQ(customers.take(now + Duration{20 * tick.ms})->slot, early);
  const auto due = customers.take(now + Duration{20 * tick.ms});
  EXPECT_EQ(due->slot, late);
  EXPECT_EQ(due->at, now + Duration{20 * tick.ms});
}

TEST(Timers, WhatIsInTheTickThatIsUnderWayIsForItsExactMoment) {
  Customers customers(2);
  const Timestamp now{1'000'000'000'000};
  customers.set(customers.slots[0], now);
  EXPECT_EQ(customers.take(now)->at, now);
  EXPECT_FALSE(customers.timers.bring_forward(customers.slots[1], now));
  EXPECT_EQ(customers.timers.standing(customers.slots[1]), after_all_time);
  customers.set(customers.slots[0], now + Duration{1});
  EXPECT_TRUE(customers.timers.bring_forward(customers.slots[0], now + Timers::tick_length));
  EXPECT_EQ(customers.take(now + Duration{1})->at, now + Duration{1}) << "it is near, and exact";
}

TEST(Timers, TiesFireInOrderOfTheCustomerIds) {
  Customers customers(3);
  for (const Slot slot : customers.slots) customers.set(slot, Timestamp{5});
  EXPECT_EQ(customers.take_id(Timestamp{4}), "nobody");
  EXPECT_EQ(customers.take_id(Timestamp{5}), "c1000");
  EXPECT_EQ(customers.take_id(Timestamp{5}), "c998");
  EXPECT_EQ(customers.take_id(Timestamp{5}), "c999");
  EXPECT_EQ(customers.take_id(Timestamp{5}), "nobody");
  EXPECT_EQ(customers.timers.next_due(), after_all_time);
}

TEST(Timers, AgreeWithASortedSetUnderAnyMoves) {
  const bool ok = rc::check("set, move, remove, erase and take", [] {
    Customers customers(40);
    const auto first = [&] {
      std::set<std::pair<Timestamp, std::string>> sorted{{after_all_time, ""}};
      for (const auto& [slot, due] : customers.happens) {
        if (due != after_all_time) sorted.emplace(due, std::string(customers.table.key(Slot{slot}).id));
      }
      return *sorted.begin();
    };
    const auto moves = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 7), rc::gen::inRange(0, 40), rc::gen::inRange(0, 40)));
    int erased = 0;
    for (const auto& [what, which, when] : moves) {
      const auto index = static_cast<std::size_t>(which);
      // Some ticks are shared and some are skipped.
      const Timestamp t{std::int64_t{when} * when * 30'000};
      if (what <= 2) {
        customers.set(customers.slots[index], t);
      } else if (what == 3) {
        customers.set(customers.slots[index], after_all_time);
      } else if (what == 4) {
        const Slot slot = customers.slots[index];
        customers.timers.forget(slot);
        customers.table.erase(slot);
        customers.happens.erase(slot.value);
        customers.slots.erase(customers.slots.begin() + which);
        customers.add((erased % 2 == 0 ? "a" : "z") + std::to_string(erased));
        ++erased;
      } else {
        const auto expected = first();
        RC_ASSERT(customers.timers.next_due() <= expected.first);
        const auto taken = customers.take(t);
        RC_ASSERT(taken.has_value() == (expected.first <= t));
        if (taken) {
          RC_ASSERT(taken->at == expected.first);
          RC_ASSERT(std::string(customers.table.key(taken->slot).id) == expected.second);
        }
      }
      for (const auto& [slot, due] : customers.happens)
        RC_ASSERT((due == after_all_time || customers.timers.standing(Slot{slot}) <= due));
    }
  });
  EXPECT_TRUE(ok);
}

TEST(Timers, OneThatIsMovedToLaterMomentsAgainAndAgainTakesNoMoreMemory) {
  Customers customers(1);
  for (int i = 0; i < 100'000; ++i) customers.set(customers.slots[0], Timestamp{std::int64_t{i} * 1'000'000});
  EXPECT_LT(customers.timers.memory_bytes(), 4096U);
  EXPECT_EQ(customers.take_id(Timestamp{std::int64_t{99'999} * 1'000'000 - 1}), "nobody");
  EXPECT_EQ(customers.take_id(Timestamp{std::int64_t{99'999} * 1'000'000}), "c1000");
}

TEST(Timers, WhatMovesLeaveBehindIsSweptOut) {
  constexpr std::int64_t day = 86'400'000;
  // To an earlier moment and back to a later one: always another one, or the same one again and again.
  for (const bool same : {false, true}) {
    Customers customers(1);
    std::int64_t now = 0;
    for (int i = 0; i < 50'000; ++i, now += day / 100) {
      customers.set(customers.slots[0], Timestamp{same ? 10'000 * day : now + 10'000 * day});
      customers.set(customers.slots[0], Timestamp{now});
      ASSERT_EQ(customers.take_id(Timestamp{now}), "c1000");
    }
    EXPECT_LT(customers.timers.memory_bytes(), 200'000U) << same;
  }
}

TEST(Timers, MovesWithinATickAreSweptOut) {
  Customers customers(2);
  customers.set(customers.slots[0], Timestamp{0});
  ASSERT_EQ(customers.take_id(Timestamp{0}), "c1000");
  customers.set(customers.slots[1], Timestamp{10});
  for (int i = 0; i < 100'000; ++i) customers.set(customers.slots[0], Timestamp{20 + i % 7});
  EXPECT_LT(customers.timers.memory_bytes(), 400'000U);
  EXPECT_EQ(customers.take_id(Timestamp{100}), "c999");
  EXPECT_EQ(customers.take_id(Timestamp{100}), "c1000");
  EXPECT_EQ(customers.take_id(Timestamp{100}), "nobody");
}

TEST(Timers, WhatErasedCustomersLeaveBehindIsSweptOut) {
  Customers customers(0);
  for (int i = 0; i < 50'000; ++i) {
    customers.slots.clear();
    customers.add("e" + std::to_string(i));
    const Slot slot = customers.slots[0];
    customers.set(slot, Timestamp{std::int64_t{10'000} * 86'400'000});
    customers.timers.forget(slot);
    customers.table.erase(slot);
  }
  EXPECT_LT(customers.timers.memory_bytes(), 200'000U);
}

TEST(Timers, FromTheFirstYearOfEventsToLongAfterTheLastAreInOrder) {
  Customers customers(4);
  customers.set(customers.slots[0], last_event_time + Duration{std::int64_t{200'000} * 365 * 86'400'000});
  customers.set(customers.slots[1], last_event_time + Duration{std::int64_t{100'000} * 365 * 86'400'000});
  customers.set(customers.slots[2], last_event_time);
  customers.set(customers.slots[3], first_event_time);
  const Timestamp end{after_all_time.ms - 1};
  for (const auto* id : {"c997", "c998", "c999", "c1000", "nobody"}) EXPECT_EQ(customers.take_id(end), id);
}

}  // namespace
}  // namespace holdfast::engine
