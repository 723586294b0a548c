#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace holdfast::app {

/// Two cores' counters must not share a line; std::hardware_destructive_interference_size warns in headers.
inline constexpr std::size_t cache_line = 64;

/// A bounded queue from one thread to one other, without locks and without allocation after construction.
/// T: movable, default constructible; a moved-from T holds nothing.
template <class T>
class Ring {
 public:
  /// Room for at least `capacity` elements.
  explicit Ring(std::size_t capacity) : mask_(std::bit_ceil(capacity) - 1), slots_(std::make_unique<T[]>(mask_ + 1)) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Producer only. False, and `value` untouched: the ring is full.
  [[nodiscard]] bool try_push(T& value) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);  // Written by this thread alone.
    if (tail - head_seen_ > mask_) {
      head_seen_ = head_.load(std::memory_order_acquire);  // Pairs with the release in try_pop: the slot is free.
      if (tail - head_seen_ > mask_) return false;
    }
    slots_[tail & mask_] = std::move(value);
    tail_.store(tail + 1, std::memory_order_release);  // Publishes the slot to try_pop.
    return true;
  }

  /// Consumer only.
  [[nodiscard]] std::optional<T> try_pop() {
    const std::size_t head = head_.load(std::memory_order_relaxed);  // Written by this thread alone.
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);  // Pairs with the release in try_push: the slot is filled.
      if (head == tail_seen_) return std::nullopt;
    }
    std::optional<T> value(std::move(slots_[head & mask_]));
    head_.store(head + 1, std::memory_order_release);  // Hands the slot back to try_push.
    return value;
  }

  /// Consumer only.
  [[nodiscard]] bool empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }

 private:
  const std::size_t mask_;
  const std::unique_ptr<T[]> slots_;
  alignas(cache_line) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;  ///< Consumer's latest reading of tail_.
  alignas(cache_line) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;  ///< Producer's latest reading of head_.
};

}  // namespace holdfast::app
