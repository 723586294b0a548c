#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/ports.hpp"
#include "state/huge_pages.hpp"

namespace holdfast::state {

/// One task's customers in memory: a slab of fixed-size records, each with its id, and an open-addressing index over it
/// (linear probing, 8 bytes an entry). Records never move, so that timers and the sets of changed records address a
/// customer by the four bytes of its slot; the slots of erased ones are given out again first. No id is empty. Used by
/// one thread.
class HotTable final : public RecordTable {
 public:
  explicit HotTable(std::uint32_t record_size);

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
  [[nodiscard]] bool is_used(Slot slot) const override { return entry(slot)[0] != std::byte{0}; }
  [[nodiscard]] std::uint32_t& note(Slot slot) override {
    return *reinterpret_cast<std::uint32_t*>(entry(slot) + note_at);
  }
  void prefetch_index(std::uint64_t hash) const override;
  void prefetch_record(std::uint64_t hash) const override;
  void prefetch(Slot slot) const override;

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
  /// Copies up to `records_max` of the frozen records. True: all are copied, the freeze is over.
  [[nodiscard]] bool copy_frozen(std::size_t records_max);

  /// All memory, index and sets included.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // Before each record: its id of up to 19 bytes, the length first (of a longer one the place in text_), and its note.
  static constexpr std::size_t note_at = 20;
  static constexpr std::size_t record_at = 24;
  static constexpr std::size_t inline_id_max = note_at - 1;
  static constexpr std::uint8_t long_id = 0xff;  ///< In place of a length; 0: the slot is free, for no id is empty.
  static constexpr std::size_t chunk_records = 1 << 16;
  static constexpr std::size_t text_chunk_bytes = 1 << 16;

  struct IndexEntry {
    std::uint32_t slot;  ///< nowhere: empty.
    std::uint32_t tag;   ///< The hash's upper half: most mismatches are seen without a look at the record.
  };
  static constexpr std::uint32_t nowhere = 0xffff'ffff;

  using Bits = std::vector<std::uint64_t>;
  struct UnmapChunk {
    std::size_t bytes;
    void operator()(std::byte* chunk) const { unmap_huge_pages(chunk, bytes); }
  };
  using Chunk = std::unique_ptr<std::byte[], UnmapChunk>;

  [[nodiscard]] std::byte* entry(Slot slot) const {
    return chunks_[slot.value / chunk_records].get() + (slot.value % chunk_records) * entry_size_;
  }
  [[nodiscard]] std::string_view id(Slot slot) const;
  void write_id(std::byte* at, std::string_view id);
  [[nodiscard]] std::size_t probe(const CustomerKey& key) const;
  Slot add(const CustomerKey& key, std::size_t at);
  Slot new_slot();
  void remove(Slot slot);
  void grow_index(std::size_t entries);
  void copy_out(std::uint32_t slot);

  const std::uint32_t record_size_;
  const std::size_t entry_size_;
  std::uint32_t slots_end_ = 0;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Chunk> chunks_;
  std::vector<IndexEntry, HugePageAllocator<IndexEntry>> index_;
  std::size_t index_mask_ = 0;
  std::vector<std::unique_ptr<char[]>> text_;
  std::size_t text_used_ = text_chunk_bytes;

  std::set<std::string, std::less<>> erased_;  ///< Since the last freeze, and not made anew.
  bool replaces_erased_ = false;               ///< One was made anew.
  Bits changed_;
  Bits frozen_;  ///< Still to be copied.
  std::uint32_t changed_count_ = 0;
  std::size_t next_frozen_word_ = 0;
  CheckpointData* into_ = nullptr;  ///< Set while a freeze is under way.
};

}  // namespace holdfast::state
