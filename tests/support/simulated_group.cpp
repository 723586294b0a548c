#include "tests/support/simulated_group.hpp"

#include <algorithm>

namespace holdfast::testing {

SimulatedGroup::Answer SimulatedGroup::join(Member& member, Timestamp now) {
  auto found = members_.find(member.instance);
  if (found != members_.end() && !member.id.empty() && found->second.id != member.id) return Answer::fenced;
  const bool replaces = found != members_.end() && member.id.empty();
  if (found == members_.end()) {
    if (!member.id.empty()) return Answer::unknown;
    found = members_.emplace(member.instance, Seat{}).first;
    if (!preparing_) prepare(now);
  }
  Seat& seat = found->second;
  if (member.id.empty()) member.id = seat.id = member.instance + "-" + std::to_string(++ids_);
  seat.session_end = now + session_timeout;
  if (preparing_) {
    seat.rejoined = true;
    return Answer::wait;
  }
  // A static member that comes back, or one that a generation was made without: only the leader's coming makes another.
  const bool leads = !replaces && found == members_.begin();
  if (leads) {
    prepare(now);
    seat.rejoined = true;
    return Answer::wait;
  }
  member.generation = generation_;
  return Answer::good;
}

SimulatedGroup::Answer SimulatedGroup::joined(Member& member, Timestamp now) {
  const auto found = members_.find(member.instance);
  if (found == members_.end()) return Answer::unknown;
  if (found->second.id != member.id) return Answer::fenced;
  found->second.session_end = now + session_timeout;
  if (preparing_) {
    found->second.rejoined = true;  // It may have been prepared again meanwhile.
    return Answer::wait;
  }
  member.generation = generation_;
  return Answer::good;
}

SimulatedGroup::Answer SimulatedGroup::own(const Member& member) const {
  const auto found = members_.find(member.instance);
  if (found == members_.end()) return Answer::unknown;
  return found->second.id == member.id ? Answer::good : Answer::fenced;
}

SimulatedGroup::Answer SimulatedGroup::check(const Member& member) const {
  const Answer answer = own(member);
  if (answer != Answer::good) return answer;
  return member.generation == generation_ ? Answer::good : Answer::generation;
}

SimulatedGroup::Answer SimulatedGroup::heartbeat(const Member& member, Timestamp now) {
  const Answer answer = check(member);
  if (answer != Answer::good) return answer;
  Seat& seat = members_.at(member.instance);
  seat.session_end = now + session_timeout;
  return preparing_ && !seat.rejoined ? Answer::rebalance : Answer::good;
}

void SimulatedGroup::touch(const Member& member, Timestamp now) {
  if (own(member) == Answer::good) members_.at(member.instance).session_end = now + session_timeout;
}

std::vector<std::int32_t> SimulatedGroup::assignment(const Member& member) const {
  const auto found = members_.find(member.instance);
  return found == members_.end() ? std::vector<std::int32_t>{} : found->second.assignment;
}

void SimulatedGroup::prepare(Timestamp now) {
  preparing_ = true;
  prepare_end_ = now + rebalance_timeout;
  for (auto& [instance, seat] : members_) seat.rejoined = false;
}

void SimulatedGroup::pass(Timestamp now) {
  const auto gone = std::erase_if(members_, [&](const auto& member) {
    return member.second.session_end <= now && !(preparing_ && member.second.rejoined);
  });
  if (members_.empty()) {
    preparing_ = false;
    return;
  }
  if (gone > 0 && !preparing_) prepare(now);
  if (!preparing_) return;
  const auto rejoined = [](const auto& member) { return member.second.rejoined; };
  if (std::ranges::all_of(members_, rejoined) || (now >= prepare_end_ && std::ranges::any_of(members_, rejoined)))
    complete(now);
}

// Static members that did not join in time keep their place until their session ends.
void SimulatedGroup::complete(Timestamp now) {
  preparing_ = false;
  ++generation_;
  const auto count = static_cast<std::int32_t>(members_.size());
  std::int32_t next = 0;
  std::int32_t index = 0;
  for (auto& [instance, seat] : members_) {
    const std::int32_t share = partitions / count + (index < partitions % count ? 1 : 0);
    seat.assignment.clear();
    for (std::int32_t i = 0; i < share; ++i) seat.assignment.push_back(next++);
    if (seat.rejoined) seat.session_end = now + session_timeout;
    ++index;
  }
}

std::optional<CommittedOffset> SimulatedGroup::committed(const Place& place) const {
  const auto found = committed_.find(place);
  return found == committed_.end() ? std::nullopt : std::optional(found->second.offset);
}

bool SimulatedGroup::is_pending(const Place& place) const {
  const auto found = pending_.find(place);
  return found != pending_.end() && found->second > 0;
}

void SimulatedGroup::settle(const PendingOffset& offset, bool commit) {
  --pending_[offset.place];
  if (!commit) return;
  Committed& committed = committed_[offset.place];
  if (committed.number > offset.number) return;
  committed = {offset.offset, offset.number};
}

}  // namespace holdfast::testing
