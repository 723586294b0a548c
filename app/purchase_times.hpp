#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "app/erasures.hpp"
#include "domain/event.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// When customers bought, as the events say it: what alerts are held against. Knows nothing of the engine.
class PurchaseTimes {
 public:
  void add(const Event& event);
  /// After the last event: puts them in order, and leaves out what came after `until` or was forgotten.
  void settle(Timestamp until, const Erasures& erased);

  struct Silence {
    std::uint64_t customer = 0;  ///< Hash of the id.
    Timestamp last_purchase;     ///< Where it began.
  };
  /// Silences of at least `horizon`, whose horizon ended within (from, until], of customers with at least
  /// `min_purchases` purchase days by then; by customer, then in order of time.
  [[nodiscard]] std::vector<Silence> silences(Duration horizon, Timestamp from, Timestamp until,
                                              std::uint32_t min_purchases) const;
  /// The first purchase of a customer after `t`.
  [[nodiscard]] std::optional<Timestamp> next_after(std::uint64_t customer, Timestamp t) const;
  /// Mean days between the purchase days of a customer up to `t`; NaN: fewer than two of them.
  [[nodiscard]] double usual_gap_days(std::uint64_t customer, Timestamp t) const;

 private:
  std::unordered_map<std::uint64_t, std::vector<Timestamp>> by_customer_;
};

}  // namespace holdfast::app
