#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/ports.hpp"
#include "state/huge_pages.hpp"
#include "state/scratch_pages.hpp"

namespace holdfast::state {

/// How much memory a table takes before records go to a scratch file.
struct TableMemory {
  /// In all: records, index, what is noted of each customer, and some bytes for its timer.
  std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
  /// Records that stay in memory at least, whatever the rest takes.
  std::uint32_t records_min = 16'384;
  std::filesystem::path scratch{};   ///< The folder for the scratch file.
  std::uint32_t pages_at_once = 64;  ///< Of the scratch file, that are written together.
};

/// One task's customers: fixed-size records, each with its id, and an open-addressing index over them (linear probing,
/// 8 bytes an entry). Timers and the sets of changed records address a customer by the four bytes of its slot; the
/// slots of erased ones are given out again first. No id is empty. Used by one thread.
///
/// As long as memory allows, records lie in a slab, each in the place that has its slot's number, and never move. From
/// then on memory holds those that events touch, and a scratch file the others: an event of a customer who lies there
/// brings the record into memory, in place of one that was not touched for some time (CLOCK). Whatever else looks at
/// records (timers, questions, checkpoints) finds them where they lie. Without space for the file, memory grows on.
class HotTable final : public RecordTable {
 public:
  explicit HotTable(std::uint32_t record_size, TableMemory memory = {});

  [[nodiscard]] std::optional<Slot> find(const CustomerKey& key) const override;
  [[nodiscard]] std::pair<Slot, bool> find_or_insert(const CustomerKey& key) override;
  [[nodiscard]] const std::byte* read(Slot slot) const override { return entry(slot) + record_at; }
  [[nodiscard]] std::byte* modify(Slot slot) override;
  void erase(Slot slot) override;
  [[nodiscard]] CustomerKey key(Slot slot) const override;
  [[nodiscard]] std::uint32_t size() const override {
    return slots_end_ - static_cast<std::uint32_t>(free_slots_.size());
  }
  [[nodiscard]] Slot slots_end() const override { return Slot{slots_end_}; }
  [[nodiscard]] bool is_used(Slot slot) const override {
    if (scratch_ != nullptr) return place_of_[slot.value] != nowhere;
    return entry(slot)[0] != std::byte{0};
  }
  [[nodiscard]] std::uint32_t& note(Slot slot) override {
    if (scratch_ != nullptr && !is_in_memory(slot)) return notes_[slot.value];
    return note_in(entry(slot));
  }
  void for_each_hash(const HashVisitor& visit) const override;
  void prefetch_index(std::uint64_t hash) const override;
  void prefetch_record(std::uint64_t hash) const override;
  void prefetch(Slot slot) const override;
  void expect(std::span<const Event> events) override;
  void expect(std::span<const Slot> slots) override;

  /// Adds a record of a checkpoint; it does not count as changed, and is found after finish_loading() only. REQUIRES:
  /// the id is new.
  void load(std::string_view id, std::string_view record);
  void finish_loading();

  /// Records changed since the last freeze.
  [[nodiscard]] std::uint32_t changed() const { return changed_count_; }
  /// Every record counts as changed.
  void mark_all_changed();
  /// What a freeze took counts as changed again: its checkpoint was not written.
  void mark_changed(const CheckpointData& data);
  /// What is as in `data` no longer counts as changed: a checkpoint that somebody else wrote holds it.
  void mark_unchanged(const CheckpointData& data);
  /// The changed records become the frozen ones, to be copied into `into` as they are now; `into` must live until
  /// copy_frozen() is done. REQUIRES: no freeze is under way.
  void freeze(CheckpointData& into);
  /// Copies up to `records_max` of the frozen records, and what lies in the same page of the scratch file. True: all
  /// are copied, the freeze is over.
  [[nodiscard]] bool copy_frozen(std::size_t records_max);

  /// From now on memory is for so many bytes in all. What is beyond goes as events come, one record for each.
  void set_bytes_max(std::uint64_t bytes_max) { memory_.bytes_max = bytes_max; }
  /// All memory, index and sets included.
  [[nodiscard]] std::size_t memory_bytes() const;
  /// Records in the scratch file, and its size.
  [[nodiscard]] std::uint64_t cold_records() const { return scratch_ == nullptr ? 0 : scratch_->entries(); }
  [[nodiscard]] std::uint64_t scratch_bytes() const { return scratch_ == nullptr ? 0 : scratch_->file_bytes(); }
  /// Why memory has grown beyond its limit: there is no space for the scratch file. Empty: it has not.
  [[nodiscard]] const std::string& scratch_error() const { return scratch_error_; }

 private:
  // Before each record: its id of up to 19 bytes, the length first (of a longer one the place in text_), and its note;
  // in the scratch file its slot in place of the note.
  static constexpr std::size_t note_at = 20;
  static constexpr std::size_t record_at = 24;
  static constexpr std::size_t inline_id_max = note_at - 1;
  static constexpr std::uint8_t long_id = 0xff;  ///< In place of a length; 0: the slot is free, for no id is empty.
  static constexpr std::size_t chunk_records = 1 << 16;
  static constexpr std::size_t text_chunk_bytes = 1 << 16;

  struct IndexEntry {
    std::uint32_t slot;  ///< nowhere: empty.
    std::uint32_t tag;   ///< The hash's lower half, which says where the entry is at home in an index of any size.
  };
  static constexpr std::uint32_t nowhere = 0xffff'ffff;
  /// A place with this bit lies in the scratch file, where the other bits say; others are places in memory.
  static constexpr std::uint32_t cold_bit = ScratchPages::place_end;

  using Bits = std::vector<std::uint64_t>;
  struct UnmapChunk {
    std::size_t bytes;
    void operator()(std::byte* chunk) const { unmap_huge_pages(chunk, bytes); }
  };
  using Chunk = std::unique_ptr<std::byte[], UnmapChunk>;
  template <class T>
  using Large = std::vector<T, HugePageAllocator<T>>;

  [[nodiscard]] std::byte* entry(Slot slot) const {
    if (scratch_ == nullptr) [[likely]]
      return memory_entry(slot.value);
    return placed_entry(place_of_[slot.value]);
  }
  [[nodiscard]] std::byte* memory_entry(std::uint32_t place) const {
    return chunks_[place / chunk_records].get() + (place % chunk_records) * entry_size_;
  }
  [[nodiscard]] static std::uint32_t& note_in(std::byte* at) { return *reinterpret_cast<std::uint32_t*>(at + note_at); }
  [[nodiscard]] std::string_view id(Slot slot) const { return id_in(entry(slot)); }
  [[nodiscard]] static std::string_view id_in(const std::byte* at);
  void write_id(std::byte* at, std::string_view id);
  [[nodiscard]] std::size_t probe(const CustomerKey& key) const;
  Slot add(const CustomerKey& key, std::size_t at);
  Slot new_slot();
  void unindex(Slot slot, std::uint64_t hash);
  void grow_index(std::size_t entries);
  void put_in_index(std::uint32_t slot, std::uint32_t tag);
  void note_change(Slot slot);
  void note_unchanged(Slot slot);
  [[nodiscard]] bool is_changed(Slot slot) const;
  [[nodiscard]] bool is_frozen(std::uint32_t slot) const;
  void copy_out_if_frozen(std::uint32_t slot);
  void copy_out(std::uint32_t slot);

  // hot_table_places.cpp: what lies in memory, and what in the scratch file.
  [[nodiscard]] bool is_cold(Slot slot) const { return is_cold_place(place_of_[slot.value]); }
  /// No: it is cold, or free.
  [[nodiscard]] bool is_in_memory(Slot slot) const { return (place_of_[slot.value] & cold_bit) == 0; }
  [[nodiscard]] static bool is_cold_place(std::uint32_t place) { return place != nowhere && (place & cold_bit) != 0; }
  [[nodiscard]] std::byte* placed_entry(std::uint32_t place) const;
  [[nodiscard]] std::uint64_t records_max() const;
  [[nodiscard]] bool has_scratch_room();
  void begin_scratch(std::unique_ptr<ScratchPages> scratch);
  void place_new(Slot slot);
  [[nodiscard]] std::byte* place_loaded(Slot slot);
  void give_up_place(Slot slot);
  void touch(Slot slot);
  void bring_in(Slot slot);
  void make_writable(Slot slot);
  [[nodiscard]] std::uint32_t take_place();
  std::uint32_t add_place();
  [[nodiscard]] std::uint32_t choose_victim();
  void evict(std::uint32_t place);
  void put_in_memory(Slot slot, std::uint32_t place);
  void put_away(Slot slot, const std::byte* at);
  void leave(std::uint32_t place);
  void shrink(std::size_t at_most);
  [[nodiscard]] std::optional<std::uint32_t> slot_at(ScratchPages::Place place) const;
  void copy_frozen_of_scratch(std::size_t records_max);
  void expect_place(std::uint32_t place) {
    if (is_cold_place(place)) ahead_.push_back(place & ~cold_bit);
  }
  void expect_hash(std::uint64_t hash);
  void expect_behind(const CheckpointData::Entry& entry, const CheckpointData& data);

  const std::uint32_t record_size_;
  const std::size_t entry_size_;
  TableMemory memory_;
  std::uint32_t slots_end_ = 0;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Chunk> chunks_;
  std::uint32_t places_end_ = 0;  ///< In memory.
  Large<IndexEntry> index_;
  std::size_t index_mask_ = 0;
  std::vector<std::unique_ptr<char[]>> text_;
  std::size_t text_used_ = text_chunk_bytes;
  std::vector<std::uint32_t> loading_;  ///< Tags of loaded records by slot, until they are indexed.

  // Only with a scratch file. Without one, a record's place has its slot's number.
  std::unique_ptr<ScratchPages> scratch_;
  std::string scratch_error_;
  Large<std::uint32_t> place_of_;           ///< By slot; nowhere: it is free.
  Large<std::uint32_t> notes_;              ///< By slot: of records in the scratch file; of free slots 0.
  Large<std::uint32_t> slot_of_;            ///< By place in memory; nowhere: it is free.
  std::vector<std::uint8_t> touched_;       ///< By place in memory: how often, lately.
  std::vector<std::uint32_t> free_places_;  ///< Those of them that are below places_end_ and still free.
  std::uint32_t hand_ = 0;                  ///< Where the search for a victim goes on.
  std::vector<std::byte> moving_;           ///< An entry on its way.
  std::vector<ScratchPages::Place> ahead_;

  std::set<std::string, std::less<>> erased_;  ///< Since the last freeze, and not made anew.
  bool replaces_erased_ = false;               ///< One was made anew.
  Bits changed_;
  Bits frozen_;  ///< Still to be copied.
  std::uint32_t changed_count_ = 0;
  std::uint32_t frozen_count_ = 0;
  std::size_t next_frozen_word_ = 0;
  CheckpointData* into_ = nullptr;  ///< Set while a freeze is under way.
};

}  // namespace holdfast::state
