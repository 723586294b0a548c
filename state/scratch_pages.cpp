#include "state/scratch_pages.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace holdfast::state {
namespace {

/// What the file grows by: from one megabyte to 64, an eighth of what it is.
constexpr std::size_t grow_pages_min = 256;
constexpr std::size_t grow_pages_max = 16'384;

/// Pages that are asked for before a visit comes to them.
constexpr std::uint32_t visit_ahead = 256;

/// Ranges that one call of process_madvise takes.
constexpr std::size_t ranges_max = 1024;

Error error_of(const char* what, int number) {
  return {ErrorKind::unavailable, std::string(what) + ": " + std::strerror(number)};
}

/// -1 and errno: there can be none.
int open_nameless(const std::filesystem::path& directory) {
  const int file = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = (directory / "scratch-XXXXXX").string();
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

/// This process, as process_madvise wants it; -1: the system has no such thing.
int self() {
#ifdef SYS_pidfd_open
  static const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  return pidfd;
#else
  return -1;
#endif
}

}  // namespace

Expected<std::unique_ptr<ScratchPages>> ScratchPages::make(const std::filesystem::path& directory,
                                                           std::size_t entry_size, std::size_t pages_at_once) {
  const int file = open_nameless(directory);
  if (file < 0) return std::unexpected(error_of("no scratch file can be made", errno));
  std::unique_ptr<ScratchPages> made(new ScratchPages(file, entry_size, pages_at_once));
  if (const Status grown = made->grow(); !grown) return std::unexpected(grown.error());
  return made;
}

ScratchPages::ScratchPages(int file, std::size_t entry_size, std::size_t pages_at_once)
    : file_(file),
      entry_size_(entry_size),
      pages_at_once_(pages_at_once),
      entries_a_page_(static_cast<std::uint32_t>(page_bytes / entry_size)),
      index_bits_(std::bit_width(entries_a_page_ - 1)),
      index_mask_((std::uint32_t{1} << index_bits_) - 1) {
  assert(entry_size <= page_bytes && pages_at_once >= 1 && pages_at_once <= pages_at_once_max);
}

ScratchPages::~ScratchPages() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
  close(file_);
}

Status ScratchPages::make_room() {
  if (write_error_ != 0) return std::unexpected(error_of("the scratch file cannot be written", write_error_));
  // One page for what is added, and one for what is left of the page before.
  if (free_.size() >= 2) return {};
  return grow();
}

// The space is reserved before anything lies there, and for good: a full disk is an answer here, never a signal later.
Status ScratchPages::grow() {
  const std::size_t first = pages_.size();
  const std::size_t more = std::clamp(first / 8, grow_pages_min, grow_pages_max);
  const std::size_t bytes = (first + more) * page_bytes;
  if ((first + more) > place_end >> index_bits_) return std::unexpected(error_of("the scratch file is full", EFBIG));
  if (const int failed =
          posix_fallocate(file_, static_cast<off_t>(first * page_bytes), static_cast<off_t>(more * page_bytes));
      failed != 0) {
    (void)!ftruncate(file_, static_cast<off_t>(first * page_bytes));  // A part of it may have been reserved.
    return std::unexpected(error_of("no space for the scratch file", failed));
  }
  if (bytes > mapped_bytes_) {
    const std::size_t to_map = std::max(bytes, 2 * mapped_bytes_);  // Addresses cost nothing.
    void* const mapped = mapped_ == nullptr ? mmap(nullptr, to_map, PROT_READ, MAP_SHARED, file_, 0)
                                            : mremap(mapped_, mapped_bytes_, to_map, MREMAP_MAYMOVE);
    if (mapped == MAP_FAILED) return std::unexpected(error_of("the scratch file cannot be mapped", errno));
    mapped_ = static_cast<std::byte*>(mapped);
    mapped_bytes_ = to_map;
    madvise(mapped_, mapped_bytes_, MADV_RANDOM);  // Neighbours in the file have nothing in common.
  }
  pages_.resize(first + more);
  for (std::size_t page = first + more; page-- > first;) free_.push_back(static_cast<std::uint32_t>(page));
  return {};
}

ScratchPages::Place ScratchPages::add(std::span<const std::byte> entry) {
  if (filling_.empty() || filled_ == entries_a_page_) begin_page();
  const std::uint32_t number = filling_.back();
  Page& page = pages_[number];
  std::memcpy(buffer_at(page.buffer) + filled_ * entry_size_, entry.data(), entry_size_);
  ++page.used;
  ++entries_;
  return number << index_bits_ | filled_++;
}

void ScratchPages::begin_page() {
  if (filling_.size() == pages_at_once_) write_buffer();
  if (filling_.empty() && buffers_.empty())
    buffers_.push_back(std::make_unique<std::byte[]>(pages_at_once_ * page_bytes));
  const std::uint32_t page = free_.back();
  free_.pop_back();
  pages_[page] = {.buffer = static_cast<std::uint32_t>((buffers_.size() - 1) * pages_at_once_ + filling_.size())};
  filling_.push_back(page);
  filled_ = 0;
}

// What was written is on its way to the disk at once, so that the system can soon drop it.
void ScratchPages::write_buffer() {
  std::ranges::sort(filling_);
  bool all = true;
  for (auto begin = filling_.begin(); all && begin != filling_.end();) {
    auto end = begin + 1;
    while (end != filling_.end() && *end == *(end - 1) + 1) ++end;
    all = write_run({begin, end});
    begin = end;
  }
  if (all) {
    for (const std::uint32_t page : filling_) {
      pages_[page].buffer = written;
      if (pages_[page].used == 0) free_.push_back(page);
    }
  } else {
    write_error_ = errno;
    buffers_.push_back(std::make_unique<std::byte[]>(pages_at_once_ * page_bytes));
  }
  filling_.clear();
}

bool ScratchPages::write_run(std::span<const std::uint32_t> run) {
  std::array<iovec, pages_at_once_max> parts;
  for (std::size_t i = 0; i < run.size(); ++i) parts[i] = {buffer_at(pages_[run[i]].buffer), page_bytes};
  const auto at = static_cast<off_t>(std::size_t{run.front()} * page_bytes);
  const auto bytes = static_cast<ssize_t>(run.size() * page_bytes);
  errno = EIO;  // Of a write that stops half-way.
  if (pwritev(file_, parts.data(), static_cast<int>(run.size()), at) != bytes) return false;
  (void)sync_file_range(file_, at, bytes, SYNC_FILE_RANGE_WRITE);
  return true;
}

bool ScratchPages::drop(Place place) {
  Page& page = pages_[page_of(place)];
  assert(page.used > 0);
  --page.used;
  --entries_;
  if (page.buffer != written) return false;
  if (page.used == 0) free_page_of(place);
  return page.used > 0 && page.used <= entries_a_page_ / 2;
}

void ScratchPages::overwrite(Place place) {
  if (std::byte* const at = in_memory(place)) {
    std::memset(at, 0, entry_size_);
    return;
  }
  static constexpr std::array<std::byte, page_bytes> zeros{};
  const std::size_t at = std::size_t{page_of(place)} * page_bytes + (place & index_mask_) * entry_size_;
  (void)!pwrite(file_, zeros.data(), entry_size_, static_cast<off_t>(at));
}

std::span<const ScratchPages::Place> ScratchPages::places_beside(Place place) {
  beside_.clear();
  for (std::uint32_t i = 0; i < entries_a_page_; ++i) beside_.push_back((place & ~index_mask_) | i);
  return beside_;
}

void ScratchPages::free_page_of(Place place) {
  const std::uint32_t page = page_of(place);
  assert(pages_[page].buffer == written);
  entries_ -= pages_[page].used;
  pages_[page] = {};
  free_.push_back(page);
}

void ScratchPages::read_ahead(std::span<Place> places) {
  std::ranges::sort(places);
  asked_.clear();
  for (const Place place : places) {
    const std::uint32_t page = page_of(place);
    if (pages_[page].buffer == written && (asked_.empty() || asked_.back() != page)) asked_.push_back(page);
  }
  ask_for(asked_);
}

void ScratchPages::ask_for(std::span<const std::uint32_t> pages) {
  const auto range = [this](std::uint32_t page) { return iovec{mapped_ + std::size_t{page} * page_bytes, page_bytes}; };
#ifdef SYS_process_madvise
  while (!pages.empty() && !asks_one_by_one_) {
    std::array<iovec, ranges_max> ranges;
    const std::size_t count = std::min(pages.size(), ranges_max);
    std::ranges::transform(pages.first(count), ranges.begin(), range);
    const auto done = syscall(SYS_process_madvise, self(), ranges.data(), count, MADV_WILLNEED, 0);
    if (done < 0) {
      asks_one_by_one_ = true;  // Linux before 5.10, or it is not allowed.
    } else {
      pages = pages.subspan(count);
    }
  }
#endif
  for (const std::uint32_t page : pages) madvise(range(page).iov_base, page_bytes, MADV_WILLNEED);
}

void ScratchPages::begin_visit() {
  for (Page& page : pages_) page.to_visit = std::exchange(page.marked, false);
  next_visited_ = asked_until_ = 0;
}

ScratchPages::Place ScratchPages::next_to_visit() {
  const auto next = std::ranges::find(pages_.begin() + next_visited_, pages_.end(), true, &Page::to_visit);
  assert(next != pages_.end());
  next_visited_ = static_cast<std::uint32_t>(next - pages_.begin());
  if (asked_until_ <= next_visited_) {
    asked_.clear();
    for (asked_until_ = next_visited_; asked_until_ < pages_.size() && asked_.size() < visit_ahead; ++asked_until_) {
      const Page& page = pages_[asked_until_];
      if (page.to_visit && page.buffer == written) asked_.push_back(asked_until_);
    }
    ask_for(asked_);
  }
  pages_[next_visited_].to_visit = false;
  return next_visited_ << index_bits_;
}

std::size_t ScratchPages::memory_bytes() const {
  return pages_.capacity() * sizeof(Page) + free_.capacity() * sizeof(std::uint32_t) +
         buffers_.size() * pages_at_once_ * page_bytes;
}

}  // namespace holdfast::state
