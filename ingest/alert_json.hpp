#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "domain/ids.hpp"
#include "domain/time.hpp"
#include "ingest/text_buffer.hpp"

namespace holdfast::ingest {

/// Writes alerts as JSON (docs/formats/alert-v1.schema.json) with CloudEvents headers. The same alert gives the same
/// bytes: members in a fixed order, numbers in plain decimal notation, rounded to six decimals, money to two. Used by
/// one thread.
class AlertEncoder {
 public:
  AlertEncoder(std::string application_id, std::vector<std::string> source_names, std::string model_id,
               std::string model_name, Duration horizon);

  /// Replaces the contents of both; their memory is used again.
  void encode(const Alert& alert, Partition partition, std::string& json, std::vector<Header>& headers);

 private:
  const std::string application_id_;
  const std::vector<std::string> source_names_;
  const std::string model_id_;
  const std::string model_name_;
  const double horizon_days_;
  TextBuffer text_;
  std::string scratch_;
};

/// 32 hex digits: XXH3-128 of application id, 0x00, customer id, 0x00 and the sequence number in decimal.
[[nodiscard]] std::string alert_id(std::string_view application_id, std::string_view customer_id, std::uint32_t seq);

}  // namespace holdfast::ingest
