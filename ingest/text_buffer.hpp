#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace holdfast::ingest {

/// Text that is written piece by piece into memory which is used again: what appending costs with a std::string is a
/// multiple of this where pieces are a few characters long.
class TextBuffer {
 public:
  void clear() { size_ = 0; }
  [[nodiscard]] std::string_view view() const { return {text_.get(), size_}; }

  void append(std::string_view piece) {
    std::memcpy(room(piece.size()), piece.data(), piece.size());
    size_ += piece.size();
  }
  void append(char c) {
    *room(1) = c;
    ++size_;
  }
  /// Where so many characters may be written; grow_to() says up to where they were.
  [[nodiscard]] char* room(std::size_t size) {
    if (capacity_ - size_ < size) reserve(size);
    return text_.get() + size_;
  }
  void grow_to(const char* end) { size_ = static_cast<std::size_t>(end - text_.get()); }

 private:
  [[gnu::noinline]] void reserve(std::size_t more) {
    constexpr std::size_t at_first = 2048;
    const std::size_t capacity = at_first + 2 * (size_ + more);
    auto text = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(text.get(), text_.get(), size_);
    text_ = std::move(text);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace holdfast::ingest
