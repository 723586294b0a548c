#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/alert.hpp"
#include "domain/error.hpp"
#include "domain/ports.hpp"
#include "domain/step.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"
#include "engine/task.hpp"
#include "ingest/decoder.hpp"
#include "ingest/reason_words.hpp"
#include "ingest/record_source.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

/// Looks at the tasks of a replay while it runs. Calls come from several threads, those of one partition from one at a
/// time.
class ReplayObserver {
 public:
  virtual ~ReplayObserver() = default;
  /// The task has come to one of the moments: all events up to it are applied, none behind it.
  virtual void look(Timestamp moment, const engine::Task& task, const RecordTable& customers) = 0;
  virtual void alert(Partition partition, const Alert& alert) = 0;
  /// When the task comes to it, before it takes effect.
  virtual void action(Partition /*partition*/, const Event& /*event*/, const RecordTable& /*customers*/) {}
};

struct ReplaySettings {
  std::vector<ingest::SourceFormat> sources;
  ingest::Partitioner partitioner{};
  const engine::Model* model = nullptr;
  const engine::RiskPolicy* policy = nullptr;
  std::string application_id;
  ingest::Language language{};
  std::vector<ModelSwap> swaps{};  ///< New models, in order of their moments.
  std::optional<Timestamp> until;  ///< Where the clock goes on to past the last event; before it: it stays.
  std::int32_t partitions = 1;     ///< Tasks; as many as the topics have partitions, to get the alerts of `run`.
  int threads = 1;
  std::size_t batch = 1000;  ///< Records read at once.
  /// At which the observer looks, in order of time; none: it does not. Nothing behind the last one is applied.
  std::vector<Timestamp> moments = {};
  ReplayObserver* observer = nullptr;  ///< Outlives the replay.
};

/// Where records of a source come from: one partition of its topic, or files with the events of all customers.
struct RecordFeed {
  std::unique_ptr<ingest::RecordSource> records;
  SourceIndex source;
  std::optional<Partition> partition = std::nullopt;
};

/// Makes events of a feed's records: of those from a topic as `run` does, so that a record without the customer's id as
/// key is no event; records of files have no keys. `partitions`: of the topics.
[[nodiscard]] ingest::Decoder decoder_of(const RecordFeed& feed, std::span<const ingest::SourceFormat> sources,
                                         ingest::Partitioner partitioner, std::int32_t partitions);

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

/// The files of each source, read one after the other as one log. invalid_argument: as FileSource::open().
[[nodiscard]] Expected<std::vector<RecordFeed>> open_files(std::span<const ingest::SourceFormat> sources,
                                                           std::vector<std::vector<std::string>> paths);

/// Runs records through the engine, as logs that are complete. A source may have none.
[[nodiscard]] Expected<ReplaySummary> replay(const ReplaySettings& settings, std::vector<RecordFeed> feeds,
                                             ReplayOutput& output);

}  // namespace holdfast::app
