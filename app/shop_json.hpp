#pragma once

#include <string>

#include "app/shop.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

/// "C0000042"
[[nodiscard]] std::string shop_customer_id(std::uint32_t customer);

/// The event as the source's mapping and time format want it: one JSON object of about 170 bytes.
[[nodiscard]] std::string shop_event_json(const ShopEvent& event, const ingest::SourceFormat& format);

/// A customer's truth as a JSON object.
[[nodiscard]] std::string shop_truth_json(std::uint32_t customer, const ShopTruth& truth);

}  // namespace holdfast::app
