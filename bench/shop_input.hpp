#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/shop.hpp"
#include "app/shop_json.hpp"
#include "domain/limits.hpp"
#include "domain/record.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::bench {

/// Records as a fetch hands them on, in memory of their own.
class ShopBatch final : public RecordBatch {
 public:
  ShopBatch(std::vector<std::string> keys, std::vector<std::string> values, Offset first);
  [[nodiscard]] std::span<const RawRecord> records() const override { return records_; }
  [[nodiscard]] std::vector<Header> headers(std::size_t) const override { return {}; }

 private:
  const std::vector<std::string> keys_;
  const std::vector<std::string> values_;
  std::vector<RawRecord> records_;
};

/// The events of a generated shop (`holdfast generate`) as three sources of one partition: purchases, complaints,
/// visits.
class ShopInput {
 public:
  static constexpr std::uint8_t sources = 3;

  ShopInput(std::uint32_t customers, std::uint64_t events);

  /// Of source `i`.
  [[nodiscard]] static ingest::SourceFormat format(std::size_t i);

  /// A batch of each source, empty ones null, from the next events of the shop: about `events` of them.
  using Batches = std::array<std::vector<std::unique_ptr<ShopBatch>>, sources>;
  [[nodiscard]] Batches next(std::uint64_t events);

 private:
  app::Shop shop_;
  std::vector<app::ShopJson> json_;
  std::array<Offset, sources> offsets_{};
};

}  // namespace holdfast::bench
