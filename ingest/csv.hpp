#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::ingest {

/// Splits a CSV record (RFC 4180, without its line end) into cells; no value: a quote is not closed or is followed by
/// more text.
[[nodiscard]] std::optional<std::vector<std::string>> split_csv(std::string_view record);

/// Follows the quotes of a record through its lines, so that it is known whether it goes on in the next one.
class CsvQuotes {
 public:
  /// The next piece of the record, line ends included.
  void read(std::string_view text);
  [[nodiscard]] bool open() const { return place_ == Place::quoted; }

 private:
  enum class Place : std::uint8_t { cell_begin, plain, quoted, quote_within };
  Place place_ = Place::cell_begin;
};

/// Turns rows under a header into JSON objects that the source's mapping can read.
class CsvRows {
 public:
  /// invalid_argument: the header is none, or lacks the column of a field that every event needs.
  [[nodiscard]] static Expected<CsvRows> create(std::string_view header, const SourceFormat& format,
                                                const std::string& path);
  /// No value: the row is no CSV or has another number of cells than the header.
  [[nodiscard]] std::optional<std::string> to_json(std::string_view row) const;

 private:
  enum class Type { text, number, flag };
  struct Column {
    std::string member;  ///< Its name as a JSON string, quotes included.
    Type type = Type::text;
  };
  std::vector<Column> columns_;
};

}  // namespace holdfast::ingest
