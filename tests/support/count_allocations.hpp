#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

// Replaces operator new of the whole program by one that counts: to be included by one source of a program at most.
namespace holdfast::testing {

/// Of this thread.
inline thread_local std::size_t allocations = 0;

}  // namespace holdfast::testing

// Replacements may not be inline, which is why only one source can have them. The analyzer takes the release within
// them for a second one.
// NOLINTNEXTLINE(misc-definitions-in-headers)
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++holdfast::testing::allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// NOLINTNEXTLINE(misc-definitions-in-headers,clang-analyzer-cplusplus.NewDelete)
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
// NOLINTNEXTLINE(misc-definitions-in-headers,clang-analyzer-cplusplus.NewDelete)
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
