#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "domain/time.hpp"

namespace holdfast::learn {

/// What was done for customers of one task, as far as examples at cut-offs need it.
///
/// Bounded: of a customer no more than the first and the last action between two cut-offs are kept, and of what lies
/// before the cut-offs that are still asked about, the last one.
class ActionHistory {
 public:
  struct Action {
    Timestamp at;
    Timestamp bought = before_all_time;  ///< The customer's latest purchase that was known then.
    std::uint8_t kind = 0;
  };

  /// `cutoffs`, in order of time, must outlive it: it answers for these alone.
  explicit ActionHistory(const std::vector<Timestamp>& cutoffs) : cutoffs_(cutoffs) {}

  /// In any order of time; of actions at the same moment the one that was added first is the first.
  /// `bought`: the customer's latest purchase that is known then; before_all_time: none.
  void add(std::uint64_t customer, Timestamp t, std::uint8_t kind, Timestamp bought);
  /// Of a customer who was erased.
  void forget(std::uint64_t customer) { by_customer_.erase(customer); }
  /// Of all customers with a greater hash.
  void forget_above(std::uint64_t hash_max);
  /// What only cut-offs before this one would ask for.
  void forget_before(std::size_t cutoff);

  /// The first one behind the cut-off, until `end` at most, unless a purchase lies between the two: such an action
  /// cannot have brought the outcome about, and may have come of it.
  [[nodiscard]] std::optional<Action> first_behind(std::uint64_t customer, std::size_t cutoff, Timestamp end) const;
  /// The last one up to the cut-off.
  [[nodiscard]] std::optional<Action> last_before(std::uint64_t customer, std::size_t cutoff) const;

  /// How many actions are kept.
  [[nodiscard]] std::size_t size() const;

 private:
  /// The number of the first cut-off at or behind `t`: actions with the same one lie between the same two.
  [[nodiscard]] std::size_t interval_of(Timestamp t) const;

  const std::vector<Timestamp>& cutoffs_;
  std::unordered_map<std::uint64_t, std::vector<Action>> by_customer_;  ///< By hash of the id; in order of time.
};

}  // namespace holdfast::learn
