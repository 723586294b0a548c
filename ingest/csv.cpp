#include "ingest/csv.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace holdfast::ingest {
namespace {

using namespace std::string_view_literals;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A number as JSON writes it: no plus sign, no leading zeros, digits on both sides of a point.
bool is_json_number(std::string_view text) {
  const auto digits = [&text] {
    std::size_t count = 0;
    for (; !text.empty() && is_digit(text.front()); ++count) text.remove_prefix(1);
    return count;
  };
  const auto take = [&text](char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  };
  take('-');
  const bool zero = !text.empty() && text.front() == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (take('.') && digits() == 0) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (digits() == 0) return false;
  }
  return text.empty();
}

/// The column that supplies what stands at a pointer: /customer/id is "customer/id".
std::string column_of(std::string_view pointer) { return fmt::format("{}", fmt::join(pointer_path(pointer), "/")); }

bool has_default(const SourceFormat& format, std::string_view field) {
  return format.defaults.contains(std::string(field));
}

/// The fields that a row cannot be an event without.
std::vector<std::string_view> required_fields(const SourceFormat& format) {
  std::vector<std::string_view> fields{"customer_id"sv, "time"sv};
  const std::string_view own = required_field(format.kind);
  if (!own.empty() && !has_default(format, own)) fields.push_back(own);
  return fields;
}

}  // namespace

std::optional<std::vector<std::string>> split_csv(std::string_view record) {
  std::vector<std::string> cells(1);
  for (std::size_t i = 0; i < record.size();) {
    std::string& cell = cells.back();
    if (record[i] == '"' && cell.empty()) {
      for (++i;; ++i) {
        if (i == record.size()) return std::nullopt;
        if (record[i] != '"') {
          cell += record[i];
        } else if (i + 1 < record.size() && record[i + 1] == '"') {
          cell += record[i++];
        } else {
          break;
        }
      }
      ++i;
      if (i < record.size() && record[i] != ',') return std::nullopt;
    } else if (record[i] != ',') {
      cell += record[i++];
      continue;
    }
    if (i < record.size()) {
      cells.emplace_back();
      ++i;
    }
  }
  return cells;
}

void CsvQuotes::read(std::string_view text) {
  for (const char c : text) {
    switch (place_) {
      case Place::cell_begin:
      case Place::plain:
        if (c == ',') {
          place_ = Place::cell_begin;
        } else {
          place_ = place_ == Place::cell_begin && c == '"' ? Place::quoted : Place::plain;
        }
        break;
      case Place::quoted:
        if (c == '"') place_ = Place::quote_within;
        break;
      case Place::quote_within:  // Of two quotes that stand for one, or the last.
        if (c == '"') {
          place_ = Place::quoted;
        } else {
          place_ = c == ',' ? Place::cell_begin : Place::plain;
        }
        break;
    }
  }
}

bool looks_like_csv_header(std::string_view line, const SourceFormat& format) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos || line[begin] == '{' || line[begin] == '[') return false;
  const auto names = split_csv(line);
  if (!names || names->size() < 2) return false;
  return std::ranges::any_of(required_fields(format), [&](std::string_view field) {
    return std::ranges::find(*names, column_of(pointer_of(format, field))) != names->end();
  });
}

Expected<CsvRows> CsvRows::create(std::string_view header, const SourceFormat& format, const std::string& path) {
  const auto names = split_csv(header);
  if (!names || header.empty())
    return fail(ErrorKind::invalid_argument, path + ":1: there is no CSV header: name the columns in the first line");
  for (const std::string_view field : required_fields(format)) {
    const std::string column = column_of(pointer_of(format, field));
    if (std::ranges::find(*names, column) == names->end())
      return fail(ErrorKind::invalid_argument,
                  fmt::format("{}:1: the header has no column '{}' for {}: name it in sources.{}.fields", path, column,
                              field, format.name));
  }
  CsvRows rows;
  rows.types_.resize(names->size());
  std::map<std::string, std::size_t> columns;  // By pointer; two fields may share one.
  std::set<std::string> taken;                 // Members that mapped columns need.
  for (const std::string_view field : known_fields(format.kind)) {
    const std::string pointer = pointer_of(format, field);
    const auto column = std::ranges::find(*names, column_of(pointer));
    if (column == names->end()) continue;
    const auto index = static_cast<std::size_t>(column - names->begin());
    if (const Type type = type_of(field); type != Type::text) rows.types_[index] = type;
    columns[pointer] = index;
    taken.insert(pointer_path(pointer).front());
  }
  for (std::size_t i = 0; i < names->size(); ++i) {
    const std::string& name = (*names)[i];
    bool mapped = false;
    for (const auto& [pointer, column] : columns) {
      if (column != i) continue;
      mapped = true;
      if (!rows.layout_.add(pointer_path(pointer), i))
        return fail(ErrorKind::invalid_argument,
                    fmt::format("{}:1: the column '{}' has no place in an event beside the others, since one is an "
                                "object where another is a value: leave one out",
                                path, name));
    }
    if (!mapped && !taken.contains(name)) rows.layout_.add(std::span(&name, 1), i);
  }
  return rows;
}

std::optional<std::string> CsvRows::to_json(std::string_view row) const {
  auto cells = split_csv(row);
  if (!cells || cells->size() != types_.size()) return std::nullopt;
  for (std::size_t i = 0; i < cells->size(); ++i) {
    std::string& cell = (*cells)[i];
    const bool bare = cell.empty() || (types_[i] == Type::number && is_json_number(cell)) ||
                      (types_[i] == Type::flag && (cell == "true" || cell == "false"));
    if (bare) continue;
    std::string text;
    append_json_string(text, cell);
    cell = std::move(text);
  }
  std::string json;
  layout_.write(*cells, json);
  return json;
}

CsvRows::Type CsvRows::type_of(std::string_view field) {
  constexpr std::array numbers{"amount"sv, "list_amount"sv, "severity"sv, "duration_s"sv, "time"sv};
  if (std::ranges::find(numbers, field) != numbers.end()) return Type::number;
  return field == "satisfied" ? Type::flag : Type::text;
}

}  // namespace holdfast::ingest
