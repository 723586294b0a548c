#pragma once

#include <cstdint>
#include <string_view>

#include "domain/alert.hpp"

namespace holdfast::engine {

/// Customers who are to be left alone, so that it can be told what acting on the others is good for.
struct ControlGroup {
  double share = 0;        ///< Of all customers, within [0, 1]. 0: no trial.
  std::uint64_t seed = 0;  ///< Another one draws other customers.
};

/// The arm that a customer is in; `none` without a trial. A function of the id and the group alone: the same in every
/// partition, in every release, and at all times. Whoever is in a group is in every larger one with the same seed. The
/// draw is by a hash of its own, so that neither a customer's partition, nor when it comes under a new model, nor
/// whether training keeps it as an example has anything to do with its arm (docs/semantics.md, "Arms").
[[nodiscard]] Arm arm_of(std::string_view customer_id, const ControlGroup& group);

}  // namespace holdfast::engine
