#include "engine/timers.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::engine {
namespace {

constexpr std::size_t arity = 4;

}  // namespace

void Timers::set(Slot slot, Timestamp due) {
  if (slot.value >= where_.size()) {
    if (due == after_all_time) return;
    where_.resize(std::max<std::size_t>(slot.value + 1, where_.size() + where_.size() / 2), nowhere);
  }
  const std::uint32_t at = where_[slot.value];
  if (due == after_all_time) {
    if (at != nowhere) remove(at);
    return;
  }
  const Entry entry{due.ms, slot.value};
  if (at == nowhere) {
    heap_.push_back(entry);
    sift_up(heap_.size() - 1, entry);
  } else if (due.ms < heap_[at].due_ms) {
    sift_up(at, entry);
  } else {
    sift_down(at, entry);
  }
}

std::optional<Timers::Due> Timers::first_due(Timestamp t) const {
  if (heap_.empty() || t.ms < heap_.front().due_ms) return std::nullopt;
  return Due{Slot{heap_.front().slot}, Timestamp{heap_.front().due_ms}};
}

void Timers::assign(std::span<const Due> timers) {
  std::uint32_t slots = 0;
  heap_.reserve(timers.size());
  for (const Due& timer : timers) {
    heap_.push_back({timer.at.ms, timer.slot.value});
    slots = std::max(slots, timer.slot.value + 1);
  }
  // A sorted array is a heap.
  std::sort(heap_.begin(), heap_.end(), [this](const Entry& a, const Entry& b) { return before(a, b); });
  where_.assign(slots, nowhere);
  for (std::size_t at = 0; at < heap_.size(); ++at) where_[heap_[at].slot] = static_cast<std::uint32_t>(at);
}

std::size_t Timers::memory_bytes() const {
  return heap_.capacity() * sizeof(Entry) + where_.capacity() * sizeof(std::uint32_t);
}

bool Timers::before(const Entry& a, const Entry& b) const {
  if (a.due_ms != b.due_ms) return a.due_ms < b.due_ms;
  return table_.key(Slot{a.slot}).id < table_.key(Slot{b.slot}).id;
}

void Timers::place(std::size_t at, Entry entry) {
  heap_[at] = entry;
  where_[entry.slot] = static_cast<std::uint32_t>(at);
}

void Timers::sift_up(std::size_t at, Entry entry) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / arity;
    if (!before(entry, heap_[parent])) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, entry);
}

void Timers::sift_down(std::size_t at, Entry entry) {
  while (true) {
    const std::size_t first = at * arity + 1;
    if (first >= heap_.size()) break;
    const std::size_t last = std::min(first + arity, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < last; ++child) {
      if (before(heap_[child], heap_[least])) least = child;
    }
    if (!before(heap_[least], entry)) break;
    place(at, heap_[least]);
    at = least;
  }
  place(at, entry);
}

void Timers::remove(std::size_t at) {
  where_[heap_[at].slot] = nowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  // The last entry takes the hole; it may belong above or below it.
  if (at > 0 && before(last, heap_[(at - 1) / arity])) {
    sift_up(at, last);
  } else {
    sift_down(at, last);
  }
}

}  // namespace holdfast::engine
