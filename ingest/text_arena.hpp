#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::ingest {

/// Texts that are written piece by piece, each in one stretch of memory. A finished one stays where it is until
/// clear(); their memory is used again. What appending costs with a std::string is a multiple of this where pieces are
/// a few characters long.
class TextArena {
 public:
  /// Forgets all texts. Keeps so much of their memory at most.
  void clear(std::size_t bytes_kept) {
    while (memory_bytes_ > bytes_kept) {
      memory_bytes_ -= blocks_.back().size;
      blocks_.pop_back();
    }
    next_block_ = 0;
    begin_ = at_ = end_ = nullptr;
  }

  void append(std::string_view piece) {
    if (piece.empty()) return;  // It may point nowhere, from where nothing may be copied, however little.
    std::memcpy(room(piece.size()), piece.data(), piece.size());
    at_ += piece.size();
  }
  void append(char c) {
    *room(1) = c;
    ++at_;
  }
  /// Where so many characters may be written; grow_to() says up to where they were.
  [[nodiscard]] char* room(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size || at_ == nullptr) reserve(size);
    return at_;
  }
  void grow_to(char* end) { at_ = end; }

  /// How long the text under way is.
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  /// Ends the text under way. An empty one has a place, too.
  [[nodiscard]] std::string_view finish() {
    (void)room(0);
    const char* const begin = std::exchange(begin_, at_);
    return {begin, at_};
  }

 private:
  static constexpr std::size_t block_bytes = std::size_t{256} << 10;

  struct Block {
    std::unique_ptr<char[]> memory;
    std::size_t size = 0;
  };

  // The text under way moves into a block that has room for it.
  [[gnu::noinline]] void reserve(std::size_t more) {
    const std::size_t written = size();
    if (next_block_ == blocks_.size() || blocks_[next_block_].size < written + more) {
      const std::size_t size = std::max(block_bytes, 2 * (written + more));
      const auto at = blocks_.begin() + static_cast<std::ptrdiff_t>(next_block_);
      blocks_.insert(at, {std::make_unique_for_overwrite<char[]>(size), size});
      memory_bytes_ += size;
    }
    const Block& block = blocks_[next_block_++];
    if (written > 0) std::memcpy(block.memory.get(), begin_, written);
    begin_ = block.memory.get();
    at_ = begin_ + written;
    end_ = begin_ + block.size;
  }

  std::vector<Block> blocks_;
  std::size_t next_block_ = 0;  ///< Those before it are in use.
  std::size_t memory_bytes_ = 0;
  char* begin_ = nullptr;  ///< Of the text under way.
  char* at_ = nullptr;
  char* end_ = nullptr;  ///< Of its block.
};

}  // namespace holdfast::ingest
