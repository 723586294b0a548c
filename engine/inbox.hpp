#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "domain/event.hpp"
#include "domain/ids.hpp"
#include "domain/limits.hpp"
#include "domain/step.hpp"

namespace holdfast::engine {

/// The records of a task that wait to be applied, a queue a source, and the rule that merges them: the least event time
/// first, ties by source order, never reordering within a source; a record that is no event at once.
class Inbox {
 public:
  explicit Inbox(const Positions& start) : position_(start) {
    for (std::uint8_t s = 0; s < start.sources; ++s) sources_[s].received = start.next[s];
  }

  /// Adds a source's next records; empty batches are used up at once. REQUIRES: offsets rise and are not below what was
  /// pushed before.
  void push(SourceIndex source, EventBatch batch);
  /// All records below `end` were pushed, and the log held no more.
  void reached_end(SourceIndex source, Offset end);

  struct Head {
    SourceIndex source;
    const Event* event = nullptr;
  };
  /// The next record by the rule. No value: a source has to be waited for, or nothing is left.
  [[nodiscard]] std::optional<Head> next() const;
  /// The next record by the rule among those before `end`. No value: none is left.
  [[nodiscard]] std::optional<Head> next_before(const Positions& end) const;
  /// The event `distance` behind the head of a source, if it is in the same batch. REQUIRES: the source has a head.
  [[nodiscard]] const Event* behind_head(SourceIndex source, std::size_t distance) const {
    const Source& s = sources_[source.value];
    const auto& events = s.batches[s.first].events;
    return s.next_event + distance < events.size() ? &events[s.next_event + distance] : nullptr;
  }
  /// Events that come up next and were not given by this before, of one batch: from about `distance` to twice as many
  /// behind the head. Mostly empty.
  [[nodiscard]] std::span<const Event> look_ahead(SourceIndex source, std::size_t distance) {
    Source& s = sources_[source.value];
    if (s.seen >= distance || s.seen >= s.events_waiting) return {};
    return look_further(s, 2 * distance);
  }
  /// Removes the head of a source; the event's views end with take_used() or the next push.
  void pop(SourceIndex source);

  /// Offsets without a record (the log's own control records) that come next in an empty queue whose end was reached:
  /// the position goes on behind them. Returns whether it did.
  bool skip_gaps();
  /// The same up to `end`. REQUIRES: holds(end), and no record before `end` is left.
  void skip_gaps_before(const Positions& end) { position_ = end; }

  /// Whether all records before `end` were pushed.
  [[nodiscard]] bool holds(const Positions& end) const;
  /// Every source is empty and has reached its end.
  [[nodiscard]] bool exhausted() const;
  [[nodiscard]] const Positions& position() const { return position_; }
  [[nodiscard]] std::size_t batches(SourceIndex source) const { return sources_[source.value].waiting(); }
  /// A batch whose events were all popped.
  [[nodiscard]] std::optional<EventBatch> take_used();

 private:
  struct Source {
    // A vector whose memory is used again: a deque would allocate for ever.
    std::vector<EventBatch> batches;
    std::size_t first = 0;       ///< In `batches`; it has events left. Those before it are used up.
    std::size_t next_event = 0;  ///< In the first batch.
    std::size_t events_waiting = 0;
    std::size_t seen = 0;  ///< Of these, the first that look_ahead() gave.
    Offset received;       ///< All records before it were pushed.
    Offset known_end{-1};

    [[nodiscard]] std::size_t waiting() const { return batches.size() - first; }
  };

  [[nodiscard]] const Event* head(std::uint8_t source) const {
    const Source& s = sources_[source];
    return s.waiting() == 0 ? nullptr : &s.batches[s.first].events[s.next_event];
  }

  static std::span<const Event> look_further(Source& source, std::size_t until);

  std::array<Source, limits::sources_max> sources_;
  Positions position_;
  std::vector<EventBatch> used_;
};

}  // namespace holdfast::engine
