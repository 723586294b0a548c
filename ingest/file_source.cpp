#include "ingest/file_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>
#include <system_error>
#include <utility>

#include "domain/limits.hpp"
#include "ingest/csv.hpp"

namespace holdfast::ingest {
namespace {

class FileBatch final : public RecordBatch {
 public:
  void add(std::string value, Offset offset) {
    values_.push_back(std::move(value));
    records_.push_back({.offset = offset, .key = {}, .value = {}});
  }
  /// Once all values are there: their places do not change any more.
  void finish() {
    for (std::size_t i = 0; i < values_.size(); ++i) records_[i].value = values_[i];
  }
  [[nodiscard]] std::span<const RawRecord> records() const override { return records_; }
  [[nodiscard]] std::vector<Header> headers(std::size_t) const override { return {}; }

 private:
  std::vector<std::string> values_;
  std::vector<RawRecord> records_;
};

enum class Shape : std::uint8_t { ndjson, csv, unknown };

Shape shape_by_name(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension();
  std::ranges::transform(extension, extension.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  if (extension == ".csv") return Shape::csv;
  return extension == ".ndjson" || extension == ".jsonl" || extension == ".json" ? Shape::ndjson : Shape::unknown;
}

class Files final : public FileSource {
 public:
  Files(SourceFormat format, std::vector<std::string> paths) : format_(std::move(format)), paths_(std::move(paths)) {}

  // The first file at once, so that a wrong path shows before anything is read.
  Status begin() {
    std::uint64_t total = 0;
    bool known = true;
    for (const std::string& path : paths_) {
      if (path == "-") {
        known = false;
        continue;
      }
      std::error_code error;
      const auto status = std::filesystem::status(path, error);
      if (status.type() == std::filesystem::file_type::directory)
        error = std::make_error_code(std::errc::is_a_directory);
      const bool sized = !error && status.type() == std::filesystem::file_type::regular;
      if (sized) total += std::filesystem::file_size(path, error);
      if (error) return fail(ErrorKind::invalid_argument, "cannot read " + path + ": " + error.message());
      known = known && sized;  // A pipe tells nobody how much will come through it.
    }
    if (known) total_ = total;
    return open_next();
  }

  Expected<std::unique_ptr<RecordBatch>> next(std::size_t records_max) override {
    auto batch = std::make_unique<FileBatch>();
    std::size_t count = 0;
    while (count < records_max) {
      std::string line;
      const auto got = read_record(line);
      if (!got) return std::unexpected(got.error());
      if (!*got) break;
      std::string value = csv_ ? csv_->to_json(line).value_or(line) : std::move(line);
      batch->add(std::move(value), next_);
      ++next_.value;
      ++count;
    }
    if (count == 0) return nullptr;
    batch->finish();
    return batch;
  }

  [[nodiscard]] std::uint64_t bytes_read() const override { return bytes_; }
  [[nodiscard]] std::optional<std::uint64_t> bytes_total() const override { return total_; }

 private:
  [[nodiscard]] const std::string& path() const { return paths_[index_ - 1]; }

  Status open_next() {
    const std::string& opening = paths_[index_++];
    csv_.reset();
    at_begin_ = true;
    if (opening == "-") {
      in_ = &std::cin;
    } else {
      file_ = std::ifstream(opening, std::ios::binary);
      if (!file_) return fail(ErrorKind::invalid_argument, "cannot read " + opening + ": " + std::strerror(errno));
      in_ = &file_;
    }
    const Shape shape = shape_by_name(opening);
    if (shape == Shape::ndjson) return {};
    std::string first;
    const bool is_empty = !read_filled_line(first);
    if (shape == Shape::csv || (!is_empty && looks_like_csv_header(first, format_))) {
      auto rows = CsvRows::create(first, format_, opening);
      if (!rows) return std::unexpected(rows.error());
      csv_ = std::move(*rows);
    } else if (!is_empty) {
      first_ = std::move(first);
    }
    return {};
  }

  bool read_line(std::string& line) {
    if (!std::getline(*in_, line)) return false;
    bytes_ += line.size() + 1;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (std::exchange(at_begin_, false) && line.starts_with(byte_order_mark)) line.erase(0, byte_order_mark.size());
    if (line.ends_with('\r')) line.pop_back();
    return true;
  }

  /// The next line that is not blank; false: there is none in this file.
  bool read_filled_line(std::string& line) {
    if (first_) {
      line = *std::exchange(first_, std::nullopt);
      return true;
    }
    while (read_line(line)) {
      if (line.find_first_not_of(" \t") != std::string::npos) return true;
    }
    line.clear();
    return false;
  }

  /// A quote that nobody closes must not take the whole file with it.
  void read_rest_of_row(std::string& row) {
    CsvQuotes quotes;
    quotes.read(row);
    std::string more;
    while (quotes.open() && row.size() <= limits::event_bytes_max && read_line(more)) {
      row.append(1, '\n').append(more);
      quotes.read(more);
    }
  }

  /// A line, or several where a CSV cell holds line ends. False: all files are at their end.
  Expected<bool> read_record(std::string& record) {
    while (!read_filled_line(record)) {
      if (in_->bad()) return fail(ErrorKind::failed, "cannot read " + path() + ": " + std::strerror(errno));
      if (index_ == paths_.size()) return false;
      if (const Status opened = open_next(); !opened) return std::unexpected(opened.error());
    }
    if (csv_) read_rest_of_row(record);
    return true;
  }

  const SourceFormat format_;
  const std::vector<std::string> paths_;
  std::size_t index_ = 0;  ///< Of the next file to be opened.
  std::ifstream file_;
  std::istream* in_ = nullptr;
  bool at_begin_ = false;             ///< Of the file: nothing was read of it.
  std::optional<std::string> first_;  ///< A record that was read to see what the file is.
  std::optional<CsvRows> csv_;
  Offset next_;
  std::uint64_t bytes_ = 0;
  std::optional<std::uint64_t> total_;
};

}  // namespace

Expected<std::unique_ptr<FileSource>> FileSource::open(const SourceFormat& format, std::vector<std::string> paths) {
  auto files = std::make_unique<Files>(format, std::move(paths));
  if (const Status begun = files->begin(); !begun) return std::unexpected(begun.error());
  return files;
}

}  // namespace holdfast::ingest
