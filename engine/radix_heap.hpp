#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
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
    Bucket entries = std::move(buckets_[from]);
    forget(from);
    for (const Entry& entry : entries) {
      --size_;
      if (entry.key == taken_) {
        values.push_back(entry.value);
      } else {
        push(entry);
      }
    }
    keep_memory(from, std::move(entries));
  }
  /// The key taken last; 0 at first.
  [[nodiscard]] std::uint32_t taken() const { return taken_; }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = 0;
    for (const Bucket& bucket : buckets_) bytes += bucket.capacity() * sizeof(Entry);
    return bytes;
  }
  /// Removes every entry for which `is_of_use(entry)` is false.
  void keep_if(auto is_of_use) {
    size_ = 0;
    used_ = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      std::erase_if(buckets_[i], [&](const Entry& entry) { return !is_of_use(entry); });
      least_[i] = none;
      for (const Entry& entry : buckets_[i]) least_[i] = std::min(least_[i], entry.key);
      used_ |= std::uint64_t{!buckets_[i].empty()} << i;
      size_ += buckets_[i].size();
    }
  }
  /// Calls `visit(entry)` for every entry, in any order.
  void for_each(auto visit) const {
    for (const Bucket& bucket : buckets_) std::ranges::for_each(bucket, visit);
  }

 private:
  using Bucket = std::vector<Entry>;
  static constexpr std::size_t bucket_count = std::numeric_limits<std::uint32_t>::digits + 1;

  [[nodiscard]] std::size_t bucket_of(std::uint32_t key) const {
    return static_cast<std::size_t>(std::bit_width(key ^ taken_));
  }
  [[nodiscard]] std::size_t lowest_bucket() const { return static_cast<std::size_t>(std::countr_zero(used_)); }

  // Grows by a quarter: half of ten million entries' memory unused would show.
  static void append(Bucket& bucket, Entry entry) {
    if (bucket.size() == bucket.capacity()) bucket.reserve(std::max<std::size_t>(16, bucket.size() / 4 * 5));
    bucket.push_back(entry);
  }
  void forget(std::size_t bucket) {
    buckets_[bucket].clear();
    least_[bucket] = none;
    used_ &= ~(std::uint64_t{1} << bucket);
  }
  // A small bucket is soon filled again.
  void keep_memory(std::size_t bucket, Bucket entries) {
    constexpr std::size_t kept_max = 4096;
    entries.clear();
    if (entries.capacity() <= kept_max && buckets_[bucket].capacity() == 0) buckets_[bucket] = std::move(entries);
  }

  std::array<Bucket, bucket_count> buckets_;
  std::array<std::uint32_t, bucket_count> least_ = [] {
    std::array<std::uint32_t, bucket_count> all{};
    all.fill(none);
    return all;
  }();
  std::uint64_t used_ = 0;  ///< A bit for each bucket that is not empty.
  std::uint32_t taken_ = 0;
  std::size_t size_ = 0;
};

}  // namespace holdfast::engine
