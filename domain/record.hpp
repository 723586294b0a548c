#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/event.hpp"
#include "domain/ids.hpp"
#include "domain/time.hpp"

namespace holdfast {

/// A record as the log has it. Views live as long as its RecordBatch.
struct RawRecord {
  Offset offset;
  Timestamp timestamp{-1};  ///< The log's own; -1 when it has none.
  std::string_view key;     ///< data() == nullptr: no key.
  std::string_view value;   ///< data() == nullptr: no value.
};

/// Records of one source partition in offset order, and the memory they live in. Made by one thread, released by
/// another.
class RecordBatch {
 public:
  RecordBatch() = default;
  RecordBatch(const RecordBatch&) = delete;
  RecordBatch& operator=(const RecordBatch&) = delete;
  virtual ~RecordBatch() = default;

  [[nodiscard]] virtual std::span<const RawRecord> records() const = 0;
  /// Headers of the record at `index`; a copy, since only dead letters ask for them.
  [[nodiscard]] virtual std::vector<Header> headers(std::size_t index) const = 0;
};

/// The topics that Holdfast writes to.
enum class OutputTopic : std::uint8_t { alerts, dead_letters, journal };

/// A header of a record to be written.
struct HeaderView {
  std::string_view name;
  std::string_view value;
  bool has_value = true;

  HeaderView() = default;
  HeaderView(std::string_view header_name, std::string_view header_value) : name(header_name), value(header_value) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a view is what it is for.
  HeaderView(const Header& header) : name(header.name), value(header.value), has_value(header.has_value) {}
  [[nodiscard]] explicit operator Header() const { return {std::string(name), std::string(value), has_value}; }
};

/// A record to be written. Views live until the call that takes it returns.
struct OutputRecord {
  OutputTopic topic{};
  std::string_view key;    ///< data() == nullptr: no key.
  std::string_view value;  ///< data() == nullptr: no value.
  std::span<const HeaderView> headers;
  Timestamp timestamp{-1};      ///< -1: the writer's own.
  std::int32_t partition = -1;  ///< -1: by key.
};

}  // namespace holdfast
