#include "app/waker.hpp"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace holdfast::app {

Waker::Waker() : event_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Waker::~Waker() { ::close(event_fd_); }

void Waker::wake() {
  if (!sleeping_.exchange(false, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the sleeper is woken anyway.
  [[maybe_unused]] const auto written = ::write(event_fd_, &one, sizeof one);
}

void Waker::block(Duration wait) {
  pollfd fd{.fd = event_fd_, .events = POLLIN, .revents = 0};
  if (::poll(&fd, 1, static_cast<int>(wait.ms)) <= 0) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(event_fd_, &count, sizeof count);
}

}  // namespace holdfast::app
