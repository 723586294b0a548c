#include "state/hot_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

#include "domain/short_text.hpp"

namespace holdfast::state {
namespace {

constexpr std::size_t index_entries_min = 1024;
constexpr std::size_t bits_per_word = 64;
constexpr std::size_t cache_line_bytes = 64;

/// Above three quarters full the index doubles.
bool too_full(std::size_t records, std::size_t entries) { return records * 4 >= entries * 3; }

std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

}  // namespace

HotTable::HotTable(std::uint32_t record_size)
    : record_size_(record_size), entry_size_((record_at + record_size + 7) / 8 * 8) {
  grow_index(index_entries_min);
}

std::optional<Slot> HotTable::find(const CustomerKey& key) const {
  const IndexEntry& found = index_[probe(key)];
  if (found.slot == nowhere) return std::nullopt;
  return Slot{found.slot};
}

std::pair<Slot, bool> HotTable::find_or_insert(const CustomerKey& key) {
  const std::size_t at = probe(key);
  if (index_[at].slot != nowhere) return {Slot{index_[at].slot}, false};
  if (!erased_.empty()) {
    if (const auto it = erased_.find(key.id); it != erased_.end()) {
      erased_.erase(it);
      replaces_erased_ = true;
    }
  }
  return {add(key, at), true};
}

std::byte* HotTable::modify(Slot slot) {
  const std::size_t word = slot.value / bits_per_word;
  const std::uint64_t bit = std::uint64_t{1} << (slot.value % bits_per_word);
  if (into_ != nullptr && (frozen_[word] & bit) != 0) copy_out(slot.value);
  changed_count_ += (changed_[word] & bit) == 0 ? 1 : 0;
  changed_[word] |= bit;
  return entry(slot) + record_at;
}

void HotTable::erase(Slot slot) {
  const std::size_t word = slot.value / bits_per_word;
  const std::uint64_t bit = std::uint64_t{1} << (slot.value % bits_per_word);
  if (into_ != nullptr && (frozen_[word] & bit) != 0) copy_out(slot.value);
  changed_count_ -= (changed_[word] & bit) != 0 ? 1 : 0;
  changed_[word] &= ~bit;
  erased_.emplace(id(slot));
  remove(slot);
}

CustomerKey HotTable::key(Slot slot) const { return make_customer_key(id(slot)); }

void HotTable::prefetch_index(std::uint64_t hash) const { __builtin_prefetch(&index_[hash & index_mask_]); }

// Of the first entry that may be the one: the others are rare, and a wrong guess costs nothing but the request.
void HotTable::prefetch_record(std::uint64_t hash) const {
  const std::uint32_t slot = index_[hash & index_mask_].slot;
  if (slot == nowhere) return;
  prefetch(Slot{slot});
}

void HotTable::prefetch(Slot slot) const {
  const std::byte* const at = entry(slot);
  for (std::size_t line = 0; line < entry_size_; line += cache_line_bytes) __builtin_prefetch(at + line, 1);
}

void HotTable::load(std::string_view id, std::string_view record) {
  const Slot slot = new_slot();
  write_id(entry(slot), id);
  std::memcpy(entry(slot) + record_at, record.data(), std::min<std::size_t>(record.size(), record_size_));
}

void HotTable::finish_loading() {
  std::size_t entries = index_.size();
  while (too_full(size(), entries)) entries *= 2;
  grow_index(entries);
}

void HotTable::mark_all_changed() {
  for (Slot slot{0}; slot.value < slots_end_; ++slot.value) {
    if (is_used(slot)) (void)modify(slot);
  }
}

void HotTable::mark_changed(const CheckpointData& data) {
  replaces_erased_ = replaces_erased_ || data.replaces_erased;
  for (const auto& e : data.entries) {
    if (const auto slot = find(make_customer_key(data.id(e)))) {
      (void)modify(*slot);
    } else {
      erased_.emplace(data.id(e));
    }
  }
}

void HotTable::mark_unchanged(const CheckpointData& data) {
  for (const auto& e : data.entries) {
    const auto slot = find(make_customer_key(data.id(e)));
    if (!slot) {
      if (!e.erased) {
        erased_.emplace(data.id(e));
      } else if (const auto it = erased_.find(data.id(e)); it != erased_.end()) {
        erased_.erase(it);
      }
      continue;
    }
    if (e.erased || std::memcmp(read(*slot), data.record(e).data(), record_size_) != 0) {
      (void)modify(*slot);
      continue;
    }
    const std::size_t word = slot->value / bits_per_word;
    const std::uint64_t bit = std::uint64_t{1} << (slot->value % bits_per_word);
    changed_count_ -= (changed_[word] & bit) != 0 ? 1 : 0;
    changed_[word] &= ~bit;
  }
}

void HotTable::freeze(CheckpointData& into) {
  assert(into_ == nullptr);
  std::swap(changed_, frozen_);
  changed_.assign(frozen_.size(), 0);
  into_ = &into;
  into.record_size = record_size_;
  into.bytes.clear();
  into.entries.clear();
  into.entries.reserve(changed_count_);
  into.bytes.reserve(std::size_t{changed_count_} * (record_size_ + inline_id_max));
  for (const std::string& id : erased_) into.add_erased(id);
  erased_.clear();
  into.replaces_erased = std::exchange(replaces_erased_, false);
  changed_count_ = 0;
  next_frozen_word_ = 0;
}

bool HotTable::copy_frozen(std::size_t records_max) {
  if (into_ == nullptr) return true;
  std::size_t copied = 0;
  for (; next_frozen_word_ < frozen_.size(); ++next_frozen_word_) {
    while (frozen_[next_frozen_word_] != 0) {
      if (copied == records_max) return false;
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(frozen_[next_frozen_word_]));
      copy_out(static_cast<std::uint32_t>(next_frozen_word_ * bits_per_word) + bit);
      ++copied;
    }
  }
  into_ = nullptr;
  return true;
}

std::size_t HotTable::memory_bytes() const {
  const std::size_t pages = (slots_end_ * entry_size_ + huge_page_bytes - 1) / huge_page_bytes;
  return pages * huge_page_bytes + index_.capacity() * sizeof(IndexEntry) + text_.size() * text_chunk_bytes +
         (changed_.capacity() + frozen_.capacity()) * sizeof(std::uint64_t);
}

std::string_view HotTable::id(Slot slot) const {
  const std::byte* const at = entry(slot);
  const auto length = static_cast<std::uint8_t>(at[0]);
  if (length != long_id) return {reinterpret_cast<const char*>(at + 1), length};
  std::uint32_t size = 0;
  const char* text = nullptr;
  std::memcpy(&size, at + 4, sizeof size);
  std::memcpy(static_cast<void*>(&text), at + 8, sizeof text);
  return {text, size};
}

void HotTable::write_id(std::byte* at, std::string_view id) {
  if (id.size() <= inline_id_max) {
    at[0] = static_cast<std::byte>(id.size());
    std::memcpy(at + 1, id.data(), id.size());
    return;
  }
  assert(id.size() <= text_chunk_bytes);
  if (text_used_ + id.size() > text_chunk_bytes) {
    text_.push_back(std::make_unique_for_overwrite<char[]>(text_chunk_bytes));
    text_used_ = 0;
  }
  char* const text = text_.back().get() + text_used_;
  std::memcpy(text, id.data(), id.size());
  text_used_ += id.size();
  const auto size = static_cast<std::uint32_t>(id.size());
  at[0] = static_cast<std::byte>(long_id);
  std::memcpy(at + 4, &size, sizeof size);
  std::memcpy(at + 8, static_cast<const void*>(&text), sizeof text);
}

/// Where the key's index entry is, or where it would go.
std::size_t HotTable::probe(const CustomerKey& key) const {
  const std::uint32_t tag = tag_of(key.hash);
  for (std::size_t at = key.hash & index_mask_;; at = (at + 1) & index_mask_) {
    const IndexEntry& candidate = index_[at];
    if (candidate.slot == nowhere) return at;
    if (candidate.tag == tag && equal_short(id(Slot{candidate.slot}), key.id)) return at;
  }
}

Slot HotTable::add(const CustomerKey& key, std::size_t at) {
  if (too_full(size() + std::size_t{1}, index_.size())) {
    grow_index(index_.size() * 2);
    at = probe(key);
  }
  const Slot slot = new_slot();
  write_id(entry(slot), key.id);
  index_[at] = {slot.value, tag_of(key.hash)};
  return slot;
}

Slot HotTable::new_slot() {
  if (!free_slots_.empty()) {
    const Slot slot{free_slots_.back()};
    free_slots_.pop_back();
    return slot;
  }
  const Slot slot{slots_end_++};
  if (slot.value % chunk_records == 0) {
    const std::size_t bytes = chunk_records * entry_size_;
    chunks_.emplace_back(static_cast<std::byte*>(map_huge_pages(bytes)), UnmapChunk{bytes});
    changed_.resize(chunks_.size() * chunk_records / bits_per_word);
    frozen_.resize(changed_.size());
  }
  return slot;
}

// Closes the gap in the index: an entry behind it moves there, unless its search begins behind the gap.
void HotTable::remove(Slot slot) {
  std::size_t gap = probe(key(slot));
  for (std::size_t at = (gap + 1) & index_mask_; index_[at].slot != nowhere; at = (at + 1) & index_mask_) {
    const std::size_t home = key(Slot{index_[at].slot}).hash & index_mask_;
    if (((at - home) & index_mask_) < ((at - gap) & index_mask_)) continue;
    index_[gap] = index_[at];
    gap = at;
  }
  index_[gap] = {nowhere, 0};

  const std::string_view text = id(slot);
  if (text.size() > inline_id_max) std::memset(const_cast<char*>(text.data()), 0, text.size());
  std::memset(entry(slot), 0, entry_size_);
  free_slots_.push_back(slot.value);
}

// Hashes are not kept: the ids are hashed again, once for each doubling. Where an entry goes is asked for a while
// before it is looked at.
void HotTable::grow_index(std::size_t entries) {
  index_.assign(entries, IndexEntry{nowhere, 0});
  index_.shrink_to_fit();
  index_mask_ = entries - 1;
  constexpr std::uint32_t ahead = 16;
  std::array<std::uint64_t, ahead> hashes{};
  for (std::uint32_t i = 0; i < slots_end_ + ahead; ++i) {
    std::uint64_t& hash = hashes[i % ahead];
    if (i >= ahead && is_used(Slot{i - ahead})) {
      std::size_t at = hash & index_mask_;
      while (index_[at].slot != nowhere) at = (at + 1) & index_mask_;
      index_[at] = {i - ahead, tag_of(hash)};
    }
    if (i < slots_end_ && is_used(Slot{i})) {
      hash = key(Slot{i}).hash;
      __builtin_prefetch(&index_[hash & index_mask_], 1);
    }
  }
}

void HotTable::copy_out(std::uint32_t slot) {
  frozen_[slot / bits_per_word] &= ~(std::uint64_t{1} << (slot % bits_per_word));
  into_->add(id(Slot{slot}), {reinterpret_cast<const char*>(read(Slot{slot})), record_size_});
}

}  // namespace holdfast::state
