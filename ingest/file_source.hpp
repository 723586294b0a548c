#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domain/error.hpp"
#include "ingest/record_source.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::ingest {

/// Files of events as one log: NDJSON, or CSV with a header. A name that ends in .csv, .ndjson, .jsonl or .json says
/// which; otherwise, and on standard input, it is CSV if the first line that is not blank looks like a header of the
/// source's fields. Offsets count the records from 0 over all files; there are no keys and no timestamps of the
/// log. Blank lines are no records.
///
/// A CSV row becomes a JSON object for the same decoder: see CsvRows. Numbers stay numbers where the field is one, an
/// empty cell is absent, all else is a string. A row that does not fit the header is handed on as it is, to be rejected
/// as malformed.
class FileSource : public RecordSource {
 public:
  /// Reads `paths` one after the other; "-" is standard input.
  /// invalid_argument: a file cannot be opened, or a CSV file has no header that fits.
  [[nodiscard]] static Expected<std::unique_ptr<FileSource>> open(const SourceFormat& format,
                                                                  std::vector<std::string> paths);

  [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
  /// No value: not known, as for standard input and pipes.
  [[nodiscard]] virtual std::optional<std::uint64_t> bytes_total() const = 0;
};

}  // namespace holdfast::ingest
