#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Keys of a checkpoint's records, the same in the state directory and in the changelog topic.
namespace holdfast::checkpoint_key {

/// Of the marker; sorts before every record.
inline constexpr std::string_view marker("\0", 1);
inline constexpr char record_prefix = '\1';

/// Of a customer's record. Written into `out`, whose memory is used again.
inline void put_record(std::string& out, std::string_view id) { out.assign(1, record_prefix).append(id); }

/// The customer's id; no value: it is no record's key.
[[nodiscard]] inline std::optional<std::string_view> id_of(std::string_view key) {
  if (!key.starts_with(record_prefix)) return std::nullopt;
  return key.substr(1);
}

}  // namespace holdfast::checkpoint_key
