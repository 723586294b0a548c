#include "engine/timers.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::engine {
namespace {

// What a customer's note says: 0, no timer; the number of a near one; or the tick of one that is far.
constexpr std::uint32_t no_timer = 0;
constexpr std::uint32_t first_tick = std::uint32_t{1} << 30;
constexpr std::uint32_t last_tick = RadixHeap::none - 1;

/// The years of events take 2.4 of the 3.2 thousand million ticks.
constexpr int tick_bits = 17;
static_assert(Timers::tick_length == Duration{std::int64_t{1} << tick_bits});

bool is_tick(std::uint32_t note) { return note >= first_tick; }

std::uint32_t tick_of(Timestamp t) {
  const std::int64_t ticks = (t.ms - first_event_time.ms) >> tick_bits;
  return first_tick + static_cast<std::uint32_t>(std::clamp<std::int64_t>(ticks, 0, last_tick - first_tick));
}

Timestamp start_of(std::uint32_t tick) {
  return first_event_time + Duration{std::int64_t{tick - first_tick} << tick_bits};
}

/// Customers between the request for a record and its use.
constexpr std::size_t ahead = 16;

/// Entries that are never worth a sweep. Timers that are moved leave entries behind, which are swept out before they
/// are as many as the others.
constexpr std::size_t few = 4096;

}  // namespace

void Timers::set(Slot slot, Timestamp due) {
  std::uint32_t& note = table_.note(slot);
  if (due == after_all_time) {
    if (!is_tick(note)) note = no_timer;
    return;
  }
  const std::uint32_t tick = tick_of(due);
  if (tick <= far_.taken()) {
    push_near(slot, due);
  } else if (!is_tick(note) || tick < note) {
    push_far(slot, tick);
  }
}

bool Timers::bring_forward(Slot slot, Timestamp due) {
  const std::uint32_t tick = tick_of(due);
  if (tick <= far_.taken()) return false;
  const std::uint32_t note = table_.note(slot);
  // One that is near lies in an earlier tick.
  if (note == no_timer || (is_tick(note) && tick < note)) push_far(slot, tick);
  return true;
}

Timestamp Timers::standing(Slot slot) const {
  const std::uint32_t note = table_.note(slot);
  if (is_tick(note)) return start_of(note);
  return note == no_timer ? after_all_time : before_all_time;
}

std::span<const Slot> Timers::take_tick(Timestamp t) {
  drop_stale();
  tick_.clear();
  while (near_.empty() && tick_.empty() && far_.size() > 0 && start_of(far_.least_key()) <= t) {
    taken_.clear();
    far_.take_least(taken_);
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      if (i + ahead < taken_.size()) table_.prefetch(Slot{taken_[i + ahead]});
      std::uint32_t& note = table_.note(Slot{taken_[i]});
      if (note != far_.taken()) continue;
      note = no_timer;
      tick_.push_back(Slot{taken_[i]});
    }
  }
  find_next_due();
  return tick_;
}

Timestamp Timers::tick() const { return start_of(far_.taken()); }

std::optional<Timers::Due> Timers::first(Timestamp t) {
  drop_stale();
  if (near_.empty() || t < near_.front().at) return std::nullopt;
  return Due{near_.front().slot, near_.front().at};
}

void Timers::take_first() {
  table_.note(near_.front().slot) = no_timer;
  drop_front();
  find_next_due();
}

// Near ones are ordered by ids as well: none may be left when the id is no longer there.
void Timers::forget(Slot slot) {
  table_.note(slot) = no_timer;
  if (std::erase_if(near_, [slot](const Near& near) { return near.slot == slot; }) > 0)
    std::ranges::make_heap(near_, [this](const Near& a, const Near& b) { return later(a, b); });
  find_next_due();
}

std::size_t Timers::memory_bytes() const { return far_.memory_bytes() + near_.capacity() * sizeof(Near); }

bool Timers::later(const Near& a, const Near& b) const {
  if (a.at != b.at) return a.at > b.at;
  return table_.key(a.slot).id > table_.key(b.slot).id;
}

void Timers::push_near(Slot slot, Timestamp due) {
  number_ = number_ + 1 == first_tick ? 1 : number_ + 1;
  table_.note(slot) = number_;
  near_.push_back({due, slot, number_});
  next_due_ = std::min(next_due_, due);
  const auto later_one = [this](const Near& a, const Near& b) { return later(a, b); };
  std::ranges::push_heap(near_, later_one);
  if (near_.size() <= near_max_) return;
  std::erase_if(near_, [this](const Near& near) { return table_.note(near.slot) != near.number; });
  std::ranges::make_heap(near_, later_one);
  near_max_ = std::max(few, 2 * near_.size());
}

void Timers::push_far(Slot slot, std::uint32_t tick) {
  table_.note(slot) = tick;
  far_.push({tick, slot.value});
  next_due_ = std::min(next_due_, start_of(tick));
  if (far_.size() <= far_max_) return;
  // A customer that comes back to the same tick has several entries that say so: one is kept.
  far_.keep_if([this](const RadixHeap::Entry& entry) {
    std::uint32_t& note = table_.note(Slot{entry.value});
    return std::exchange(note, note == entry.key ? no_timer : note) == entry.key;
  });
  far_.for_each([this](const RadixHeap::Entry& entry) { table_.note(Slot{entry.value}) = entry.key; });
  far_max_ = std::max<std::size_t>({few, 2 * far_.size(), 2 * std::size_t{table_.size()}});
}

void Timers::drop_front() {
  std::ranges::pop_heap(near_, [this](const Near& a, const Near& b) { return later(a, b); });
  near_.pop_back();
}

void Timers::drop_stale() {
  bool dropped = false;
  for (; !near_.empty() && table_.note(near_.front().slot) != near_.front().number; dropped = true) drop_front();
  if (dropped) find_next_due();
}

void Timers::find_next_due() {
  if (!near_.empty()) {
    next_due_ = near_.front().at;
  } else {
    next_due_ = far_.size() == 0 ? after_all_time : start_of(far_.least_key());
  }
}

}  // namespace holdfast::engine
