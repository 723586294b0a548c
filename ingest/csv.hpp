#pragma once

#include <functional>
#include <map>
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

/// Whether a quote of the text is still open, so that the record goes on in the next line.
[[nodiscard]] bool is_open_csv(std::string_view text);

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
