#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "domain/event.hpp"
#include "engine/customer.hpp"
#include "engine/model.hpp"

namespace holdfast::testing {

constexpr Duration milliseconds(std::int64_t count) { return {count}; }
constexpr Duration hours(std::int64_t count) { return {count * 3'600'000}; }
constexpr Duration days(std::int64_t count) { return {count * 86'400'000}; }

/// A UTC midnight that tests count from: 2011-01-01T00:00:00Z.
inline constexpr Timestamp new_year{1'293'840'000'000};

/// The MBG/NBD and Gamma-Gamma of CDNOW as published, in weeks.
[[nodiscard]] engine::Model cdnow_model();
/// The same under logistic terms.
[[nodiscard]] engine::Model logistic_model(double intercept, std::vector<engine::Logistic::Term> terms);
/// The policy of the documentation: 91 days, 0.60, 0.75, 0.90, 0.05, two purchases, 180 days.
[[nodiscard]] engine::RiskPolicy default_policy();

[[nodiscard]] Event purchase(Timestamp t);
[[nodiscard]] Event purchase(Timestamp t, double amount, std::string_view currency = "GBP");
[[nodiscard]] Event complaint(Timestamp t, ComplaintStatus status = ComplaintStatus::opened);
[[nodiscard]] Event returned(Timestamp t);
[[nodiscard]] Event visit(Timestamp t);

/// A customer with x repeat purchase days, `last` after `first` = new_year, just looked at.
[[nodiscard]] engine::Customer buyer(std::uint32_t x, Duration first_to_last);

/// Random ones, drawn within a rapidcheck property.
[[nodiscard]] double any_real(double low, double high);
/// Over magnitudes. REQUIRES: 0 < low < high.
[[nodiscard]] double any_magnitude(double low, double high);
/// One that events can lead to, of any level.
[[nodiscard]] engine::Customer any_customer();
[[nodiscard]] engine::Model any_mbg_model();
/// A third as they are trained.
[[nodiscard]] engine::Model any_logistic_model();

}  // namespace holdfast::testing
