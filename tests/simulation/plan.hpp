#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "app/pipeline.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"
#include "tests/support/named_models.hpp"
#include "tests/support/simulated_log.hpp"

namespace holdfast::testing {

/// A record on its way to a source topic.
struct Arrival {
  Timestamp at;
  std::uint8_t source = 0;
  std::int32_t partition = 0;
  LoggedRecord record;
};

/// All that a seed decides before anything runs. Durations are counted in units: milliseconds where time is that of the
/// events, hours where it is the wall clock, so that a run sees some years of silence.
struct Plan {
  explicit Plan(std::uint64_t seed);

  std::int32_t partitions = 1;
  std::size_t sources = 1;
  std::size_t instances = 1;
  int shards = 1;
  int standbys = 0;
  bool wall_clock = false;
  bool swaps = false;         ///< New models come meanwhile; otherwise there is one.
  bool at_rest = false;       ///< All events are there before the first instance starts.
  bool changelog = true;      ///< Otherwise checkpoints stay on their machine.
  bool transactions = false;  ///< Producers of the sources use some.
  std::int32_t alert_partitions = 1;
  std::int32_t journal_partitions = 1;
  std::uint64_t faults = 0;   ///< Of a thousand requests.
  std::uint64_t trouble = 0;  ///< One piece of work in so many is preceded by a crash, a pause, a stop or the like.
  bool lying_disks = false;
  bool rocksdb = false;                      ///< On the disks: slower than a store in memory.
  bool naive = false;                        ///< The naive engine takes the same steps in the end: it is slow.
  bool retention = false;                    ///< Old records are deleted and the changelog is compacted meanwhile.
  bool cold = false;                         ///< Memory for a few customers: the others lie in scratch files.
  std::size_t batch_most = 40;               ///< Records that a reader delivers at once.
  std::int64_t unit = 1;                     ///< Milliseconds.
  std::int64_t checkpoint_interval = 1'000;  ///< Units.
  Timestamp begin;
  Timestamp end;                  ///< No earlier is it over.
  std::vector<Arrival> arrivals;  ///< In order of time.

  std::vector<std::shared_ptr<const engine::Model>> models;  ///< The first one is the configuration's.
  std::shared_ptr<NamedModels> known;
  engine::RiskPolicy policy;

  [[nodiscard]] Duration units(std::int64_t count) const { return Duration{count * unit}; }
  [[nodiscard]] std::string source_topic(std::size_t source) const;
  /// `wanted` null: for those who only look at what others did.
  [[nodiscard]] app::PipelineSettings settings(const app::WantedModel* wanted = nullptr) const;

 private:
  void draw_models(std::mt19937_64& random);
  void draw_arrivals(std::mt19937_64& random);
  [[nodiscard]] LoggedRecord draw_record(std::mt19937_64& random, std::size_t source, std::int32_t partition,
                                         Timestamp event, Timestamp logged, int number) const;
};

}  // namespace holdfast::testing
