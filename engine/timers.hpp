#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "domain/ports.hpp"
#include "domain/time.hpp"
#include "engine/radix_heap.hpp"

namespace holdfast::engine {

/// When something happens to a customer next, for any number of customers, to be taken in order of (moment, customer
/// id): an order that depends on ids, never on slots, which differ after a restart.
///
/// A timer that is far away is only ever moved to an earlier moment: set to a later one it is left standing, and once
/// it comes up, whoever takes it finds out when the customer's moment is and sets it anew. So most timers lie still, in
/// a queue of ticks of about two minutes each, eight bytes a timer; those of the tick that time has come to are near,
/// and exact to the millisecond. What stands for a customer is noted beside its record, which is at hand when it is
/// asked for.
class Timers {
 public:
  /// Timers that are far away stand in ticks of this length.
  static constexpr Duration tick_length{std::int64_t{1} << 17};

  /// `table` has the customers; it must outlive the timers.
  explicit Timers(RecordTable& table) : table_(table) {}

  /// Something happens to the customer at `due` (after_all_time: nothing will); what was set before no longer holds.
  /// REQUIRES: due >= first_event_time.
  void set(Slot slot, Timestamp due);
  /// Something may happen to the customer as early as `due`. False: that is too near to say no more than that, so its
  /// exact moment has to be set.
  [[nodiscard]] bool bring_forward(Slot slot, Timestamp due);
  /// Nothing happens to the customer before this moment, if it is one: before_all_time, its timer is near;
  /// after_all_time, none is set.
  [[nodiscard]] Timestamp standing(Slot slot) const;
  /// Nothing happens to any customer before; after_all_time: no timer is set.
  [[nodiscard]] Timestamp next_due() const { return next_due_; }

  /// Customers whose timers stand in the next tick, if no near one is left and it begins at or before `t`: each is to
  /// be set anew at once. Empty: first(t) is the first of all.
  [[nodiscard]] std::span<const Slot> take_tick(Timestamp t);
  /// Where the tick that was taken last begins. REQUIRES: one was.
  [[nodiscard]] Timestamp tick() const;
  struct Due {
    Slot slot;
    Timestamp at;
  };
  /// The first near timer if it is due at or before `t`.
  [[nodiscard]] std::optional<Due> first(Timestamp t);
  /// Removes it. REQUIRES: first() was not empty, and nothing was set since.
  void take_first();
  /// Before the table erases the customer. Looks at all that are near.
  void forget(Slot slot);

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Near {
    Timestamp at;
    Slot slot;
    std::uint32_t number;
  };

  [[nodiscard]] bool later(const Near& a, const Near& b) const;
  void push_near(Slot slot, Timestamp due);
  void push_far(Slot slot, std::uint32_t tick);
  void drop_front();
  void drop_stale();
  void find_next_due();

  RecordTable& table_;
  // Either may hold entries that no longer stand: not those that the customers' notes say.
  std::vector<Near> near_;               ///< A heap, the first one in front.
  RadixHeap far_;                        ///< Slots by tick.
  Timestamp next_due_ = after_all_time;  ///< Of the first entry, whether or not it still stands.
  std::uint32_t number_ = 0;             ///< Of the near timer set last.
  std::size_t near_max_ = 0;             ///< Entries in near_ above which those that no longer stand are removed.
  std::size_t far_max_ = 0;              ///< The same of far_.
  std::vector<std::uint32_t> taken_;
  std::vector<Slot> tick_;
};

}  // namespace holdfast::engine
