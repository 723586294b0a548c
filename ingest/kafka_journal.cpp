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
    // From librdkafka 2.2 on, a partition whose queue was full is otherwise left alone for a second.
    {"fetch.queue.backoff.ms", "1"},
};

struct PartitionRange {
  std::int32_t partition = 0;
  std::int64_t next = 0;
  std::int64_t end = 0;

  [[nodiscard]] bool read() const { return next >= end; }
};

using Entries = std::map<Partition, std::vector<JournalEntry>>;

Status seek(const KafkaClient& client, const std::string& topic, std::vector<PartitionRange>& ranges, Timestamp since,
            Deadline deadline) {
  PartitionsPtr times(rd_kafka_topic_partition_list_new(static_cast<int>(ranges.size())));
  for (const PartitionRange& r : ranges) {
    rd_kafka_topic_partition_list_add(times.get(), topic.c_str(), r.partition)->offset = since.ms;
  }
  auto code = rd_kafka_offsets_for_times(client.get(), times.get(), std::max(1, deadline.remaining_ms(60'000)));
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto& found = times->elems[i];
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = found.err;
    // No offset: everything is older.
    ranges[i].next = found.offset >= 0 ? std::max(ranges[i].next, found.offset) : ranges[i].end;
  }
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return fail(kind_of(code, ErrorKind::unavailable),
              fmt::format("cannot search topic '{}' by time: {}", topic, text_of(code)));
}

/// From `since` on, to the end that the journal has for this client.
Expected<std::vector<PartitionRange>> ranges_since(const KafkaClient& client, const KafkaSettings& settings,
                                                   Timestamp since, Deadline deadline) {
  const std::array names{settings.journal_topic};
  const auto counts = require_topics(client, names, settings.patience);
  if (!counts) return std::unexpected(counts.error());
  std::vector<PartitionRange> result;
  for (std::int32_t p = 0; p < counts->at(settings.journal_topic); ++p) {
    const auto range = query_range(client, settings.journal_topic, p, deadline);
    if (!range) return std::unexpected(range.error());
    result.push_back({p, range->first, range->end});
  }
  if (since.ms > 0) {
    if (auto s = seek(client, settings.journal_topic, result, since, deadline); !s) return std::unexpected(s.error());
  }
  return result;
}

std::string place_of(const rd_kafka_message_t& message, const KafkaSettings& settings) {
  return fmt::format("topic '{}' partition {} offset {}", settings.journal_topic, message.partition, message.offset);
}

/// Whether reading can go on; not yet, if the message is an error that passes once brokers are back.
Status check(const rd_kafka_message_t& message, const KafkaSettings& settings) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const ErrorKind kind = kind_of(message.err, ErrorKind::unavailable);
  if (kind == ErrorKind::unavailable) return {};
  return fail(kind, fmt::format("{}: {}", place_of(message, settings), rd_kafka_message_errstr(&message)));
}

Expected<Partition> task_of(const rd_kafka_message_t& message, const KafkaSettings& settings) {
  const std::string_view key(static_cast<const char*>(message.key), message.key == nullptr ? 0 : message.key_len);
  Partition partition;
  const auto parsed = std::from_chars(key.data(), key.data() + key.size(), partition.value);
  if (parsed.ec == std::errc() && parsed.ptr == key.data() + key.size()) return partition;
  return fail(ErrorKind::corrupt, fmt::format("{}: its key is no partition number: does another program write to the "
                                              "journal?",
                                              place_of(message, settings)));
}

Expected<JournalEntry> entry_of(const rd_kafka_message_t& message, const KafkaSettings& settings) {
  auto entry = decode_journal_entry({static_cast<const char*>(message.payload), message.len});
  if (entry && entry->steps.empty()) return fail(ErrorKind::corrupt, place_of(message, settings) + ": it has no steps");
  if (!entry)
    return fail(entry.error().kind, fmt::format("{}: {}", place_of(message, settings), entry.error().message));
  return entry;
}

class Journal final : public JournalReader {
 public:
  Journal(KafkaSettings settings, std::shared_ptr<KafkaClient> committed, std::shared_ptr<KafkaClient> uncommitted)
      : settings_(std::move(settings)), committed_(std::move(committed)), uncommitted_(std::move(uncommitted)) {}

  Status read(std::span<const Partition> partitions, Timestamp since,
              const std::function<void(JournalEntry)>& visit) override;

 private:
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
  auto todo = ranges_since(*uncommitted_, settings_, since, Deadline(settings_.patience));
  if (!todo) return std::unexpected(todo.error());
  if (auto s = collect(*todo, entries); !s) return s;
  for (auto& [partition, list] : entries) {
    sort_and_drop_repeats(list);
    for (JournalEntry& entry : list) visit(std::move(entry));
  }
  return {};
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
  if (auto s = check(message, settings_); !s) return s;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  range.next = std::max(range.next, message.offset + 1);
  const auto partition = task_of(message, settings_);
  if (!partition) return std::unexpected(partition.error());
  const auto wanted = entries.find(*partition);
  if (wanted == entries.end()) return {};
  auto entry = entry_of(message, settings_);
  if (!entry) return std::unexpected(entry.error());
  wanted->second.push_back(std::move(*entry));
  return {};
}

class Tail final : public JournalTail {
 public:
  Tail(KafkaSettings settings, std::shared_ptr<KafkaClient> client)
      : settings_(std::move(settings)), client_(std::move(client)) {}

  Status open(Timestamp since) override {
    fetching_.reset();
    const auto ranges = ranges_since(*client_, settings_, since, Deadline(settings_.patience));
    if (!ranges) return std::unexpected(ranges.error());
    fetching_ = std::make_unique<Fetching>(*client_, settings_.journal_topic);
    for (const PartitionRange& r : *ranges) {
      if (!fetching_->start(r.partition, r.next))
        return fail(ErrorKind::failed, fmt::format("cannot read topic '{}' partition {}: {}", settings_.journal_topic,
                                                   r.partition, text_of(rd_kafka_last_error())));
    }
    return {};
  }

  Status poll(const Visit& visit) override {
    std::array<rd_kafka_message_t*, batch> messages{};
    const auto count = rd_kafka_consume_batch_queue(fetching_->queue(), wait_ms, messages.data(), messages.size());
    Status status;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max<ssize_t>(count, 0)); ++i) {
      const MessagePtr message(messages[i]);
      if (!status || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) continue;
      status = check(*message, settings_);
      if (!status || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      auto entry = entry_of(*message, settings_);
      if (entry) {
        visit(std::move(*entry), Timestamp{rd_kafka_message_timestamp(message.get(), nullptr)});
      } else {
        status = std::unexpected(entry.error());
      }
    }
    return status;
  }

 private:
  const KafkaSettings settings_;
  const std::shared_ptr<KafkaClient> client_;
  std::unique_ptr<Fetching> fetching_;
};

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

Expected<std::unique_ptr<JournalTail>> make_kafka_journal_tail(const KafkaSettings& settings) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, journal_defaults, journal_fixed("read_committed"));
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Tail>(settings, std::move(*client));
}

}  // namespace holdfast::ingest
