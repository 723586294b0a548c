#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bench/shop_input.hpp"
#include "domain/ids.hpp"
#include "engine/customer.hpp"
#include "engine/model.hpp"
#include "engine/task.hpp"
#include "ingest/decoder.hpp"
#include "state/hot_table.hpp"

namespace holdfast::bench {

inline constexpr Partition partition{0};

/// Levels that few events cross, once a shop has run for some time.
inline constexpr engine::RiskPolicy usual_policy{.horizon = Duration{std::int64_t{91} * 86'400'000},
                                                 .thresholds = {0.75, 0.90, 0.97},
                                                 .hysteresis = 0.05,
                                                 .min_purchases = 2,
                                                 .expire_after = Duration{std::int64_t{180} * 86'400'000}};

/// MBG/NBD alone: bench/model.json.
[[nodiscard]] const engine::Model& plain_model();
/// A logistic part with ranges and what is usual, as `holdfast train` made them of the five million events that
/// `holdfast generate --events 5000000 --customers 200000 --seed 1` tells of a year: bench/full_model.json.
[[nodiscard]] const engine::Model& full_model();

/// A task with its decoders, fed from memory.
class World final : engine::Output {
 public:
  explicit World(const engine::Model& model = plain_model(), const engine::RiskPolicy& policy = usual_policy);

  /// Decodes and applies, a few batches at a time, as a shard does.
  void run(const ShopInput::Batches& batches);
  /// Applies the shop's next events.
  void run(ShopInput& input, std::uint64_t events);

  [[nodiscard]] state::HotTable& table() { return table_; }
  [[nodiscard]] const engine::Task& task() const { return task_; }
  [[nodiscard]] std::uint64_t alerts() const { return alerts_; }

 private:
  void alert(const Alert& alert) override;
  void rejected(SourceIndex source, const Rejection& rejection) override;

  std::vector<ingest::Decoder> decoders_;
  std::vector<EventBatch> spare_;
  state::HotTable table_{sizeof(engine::Customer)};
  engine::Task task_;
  std::array<Offset, ShopInput::sources> end_{};
  std::uint64_t alerts_ = 0;
};

}  // namespace holdfast::bench
