#include "state/hot_table.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace holdfast::state {
namespace {

constexpr std::uint32_t record_size = 12;

/// Short ids lie in the record, long ones elsewhere; some differ in their last byte only.
std::string id_of(int n) {
  if (n % 5 == 0) return std::string(200, 'l') + std::to_string(n);
  if (n % 5 == 1) return std::string(23 - std::to_string(n).size(), 'e') + std::to_string(n);
  return "c" + std::to_string(n);
}

std::string record_of(int value) {
  std::string record(record_size, '\0');
  std::memcpy(record.data(), &value, sizeof value);
  std::memcpy(record.data() + 8, &value, sizeof value);
  return record;
}

void write(HotTable& table, Slot slot, const std::string& record) {
  std::memcpy(table.modify(slot), record.data(), record.size());
}

std::string read(const HotTable& table, Slot slot) {
  return {reinterpret_cast<const char*>(table.read(slot)), record_size};
}

std::map<std::string, std::string> content_of(const CheckpointData& data) {
  std::map<std::string, std::string> out;
  for (const auto& entry : data.entries) {
    const bool fresh = out.emplace(data.id(entry), data.record(entry)).second;
    EXPECT_TRUE(fresh) << "copied twice: " << data.id(entry);
  }
  return out;
}

TEST(HotTable, KnowsTheHashOfEveryRecord) {
  HotTable table(record_size);
  for (int i = 0; i < 1000; ++i) {
    const Slot slot = table.find_or_insert(make_customer_key(id_of(i))).first;
    if (i % 7 == 0) table.erase(slot);
  }
  std::map<std::uint32_t, std::uint32_t> visited;
  table.for_each_hash([&](Slot slot, std::uint32_t hash) { EXPECT_TRUE(visited.emplace(slot.value, hash).second); });
  EXPECT_EQ(visited.size(), table.size());
  for (const auto& [slot, hash] : visited)
    EXPECT_EQ(hash, static_cast<std::uint32_t>(table.key(Slot{slot}).hash)) << table.key(Slot{slot}).id;
}

TEST(HotTable, ANewRecordIsZeroAndFoundByItsWholeId) {
  HotTable table(record_size);
  EXPECT_FALSE(table.find(make_customer_key("")));
  const auto [slot, made] = table.find_or_insert(make_customer_key("a"));
  EXPECT_TRUE(made);
  EXPECT_EQ(read(table, slot), std::string(record_size, '\0'));
  EXPECT_FALSE(table.find(make_customer_key("b")));
  // Identity is the id: the same hash with another id is another customer.
  EXPECT_FALSE(table.find({"b", make_customer_key("a").hash}));
  EXPECT_TRUE(table.find_or_insert({"b", make_customer_key("a").hash}).second);
  EXPECT_EQ(table.size(), 2U);
}

TEST(HotTable, IdsOfEveryLengthComeBack) {
  HotTable table(record_size);
  for (std::size_t length = 1; length <= 255; ++length) {
    const std::string id(length, 'x');
    const Slot slot = table.find_or_insert(make_customer_key(id)).first;
    EXPECT_EQ(table.key(slot).id, id);
    EXPECT_EQ(table.key(slot).hash, make_customer_key(id).hash);
  }
  for (std::size_t length = 1; length <= 255; ++length)
    EXPECT_EQ(table.find(make_customer_key(std::string(length, 'x'))), Slot{static_cast<std::uint32_t>(length - 1)});
}

TEST(HotTable, SlotsStayWhereTheyAreWhileItGrows) {
  HotTable table(record_size);
  constexpr int records = 40'000;  // Several chunks, several doublings of the index.
  for (int i = 0; i < records; ++i) {
    const auto [slot, made] = table.find_or_insert(make_customer_key(id_of(i)));
    ASSERT_TRUE(made);
    ASSERT_EQ(slot.value, static_cast<std::uint32_t>(i));
    write(table, slot, record_of(i));
  }
  for (int i = 0; i < records; ++i) {
    const auto slot = table.find(make_customer_key(id_of(i)));
    ASSERT_EQ(slot, Slot{static_cast<std::uint32_t>(i)});
    ASSERT_EQ(read(table, *slot), record_of(i));
  }
  // Three quarters of the index at most, the records themselves and little else.
  EXPECT_LT(static_cast<double>(table.memory_bytes()) / records, 40 + 8 * 2 + 60 + 24);
}

TEST(HotTable, ALoadedRecordIsNotAChangedOne) {
  HotTable table(record_size);
  table.load("a", record_of(7));
  table.finish_loading();
  EXPECT_EQ(table.changed(), 0U);
  EXPECT_EQ(read(table, *table.find(make_customer_key("a"))), record_of(7));
  write(table, Slot{0}, record_of(8));
  write(table, Slot{0}, record_of(9));
  EXPECT_EQ(table.changed(), 1U);
}

TEST(HotTable, FindsAllOfManyThatWereLoaded) {
  for (const int records : {0, 1, 15, 16, 17, 767, 768, 769, 50'000}) {
    HotTable table(record_size);
    for (int i = 0; i < records; ++i) table.load(id_of(i), record_of(i));
    table.finish_loading();
    EXPECT_EQ(table.size(), static_cast<std::uint32_t>(records));
    for (int i = 0; i < 2 * records; ++i) {
      const auto [slot, is_new] = table.find_or_insert(make_customer_key(id_of(i)));
      ASSERT_EQ(is_new, i >= records) << i << " of " << records;
      ASSERT_EQ(slot, Slot{static_cast<std::uint32_t>(i)});
    }
  }
}

TEST(HotTable, AnErasedRecordLeavesNothingBehindAndItsSlotIsUsedAgain) {
  HotTable table(record_size);
  for (const std::string& id : {std::string("short"), std::string(100, 'l')}) {
    const Slot slot = table.find_or_insert(make_customer_key(id)).first;
    const char* const text = table.key(slot).id.data();
    const std::string before(text, id.size());
    write(table, slot, record_of(7));
    table.erase(slot);
    EXPECT_FALSE(table.is_used(slot));
    EXPECT_FALSE(table.find(make_customer_key(id)));
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(before, id);
    EXPECT_EQ(std::string(text, id.size()), std::string(id.size(), '\0')) << "the id is overwritten";
    EXPECT_EQ(read(table, slot), std::string(record_size, '\0'));
    EXPECT_EQ(table.find_or_insert(make_customer_key("other")), std::pair(slot, true));
    EXPECT_EQ(read(table, slot), std::string(record_size, '\0'));
    table.erase(slot);
  }
}

TEST(HotTable, WhatWasNotWrittenCountsAsChangedAgain) {
  HotTable table(record_size);
  write(table, table.find_or_insert(make_customer_key("kept")).first, record_of(1));
  const Slot erased = table.find_or_insert(make_customer_key("erased")).first;
  write(table, erased, record_of(2));
  CheckpointData written;
  table.freeze(written);
  ASSERT_TRUE(table.copy_frozen(10));
  table.erase(erased);
  write(table, *table.find(make_customer_key("kept")), record_of(3));
  CheckpointData lost;
  table.freeze(lost);
  ASSERT_TRUE(table.copy_frozen(10));
  write(table, *table.find(make_customer_key("kept")), record_of(4));
  table.mark_changed(lost);
  CheckpointData again;
  table.freeze(again);
  ASSERT_TRUE(table.copy_frozen(10));
  EXPECT_EQ(content_of(again), (std::map<std::string, std::string>{{"kept", record_of(4)}, {"erased", ""}}));
}

// Its former record lies on the disk still, and nothing else says that it has to go.
TEST(HotTable, WhoWasErasedAndCameBackIsToldOfByTheNextFreezeAlone) {
  HotTable table(record_size);
  const auto freeze = [&] {
    CheckpointData data;
    table.freeze(data);
    (void)table.copy_frozen(table.slots_end().value);
    return data;
  };
  write(table, table.find_or_insert(make_customer_key("a")).first, record_of(1));
  EXPECT_FALSE(freeze().replaces_erased);
  table.erase(*table.find(make_customer_key("a")));
  write(table, table.find_or_insert(make_customer_key("a")).first, record_of(2));
  const CheckpointData data = freeze();
  EXPECT_TRUE(data.replaces_erased);
  EXPECT_EQ(content_of(data), (std::map<std::string, std::string>{{"a", record_of(2)}}));
  EXPECT_FALSE(freeze().replaces_erased);
  table.mark_changed(data);
  EXPECT_TRUE(freeze().replaces_erased) << "it was not written";
}

TEST(HotTable, WhatSomebodyElseHasWrittenIsNotWrittenAgain) {
  HotTable table(record_size);
  for (const char* id : {"same", "other", "erased there"})
    write(table, table.find_or_insert(make_customer_key(id)).first, record_of(1));
  CheckpointData theirs;
  theirs.record_size = record_size;
  theirs.add("same", record_of(1));
  theirs.add("other", record_of(2));
  theirs.add_erased("erased there");
  theirs.add("erased here", record_of(1));
  table.mark_unchanged(theirs);
  CheckpointData own;
  table.freeze(own);
  (void)table.copy_frozen(table.slots_end().value);
  EXPECT_EQ(content_of(own), (std::map<std::string, std::string>{
                                 {"other", record_of(1)}, {"erased there", record_of(1)}, {"erased here", ""}}));
}

TEST(HotTable, AllCanBeMarkedAsChanged) {
  HotTable table(record_size);
  for (int i = 0; i < 100; ++i) table.load(id_of(i), record_of(i));
  table.finish_loading();
  table.erase(*table.find(make_customer_key(id_of(7))));
  table.mark_all_changed();
  CheckpointData data;
  table.freeze(data);
  ASSERT_TRUE(table.copy_frozen(1000));
  EXPECT_EQ(content_of(data).size(), 100U);
  EXPECT_EQ(content_of(data)[id_of(7)], "");
  EXPECT_EQ(content_of(data)[id_of(8)], record_of(8));
}

// What is frozen is what was changed since the last freeze, as it was at the freeze, whatever is written meanwhile.
TEST(HotTable, AFreezeHoldsTheMomentWhileWritesGoOn) {
  const bool ok = rc::check("writes, erasures, freezes and slices of copying", [] {
    HotTable table(record_size);
    std::map<std::string, std::string> now;      // What the table should hold.
    std::map<std::string, std::string> changed;  // Since the last freeze; empty: erased.
    std::map<std::string, std::string> frozen;   // What the freeze under way should give.
    CheckpointData data;
    bool freezing = false;
    const auto moves = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 10), rc::gen::inRange(0, 150), rc::gen::inRange(1, 1000)));
    for (const auto& [what, which, value] : moves) {
      if (what == 6) {
        const auto slot = table.find(make_customer_key(id_of(which)));
        RC_ASSERT(slot.has_value() == now.contains(id_of(which)));
        if (!slot) continue;
        table.erase(*slot);
        now.erase(id_of(which));
        changed[id_of(which)] = "";
      } else if (what < 6) {
        const std::string id = id_of(which);
        write(table, table.find_or_insert(make_customer_key(id)).first, record_of(value));
        now[id] = record_of(value);
        changed[id] = record_of(value);
      } else if (what == 7 && !freezing) {
        RC_ASSERT(table.changed() ==
                  std::ranges::count_if(changed, [](const auto& entry) { return !entry.second.empty(); }));
        frozen = std::exchange(changed, {});
        table.freeze(data);
        freezing = true;
      } else if (freezing && table.copy_frozen(static_cast<std::size_t>(value) % 7)) {
        freezing = false;
        RC_ASSERT(content_of(data) == frozen);
      }
    }
    if (freezing) {
      RC_ASSERT(table.copy_frozen(1'000'000));
      RC_ASSERT(content_of(data) == frozen);
    }
    RC_ASSERT(table.size() == now.size());
    for (const auto& [id, record] : now) RC_ASSERT(read(table, *table.find(make_customer_key(id))) == record);
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace holdfast::state
