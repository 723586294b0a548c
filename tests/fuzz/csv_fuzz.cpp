#include <nlohmann/json.hpp>

#include "ingest/csv.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace holdfast::fuzz {
namespace {

ingest::SourceFormat format_of(std::uint8_t which) {
  ingest::SourceFormat format;
  format.name = "source";
  format.topic = "topic";
  format.kind = static_cast<EventKind>(which % 3);
  if ((which & 4) != 0) format.fields = {{"customer_id", "/customer/id"}, {"time", "/customer/at~1on"}};
  if ((which & 8) != 0) format.fields["event_id"] = "/customer/id";
  if ((which & 16) != 0 && format.kind == EventKind::purchase) format.defaults["amount"] = "1.5";
  return format;
}

/// A cell as every cell may be written.
std::string in_quotes(std::string_view cell) {
  std::string out = "\"";
  for (const char c : cell) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

void check_cells(std::string_view record) {
  const auto cells = ingest::split_csv(record);
  ingest::CsvQuotes quotes;
  quotes.read(record);
  if (!cells) return;
  require(!quotes.open(), "a record whose quotes are open is none");
  require(!cells->empty(), "a record has cells");
  std::string written;
  for (const std::string& cell : *cells) written += (written.empty() ? "" : ",") + in_quotes(cell);
  const auto back = ingest::split_csv(written);
  require(back && *back == *cells, "cells that are written come back");
}

bool is_json_object(std::string_view text) {
  try {
    return nlohmann::json::parse(text).is_object();
  } catch (const nlohmann::json::out_of_range&) {
    return true;  // A number that no double can hold.
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

void check_row(const ingest::CsvRows& rows, std::string_view header, std::string_view row) {
  const auto json = rows.to_json(row);
  if (!json) return;
  require(ingest::split_csv(row).has_value(), "what became an event is CSV");
  if (is_utf8(header) && is_utf8(row)) {
    require(is_json_object(*json), "a row becomes a JSON object");
  }
}

}  // namespace
}  // namespace holdfast::fuzz

/// A byte that chooses the source's mapping, a header in the first line, rows in the others.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const ingest::SourceFormat format = fuzz::format_of(input.byte());
  const std::string_view header = input.line();
  fuzz::check_cells(header);
  fuzz::check_cells(input.rest());  // Line ends may stand in quotes.
  const bool recognised = ingest::looks_like_csv_header(header, format);
  const auto rows = ingest::CsvRows::create(header, format, "orders.csv");
  if (!rows) {
    fuzz::require(rows.error().kind == ErrorKind::invalid_argument, "a header that is none is a wrong argument");
    fuzz::require(rows.error().message.starts_with("orders.csv:1: "), "the message names the place");
    return 0;
  }
  fuzz::require(
      recognised || ingest::split_csv(header)->size() < 2 || header.find_first_of("{[") != std::string_view::npos,
      "a header that serves is recognised");
  while (!input.empty()) {
    const std::string_view row = input.line();
    fuzz::check_cells(row);
    fuzz::check_row(*rows, header, row);
  }
  return 0;
}
