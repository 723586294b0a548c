#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include "domain/time.hpp"

/// Calls of a library that may never come back (docs/decisions/0019-bounded-calls.md).
namespace holdfast::ingest {

/// How many calls were left behind since the program began. Where there are any, their threads may still run when it
/// ends, and must not meet the end of what is static.
[[nodiscard]] std::uint64_t calls_left_behind();

namespace bounded_call {
void name_thread();
void count_left_behind();
}  // namespace bounded_call

/// Makes a call on a thread of its own and waits for its result. No value: it was not back within `limit`, and is left
/// behind with that thread and all that it holds; should it come back after all, these end then. Where no thread can be
/// had, it is made on this one.
template <class Call>
[[nodiscard]] std::optional<std::invoke_result_t<Call&>> call_within(Duration limit, Call call) {
  auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Call&>()>>(std::move(call));
  auto result = task->get_future();
  std::thread thread;
  try {
    thread = std::thread([task] {
      bounded_call::name_thread();
      (*task)();
    });
  } catch (const std::system_error&) {
    (*task)();
    return result.get();
  }
  task.reset();
  if (result.wait_for(std::chrono::milliseconds(limit.ms)) == std::future_status::ready) {
    thread.join();
    return result.get();
  }
  bounded_call::count_left_behind();
  thread.detach();
  return std::nullopt;
}

}  // namespace holdfast::ingest
