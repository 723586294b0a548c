#pragma once

#include <string_view>

namespace holdfast::testing {

inline constexpr std::string_view minimal_model =
    R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6}})";

/// Three lines that every configuration needs.
inline constexpr std::string_view minimal_config =
    "application_id: shop\n"
    "sources:\n"
    "  purchases: {topic: purchases, kind: purchase}\n";

}  // namespace holdfast::testing
