#include "engine/inbox.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace holdfast::engine {
namespace {

/// Whether `event` goes before `other`, which stands in an earlier source.
bool goes_before(const Event& event, const Event& other) {
  if (other.rejection != nullptr) return false;
  return event.rejection != nullptr || event.time < other.time;
}

}  // namespace

void Inbox::push(SourceIndex source, EventBatch batch) {
  if (batch.events.empty()) {
    used_.push_back(std::move(batch));
    return;
  }
  Source& s = sources_[source.value];
  assert(batch.events.front().offset >= s.received);
  s.received = Offset{batch.events.back().offset.value + 1};
  if (s.first * 2 >= s.batches.size()) {
    s.batches.erase(s.batches.begin(), s.batches.begin() + static_cast<std::ptrdiff_t>(s.first));
    s.first = 0;
  }
  s.events_waiting += batch.events.size();
  s.batches.push_back(std::move(batch));
}

std::span<const Event> Inbox::look_further(Source& source, std::size_t until) {
  std::size_t at = source.next_event + source.seen;
  std::size_t batch = source.first;
  for (; at >= source.batches[batch].events.size(); ++batch) at -= source.batches[batch].events.size();
  const auto rest = std::span(source.batches[batch].events).subspan(at);
  const auto given = rest.first(std::min(rest.size(), until - source.seen));
  source.seen += given.size();
  return given;
}

void Inbox::reached_end(SourceIndex source, Offset end) {
  Source& s = sources_[source.value];
  s.known_end = std::max(s.known_end, end);
  s.received = std::max(s.received, end);
}

bool Inbox::skip_gaps() {
  bool moved = false;
  for (std::uint8_t s = 0; s < position_.sources; ++s) {
    if (sources_[s].waiting() > 0 || position_.next[s] == sources_[s].received) continue;
    position_.next[s] = sources_[s].received;
    moved = true;
  }
  return moved;
}

std::optional<Inbox::Head> Inbox::next() const {
  Head best;
  for (std::uint8_t s = 0; s < position_.sources; ++s) {
    const Event* const event = head(s);
    if (event == nullptr) {
      if (sources_[s].known_end < sources_[s].received) return std::nullopt;
      continue;
    }
    if (best.event == nullptr || goes_before(*event, *best.event)) best = {SourceIndex{s}, event};
  }
  if (best.event == nullptr) return std::nullopt;
  return best;
}

std::optional<Inbox::Head> Inbox::next_before(const Positions& end) const {
  Head best;
  for (std::uint8_t s = 0; s < position_.sources; ++s) {
    const Event* const event = head(s);
    if (event == nullptr || event->offset >= end.next[s]) continue;
    if (best.event == nullptr || goes_before(*event, *best.event)) best = {SourceIndex{s}, event};
  }
  if (best.event == nullptr) return std::nullopt;
  return best;
}

void Inbox::pop(SourceIndex source) {
  Source& s = sources_[source.value];
  EventBatch& front = s.batches[s.first];
  position_[source] = Offset{front.events[s.next_event].offset.value + 1};
  --s.events_waiting;
  if (s.seen > 0) --s.seen;
  if (++s.next_event < front.events.size()) return;
  s.next_event = 0;
  used_.push_back(std::move(front));
  ++s.first;
}

bool Inbox::holds(const Positions& end) const {
  for (std::uint8_t s = 0; s < position_.sources; ++s) {
    if (sources_[s].received < end.next[s]) return false;
  }
  return true;
}

bool Inbox::exhausted() const {
  for (std::uint8_t s = 0; s < position_.sources; ++s) {
    if (sources_[s].waiting() > 0 || sources_[s].known_end < sources_[s].received) return false;
  }
  return true;
}

std::optional<EventBatch> Inbox::take_used() {
  if (used_.empty()) return std::nullopt;
  EventBatch batch = std::move(used_.back());
  used_.pop_back();
  return batch;
}

}  // namespace holdfast::engine
