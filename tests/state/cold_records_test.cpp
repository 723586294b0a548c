// A table that has memory for a few records only behaves as one that has memory for all.

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/resource.h>

#include "state/hot_table.hpp"

namespace holdfast::state {
namespace {

constexpr std::uint32_t record_size = 136;

TableMemory memory_for(std::uint32_t records, std::uint32_t pages_at_once = 64) {
  return {.bytes_max = 0, .records_min = records, .scratch = testing::TempDir(), .pages_at_once = pages_at_once};
}

/// Short ids lie in the record, long ones elsewhere.
std::string id_of(int n) { return (n % 5 == 0 ? std::string(200, 'l') : std::string("c")) + std::to_string(n); }

std::string record_of(int value) {
  std::string record(record_size, '\0');
  std::memcpy(record.data(), &value, sizeof value);
  std::memcpy(record.data() + record_size - sizeof value, &value, sizeof value);
  return record;
}

void write(HotTable& table, Slot slot, const std::string& record) {
  std::memcpy(table.modify(slot), record.data(), record.size());
}

/// As an event does.
Slot put(HotTable& table, const std::string& id, const std::string& record) {
  const Slot slot = table.find_or_insert(make_customer_key(id)).first;
  write(table, slot, record);
  return slot;
}

std::string read(const HotTable& table, Slot slot) {
  return {reinterpret_cast<const char*>(table.read(slot)), record_size};
}

using Records = std::map<std::string, std::string>;

Records content_of(const CheckpointData& data) {
  Records out;
  for (const auto& entry : data.entries) {
    const bool fresh = out.emplace(data.id(entry), data.record(entry)).second;
    EXPECT_TRUE(fresh) << "copied twice: " << data.id(entry);
  }
  return out;
}

Records frozen(HotTable& table) {
  CheckpointData data;
  table.freeze(data);
  EXPECT_TRUE(table.copy_frozen(1'000'000));
  return content_of(data);
}

std::size_t open_files() {
  return static_cast<std::size_t>(std::ranges::distance(std::filesystem::directory_iterator("/proc/self/fd")));
}

TEST(ColdRecords, HashesAndNotesAreAtHandForAll) {
  HotTable table(record_size, memory_for(20, 1));
  for (int i = 0; i < 500; ++i) (void)put(table, id_of(i), record_of(i));
  ASSERT_GT(table.cold_records(), 400U);
  std::uint32_t visited = 0;
  table.for_each_hash([&](Slot slot, std::uint32_t hash) {
    table.note(slot) = hash;
    ++visited;
  });
  EXPECT_EQ(visited, 500U);
  for (int i = 0; i < 500; ++i) {
    const std::string id = id_of(i);
    const CustomerKey key = make_customer_key(id);
    EXPECT_EQ(table.note(*table.find(key)), static_cast<std::uint32_t>(key.hash));
  }
}

TEST(ColdRecords, AllAreFoundWhereverTheyLieAndKeepTheirSlots) {
  HotTable table(record_size, memory_for(100));
  constexpr int records = 20'000;
  for (int i = 0; i < records; ++i) {
    const Slot slot = put(table, id_of(i), record_of(i));
    ASSERT_EQ(slot.value, static_cast<std::uint32_t>(i));
    table.note(slot) = static_cast<std::uint32_t>(i) + 1;
  }
  EXPECT_EQ(table.cold_records(), records - 100U);
  for (int i = records; i-- > 0;) {
    const auto slot = table.find(make_customer_key(id_of(i)));
    ASSERT_EQ(slot, Slot{static_cast<std::uint32_t>(i)});
    ASSERT_EQ(read(table, *slot), record_of(i));
    ASSERT_EQ(table.key(*slot).id, id_of(i));
    ASSERT_EQ(table.note(*slot), static_cast<std::uint32_t>(i) + 1);
  }
  // Each touched again and again, out of order: pages are used up and filled anew.
  const std::uint64_t bytes = table.scratch_bytes();
  for (int round = 1; round <= 20; ++round) {
    for (int i = 0; i < records; ++i) put(table, id_of(i * 7919 % records), record_of(i * 7919 % records + round));
  }
  EXPECT_LE(table.scratch_bytes(), 2 * bytes + (std::uint64_t{2} << 20));
  for (int i = 0; i < records; ++i) {
    const auto slot = table.find(make_customer_key(id_of(i)));
    ASSERT_EQ(read(table, *slot), record_of(i + 20));
    ASSERT_EQ(table.note(*slot), static_cast<std::uint32_t>(i) + 1);
  }
  EXPECT_EQ(frozen(table).size(), static_cast<std::size_t>(records));
}

TEST(ColdRecords, ATableThatFitsIntoMemoryHasNoScratchFile) {
  const std::size_t files = open_files();
  HotTable table(record_size, {.bytes_max = 2'000'000, .records_min = 100, .scratch = testing::TempDir()});
  int i = 0;
  for (; table.memory_bytes() < 1'900'000 && i < 5'000; ++i) put(table, id_of(4 * i + 1), record_of(i));
  EXPECT_EQ(table.cold_records(), 0U);
  EXPECT_EQ(open_files(), files);
  for (; i < 100'000; ++i) put(table, id_of(4 * i + 1), record_of(i));
  EXPECT_GT(table.cold_records(), 80'000U);
  EXPECT_EQ(open_files(), files + 1);
}

TEST(ColdRecords, RecordsMakeRoomForWhatAllCustomersTake) {
  constexpr std::uint64_t limit = 64 << 20;
  HotTable table(record_size, {.bytes_max = limit, .records_min = 100, .scratch = testing::TempDir()});
  for (int i = 0; i < 1'000'000; ++i) {
    put(table, "c" + std::to_string(i), record_of(i));
    if (i % 1'000 == 0) {
      // Timers, of which the table only knows that there are some, are the rest.
      ASSERT_LE(table.memory_bytes(), limit + huge_page_bytes) << i;
    }
  }
  EXPECT_GT(table.memory_bytes() + std::uint64_t{8} * 1'000'000, limit * 9 / 10);
  EXPECT_EQ(read(table, *table.find(make_customer_key("c123456"))), record_of(123'456));
}

TEST(ColdRecords, ACheckpointIsLoadedIntoBoth) {
  HotTable table(record_size, memory_for(1'000));
  for (int i = 0; i < 10'000; ++i) table.load(id_of(i), record_of(i));
  table.finish_loading();
  EXPECT_EQ(table.cold_records(), 9'000U);
  EXPECT_EQ(table.changed(), 0U);
  EXPECT_TRUE(frozen(table).empty());
  for (int i = 0; i < 10'000; ++i) {
    const auto slot = table.find(make_customer_key(id_of(i)));
    ASSERT_TRUE(slot);
    ASSERT_EQ(read(table, *slot), record_of(i));
    ASSERT_EQ(table.note(*slot), 0U);
  }
  table.mark_all_changed();
  EXPECT_EQ(frozen(table).size(), 10'000U);
}

TEST(ColdRecords, WhatIsFrequentStaysInMemory) {
  HotTable table(record_size, memory_for(100));
  for (int i = 0; i < 1'000; ++i) put(table, id_of(i), record_of(i));
  const auto is_in_memory = [&](int i) {
    // A record in memory takes its note with it when it is modified; seen by where it lies.
    const std::byte* const before = table.read(*table.find(make_customer_key(id_of(i))));
    return table.modify(*table.find(make_customer_key(id_of(i)))) == before;
  };
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 50; ++i) put(table, id_of(i), record_of(round));
    for (int i = 0; i < 20; ++i) put(table, id_of(100 + 20 * round % 900 + i), record_of(round));
  }
  int in_memory = 0;
  for (int i = 0; i < 50; ++i) in_memory += is_in_memory(i) ? 1 : 0;
  EXPECT_GE(in_memory, 45);
}

TEST(ColdRecords, WithoutSpaceForTheFileMemoryGrows) {
  HotTable table(record_size, {.bytes_max = 0, .records_min = 10, .scratch = "/nowhere/at/all"});
  for (int i = 0; i < 1'000; ++i) put(table, id_of(i), record_of(i));
  EXPECT_EQ(table.cold_records(), 0U);
  EXPECT_NE(table.scratch_error(), "");
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(read(table, *table.find(make_customer_key(id_of(i)))), record_of(i));
}

TEST(ColdRecords, AFileThatCannotGrowIsUsedAsFarAsItGoes) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limited{1 << 20, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  {
    HotTable table(record_size, memory_for(10));
    constexpr int records = 100'000;
    for (int i = 0; i < records; ++i) put(table, id_of(i), record_of(i));
    EXPECT_GT(table.cold_records(), 5'000U);
    EXPECT_EQ(table.scratch_bytes(), 1U << 20);
    EXPECT_NE(table.scratch_error(), "");
    for (int i = 0; i < records; i += 3) put(table, id_of(i), record_of(i + 1));
    for (int i = 1; i < records; i += 3) write(table, *table.find(make_customer_key(id_of(i))), record_of(i + 1));
    for (int i = 0; i < records; ++i)
      ASSERT_EQ(read(table, *table.find(make_customer_key(id_of(i)))), record_of(i % 3 == 2 ? i : i + 1));
    EXPECT_EQ(frozen(table).size(), static_cast<std::size_t>(records));
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
}

TEST(ColdRecords, ATableWhoseShareBecomesLessGivesMemoryBackAsEventsCome) {
  TableMemory memory = memory_for(10);
  memory.bytes_max = std::numeric_limits<std::uint64_t>::max();
  HotTable table(record_size, memory);
  for (int i = 0; i < 10'000; ++i) put(table, id_of(i), record_of(i));
  EXPECT_EQ(table.cold_records(), 0U);
  table.set_bytes_max(0);
  std::vector<Event> events(500);
  for (Event& event : events) event.customer = make_customer_key(id_of(0));
  for (std::uint64_t batches = 1; batches < 30; ++batches) {
    table.expect(events);
    EXPECT_EQ(table.cold_records(), std::min<std::uint64_t>(500 * batches, 9'990)) << "nobody waits for all of them";
  }
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(read(table, *table.find(make_customer_key(id_of(i)))), record_of(i));
}

TEST(ColdRecords, AnErasedOneLeavesNothingWhereItLay) {
  const std::size_t files = open_files();
  {
    HotTable table(record_size, memory_for(10));
    for (int i = 0; i < 10'000; ++i) put(table, id_of(i), record_of(i));
    for (const int i : {7, 5'000, 9'950, 9'999}) {  // Written, written, not yet, and in memory.
      const Slot slot = *table.find(make_customer_key(id_of(i)));
      table.note(slot) = 5;
      const std::byte* const at = table.read(slot);
      table.erase(slot);
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(at), record_size), std::string(record_size, '\0'));
      EXPECT_FALSE(table.is_used(slot));
      EXPECT_EQ(table.note(slot), 0U) << "whoever has notes may still ask";
      table.prefetch(slot);
      EXPECT_FALSE(table.find(make_customer_key(id_of(i))));
      EXPECT_EQ(table.find_or_insert(make_customer_key("new" + std::to_string(i))), std::pair(slot, true));
      EXPECT_EQ(read(table, slot), std::string(record_size, '\0'));
      EXPECT_EQ(table.note(slot), 0U);
    }
    EXPECT_EQ(table.size(), 10'000U);
  }
  EXPECT_EQ(open_files(), files) << "the scratch file is gone with the table";
}

/// What a table should hold, and what its checkpoints.
struct Plain {
  Records now;
  std::map<std::string, std::uint32_t> notes;
  Records changed;  ///< Since the last freeze; empty: erased.
  Records frozen;   ///< What the freeze under way should give.
};

using Moves = std::vector<std::tuple<int, int, int>>;

/// Does the same to a table and to a plain map, and compares all that can be seen.
void compare(const TableMemory& memory, int customers, const Moves& moves) {
  HotTable table(record_size, memory);
  Plain plain;
  CheckpointData data;
  bool freezing = false;
  for (int i = 0; i < customers / 2; ++i) {
    table.load(id_of(i), record_of(i));
    plain.now[id_of(i)] = record_of(i);
  }
  table.finish_loading();
  for (const auto& [what, which, value] : moves) {
    const std::string id = id_of(which % customers);
    const auto slot = table.find(make_customer_key(id));
    RC_ASSERT(slot.has_value() == plain.now.contains(id));
    switch (what) {
      case 0:  // A timer: a change without an event.
        if (!slot) break;
        RC_ASSERT(read(table, *slot) == plain.now[id]);
        write(table, *slot, record_of(value));
        plain.now[id] = plain.changed[id] = record_of(value);
        break;
      case 1:
        if (!slot) break;
        RC_ASSERT(table.note(*slot) == plain.notes[id]);
        table.note(*slot) = static_cast<std::uint32_t>(value);
        plain.notes[id] = static_cast<std::uint32_t>(value);
        break;
      case 2:
        if (!slot) break;
        table.erase(*slot);
        plain.now.erase(id);
        plain.notes.erase(id);
        plain.changed[id] = "";
        break;
      case 3:
        if (freezing) break;
        RC_ASSERT(table.changed() ==
                  std::ranges::count_if(plain.changed, [](const auto& e) { return !e.second.empty(); }));
        plain.frozen = std::exchange(plain.changed, {});
        table.freeze(data);
        freezing = true;
        break;
      case 4:
        if (!freezing || !table.copy_frozen(static_cast<std::size_t>(value) % 20)) break;
        freezing = false;
        RC_ASSERT(content_of(data) == plain.frozen);
        if (value % 3 != 0) break;  // It was not written.
        table.mark_changed(data);
        for (const auto& [lost, record] : plain.frozen) {
          const auto it = plain.now.find(lost);
          plain.changed[lost] = it == plain.now.end() ? "" : it->second;
        }
        break;
      case 5: {
        std::vector<Event> events(3);
        for (std::size_t i = 0; i < events.size(); ++i)
          events[i].customer = make_customer_key(i == 1 ? std::string_view(id) : std::string_view("nobody"));
        table.expect(events);
        if (slot) table.expect(std::vector{*slot});
        break;
      }
      case 6: table.set_bytes_max(value % 2 == 0 ? 0 : memory.bytes_max); break;
      default: {
        const auto [at, made] = table.find_or_insert(make_customer_key(id));
        RC_ASSERT(made == !slot.has_value());
        RC_ASSERT(read(table, at) == (made ? std::string(record_size, '\0') : plain.now[id]));
        write(table, at, record_of(value));
        plain.now[id] = plain.changed[id] = record_of(value);
      }
    }
  }
  if (freezing) {
    RC_ASSERT(table.copy_frozen(1'000'000));
    RC_ASSERT(content_of(data) == plain.frozen);
  }
  RC_ASSERT(frozen(table) == plain.changed);
  RC_ASSERT(table.size() == plain.now.size());
  Records all;
  for (Slot slot{0}; slot < table.slots_end(); ++slot.value) {
    if (!table.is_used(slot)) continue;
    const std::string id(table.key(slot).id);
    all[id] = read(table, slot);
    RC_ASSERT(table.note(slot) == plain.notes[id]);
    RC_ASSERT(table.find(make_customer_key(id)) == slot);
  }
  RC_ASSERT(all == plain.now);
}

TEST(ColdRecords, NobodyCanTellWhereARecordLies) {
  const bool ok = rc::check("the same moves, with memory for all, for some, and for one", [] {
    const int customers = *rc::gen::element(5, 60, 400, 4'000);
    const auto moves = *rc::gen::scale(
        20.0, rc::gen::container<Moves>(rc::gen::tuple(rc::gen::inRange(0, 12), rc::gen::inRange(0, 1 << 20),
                                                       rc::gen::inRange(1, 1'000'000))));
    compare({}, customers, moves);
    const auto pages = *rc::gen::element(1U, 2U, 7U);
    for (const std::uint32_t records : {1U, 20U, 300U}) compare(memory_for(records, pages), customers, moves);
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace holdfast::state
