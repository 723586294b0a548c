#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "domain/ids.hpp"
#include "domain/time.hpp"
#include "engine/customer.hpp"
#include "engine/model.hpp"

namespace holdfast::app {

/// What is known of a customer, as of `at`, for people and programs: the body of /api/v1/customers/{id} and of
/// `holdfast inspect --json` (docs/reference/http.md).
[[nodiscard]] nlohmann::ordered_json describe_customer(std::string_view id, const engine::Customer& customer,
                                                       Partition partition, const engine::Model& model,
                                                       const engine::RiskPolicy& policy, Timestamp at);

}  // namespace holdfast::app
