#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "ingest/json_layout.hpp"
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

/// Whether the first line of something is meant as a CSV header: it has several cells, and one of them is the column of
/// a field that every event of the source needs. What begins like JSON is none.
[[nodiscard]] bool looks_like_csv_header(std::string_view line, const SourceFormat& format);

/// Turns rows under a header into JSON objects that the source's mapping can read. The column of a mapped field is
/// named like its pointer without the first slash: /ts is the column `ts`, /customer/id is `customer/id`. All others
/// become members under their own names.
class CsvRows {
 public:
  /// invalid_argument: the header is none, lacks the column of a field that every event needs, or has two that cannot
  /// both stand in an event.
  [[nodiscard]] static Expected<CsvRows> create(std::string_view header, const SourceFormat& format,
                                                const std::string& path);
  /// No value: the row is no CSV or has another number of cells than the header.
  [[nodiscard]] std::optional<std::string> to_json(std::string_view row) const;

 private:
  enum class Type : std::uint8_t { text, number, flag };
  static Type type_of(std::string_view field);

  std::vector<Type> types_;  ///< By column.
  JsonLayout layout_;        ///< Its values are the columns.
};

}  // namespace holdfast::ingest
