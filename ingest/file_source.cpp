#include "ingest/file_source.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>
#include <utility>

#include "domain/limits.hpp"
#include "ingest/csv.hpp"

namespace holdfast::ingest {
namespace {

class FileBatch final : public RecordBatch {
 public:
  void add(std::string value, Offset offset, Timestamp logged_at) {
    values_.push_back(std::move(value));
    records_.push_back({offset, logged_at, {}, {}});
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

class Files final : public FileSource {
 public:
  Files(SourceFormat format, std::vector<std::string> paths, Timestamp logged_at)
      : format_(std::move(format)), paths_(std::move(paths)), logged_at_(logged_at) {}

  // The first file at once, so that a wrong path shows before anything is read.
  Status begin() {
    std::uint64_t total = 0;
    bool known = true;
    for (const std::string& path : paths_) {
      std::error_code error;
      const auto size = path == "-" ? 0 : std::filesystem::file_size(path, error);
      if (path != "-" && error)
        return fail(ErrorKind::invalid_argument, "cannot read " + path + ": " + error.message());
      known = known && path != "-";
      total += size;
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
      batch->add(std::move(value), next_, logged_at_);
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
    if (opening == "-") {
      in_ = &std::cin;
      return {};
    }
    file_ = std::ifstream(opening, std::ios::binary);
    if (!file_) return fail(ErrorKind::invalid_argument, "cannot read " + opening + ": " + std::strerror(errno));
    in_ = &file_;
    skip_byte_order_mark();
    if (!opening.ends_with(".csv")) return {};
    std::string header;
    read_line(header);
    auto rows = CsvRows::create(header, format_, opening);
    if (!rows) return std::unexpected(rows.error());
    csv_ = std::move(*rows);
    return {};
  }

  void skip_byte_order_mark() {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    std::array<char, mark.size()> begin{};
    file_.read(begin.data(), begin.size());
    if (std::string_view(begin.data(), static_cast<std::size_t>(file_.gcount())) == mark) return;
    file_.clear();
    file_.seekg(0);
  }

  bool read_line(std::string& line) {
    if (!std::getline(*in_, line)) return false;
    bytes_ += line.size() + 1;
    if (line.ends_with('\r')) line.pop_back();
    return true;
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

  /// A line that is not blank, or several where a CSV cell holds line ends. False: all files are at their end.
  Expected<bool> read_record(std::string& record) {
    while (true) {
      if (!read_line(record)) {
        if (in_->bad()) return fail(ErrorKind::failed, "cannot read " + path() + ": " + std::strerror(errno));
        if (index_ == paths_.size()) return false;
        if (const Status opened = open_next(); !opened) return std::unexpected(opened.error());
        continue;
      }
      if (record.find_first_not_of(" \t") == std::string::npos) continue;
      if (csv_) read_rest_of_row(record);
      return true;
    }
  }

  const SourceFormat format_;
  const std::vector<std::string> paths_;
  const Timestamp logged_at_;
  std::size_t index_ = 0;  ///< Of the next file to be opened.
  std::ifstream file_;
  std::istream* in_ = nullptr;
  std::optional<CsvRows> csv_;
  Offset next_;
  std::uint64_t bytes_ = 0;
  std::optional<std::uint64_t> total_;
};

}  // namespace

Expected<std::unique_ptr<FileSource>> FileSource::open(const SourceFormat& format, std::vector<std::string> paths,
                                                       Timestamp logged_at) {
  auto files = std::make_unique<Files>(format, std::move(paths), logged_at);
  if (const Status begun = files->begin(); !begun) return std::unexpected(begun.error());
  return files;
}

}  // namespace holdfast::ingest
