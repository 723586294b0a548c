#include "bench/shop_input.hpp"

#include <utility>

namespace holdfast::bench {
namespace {

constexpr Timestamp from{1'735'689'600'000};  // 2025-01-01
constexpr Duration year{std::int64_t{365} * 86'400'000};

}  // namespace

ShopBatch::ShopBatch(std::vector<std::string> keys, std::vector<std::string> values, Offset first)
    : keys_(std::move(keys)), values_(std::move(values)) {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    records_.push_back({first, Timestamp{-1}, keys_[i], values_[i]});
    ++first.value;
  }
}

ShopInput::ShopInput(std::uint32_t customers, std::uint64_t events)
    : shop_({.events = events, .customers = customers, .seed = 1, .from = from, .length = year, .fitted = false}) {
  for (std::size_t i = 0; i < sources; ++i) json_.emplace_back(format(i), Currency{{'E', 'U', 'R'}});
}

ingest::SourceFormat ShopInput::format(std::size_t i) {
  constexpr std::array names{"purchases", "complaints", "visits"};
  constexpr std::array kinds{EventKind::purchase, EventKind::complaint, EventKind::visit};
  ingest::SourceFormat out;
  out.name = names[i];
  out.topic = names[i];
  out.kind = kinds[i];
  out.max_ahead = Duration{3'600'000};
  return out;
}

ShopInput::Batches ShopInput::next(std::uint64_t events) {
  Batches out;
  std::array<std::vector<std::string>, sources> keys;
  std::array<std::vector<std::string>, sources> values;
  const auto close = [&](std::size_t source) {
    if (keys[source].empty()) return;
    const auto size = static_cast<std::int64_t>(keys[source].size());
    out[source].push_back(std::make_unique<ShopBatch>(std::exchange(keys[source], {}),
                                                      std::exchange(values[source], {}), offsets_[source]));
    offsets_[source].value += size;
  };
  for (std::uint64_t i = 0; i < events; ++i) {
    const auto event = shop_.next();
    if (!event) break;
    const auto source = static_cast<std::size_t>(event->kind);
    keys[source].push_back(app::shop_customer_id(event->customer));
    values[source].push_back(json_[source].event(*event));
    if (keys[source].size() == limits::batch_records_max) close(source);
  }
  for (std::size_t source = 0; source < sources; ++source) close(source);
  return out;
}

}  // namespace holdfast::bench
