#pragma once

#include <cstdint>

#include "domain/time.hpp"
#include "engine/customer.hpp"
#include "engine/model.hpp"

namespace holdfast::engine {

/// What was known of a customer before an event: nothing happens before a certain moment. Most events leave it so, and
/// to see that costs a small part of judging the customer and of finding its next timer.
class Outlook {
 public:
  /// `due`: at or before next_timer(customer); after_all_time: not known. The customer was judged at its moment.
  Outlook(const Customer& customer, Timestamp due)
      : first_(customer.first()), last_(customer.last()), moment_(customer.moment()), due_(due), x_(customer.x) {}

  /// Whether, after an event, judging the customer leaves its level as it is and next_timer() is still `due` or later.
  /// False: perhaps not. Holds for evaluations of the risk with all their rounding: a customer is found standing only
  /// where its risk keeps a distance from the thresholds that no rounding spans.
  [[nodiscard]] bool stands(const Customer& now, const Model& model, const RiskPolicy& policy) const;

 private:
  Timestamp first_;
  Timestamp last_;
  Timestamp moment_;
  Timestamp due_;
  std::uint32_t x_;
};

}  // namespace holdfast::engine
