#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace holdfast::engine {

/// A monotone priority queue: nothing comes in at or below what was taken last. An entry lies in the bucket of the
/// highest bit in which its key differs from that, and moves to lower ones as the keys taken come nearer: some copies
/// in sequence an entry over its whole life, where a binary heap jumps through memory.
///
/// Ahuja, Mehlhorn, Orlin and Tarjan, "Faster algorithms for the shortest path problem", J. ACM 37 (1990).
class RadixHeap {
 public:
  struct Entry {
    std::uint32_t key;
    std::uint32_t value;
  };
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// REQUIRES: taken() < key < none.
  void push(Entry entry) {
    const auto bucket = bucket_of(entry.key);
    append(buckets_[bucket], entry);
    least_[bucket] = std::min(least_[bucket], entry.key);
    used_ |= std::uint64_t{1} << bucket;
    ++size_;
  }
  /// The least key; none: it is empty.
  [[nodiscard]] std::uint32_t least_key() const { return used_ == 0 ? none : least_[lowest_bucket()]; }
  /// Removes all entries of the least key and appends their values to `values`, in any order. REQUIRES: not empty.
  void take_least(std::vector<std::uint32_t>& values) {
    const std::size_t from = lowest_bucket();
    taken_ = least_[from];
    empty(from, [&](Entry entry) {
      if (entry.key == taken_) {
        values.push_back(entry.value);
      } else {
        push(entry);
      }
    });
  }
  /// The key taken last; 0 at first.
  [[nodiscard]] std::uint32_t taken() const { return taken_; }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const { return chunks_ * sizeof(Chunk); }
  /// Removes every entry for which `is_of_use(entry)` is false.
  void keep_if(auto is_of_use) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      empty(i, [&](Entry entry) {
        if (is_of_use(entry)) push(entry);
      });
    }
  }
  /// Calls `visit(entry)` for every entry, in any order.
  void for_each(auto visit) const {
    for (const Bucket& bucket : buckets_) {
      for (const Chunk* chunk = bucket.last; chunk != nullptr; chunk = chunk->before)
        std::ranges::for_each(std::span(chunk->entries).first(entries_in(bucket, chunk)), visit);
    }
  }

 private:
  static constexpr std::size_t bucket_count = std::numeric_limits<std::uint32_t>::digits + 1;

  /// Buckets are lists of these, which go from one to the other as entries move: nothing is allocated for that.
  struct Chunk {
    Chunk* before;
    std::array<Entry, 63> entries;
  };
  static_assert(sizeof(Chunk) == 512);
  struct Bucket {
    Chunk* last = nullptr;    ///< Those before it are full.
    std::size_t in_last = 0;  ///< Entries in it.
  };

  [[nodiscard]] std::size_t bucket_of(std::uint32_t key) const {
    return static_cast<std::size_t>(std::bit_width(key ^ taken_));
  }
  [[nodiscard]] std::size_t lowest_bucket() const { return static_cast<std::size_t>(std::countr_zero(used_)); }
  [[nodiscard]] static std::size_t entries_in(const Bucket& bucket, const Chunk* chunk) {
    return chunk == bucket.last ? bucket.in_last : chunk->entries.size();
  }

  void append(Bucket& bucket, Entry entry) {
    if (bucket.last == nullptr || bucket.in_last == bucket.last->entries.size()) {
      if (free_ == nullptr) make_chunks();
      Chunk* const chunk = std::exchange(free_, free_->before);
      chunk->before = std::exchange(bucket.last, chunk);
      bucket.in_last = 0;
    }
    bucket.last->entries[bucket.in_last++] = entry;
  }
  // Takes all entries out of a bucket and hands them on; they may go back into it.
  void empty(std::size_t index, auto hand_on) {
    const Bucket bucket = std::exchange(buckets_[index], {});
    least_[index] = none;
    used_ &= ~(std::uint64_t{1} << index);
    for (Chunk* chunk = bucket.last; chunk != nullptr;) {
      const std::size_t count = entries_in(bucket, chunk);
      size_ -= count;
      std::ranges::for_each(std::span(chunk->entries).first(count), hand_on);
      Chunk* const before = chunk->before;
      chunk->before = std::exchange(free_, chunk);
      chunk = before;
    }
  }
  // An eighth more: half of ten million entries' memory unused would show.
  void make_chunks() {
    const std::size_t more = std::max<std::size_t>(2, chunks_ / 8);
    const auto& made = memory_.emplace_back(std::make_unique_for_overwrite<Chunk[]>(more));
    for (std::size_t i = 0; i < more; ++i) made[i].before = std::exchange(free_, &made[i]);
    chunks_ += more;
  }

  std::array<Bucket, bucket_count> buckets_{};
  std::array<std::uint32_t, bucket_count> least_ = [] {
    std::array<std::uint32_t, bucket_count> all{};
    all.fill(none);
    return all;
  }();
  std::uint64_t used_ = 0;  ///< A bit for each bucket that is not empty.
  std::uint32_t taken_ = 0;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Chunk[]>> memory_;
  std::size_t chunks_ = 0;
  Chunk* free_ = nullptr;
};

}  // namespace holdfast::engine
