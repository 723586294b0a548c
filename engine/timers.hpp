#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "domain/ports.hpp"
#include "domain/time.hpp"

namespace holdfast::engine {

/// At most one due time a customer, in order of (due, customer id): a four-ary heap of 12 bytes a timer plus 4 bytes a
/// customer to find it again. The order depends on ids, never on slots, which differ after a restart.
class Timers {
 public:
  /// `table` names the customers where due times tie; it must outlive the timers.
  explicit Timers(const RecordTable& table) : table_(table) {}

  /// Sets, moves or (after_all_time) removes a customer's timer.
  void set(Slot slot, Timestamp due);
  /// Of one customer; after_all_time: it has none.
  [[nodiscard]] Timestamp due(Slot slot) const {
    const std::uint32_t at = slot.value < where_.size() ? where_[slot.value] : nowhere;
    return at == nowhere ? after_all_time : Timestamp{heap_[at].due_ms};
  }
  /// The first one of all; after_all_time: none is set.
  [[nodiscard]] Timestamp next_due() const { return heap_.empty() ? after_all_time : Timestamp{heap_.front().due_ms}; }
  struct Due {
    Slot slot;
    Timestamp at;
  };
  /// The first timer if it is due at or before `t`.
  [[nodiscard]] std::optional<Due> first_due(Timestamp t) const;
  /// Sets the timers of many customers at once. REQUIRES: none is set.
  void assign(std::span<const Due> timers);

  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // Packed to 12 bytes: ten million timers are 120 MB instead of 160.
  struct [[gnu::packed]] Entry {
    std::int64_t due_ms;
    std::uint32_t slot;
  };
  static constexpr std::uint32_t nowhere = 0xffff'ffff;

  [[nodiscard]] bool before(const Entry& a, const Entry& b) const;
  void place(std::size_t at, Entry entry);
  void sift_up(std::size_t at, Entry entry);
  void sift_down(std::size_t at, Entry entry);
  void remove(std::size_t at);

  const RecordTable& table_;
  std::vector<Entry> heap_;
  std::vector<std::uint32_t> where_;  ///< By slot: index in heap_, or nowhere.
};

}  // namespace holdfast::engine
