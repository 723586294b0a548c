#include "ingest/bounded_call.hpp"

#include <atomic>

#include <pthread.h>

namespace holdfast::ingest {
namespace {

std::atomic<std::uint64_t> left_behind{0};  // Relaxed: a count, by which nothing else is published.

}  // namespace

std::uint64_t calls_left_behind() { return left_behind.load(std::memory_order_relaxed); }

void bounded_call::name_thread() { pthread_setname_np(pthread_self(), "bounded-call"); }

void bounded_call::count_left_behind() { left_behind.fetch_add(1, std::memory_order_relaxed); }

}  // namespace holdfast::ingest
