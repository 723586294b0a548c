#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"
#include "engine/task.hpp"
#include "ingest/file_source.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

struct ReplaySettings {
  std::vector<ingest::SourceFormat> sources;
  ingest::Partitioner partitioner{};
  const engine::Model* model = nullptr;
  const engine::RiskPolicy* policy = nullptr;
  std::string application_id;
  std::optional<Timestamp> until;  ///< Where the clock goes on to past the last event; before it: it stays.
  std::int32_t partitions = 1;     ///< Tasks; as many as the topics have partitions, to get the alerts of `run`.
  int threads = 1;
  std::size_t batch = 1000;  ///< Records read at once.
};

struct ReplaySummary {
  engine::TaskCounts counts;
  std::uint64_t customers = 0;
  std::uint64_t state_bytes = 0;
  Timestamp last_event = before_all_time;   ///< The greatest of all event times.
  Timestamp stream_time = before_all_time;  ///< Also past the last event, if the clock went on.
};

/// Takes the output of a replay in its final order: by the stream time at which it came about, ties by partition. It
/// depends on nothing but the files, the configuration and the number of partitions.
class ReplayOutput {
 public:
  virtual ~ReplayOutput() = default;
  virtual Status alert(std::string_view json) = 0;
  virtual Status dead_letter(SourceIndex source, const Rejection& rejection) = 0;
  /// Called now and then, with bytes read so far.
  virtual void progress(std::uint64_t events, Timestamp stream_time) = 0;
};

/// Runs files (by source; null: the source has none) through the engine, as one log each that is complete.
[[nodiscard]] Expected<ReplaySummary> replay(const ReplaySettings& settings,
                                             std::vector<std::unique_ptr<ingest::FileSource>> files,
                                             ReplayOutput& output);

}  // namespace holdfast::app
