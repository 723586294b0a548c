#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "domain/ports.hpp"
#include "ingest/kafka_settings.hpp"
#include "tests/support/broker.hpp"

namespace holdfast::testing {

/// Settings of an instance that reads `sources` and writes "alerts", "dead", "journal".
inline ingest::KafkaSettings kafka_settings(const std::string& bootstrap, std::vector<std::string> sources,
                                            const std::string& instance = "1") {
  ingest::KafkaSettings settings;
  settings.properties = {{"bootstrap.servers", bootstrap}};
  settings.application_id = "shop";
  settings.instance_id = instance;
  settings.source_topics = std::move(sources);
  settings.alerts_topic = "alerts";
  settings.dead_letters_topic = "dead";
  settings.journal_topic = "journal";
  settings.log = [](int, std::string_view) {};
  return settings;
}

inline ingest::KafkaSettings kafka_settings(const Kafka& kafka, std::vector<std::string> sources,
                                            const std::string& instance = "1") {
  return kafka_settings(kafka.bootstrap(), std::move(sources), instance);
}

/// Starts whatever is assigned, at the committed position or else the first offset, and keeps what it is told.
class KafkaListener : public LogListener {
 public:
  bool failed(SourceIndex /*source*/, Partition /*partition*/, const Error& /*error*/) override { return false; }
  using Input = std::pair<std::uint8_t, std::int32_t>;  ///< Source and partition.

  KafkaListener(LogReader& reader, std::uint8_t sources) : reader_(reader), sources_(sources) {}

  void assigned(std::span<const Partition> given) override {
    ++assignments;
    partitions.assign(given.begin(), given.end());
    unstarted_ = partitions;
  }
  void revoked(std::span<const Partition>, bool lost) override {
    if (on_revoked) on_revoked(lost);
    ++revocations;
    partitions.clear();
    unstarted_.clear();
  }
  bool released() override { return !hold_released; }
  void records(SourceIndex source, Partition partition, std::unique_ptr<RecordBatch> batch) override {
    for (const RawRecord& r : batch->records()) {
      values[{source.value, partition.value}].emplace_back(r.value);
      offsets[{source.value, partition.value}].push_back(r.offset.value);
    }
    if (keep_batches) batches.push_back(std::move(batch));
  }
  void reached_end(SourceIndex source, Partition partition, Offset end) override {
    ends[{source.value, partition.value}].push_back(end.value);
  }
  bool wants_more(SourceIndex source, Partition) override { return !closed.contains(source.value); }

  /// Polls until `done`, at most 30 s; says what went wrong.
  Status poll_until(const std::function<bool()>& done, bool start = true) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return fail(ErrorKind::failed, "it did not happen in 30 s");
      if (auto s = reader_.poll(*this, Duration{20}); !s) return s;
      if (auto s = start ? start_all() : Status{}; !s) return s;
    }
    return {};
  }
  [[nodiscard]] std::size_t count(Input input) { return values[input].size(); }
  [[nodiscard]] std::int64_t end(Input input) { return ends[input].empty() ? -1 : ends[input].back(); }

  std::vector<Partition> partitions;
  std::map<Input, std::vector<std::string>> values;
  std::map<Input, std::vector<std::int64_t>> offsets;
  std::map<Input, std::vector<std::int64_t>> ends;
  std::map<Input, std::int64_t> from;   ///< Where to start instead.
  std::map<std::uint8_t, bool> closed;  ///< Sources of which no more is wanted.
  std::vector<std::unique_ptr<RecordBatch>> batches;
  std::function<void(bool lost)> on_revoked;
  bool hold_released = false;  ///< Revoked partitions are not let go of.
  bool keep_batches = false;
  int assignments = 0;
  int revocations = 0;

 private:
  Status start_all() {
    for (const Partition p : std::exchange(unstarted_, {})) {
      const auto committed = reader_.committed(p);
      if (!committed) return std::unexpected(committed.error());
      for (std::uint8_t s = 0; s < sources_; ++s) {
        if (auto status = start_one(SourceIndex{s}, p, committed->next[s]); !status) return status;
      }
    }
    return {};
  }
  Status start_one(SourceIndex source, Partition partition, std::optional<Offset> committed) {
    const auto chosen = from.find({source.value, partition.value});
    if (chosen != from.end()) return reader_.start(source, partition, Offset{chosen->second});
    const auto first = committed ? Expected<Offset>(*committed) : reader_.first_offset(source, partition);
    if (!first) return std::unexpected(first.error());
    return reader_.start(source, partition, *first);
  }

  LogReader& reader_;
  std::uint8_t sources_;
  std::vector<Partition> unstarted_;
};

}  // namespace holdfast::testing
