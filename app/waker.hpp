#pragma once

#include <atomic>

#include "domain/time.hpp"

namespace holdfast::app {

/// Lets an idle thread sleep until another has work for it. One sleeper, any number of wakers; waking a thread that is
/// awake costs one atomic operation and no system call.
class Waker {
 public:
  Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  ~Waker();

  /// Any thread, after it has published the work.
  void wake();

  /// The sleeping thread only: announces the sleep, asks `has_work` once more, and sleeps for at most `wait`.
  template <class HasWork>
  void sleep(Duration wait, HasWork has_work) {
    // Sequentially consistent, as is the exchange in wake(): either the waker sees the announcement, or this thread
    // sees the work that was published before it.
    sleeping_.store(true, std::memory_order_seq_cst);
    if (!has_work()) block(wait);
    sleeping_.store(false, std::memory_order_relaxed);
  }

 private:
  void block(Duration wait);

  std::atomic<bool> sleeping_{false};
  int event_fd_;
};

}  // namespace holdfast::app
