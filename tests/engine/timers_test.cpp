#include "engine/timers.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "state/hot_table.hpp"

namespace holdfast::engine {
namespace {

struct Customers {
  explicit Customers(std::uint32_t count) : table(8) {
    // Ids in falling order of slots, so that an order by slot would show.
    for (std::uint32_t i = 0; i < count; ++i)
      slots.push_back(table.find_or_insert(make_customer_key("c" + std::to_string(1000 - i))).first);
  }
  state::HotTable table;
  std::vector<Slot> slots;
};

std::optional<Timers::Due> take_due(Timers& timers, Timestamp t) {
  const auto first = timers.first_due(t);
  if (first) timers.set(first->slot, after_all_time);
  return first;
}

TEST(Timers, TiesFireInOrderOfTheCustomerIds) {
  const Customers customers(3);
  Timers timers(customers.table);
  for (const Slot slot : customers.slots) timers.set(slot, Timestamp{5});
  EXPECT_FALSE(take_due(timers, Timestamp{4}));
  EXPECT_EQ(customers.table.key(take_due(timers, Timestamp{5})->slot).id, "c1000");
  EXPECT_EQ(customers.table.key(take_due(timers, Timestamp{5})->slot).id, "c998");
  EXPECT_EQ(customers.table.key(take_due(timers, Timestamp{5})->slot).id, "c999");
  EXPECT_EQ(timers.next_due(), after_all_time);
}

TEST(Timers, AgreeWithASortedSetUnderAnyMoves) {
  const bool ok = rc::check("set, move, remove and take", [] {
    const Customers customers(40);
    Timers timers(customers.table);
    std::map<std::uint32_t, std::int64_t> due_of;
    const auto first = [&] {
      std::set<std::pair<std::int64_t, std::string>> sorted;
      for (const auto& [slot, due] : due_of) sorted.emplace(due, std::string(customers.table.key(Slot{slot}).id));
      return *sorted.begin();
    };
    const auto moves = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 4), rc::gen::inRange(0, 40), rc::gen::inRange(0, 12)));
    for (const auto& [what, which, when] : moves) {
      const Slot slot = customers.slots[static_cast<std::size_t>(which)];
      if (what <= 1) {
        timers.set(slot, Timestamp{when});
        due_of[slot.value] = when;
      } else if (what == 2) {
        timers.set(slot, after_all_time);
        due_of.erase(slot.value);
      } else if (const auto taken = take_due(timers, Timestamp{when})) {
        RC_ASSERT(!due_of.empty());
        const bool is_first = first() == std::make_pair(taken->at.ms, std::string(customers.table.key(taken->slot).id));
        RC_ASSERT(is_first);
        due_of.erase(taken->slot.value);
      } else {
        RC_ASSERT((due_of.empty() || first().first > when));
      }
      RC_ASSERT(timers.size() == due_of.size());
      const Timestamp due = due_of.contains(slot.value) ? Timestamp{due_of.at(slot.value)} : after_all_time;
      RC_ASSERT(timers.due(slot) == due);
      const bool next_is_first = timers.next_due() == (due_of.empty() ? after_all_time : Timestamp{first().first});
      RC_ASSERT(next_is_first);
    }
  });
  EXPECT_TRUE(ok);
}

TEST(Timers, ManyAtOnceAreAsIfSetOneByOne) {
  const Customers customers(30);
  Timers one_by_one(customers.table);
  Timers at_once(customers.table);
  std::vector<Timers::Due> all;
  for (std::size_t i = 0; i < customers.slots.size(); ++i) {
    const Timestamp due{static_cast<std::int64_t>(i * 7 % 10)};
    one_by_one.set(customers.slots[i], due);
    all.push_back({customers.slots[i], due});
  }
  at_once.assign(all);
  at_once.set(customers.slots[3], Timestamp{99});
  one_by_one.set(customers.slots[3], Timestamp{99});
  while (const auto expected = take_due(one_by_one, Timestamp{100})) {
    const auto got = take_due(at_once, Timestamp{100});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->slot, expected->slot);
    EXPECT_EQ(got->at, expected->at);
  }
  EXPECT_FALSE(take_due(at_once, Timestamp{100}));
}

}  // namespace
}  // namespace holdfast::engine
