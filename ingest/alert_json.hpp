#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "domain/ids.hpp"
#include "domain/record.hpp"
#include "domain/time.hpp"
#include "ingest/reason_words.hpp"
#include "ingest/text_arena.hpp"

namespace holdfast::ingest {

/// Writes alerts as JSON (docs/formats/alert-v1.schema.json) with CloudEvents headers. The same alert gives the same
/// bytes: members in a fixed order, numbers in plain decimal notation, rounded to six decimals, money to two. Used by
/// one thread.
class AlertEncoder {
 public:
  AlertEncoder(std::string application_id, std::vector<std::string> source_names, Duration horizon,
               Language language = Language::en);

  struct Encoded {
    std::string_view customer_id;
    std::string_view json;
    std::array<HeaderView, 8> all_headers;
    std::size_t header_count = 0;  ///< The last one only where the alert names an arm.
    [[nodiscard]] std::span<const HeaderView> headers() const { return std::span(all_headers).first(header_count); }
  };
  /// The alert's texts lie in `into`, as long as they stay there; names of headers and what is the same for all alerts,
  /// in the encoder. REQUIRES: no text is under way.
  [[nodiscard]] Encoded encode(const Alert& alert, Partition partition, TextArena& into);

 private:
  const std::string application_id_;
  const std::string source_header_;
  const std::vector<std::string> source_names_;
  const double horizon_days_;
  const ReasonWords& words_;
  std::string scratch_;
};

/// 32 hex digits: XXH3-128 of application id, 0x00, customer id, 0x00 and the sequence number in decimal.
[[nodiscard]] std::string alert_id(std::string_view application_id, std::string_view customer_id, std::uint32_t seq);

}  // namespace holdfast::ingest
