#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace holdfast::state {

inline constexpr std::size_t huge_page_bytes = std::size_t{1} << 21;

/// Memory of its own for the system to back with huge pages, where it has them: random accesses to some hundred
/// megabytes otherwise cost a walk through the page table each. All zero; whole huge pages; only what was touched takes
/// memory. Throws std::bad_alloc.
[[nodiscard]] void* map_huge_pages(std::size_t bytes);
/// Gives it back. REQUIRES: the same `bytes`.
void unmap_huge_pages(void* memory, std::size_t bytes) noexcept;
/// Of `bytes` that were mapped, gives back the whole huge pages behind the first `kept`: until they are touched again.
void drop_huge_pages(void* memory, std::size_t bytes, std::size_t kept) noexcept;

/// For containers that may become large: huge pages from one page on, the usual memory below.
template <class T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <class Other>
  explicit HugePageAllocator(const HugePageAllocator<Other>&) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    if (count * sizeof(T) >= huge_page_bytes) return static_cast<T*>(map_huge_pages(count * sizeof(T)));
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    if (count * sizeof(T) >= huge_page_bytes) return unmap_huge_pages(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) = default;
};

}  // namespace holdfast::state
