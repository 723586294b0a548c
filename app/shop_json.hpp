#pragma once

#include <string>
#include <vector>

#include "app/shop.hpp"
#include "domain/event.hpp"
#include "ingest/json_layout.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

/// "C0000042"
[[nodiscard]] std::string shop_customer_id(std::uint32_t customer);

/// Writes the shop's events as a source wants them: by its mapping and time format. One JSON object of about 170 bytes
/// each.
class ShopJson {
 public:
  /// `currency`: of all amounts.
  ShopJson(const ingest::SourceFormat& format, const Currency& currency);
  [[nodiscard]] std::string event(const ShopEvent& event);

 private:
  ingest::TimeFormat time_format_;
  std::string currency_;
  ingest::JsonLayout layout_;
  std::vector<std::string> values_;
};

/// A customer's truth as a JSON object.
[[nodiscard]] std::string shop_truth_json(std::uint32_t customer, const ShopTruth& truth);

}  // namespace holdfast::app
