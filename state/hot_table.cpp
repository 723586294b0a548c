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

std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }

}  // namespace

HotTable::HotTable(std::uint32_t record_size, TableMemory memory)
    : record_size_(record_size), entry_size_((record_at + record_size + 7) / 8 * 8), memory_(std::move(memory)) {
  grow_index(index_entries_min);
}

std::optional<Slot> HotTable::find(const CustomerKey& key) const {
  const IndexEntry& found = index_[probe(key)];
  if (found.slot == nowhere) return std::nullopt;
  return Slot{found.slot};
}

std::pair<Slot, bool> HotTable::find_or_insert(const CustomerKey& key) {
  const std::size_t at = probe(key);
  if (index_[at].slot != nowhere) {
    const Slot slot{index_[at].slot};
    if (scratch_ != nullptr) touch(slot);
    return {slot, false};
  }
  if (!erased_.empty()) {
    if (const auto it = erased_.find(key.id); it != erased_.end()) {
      erased_.erase(it);
      replaces_erased_ = true;
    }
  }
  return {add(key, at), true};
}

std::byte* HotTable::modify(Slot slot) {
  copy_out_if_frozen(slot.value);
  if (scratch_ != nullptr && is_cold(slot)) make_writable(slot);
  note_change(slot);
  return entry(slot) + record_at;
}

void HotTable::erase(Slot slot) {
  copy_out_if_frozen(slot.value);
  note_unchanged(slot);
  const CustomerKey customer = key(slot);
  erased_.emplace(customer.id);
  unindex(slot, customer.hash);
  if (customer.id.size() > inline_id_max) std::memset(const_cast<char*>(customer.id.data()), 0, customer.id.size());
  free_slots_.push_back(slot.value);
  if (scratch_ != nullptr) return give_up_place(slot);
  std::memset(entry(slot), 0, entry_size_);
}

CustomerKey HotTable::key(Slot slot) const { return make_customer_key(id(slot)); }

// The index has the hash, wherever the record lies.
void HotTable::for_each_hash(const HashVisitor& visit) const {
  constexpr std::size_t ahead = 16;
  for (std::size_t i = 0; i < index_.size(); ++i) {
    if (i + ahead < index_.size() && index_[i + ahead].slot != nowhere) {
      const Slot soon{index_[i + ahead].slot};
      const bool in_record = scratch_ == nullptr || is_in_memory(soon);
      __builtin_prefetch(in_record ? static_cast<const void*>(entry(soon)) : &notes_[soon.value], 1);
    }
    if (index_[i].slot != nowhere) visit(Slot{index_[i].slot}, index_[i].tag);
  }
}

void HotTable::prefetch_index(std::uint64_t hash) const { __builtin_prefetch(&index_[hash & index_mask_]); }

// Of the first entry that may be the one: the others are rare, and a wrong guess costs nothing but the request.
void HotTable::prefetch_record(std::uint64_t hash) const {
  const std::uint32_t slot = index_[hash & index_mask_].slot;
  if (slot == nowhere) return;
  prefetch(Slot{slot});
}

void HotTable::prefetch(Slot slot) const {
  if (scratch_ != nullptr && !is_in_memory(slot)) return;
  const std::byte* const at = entry(slot);
  for (std::size_t line = 0; line < entry_size_; line += cache_line_bytes) __builtin_prefetch(at + line, 1);
}

void HotTable::expect(std::span<const Event> events) {
  shrink(events.size());
  if (cold_records() == 0) return;
  constexpr std::size_t ahead = 16;
  ahead_.clear();
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i + ahead < events.size()) prefetch_index(events[i + ahead].customer.hash);
    if (events[i].rejection != nullptr) continue;
    expect_hash(events[i].customer.hash);
  }
  scratch_->read_ahead(ahead_);
}

// Of the first entry that may be the one.
void HotTable::expect_hash(std::uint64_t hash) {
  std::size_t at = hash & index_mask_;
  while (index_[at].slot != nowhere && index_[at].tag != tag_of(hash)) at = (at + 1) & index_mask_;
  if (index_[at].slot != nowhere) expect_place(place_of_[index_[at].slot]);
}

// A thousand at a time: so many stay in the system's memory until their turn comes.
void HotTable::expect_behind(const CheckpointData::Entry& entry, const CheckpointData& data) {
  constexpr std::size_t at_once = 1024;
  const auto index = static_cast<std::size_t>(&entry - data.entries.data());
  if (cold_records() == 0 || index % at_once != 0) return;
  ahead_.clear();
  for (const auto& e : std::span(data.entries).subspan(index, std::min(at_once, data.entries.size() - index)))
    expect_hash(make_customer_key(data.id(e)).hash);
  scratch_->read_ahead(ahead_);
}

void HotTable::expect(std::span<const Slot> slots) {
  if (cold_records() == 0) return;
  ahead_.clear();
  for (const Slot slot : slots) expect_place(place_of_[slot.value]);
  scratch_->read_ahead(ahead_);
}

void HotTable::load(std::string_view id, std::string_view record) {
  assert(free_slots_.empty());
  loading_.push_back(tag_of(make_customer_key(id).hash));
  const Slot slot = new_slot();
  std::byte* const at = place_loaded(slot);
  write_id(at, id);
  std::memcpy(at + record_at, record.data(), std::min<std::size_t>(record.size(), record_size_));
  if (at == moving_.data()) put_away(slot, at);
}

void HotTable::finish_loading() {
  std::size_t entries = index_.size();
  while (too_full(size(), entries)) entries *= 2;
  grow_index(entries);
  constexpr std::size_t ahead = 16;
  const std::size_t first = slots_end_ - loading_.size();
  for (std::size_t i = 0; i < loading_.size(); ++i) {
    if (i + ahead < loading_.size()) __builtin_prefetch(&index_[loading_[i + ahead] & index_mask_], 1);
    put_in_index(static_cast<std::uint32_t>(first + i), loading_[i]);
  }
  loading_ = {};
  shrink(places_end_);
}

void HotTable::mark_all_changed() {
  for (Slot slot{0}; slot.value < slots_end_; ++slot.value) {
    if (is_used(slot)) note_change(slot);
  }
}

void HotTable::mark_changed(const CheckpointData& data) {
  replaces_erased_ = replaces_erased_ || data.replaces_erased;
  for (const auto& e : data.entries) {
    expect_behind(e, data);
    if (const auto slot = find(make_customer_key(data.id(e)))) {
      note_change(*slot);
    } else {
      erased_.emplace(data.id(e));
    }
  }
}

void HotTable::mark_unchanged(const CheckpointData& data) {
  for (const auto& e : data.entries) {
    expect_behind(e, data);
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
      note_change(*slot);
    } else {
      note_unchanged(*slot);
    }
  }
}

void HotTable::freeze(CheckpointData& into) {
  assert(into_ == nullptr);
  std::swap(changed_, frozen_);
  changed_.assign(frozen_.size(), 0);
  if (scratch_ != nullptr) scratch_->begin_visit();
  into_ = &into;
  into.record_size = record_size_;
  into.bytes.clear();
  into.entries.clear();
  into.entries.reserve(changed_count_);
  into.bytes.reserve(std::size_t{changed_count_} * (record_size_ + inline_id_max));
  for (const std::string& id : erased_) into.add_erased(id);
  erased_.clear();
  into.replaces_erased = std::exchange(replaces_erased_, false);
  frozen_count_ = std::exchange(changed_count_, 0);
  next_frozen_word_ = 0;
}

bool HotTable::copy_frozen(std::size_t records_max) {
  if (into_ == nullptr) return true;
  std::size_t copied = 0;
  for (; next_frozen_word_ < frozen_.size(); ++next_frozen_word_) {
    for (std::uint64_t left = frozen_[next_frozen_word_]; left != 0; left &= left - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(left));
      const auto slot = static_cast<std::uint32_t>(next_frozen_word_ * bits_per_word) + bit;
      if (scratch_ != nullptr && is_cold(Slot{slot})) continue;  // Later, page by page.
      if (copied == records_max) return false;
      copy_out(slot);
      ++copied;
    }
  }
  if (frozen_count_ > 0) copy_frozen_of_scratch(records_max - copied);
  if (frozen_count_ > 0) return false;
  into_ = nullptr;
  return true;
}

std::size_t HotTable::memory_bytes() const {
  const std::size_t pages = (places_end_ * entry_size_ + huge_page_bytes - 1) / huge_page_bytes;
  std::size_t places = 0;
  if (scratch_ != nullptr)
    places = (place_of_.capacity() + notes_.capacity() + slot_of_.capacity()) * sizeof(std::uint32_t) +
             touched_.capacity() + scratch_->memory_bytes();
  return pages * huge_page_bytes + index_.capacity() * sizeof(IndexEntry) + text_.size() * text_chunk_bytes +
         (changed_.capacity() + frozen_.capacity()) * sizeof(std::uint64_t) + places;
}

std::string_view HotTable::id_in(const std::byte* at) {
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
  place_new(slot);
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
    changed_.resize((slot.value + chunk_records) / bits_per_word);
    frozen_.resize(changed_.size());
  }
  return slot;
}

// Closes the gap in the index: an entry behind it moves there, unless its search begins behind the gap.
void HotTable::unindex(Slot slot, std::uint64_t hash) {
  std::size_t gap = hash & index_mask_;
  while (index_[gap].slot != slot.value) gap = (gap + 1) & index_mask_;
  for (std::size_t at = (gap + 1) & index_mask_; index_[at].slot != nowhere; at = (at + 1) & index_mask_) {
    const std::size_t home = index_[at].tag & index_mask_;
    if (((at - home) & index_mask_) < ((at - gap) & index_mask_)) continue;
    index_[gap] = index_[at];
    gap = at;
  }
  index_[gap] = {nowhere, 0};
}

// The entries say themselves where they go: no record is looked at.
void HotTable::grow_index(std::size_t entries) {
  Large<IndexEntry> before(entries, IndexEntry{nowhere, 0});
  index_.swap(before);
  index_mask_ = entries - 1;
  for (const IndexEntry& moved : before) {
    if (moved.slot != nowhere) put_in_index(moved.slot, moved.tag);
  }
}

void HotTable::put_in_index(std::uint32_t slot, std::uint32_t tag) {
  std::size_t at = tag & index_mask_;
  while (index_[at].slot != nowhere) at = (at + 1) & index_mask_;
  index_[at] = {slot, tag};
}

void HotTable::note_change(Slot slot) {
  const std::size_t word = slot.value / bits_per_word;
  const std::uint64_t bit = std::uint64_t{1} << (slot.value % bits_per_word);
  changed_count_ += (changed_[word] & bit) == 0 ? 1 : 0;
  changed_[word] |= bit;
  if (scratch_ != nullptr && is_cold(slot)) scratch_->mark(place_of_[slot.value] & ~cold_bit);
}

void HotTable::note_unchanged(Slot slot) {
  const std::size_t word = slot.value / bits_per_word;
  const std::uint64_t bit = std::uint64_t{1} << (slot.value % bits_per_word);
  changed_count_ -= (changed_[word] & bit) != 0 ? 1 : 0;
  changed_[word] &= ~bit;
}

bool HotTable::is_changed(Slot slot) const {
  return (changed_[slot.value / bits_per_word] >> (slot.value % bits_per_word) & 1) != 0;
}

bool HotTable::is_frozen(std::uint32_t slot) const {
  return into_ != nullptr && (frozen_[slot / bits_per_word] >> (slot % bits_per_word) & 1) != 0;
}

void HotTable::copy_out_if_frozen(std::uint32_t slot) {
  if (is_frozen(slot)) copy_out(slot);
}

void HotTable::copy_out(std::uint32_t slot) {
  frozen_[slot / bits_per_word] &= ~(std::uint64_t{1} << (slot % bits_per_word));
  --frozen_count_;
  into_->add(id(Slot{slot}), {reinterpret_cast<const char*>(read(Slot{slot})), record_size_});
}

}  // namespace holdfast::state
