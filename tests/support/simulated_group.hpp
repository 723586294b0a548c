#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "domain/time.hpp"

namespace holdfast::testing {

struct CommittedOffset {
  std::int64_t offset = 0;
  std::string metadata;
};

/// An offset that waits for the end of the transaction it was sent in.
struct PendingOffset {
  std::pair<std::string, std::int32_t> place;
  CommittedOffset offset;
  std::uint64_t number = 0;  ///< Of all that were sent: a later one is not replaced by an earlier one.
};

/// Kafka's classic group protocol for static members, and what the group has committed: join and wait for the others,
/// be given a range of partitions under a generation, send heartbeats, and join again when another generation is made.
class SimulatedGroup {
 public:
  using Place = std::pair<std::string, std::int32_t>;  ///< Topic and partition.

  /// What a client holds: its place in the group under a generation.
  struct Member {
    std::string instance;
    std::string id;
    std::int32_t generation = -1;
  };
  enum class Answer : std::uint8_t {
    good,
    wait,        ///< Joined; the others are still awaited.
    rebalance,   ///< Another generation is being made: give back the partitions and join.
    unknown,     ///< The member was taken for dead: join anew.
    generation,  ///< A generation was made without the member.
    fenced,      ///< Another process has its place.
  };

  explicit SimulatedGroup(std::uint64_t seed) : random_(seed) {}

  Duration session_timeout{10'000};
  Duration rebalance_timeout{30'000};
  std::int32_t partitions = 0;  ///< Of each source.

  /// Asks for a place; `member.id` empty: as a new process. good: the current generation is the member's at once.
  [[nodiscard]] Answer join(Member& member, Timestamp now);
  /// After `wait`: good once there is a generation.
  [[nodiscard]] Answer joined(Member& member, Timestamp now);
  [[nodiscard]] Answer heartbeat(const Member& member, Timestamp now);
  /// Whether a commit in the member's name is taken.
  [[nodiscard]] Answer check(const Member& member) const;
  /// Only keeps the session alive: a client does so also while nobody polls it.
  void touch(const Member& member, Timestamp now);
  [[nodiscard]] std::vector<std::int32_t> assignment(const Member& member) const;
  /// Sessions end, rebalances are completed.
  void pass(Timestamp now);

  // Offsets
  [[nodiscard]] std::optional<CommittedOffset> committed(const Place& place) const;
  [[nodiscard]] bool is_pending(const Place& place) const;
  void add_pending(const Place& place) { ++pending_[place]; }
  void settle(const PendingOffset& offset, bool commit);
  void forget(const Place& place) { committed_.erase(place); }

  /// Who is in it, with what; partitions mean something once it is settled.
  [[nodiscard]] std::map<std::string, std::vector<std::int32_t>> seats() const {
    std::map<std::string, std::vector<std::int32_t>> out;
    for (const auto& [instance, seat] : members_) out[instance] = seat.assignment;
    return out;
  }
  [[nodiscard]] bool settled() const { return !preparing_; }
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  [[nodiscard]] std::size_t members() const { return members_.size(); }

 private:
  struct Seat {
    std::string id;
    Timestamp session_end;
    bool rejoined = false;  ///< In the rebalance under way.
    std::vector<std::int32_t> assignment;
  };
  struct Committed {
    CommittedOffset offset;
    std::uint64_t number = 0;
  };

  void prepare(Timestamp now);
  void complete(Timestamp now);
  [[nodiscard]] Answer own(const Member& member) const;

  std::mt19937_64 random_;
  std::map<std::string, Seat> members_;  ///< By instance.
  std::int32_t generation_ = 0;
  bool preparing_ = false;
  Timestamp prepare_end_;
  std::uint64_t ids_ = 0;
  std::map<Place, Committed> committed_;
  std::map<Place, int> pending_;
};

}  // namespace holdfast::testing
