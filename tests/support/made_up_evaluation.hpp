#pragma once

#include <cstdint>

#include "app/evaluation_report.hpp"
#include "learn/evaluation.hpp"

namespace holdfast::support {

/// Customers at two cut-offs who leave by a law that the model knows better than MBG/NBD, and MBG/NBD better than the
/// silence alone; with flags, of which about half are right.
[[nodiscard]] learn::EvaluationInput made_up_rows(std::uint32_t customers, std::uint64_t seed);

/// What a report on them says of the model.
[[nodiscard]] app::EvaluationFacts made_up_facts();

}  // namespace holdfast::support
