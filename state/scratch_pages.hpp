#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "domain/error.hpp"

namespace holdfast::state {

/// Entries of one size that have no room in memory, in pages of a file without a name, which is gone with the process.
///
/// A page is filled in memory and written once, with others; from then on it is only read, through a mapping, so that
/// the system keeps as many pages as it has memory for and can drop each of them at once. An entry that changes is
/// added anew, and a page of which few entries are still of use is to be taken apart: the others are added anew, too,
/// and the page is filled again. Space is reserved before it is used. Used by one thread.
///
/// Pointers to entries end with the next make_room() or add(). An entry that the disk cannot read any more ends the
/// process (SIGBUS).
class ScratchPages {
 public:
  /// Where an entry lies. All are below place_end.
  using Place = std::uint32_t;
  static constexpr Place place_end = std::uint32_t{1} << 31;

  static constexpr std::size_t pages_at_once_max = 64;
  /// unavailable: there can be no such file. REQUIRES: entry_size <= 4096, 1 <= pages_at_once <= pages_at_once_max.
  [[nodiscard]] static Expected<std::unique_ptr<ScratchPages>> make(const std::filesystem::path& directory,
                                                                    std::size_t entry_size, std::size_t pages_at_once);
  ScratchPages(const ScratchPages&) = delete;
  ScratchPages& operator=(const ScratchPages&) = delete;
  ~ScratchPages();

  /// Makes room for a page of entries at least. unavailable: the file cannot grow, or what was added cannot be written
  /// and stays in memory.
  [[nodiscard]] Status make_room();
  /// REQUIRES: make_room() succeeded, and no more than a page of entries was added since.
  [[nodiscard]] Place add(std::span<const std::byte> entry);
  [[nodiscard]] const std::byte* at(Place place) const {
    return page_data(page_of(place)) + (place & index_mask_) * entry_size_;
  }
  /// The same for writing; null: its page was written.
  [[nodiscard]] std::byte* in_memory(Place place) {
    Page& page = pages_[page_of(place)];
    return page.buffer == written ? nullptr : buffer_at(page.buffer) + (place & index_mask_) * entry_size_;
  }
  /// The entry is of no use any more. True: half of its page's entries are not, and the page should be taken apart.
  /// (One without any of use is free by itself.)
  [[nodiscard]] bool drop(Place place);
  /// Makes the bytes of the entry zero, in the file as well. (Those of earlier copies are overwritten with their
  /// pages.)
  void overwrite(Place place);
  /// To take a page apart, add each entry of it that is still of use anew, and then free it.
  [[nodiscard]] std::span<const Place> places_beside(Place place);
  void free_page_of(Place place);

  /// Asks for the pages of these entries all at once. Changes the order of `places`.
  void read_ahead(std::span<Place> places);

  // Pages may be marked; what an entry's mark means is up to the user.
  void mark(Place place) { pages_[page_of(place)].marked = true; }
  /// The marked pages are to be visited, and none is marked any more.
  void begin_visit();
  /// A place of the next page to be visited; those behind it are asked for. REQUIRES: one is left.
  [[nodiscard]] Place next_to_visit();

  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  [[nodiscard]] std::uint64_t file_bytes() const { return pages_.size() * page_bytes; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::uint32_t written = 0xffff'ffff;

  struct Page {
    std::uint32_t buffer = written;  ///< Which page of the buffers has it.
    std::uint16_t used = 0;          ///< Entries that are still of use.
    bool marked = false;
    bool to_visit = false;
  };

  ScratchPages(int file, std::size_t entry_size, std::size_t pages_at_once);

  [[nodiscard]] std::uint32_t page_of(Place place) const { return place >> index_bits_; }
  [[nodiscard]] std::byte* buffer_at(std::uint32_t buffer) const {
    return buffers_[buffer / pages_at_once_].get() + (buffer % pages_at_once_) * page_bytes;
  }
  [[nodiscard]] const std::byte* page_data(std::uint32_t page) const {
    const std::uint32_t buffer = pages_[page].buffer;
    return buffer == written ? mapped_ + std::size_t{page} * page_bytes : buffer_at(buffer);
  }
  Status grow();
  void begin_page();
  void write_buffer();
  [[nodiscard]] bool write_run(std::span<const std::uint32_t> run);
  void ask_for(std::span<const std::uint32_t> pages);

  const int file_;
  const std::size_t entry_size_;
  const std::size_t pages_at_once_;
  const std::uint32_t entries_a_page_;
  const int index_bits_;
  const std::uint32_t index_mask_;
  std::byte* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;

  std::vector<Page> pages_;
  std::vector<std::uint32_t> free_;
  std::uint64_t entries_ = 0;
  /// The last one is being filled. Those before could not be written: they stay.
  std::vector<std::unique_ptr<std::byte[]>> buffers_;
  std::vector<std::uint32_t> filling_;  ///< Pages in the last buffer; the last of them has `filled_` entries.
  std::uint32_t filled_ = 0;
  int write_error_ = 0;

  std::uint32_t next_visited_ = 0;
  std::uint32_t asked_until_ = 0;
  std::vector<Place> beside_;
  std::vector<std::uint32_t> asked_;
  bool asks_one_by_one_ = false;
};

}  // namespace holdfast::state
