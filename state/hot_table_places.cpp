// Where the records of a HotTable lie, once there are more of them than its memory is for.

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "state/hot_table.hpp"

namespace holdfast::state {
namespace {

// What each customer takes in memory wherever its record lies, index and long ids apart: its place, its note, two bits,
// and eight bytes of a timer, which the engine has.
constexpr std::uint64_t bytes_a_customer = 4 + 4 + 1 + 8;
// What each record takes in memory besides itself.
constexpr std::uint64_t bytes_a_place = 4 + 1;

/// Records that a new customer drives out of memory at most, where more than one is to go.
constexpr std::size_t shrunk_at_once = 64;

/// Touches that are remembered: each lets the hand pass once. A record that was just brought in has none.
constexpr std::uint8_t touches_max = 3;

/// Room for what is added one by one: an eighth more each time, not twice as much.
template <class Vector>
void grow_slowly(Vector& vector, std::size_t size, std::size_t step) {
  if (size > vector.capacity()) vector.reserve(std::max(vector.capacity() + vector.capacity() / 8, size + step));
}

}  // namespace

std::byte* HotTable::placed_entry(std::uint32_t place) const {
  // Of a page that was written, nobody writes to what comes of this.
  if (is_cold_place(place)) return const_cast<std::byte*>(scratch_->at(place & ~cold_bit));
  return memory_entry(place);
}

// How many records memory is for, now that there are so many customers.
std::uint64_t HotTable::records_max() const {
  std::uint64_t others = index_.capacity() * sizeof(IndexEntry) + text_.size() * text_chunk_bytes +
                         std::uint64_t{slots_end_} * bytes_a_customer;
  if (scratch_ != nullptr) others += scratch_->memory_bytes();
  if (others >= memory_.bytes_max) return memory_.records_min;
  return std::max<std::uint64_t>(memory_.records_min, (memory_.bytes_max - others) / (entry_size_ + bytes_a_place));
}

// Where there was none, it is looked for again with each chunk that memory has grown by since.
bool HotTable::has_scratch_room() {
  if (!scratch_error_.empty() && places_end_ % chunk_records != 0) return false;
  if (scratch_ == nullptr) {
    auto made = ScratchPages::make(memory_.scratch, entry_size_, memory_.pages_at_once);
    if (!made) {
      scratch_error_ = made.error().message;
      return false;
    }
    begin_scratch(std::move(*made));
  }
  const Status room = scratch_->make_room();
  scratch_error_ = room ? std::string() : room.error().message;
  return room.has_value();
}

// From here on a record may lie elsewhere than its slot says.
void HotTable::begin_scratch(std::unique_ptr<ScratchPages> scratch) {
  moving_.resize(entry_size_);
  place_of_.resize(places_end_);
  slot_of_.resize(places_end_);
  notes_.resize(places_end_);
  touched_.resize(places_end_);
  for (std::uint32_t place = 0; place < places_end_; ++place) {
    const bool used = memory_entry(place)[0] != std::byte{0};
    place_of_[place] = used ? place : nowhere;
    slot_of_[place] = used ? place : nowhere;
    if (!used) free_places_.push_back(place);
  }
  scratch_ = std::move(scratch);
}

// The place of a new customer, all zero.
void HotTable::place_new(Slot slot) {
  if (scratch_ == nullptr) {
    if (slot.value < places_end_) return;
    if (places_end_ < records_max() || !has_scratch_room()) {
      add_place();
      return;
    }
  }
  shrink(shrunk_at_once);
  const std::uint32_t place = take_place();
  std::memset(memory_entry(place), 0, entry_size_);
  put_in_memory(slot, place);
}

// The same of a loaded one: who finds no room in memory is to be put away, and drives nobody out.
std::byte* HotTable::place_loaded(Slot slot) {
  if (places_end_ < records_max() || !has_scratch_room()) {
    place_new(slot);
    return entry(slot);
  }
  std::ranges::fill(moving_, std::byte{0});
  const std::uint32_t number = slot.value;
  if (place_of_.size() <= number) put_in_memory(slot, nowhere);
  std::memcpy(moving_.data() + note_at, &number, sizeof number);
  return moving_.data();
}

void HotTable::give_up_place(Slot slot) {
  const std::uint32_t place = std::exchange(place_of_[slot.value], nowhere);
  notes_[slot.value] = 0;
  if (is_cold_place(place)) {
    scratch_->overwrite(place & ~cold_bit);
    leave(place);
    return;
  }
  std::memset(memory_entry(place), 0, entry_size_);
  slot_of_[place] = nowhere;
  free_places_.push_back(place);
}

void HotTable::touch(Slot slot) {
  const std::uint32_t place = place_of_[slot.value];
  if (is_cold_place(place)) return bring_in(slot);
  if (touched_[place] < touches_max) ++touched_[place];
}

void HotTable::bring_in(Slot slot) {
  copy_out_if_frozen(slot.value);
  const std::uint32_t from = std::exchange(place_of_[slot.value], nowhere);
  std::memcpy(moving_.data(), placed_entry(from), entry_size_);
  leave(from);
  const std::uint32_t place = take_place();
  std::memcpy(memory_entry(place), moving_.data(), entry_size_);
  note_in(memory_entry(place)) = notes_[slot.value];
  put_in_memory(slot, place);
}

// A record that is written to without an event is still one that no event touches: it stays in the scratch file, in a
// page that is being filled.
void HotTable::make_writable(Slot slot) {
  const std::uint32_t from = place_of_[slot.value];
  if (scratch_->in_memory(from & ~cold_bit) != nullptr) return;
  if (!has_scratch_room()) return bring_in(slot);
  std::memcpy(moving_.data(), placed_entry(from), entry_size_);
  place_of_[slot.value] = nowhere;
  leave(from);
  put_away(slot, moving_.data());
}

// ---------------------------------------------------------------------------------------------------------------------

std::uint32_t HotTable::take_place() {
  while (!free_places_.empty()) {
    const std::uint32_t place = free_places_.back();
    free_places_.pop_back();
    if (place < places_end_ && slot_of_[place] == nowhere) return place;
  }
  if (places_end_ < records_max() || !has_scratch_room()) return add_place();
  const std::uint32_t place = choose_victim();
  evict(place);
  return place;
}

std::uint32_t HotTable::add_place() {
  const std::uint32_t place = places_end_++;
  assert(place < cold_bit);
  if (place / chunk_records == chunks_.size()) {
    const std::size_t bytes = chunk_records * entry_size_;
    chunks_.emplace_back(static_cast<std::byte*>(map_huge_pages(bytes)), UnmapChunk{bytes});
  }
  if (scratch_ != nullptr) {
    grow_slowly(slot_of_, places_end_, chunk_records);
    grow_slowly(touched_, places_end_, chunk_records);
    slot_of_.push_back(nowhere);
    touched_.push_back(0);
  }
  return place;
}

std::uint32_t HotTable::choose_victim() {
  while (true) {
    if (hand_ >= places_end_) hand_ = 0;
    const std::uint32_t place = hand_++;
    if (slot_of_[place] == nowhere) continue;
    if (touched_[place] == 0) return place;
    --touched_[place];
  }
}

// REQUIRES: the scratch file has room.
void HotTable::evict(std::uint32_t place) {
  const Slot slot{std::exchange(slot_of_[place], nowhere)};
  notes_[slot.value] = std::exchange(note_in(memory_entry(place)), slot.value);
  put_away(slot, memory_entry(place));
}

void HotTable::put_in_memory(Slot slot, std::uint32_t place) {
  if (slot.value >= place_of_.size()) {
    grow_slowly(place_of_, slot.value + 1, chunk_records);
    grow_slowly(notes_, slot.value + 1, chunk_records);
    place_of_.resize(slot.value + 1, nowhere);
    notes_.resize(slot.value + 1);
  }
  place_of_[slot.value] = place;
  if (place == nowhere) return;
  slot_of_[place] = slot.value;
  touched_[place] = 0;
}

// REQUIRES: the scratch file has room; the entry has its slot in place of the note.
void HotTable::put_away(Slot slot, const std::byte* at) {
  copy_out_if_frozen(slot.value);
  const ScratchPages::Place place = scratch_->add({at, entry_size_});
  place_of_[slot.value] = place | cold_bit;
  if (is_changed(slot)) scratch_->mark(place);
}

// Nothing lies there any more. What is left of a page that is mostly of no use is added anew: the page is at hand.
void HotTable::leave(std::uint32_t place) {
  const ScratchPages::Place left = place & ~cold_bit;
  if (!scratch_->drop(left) || !has_scratch_room()) return;
  for (const ScratchPages::Place beside : scratch_->places_beside(left)) {
    if (const auto slot = slot_at(beside)) put_away(Slot{*slot}, scratch_->at(beside));
  }
  scratch_->free_page_of(left);
}

// With the customers grows what all of them take, and the records in memory become fewer; so they do when the table's
// share becomes less. Not all at once: nobody is to wait for long.
void HotTable::shrink(std::size_t at_most) {
  const std::uint32_t before = places_end_;
  for (std::size_t i = 0; i < at_most && places_end_ > records_max() && has_scratch_room(); ++i) {
    if (slot_of_[places_end_ - 1] != nowhere) evict(places_end_ - 1);
    slot_of_.pop_back();
    touched_.pop_back();
    --places_end_;
  }
  const auto huge_pages = [this](std::size_t places) {
    return (places * entry_size_ + huge_page_bytes - 1) / huge_page_bytes;
  };
  if (huge_pages(before) == huge_pages(places_end_)) return;
  const std::size_t last = places_end_ / chunk_records;
  chunks_.resize(std::min(chunks_.size(), last + 1));
  if (last < chunks_.size())
    drop_huge_pages(chunks_[last].get(), chunk_records * entry_size_, places_end_ % chunk_records * entry_size_);
}

// No value: the entry is of no use.
std::optional<std::uint32_t> HotTable::slot_at(ScratchPages::Place place) const {
  std::uint32_t slot = 0;
  std::memcpy(&slot, scratch_->at(place) + note_at, sizeof slot);
  if (slot >= place_of_.size() || place_of_[slot] != (place | cold_bit)) return std::nullopt;
  return slot;
}

// REQUIRES: none is left that lies in memory.
void HotTable::copy_frozen_of_scratch(std::size_t records_max) {
  for (std::size_t copied = 0; frozen_count_ > 0 && copied < records_max;) {
    for (const ScratchPages::Place place : scratch_->places_beside(scratch_->next_to_visit())) {
      const auto slot = slot_at(place);
      if (!slot || !is_frozen(*slot)) continue;
      copy_out(*slot);
      ++copied;
    }
  }
}

}  // namespace holdfast::state
