#include "ingest/kafka_journal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "ingest/kafka_client.hpp"
#include "ingest/kafka_fetching.hpp"

namespace holdfast::ingest {
namespace {

// A batch is waited for until it is full, or so long.
constexpr int wait_ms = 10;
constexpr std::size_t batch = 1000;

KafkaClient::Properties journal_fixed(const char* isolation) {
  return {
      {"isolation.level", isolation},        {"enable.auto.commit", "false"},   {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"}, {"auto.offset.reset", "earliest"},
  };
}

const KafkaClient::Properties journal_defaults{
    {"fetch.wait.max.ms", "50"},
};

struct PartitionRange {
  std::int32_t partition = 0;
  std::int64_t next = 0;
  std::int64_t end = 0;

  [[nodiscard]] bool read() const { return next >= end; }
};

using Entries = std::map<Partition, std::vector<JournalEntry>>;

class Journal final : public JournalReader {
 public:
  Journal(KafkaSettings settings, std::shared_ptr<KafkaClient> committed, std::shared_ptr<KafkaClient> uncommitted)
      : settings_(std::move(settings)), committed_(std::move(committed)), uncommitted_(std::move(uncommitted)) {}

  Status read(std::span<const Partition> partitions, Timestamp since,
              const std::function<void(JournalEntry)>& visit) override;

 private:
  Expected<std::vector<PartitionRange>> ranges(Timestamp since, Deadline deadline) const;
  Status seek(std::vector<PartitionRange>& ranges, Timestamp since, Deadline deadline) const;
  Status collect(std::vector<PartitionRange>& ranges, Entries& entries) const;
  Status take(const rd_kafka_message_t& message, PartitionRange& range, Entries& entries) const;

  KafkaSettings settings_;
  std::shared_ptr<KafkaClient> committed_;
  /// Only asked for the end of the log: the other would give the first offset that is still undecided, and committed
  /// entries may stand behind it.
  std::shared_ptr<KafkaClient> uncommitted_;
};

std::uint64_t first_step(const JournalEntry& entry) { return entry.steps.front().number; }

/// An entry is doubled when its writer could not know that it had been written.
void sort_and_drop_repeats(std::vector<JournalEntry>& entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const JournalEntry& a, const JournalEntry& b) { return first_step(a) < first_step(b); });
  const auto same = [](const JournalEntry& a, const JournalEntry& b) {
    return first_step(a) == first_step(b) && encode_journal_entry(a) == encode_journal_entry(b);
  };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
}

Status Journal::read(std::span<const Partition> partitions, Timestamp since,
                     const std::function<void(JournalEntry)>& visit) {
  Entries entries;
  for (const Partition p : partitions) entries[p];
  auto todo = ranges(since, Deadline(settings_.patience));
  if (!todo) return std::unexpected(todo.error());
  if (auto s = collect(*todo, entries); !s) return s;
  for (auto& [partition, list] : entries) {
    sort_and_drop_repeats(list);
    for (JournalEntry& entry : list) visit(std::move(entry));
  }
  return {};
}

Expected<std::vector<PartitionRange>> Journal::ranges(Timestamp since, Deadline deadline) const {
  const std::array names{settings_.journal_topic};
  const auto counts = require_topics(*uncommitted_, names, settings_.patience);
  if (!counts) return std::unexpected(counts.error());
  std::vector<PartitionRange> result;
  for (std::int32_t p = 0; p < counts->at(settings_.journal_topic); ++p) {
    const auto range = query_range(*uncommitted_, settings_.journal_topic, p, deadline);
    if (!range) return std::unexpected(range.error());
    result.push_back({p, range->first, range->end});
  }
  if (since.ms > 0) {
    if (auto s = seek(result, since, deadline); !s) return std::unexpected(s.error());
  }
  return result;
}

Status Journal::seek(std::vector<PartitionRange>& ranges, Timestamp since, Deadline deadline) const {
  PartitionsPtr times(rd_kafka_topic_partition_list_new(static_cast<int>(ranges.size())));
  for (const PartitionRange& r : ranges) {
    rd_kafka_topic_partition_list_add(times.get(), settings_.journal_topic.c_str(), r.partition)->offset = since.ms;
  }
  auto code = rd_kafka_offsets_for_times(uncommitted_->get(), times.get(), std::max(1, deadline.remaining_ms(60'000)));
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto& found = times->elems[i];
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = found.err;
    // No offset: everything is older.
    ranges[i].next = found.offset >= 0 ? std::max(ranges[i].next, found.offset) : ranges[i].end;
  }
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return fail(kind_of(code, ErrorKind::unavailable),
              fmt::format("cannot search topic '{}' by time: {}", settings_.journal_topic, text_of(code)));
}

Status Journal::collect(std::vector<PartitionRange>& ranges, Entries& entries) const {
  const Duration patience{settings_.patience.ms + open_transactions_patience.ms};
  Deadline deadline(patience);  // From the latest record on: a long journal takes its time.
  Fetching fetching(*committed_, settings_.journal_topic);
  for (const PartitionRange& r : ranges) {
    if (!r.read() && !fetching.start(r.partition, r.next)) {
      return fail(ErrorKind::failed, fmt::format("cannot read topic '{}' partition {}: {}", settings_.journal_topic,
                                                 r.partition, text_of(rd_kafka_last_error())));
    }
  }
  const auto read = [](const PartitionRange& r) { return r.read(); };
  std::vector<rd_kafka_message_t*> messages(batch);
  while (!std::all_of(ranges.begin(), ranges.end(), read)) {
    if (deadline.passed()) {
      const auto late = std::find_if_not(ranges.begin(), ranges.end(), read);
      return fail(ErrorKind::unavailable,
                  fmt::format("topic '{}' partition {} could not be read beyond offset {} of {}: brokers are away, or "
                              "a transaction of another program stays open",
                              settings_.journal_topic, late->partition, late->next, late->end));
    }
    const auto count = rd_kafka_consume_batch_queue(fetching.queue(), wait_ms, messages.data(), messages.size());
    Status status;
    bool got_records = false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max<ssize_t>(count, 0)); ++i) {
      const MessagePtr message(messages[i]);
      const auto range = std::find_if(ranges.begin(), ranges.end(),
                                      [&](const PartitionRange& r) { return r.partition == message->partition; });
      if (range == ranges.end() || !status) continue;
      got_records = got_records || message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
      status = take(*message, *range, entries);
    }
    if (!status) return status;
    if (got_records) deadline = Deadline(patience);
  }
  return {};
}

Status Journal::take(const rd_kafka_message_t& message, PartitionRange& range, Entries& entries) const {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    range.next = std::max(range.next, message.offset);
    return {};
  }
  const std::string place =
      fmt::format("topic '{}' partition {} offset {}", settings_.journal_topic, message.partition, message.offset);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const ErrorKind kind = kind_of(message.err, ErrorKind::unavailable);
    if (kind == ErrorKind::unavailable) return {};  // It goes on once brokers are back; the deadline bounds it.
    return fail(kind, fmt::format("{}: {}", place, rd_kafka_message_errstr(&message)));
  }
  range.next = std::max(range.next, message.offset + 1);
  const std::string_view key(static_cast<const char*>(message.key), message.key == nullptr ? 0 : message.key_len);
  Partition partition;
  const auto parsed = std::from_chars(key.data(), key.data() + key.size(), partition.value);
  if (parsed.ec != std::errc() || parsed.ptr != key.data() + key.size()) {
    return fail(ErrorKind::corrupt, fmt::format("{}: its key is no partition number: does another program write to the "
                                                "journal?",
                                                place));
  }
  const auto wanted = entries.find(partition);
  if (wanted == entries.end()) return {};
  auto entry = decode_journal_entry({static_cast<const char*>(message.payload), message.len});
  if (!entry) return fail(entry.error().kind, fmt::format("{}: {}", place, entry.error().message));
  wanted->second.push_back(std::move(*entry));
  return {};
}

}  // namespace

Expected<std::unique_ptr<JournalReader>> make_kafka_journal_reader(const KafkaSettings& settings) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto committed = KafkaClient::create(settings, RD_KAFKA_CONSUMER, journal_defaults, journal_fixed("read_committed"));
  if (!committed) return std::unexpected(committed.error());
  auto uncommitted =
      KafkaClient::create(settings, RD_KAFKA_CONSUMER, journal_defaults, journal_fixed("read_uncommitted"));
  if (!uncommitted) return std::unexpected(uncommitted.error());
  return std::make_unique<Journal>(settings, std::move(*committed), std::move(*uncommitted));
}

}  // namespace holdfast::ingest
