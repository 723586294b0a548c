#include "learn/example_budget.hpp"

#include <bit>

namespace holdfast::learn {

// The counts only grow, so however the calls are interleaved, it ends at the first limit under which all examples fit.
bool ExampleBudget::take(std::uint64_t customer) {
  if (customer > hash_max()) return false;
  const auto zeros = static_cast<std::size_t>(std::countl_zero(customer));
  const std::lock_guard lock(mutex_);
  if (zeros < halvings_) return false;
  ++asked_[zeros];
  ++taken_;
  while (taken_ > examples_max_ && halvings_ < halvings_max) {
    taken_ -= asked_[halvings_++];
    hash_max_.store(halvings_ == halvings_max ? 0 : ~std::uint64_t{0} >> halvings_, std::memory_order_relaxed);
  }
  return zeros >= halvings_;
}

}  // namespace holdfast::learn
