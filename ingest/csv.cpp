#include "ingest/csv.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include <fmt/format.h>

namespace holdfast::ingest {
namespace {

using namespace std::string_view_literals;

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

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

std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size()) {
      out += token[++i] == '1' ? '/' : '~';
    } else {
      out += token[i];
    }
  }
  return out;
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

Expected<CsvRows> CsvRows::create(std::string_view header, const SourceFormat& format, const std::string& path) {
  const auto names = split_csv(header);
  if (!names || header.empty())
    return fail(ErrorKind::invalid_argument, path + ":1: there is no CSV header: name the columns in the first line");
  std::map<std::string, Type> types;
  for (const std::string_view field : known_fields(format.kind)) {
    constexpr std::array numbers{"amount"sv, "list_amount"sv, "severity"sv, "duration_s"sv, "time"sv};
    const bool number = std::ranges::find(numbers, field) != numbers.end();
    types[unescaped(std::string_view(pointer_of(format, field)).substr(1))] = number                 ? Type::number
                                                                              : field == "satisfied" ? Type::flag
                                                                                                     : Type::text;
  }
  for (const std::string_view field : {"customer_id"sv, "time"sv}) {
    const std::string column = unescaped(std::string_view(pointer_of(format, field)).substr(1));
    if (std::ranges::find(*names, column) == names->end())
      return fail(ErrorKind::invalid_argument,
                  fmt::format("{}:1: the header has no column '{}' for {}: name it in sources.{}.fields", path, column,
                              field, format.name));
  }
  CsvRows rows;
  for (const std::string& name : *names) {
    Column column;
    append_json_string(column.member, name);
    if (const auto it = types.find(name); it != types.end()) column.type = it->second;
    rows.columns_.push_back(std::move(column));
  }
  return rows;
}

std::optional<std::string> CsvRows::to_json(std::string_view row) const {
  const auto cells = split_csv(row);
  if (!cells || cells->size() != columns_.size()) return std::nullopt;
  std::string json = "{";
  for (std::size_t i = 0; i < cells->size(); ++i) {
    const std::string& cell = (*cells)[i];
    if (cell.empty()) continue;
    if (json.size() > 1) json += ',';
    json.append(columns_[i].member).append(1, ':');
    const bool bare = (columns_[i].type == Type::number && is_json_number(cell)) ||
                      (columns_[i].type == Type::flag && (cell == "true" || cell == "false"));
    if (bare) {
      json += cell;
    } else {
      append_json_string(json, cell);
    }
  }
  json += '}';
  return json;
}

}  // namespace holdfast::ingest
