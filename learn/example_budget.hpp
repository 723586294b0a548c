#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace holdfast::learn {

/// Of which customers examples are taken where all would be too many: those whose hash lies in the lower half, or
/// quarter, and so on. All tasks share one. Whom it leaves out in the end depends on the customers alone, not on the
/// tasks nor on which of them came first. Any thread.
class ExampleBudget {
 public:
  explicit ExampleBudget(std::size_t examples_max) : examples_max_(examples_max) {}

  /// Asked for each example: whether it is to be taken. The answer may be no for others that were taken before.
  [[nodiscard]] bool take(std::uint64_t customer);
  /// Customers with hashes above are left out. Never rises.
  [[nodiscard]] std::uint64_t hash_max() const {
    // Relaxed: a limit that is out of date has somebody taken who is left out a moment later.
    return hash_max_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t halvings_max = 64;

  const std::size_t examples_max_;
  std::atomic<std::uint64_t> hash_max_ = ~std::uint64_t{0};
  std::mutex mutex_;
  // Under the mutex. An example of a hash with n leading zero bits is left once n + 1 halvings are made.
  std::array<std::size_t, halvings_max + 1> asked_{};  ///< By leading zero bits.
  std::size_t taken_ = 0;                              ///< Of those that are not left out.
  std::size_t halvings_ = 0;
};

}  // namespace holdfast::learn
