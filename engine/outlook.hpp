#pragma once

#include <cstdint>

#include "domain/event.hpp"
#include "domain/time.hpp"
#include "engine/customer.hpp"
#include "engine/model.hpp"
#include "engine/score.hpp"

namespace holdfast::engine {

/// What was known of a customer before an event: nothing happens before a certain moment. Most events leave it so, and
/// to see that costs a small part of judging the customer and of finding its next timer.
class Outlook {
 public:
  /// `due`: at or before next_timer(customer), and the customer was judged at its moment; after_all_time: not known.
  Outlook(const Customer& customer, Timestamp due)
      : first_(customer.first()),
        last_(customer.last()),
        moment_(customer.moment()),
        due_(due),
        x_(customer.x),
        contacts_(customer.contacts),
        seen_since_purchase_(customer.is_seen_since_purchase()) {}

  /// Whether, after an event of this kind, judging the customer leaves its level as it is and next_timer() is still
  /// `due` or later. `score`: of the customer as it is now. False: perhaps not. Holds for evaluations of the risk with
  /// all their rounding: a customer is found standing only where its risk keeps a distance from the thresholds that no
  /// rounding spans.
  [[nodiscard]] bool stands(const Customer& now, EventKind event, LazyScore& score, const RiskPolicy& policy) const;

 private:
  [[nodiscard]] bool falls_with_visit(const Customer& now, const Model& model, Duration horizon) const;
  [[nodiscard]] double lowered_by_visit(const Logistic::Term& term, const Customer& now) const;

  Timestamp first_;
  Timestamp last_;
  Timestamp moment_;
  Timestamp due_;
  std::uint32_t x_;
  std::uint16_t contacts_;
  bool seen_since_purchase_;
};

/// A moment before which nothing happens to the customer: its next timer is not earlier. Takes a look or two at where
/// the score may go, not a search for where it does, and may be much too early. `from`: so little cannot tell.
/// REQUIRES: is_judged(customer), the customer was judged at its moment, and nothing happens to it between that and
/// `from`, which is no earlier.
[[nodiscard]] Timestamp quiet_until(const Customer& customer, LazyScore& score, const RiskPolicy& policy,
                                    Timestamp from);

}  // namespace holdfast::engine
