#include "state/huge_pages.hpp"

#include <cstddef>
#include <cstdint>

#include <sys/mman.h>

namespace holdfast::state {
namespace {

std::size_t whole_pages(std::size_t bytes) { return (bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes; }

}  // namespace

// One huge page more than needed is mapped and what lies beyond the aligned part is given back.
void* map_huge_pages(std::size_t bytes) {
  const std::size_t size = whole_pages(bytes);
  void* const mapped =
      mmap(nullptr, size + huge_page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapped);
  const std::size_t over = reinterpret_cast<std::uintptr_t>(begin) % huge_page_bytes;
  const std::size_t before = over == 0 ? 0 : huge_page_bytes - over;
  std::byte* const memory = begin + before;
  if (before > 0) munmap(begin, before);
  munmap(memory + size, huge_page_bytes - before);
  madvise(memory, size, MADV_HUGEPAGE);  // A system without them goes on with small ones.
  return memory;
}

void unmap_huge_pages(void* memory, std::size_t bytes) noexcept { munmap(memory, whole_pages(bytes)); }

void drop_huge_pages(void* memory, std::size_t bytes, std::size_t kept) noexcept {
  const std::size_t from = whole_pages(kept);
  if (from < whole_pages(bytes))
    madvise(static_cast<std::byte*>(memory) + from, whole_pages(bytes) - from, MADV_DONTNEED);
}

}  // namespace holdfast::state
