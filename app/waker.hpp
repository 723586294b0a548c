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
    // One of the two exchanges, this one and that in wake(), comes first: either the waker sees the announcement, or
    // this thread acquires what was published before the waker's.
    sleeping_.exchange(true, std::memory_order_acq_rel);
    if (!has_work()) block(wait);
    sleeping_.store(false, std::memory_order_relaxed);
  }

 private:
  void block(Duration wait);

  std::atomic<bool> sleeping_{false};
  int event_fd_;
};

}  // namespace holdfast::app
