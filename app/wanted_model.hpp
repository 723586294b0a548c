#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "domain/time.hpp"
#include "engine/model.hpp"

namespace holdfast::app {

/// The model that all tasks are to be under: whoever finds a new one puts it here, and shards look after it. Any
/// thread.
class WantedModel {
 public:
  struct Wanted {
    std::shared_ptr<const engine::Model> model;
    Timestamp from;  ///< When it takes the place of the one before.
  };
  explicit WantedModel(Wanted first) : wanted_(std::move(first)) {}

  void set(Wanted wanted) {
    const std::lock_guard lock(mutex_);
    wanted_ = std::move(wanted);
    // Release: pairs with the acquire in version(), though get() takes the lock anyway.
    version_.fetch_add(1, std::memory_order_release);
  }
  [[nodiscard]] Wanted get() const {
    const std::lock_guard lock(mutex_);
    return wanted_;
  }
  /// Another number whenever another model is wanted.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  Wanted wanted_;
  std::atomic<std::uint64_t> version_{1};
};

}  // namespace holdfast::app
