#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/calibration.hpp"
#include "domain/error.hpp"
#include "domain/ids.hpp"
#include "domain/limits.hpp"
#include "domain/time.hpp"

namespace holdfast {

/// Identifies all that alerts depend on besides the log and the models, which steps carry: risk settings, sources and
/// their order.
struct PolicyId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(PolicyId, PolicyId) = default;
};

/// A position in every source of a task: the offset of the next record that is not yet applied.
struct Positions {
  std::array<Offset, limits::sources_max> next{};
  std::uint8_t sources = 0;

  Offset& operator[](SourceIndex s) { return next[s.value]; }
  const Offset& operator[](SourceIndex s) const { return next[s.value]; }
  friend bool operator==(const Positions&, const Positions&) = default;
};

/// A model that takes the place of the one before (docs/semantics.md, "Models").
struct ModelSwap {
  std::string model;  ///< Bytes of the model file.
  /// When the first customers come under it. before_all_time: all have been under it from the beginning; it only says
  /// which one it is.
  Timestamp from = before_all_time;
};

/// The unit of work of a task: take the new model, merge the records up to `end`, then fire the timers due at or before
/// `clock`. Applying the same steps to the same log gives the same state and the same alerts.
struct Step {
  static constexpr std::uint32_t all_timers = 0xffff'ffff;

  std::uint64_t number = 0;  ///< From 1, contiguous for a task over its whole life.
  Positions end;
  Timestamp clock = before_all_time;        ///< before_all_time: the step only merges.
  std::uint32_t timers = all_timers;        ///< So many fire behind the last record: the step had become long enough.
  std::shared_ptr<const ModelSwap> swap{};  ///< Null: no model comes with it, as in nearly all.
};

/// Steps of one task that were applied in one epoch: the value of a journal record. The record's key is the partition
/// number as decimal text.
struct JournalEntry {
  Partition partition;
  PolicyId policy;
  Positions start;          ///< Position before the first step.
  std::vector<Step> steps;  ///< In order, numbers contiguous; never empty.
};

/// Bytes of a journal entry; format in docs/formats/journal.md.
[[nodiscard]] std::string encode_journal_entry(const JournalEntry& entry);
/// corrupt: not such bytes; incompatible: of a newer format.
[[nodiscard]] Expected<JournalEntry> decode_journal_entry(std::string_view bytes);

/// A model that customers of a task are under, or will be.
struct ModelGeneration {
  static constexpr Duration not_begun{-1};

  std::string model;  ///< Bytes of the model file.
  Timestamp from = before_all_time;
  Duration spread;  ///< Within which all customers come under it; not_begun: time has not come to `from`.
  Correction correction{};
};

/// Where a checkpoint stands: the state is that after all steps up to `step`.
struct Marker {
  Partition partition;
  PolicyId policy;
  std::uint64_t topics = 0;         ///< Fingerprint of the source topics' names: positions mean nothing in others.
  std::int32_t partitions = 0;      ///< Of each source: with another number customers lie elsewhere.
  std::uint32_t record_format = 0;  ///< Version of the customer records beside it.
  std::uint64_t step = 0;
  Positions position;
  Timestamp stream_time = before_all_time;
  std::uint64_t customers = 0;  ///< Records the checkpoint holds in all.
  Timestamp taken_at;           ///< Wall clock; only to find the place in the journal sooner and for people.
  Offset changelog{-1};         ///< In the task's changelog: what comes behind this checkpoint. -1: it is not there.
  /// In the order in which they came. None: an earlier release wrote it, which knew the configuration's model alone.
  std::vector<ModelGeneration> models{};
  std::optional<CalibrationState> calibration{};  ///< Empty: outcomes were not held against scores.
};

/// Bytes of a marker; format in docs/formats/checkpoint.md.
[[nodiscard]] std::string encode_marker(const Marker& marker);
[[nodiscard]] Expected<Marker> decode_marker(std::string_view bytes);

}  // namespace holdfast
