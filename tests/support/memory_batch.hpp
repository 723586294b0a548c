#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domain/record.hpp"

namespace holdfast::testing {

/// Records that were written down by a test.
class MemoryBatch final : public RecordBatch {
 public:
  struct Given {
    std::optional<std::string> key;
    std::optional<std::string> value;
    Timestamp timestamp{-1};
    std::vector<Header> headers;
  };
  explicit MemoryBatch(std::vector<Given> given, Offset first = Offset{0}) : given_(std::move(given)) {
    const auto view = [](const std::optional<std::string>& text) {
      return text ? std::string_view(*text) : std::string_view();
    };
    for (const Given& record : given_) {
      records_.push_back({first, record.timestamp, view(record.key), view(record.value)});
      ++first.value;
    }
  }
  [[nodiscard]] std::span<const RawRecord> records() const override { return records_; }
  [[nodiscard]] std::vector<Header> headers(std::size_t index) const override { return given_[index].headers; }

 private:
  const std::vector<Given> given_;
  std::vector<RawRecord> records_;
};

}  // namespace holdfast::testing
