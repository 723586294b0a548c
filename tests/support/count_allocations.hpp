#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

// Replaces operator new of the whole program by one that counts: to be included by one source of a program at most.
namespace holdfast::testing {

/// Of this thread.
inline thread_local std::size_t allocations = 0;

inline void* allocate_counted(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size);
}

inline void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace holdfast::testing

// Replacements may not be inline, which is why only one source can have them. All forms are replaced, not only those
// that the others call: under a sanitizer they do not. The analyzer takes the release within them for a second one.
// NOLINTBEGIN(misc-definitions-in-headers,clang-analyzer-cplusplus.NewDelete)
[[gnu::noinline]] void* operator new(std::size_t size) {
  return holdfast::testing::or_throw(holdfast::testing::allocate_counted(size));
}
[[gnu::noinline]] void* operator new[](std::size_t size) {
  return holdfast::testing::or_throw(holdfast::testing::allocate_counted(size));
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return holdfast::testing::allocate_counted(size);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return holdfast::testing::allocate_counted(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
// NOLINTEND(misc-definitions-in-headers,clang-analyzer-cplusplus.NewDelete)
