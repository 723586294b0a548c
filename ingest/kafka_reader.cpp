#include "ingest/kafka_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "domain/limits.hpp"
#include "ingest/kafka_batch.hpp"
#include "ingest/kafka_client.hpp"
#include "ingest/kafka_group.hpp"
#include "ingest/kafka_nudge.hpp"

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;

KafkaClient::Properties reader_defaults(const KafkaSettings& settings) {
  return {
      // The end of a log that ends in control records is only known from an empty answer, so this is what live latency
      // waits for when producers use transactions. Those who commit a partition more often than that would never let it
      // be known, and time would stand.
      {"fetch.wait.max.ms", "20"},
      // A bound of each partition's queue, not of the consumer: the less waits, the warmer it is when it is read.
      {"queued.max.messages.kbytes", "1024"},
      // From librdkafka 2.2 on, a partition whose queue was full is otherwise left alone for a second.
      {"fetch.queue.backoff.ms", "1"},
      // A broker answers at once where one byte is there, some 700 times a second at 5,000 events: most of its work.
      // Where alerts wait for a commit anyway, events may wait for each other, up to the time above.
      {"fetch.min.bytes", settings.exactly_once ? "16384" : "1"},
  };
}

/// So much in one batch has waited in a queue that was full, or nearly so.
constexpr std::size_t many_bytes = std::size_t{256} << 10;

/// For what brokers that are there take a round trip for.
constexpr Duration close_patience{10'000};

KafkaClient::Properties reader_fixed(const KafkaSettings& settings) {
  return {
      {"group.id", settings.application_id},
      {"group.instance.id", member_id(settings)},
      {"partition.assignment.strategy", "range"},
      {"isolation.level", "read_committed"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"},
      {"auto.offset.reset", "error"},
  };
}

/// What wakes the polling thread: records, group events, and wake().
class WakeUp {
 public:
  static constexpr std::uint64_t signal = 1;

  WakeUp() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;
  ~WakeUp() { close(fd_); }

  void watch(rd_kafka_queue_t* queue) const { rd_kafka_queue_io_event_enable(queue, fd_, &signal, sizeof signal); }
  // A full counter wakes as well, so the result does not matter.
  void wake() const { (void)!write(fd_, &signal, sizeof signal); }
  void wait(Duration at_most) const {
    pollfd on{fd_, POLLIN, 0};
    const auto ms = static_cast<int>(std::clamp<std::int64_t>(at_most.ms, 0, 60'000));
    if (::poll(&on, 1, ms) > 0) {
      std::uint64_t signals = 0;
      (void)!read(fd_, &signals, sizeof signals);
    }
  }

 private:
  int fd_;
};

/// One partition of one source, while it is assigned.
struct Input {
  SourceIndex source;
  Partition partition;
  QueuePtr queue;
  std::int64_t next = -1;      ///< The offset that is expected next; -1: not started.
  std::int64_t end = -1;       ///< The log held nothing from here on when the broker was last heard; -1: unknown.
  std::int64_t reported = -1;  ///< The end that the listener was told last.
  std::size_t mean_bytes = 0;  ///< Of the values of the latest batch.

  [[nodiscard]] bool started() const { return next >= 0; }
};

class Reader final : public KafkaReader {
 public:
  Reader(KafkaSettings settings, std::shared_ptr<KafkaClient> client)
      : settings_(std::move(settings)),
        client_(std::move(client)),
        group_(std::make_shared<KafkaGroup>(client_)),
        nudge_(std::in_place, client_, settings_.source_topics) {
    client_->on_rebalance = [this](rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions) {
      rebalance(code, *partitions);
    };
    for (std::size_t i = 0; i < settings_.source_topics.size(); ++i) {
      sources_[settings_.source_topics[i]] = SourceIndex{static_cast<std::uint8_t>(i)};
    }
  }
  ~Reader() override {
    client_->on_rebalance = [this](rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*) { unassign(); };
    leave();
    stop_watching();
    client_->on_rebalance = nullptr;
  }

  Status open() override;
  std::int32_t partitions() const override { return partition_count_; }
  Status poll(LogListener& listener, Duration wait) override;
  Status start(SourceIndex source, Partition partition, Offset from) override;
  Expected<Offset> first_offset(SourceIndex source, Partition partition) override;
  Expected<CommittedTask> committed(Partition partition) override;
  Offset log_end(SourceIndex source, Partition partition) const override;
  void wake() override { wake_up_.wake(); }
  void close(LogListener& listener) override;
  std::shared_ptr<KafkaGroup> group() const override { return group_; }
  const KafkaReaderCounts& counts() const override { return counts_; }

 private:
  [[nodiscard]] const std::string& topic(SourceIndex source) const { return settings_.source_topics[source.value]; }
  [[nodiscard]] Input* find(SourceIndex source, Partition partition);
  [[nodiscard]] std::string place(const Input& input) const;
  [[nodiscard]] std::int64_t cached_end(SourceIndex source, Partition partition) const;

  Status serve_group();
  Status group_event(const rd_kafka_message_t& message);
  [[nodiscard]] Status fatal(const FatalError& error);
  void rebalance(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t& partitions);
  void assigned(const rd_kafka_topic_partition_list_t& partitions);
  void revoked(bool lost);
  void finish_revocation();
  void unassign();
  void stop_watching();
  void leave();
  void fetch_started();
  Expected<bool> deliver();
  Expected<bool> deliver(Input& input);
  Expected<bool> take(Input& input, std::span<rd_kafka_message_t*> messages);
  Status take_event(Input& input, const rd_kafka_message_t& event);
  Status failed(const Input& input, Error error);
  void report_end(Input& input);

  // All members belong to the polling thread, except that wake_up_ takes signals from any.
  KafkaSettings settings_;
  std::shared_ptr<KafkaClient> client_;
  std::shared_ptr<KafkaGroup> group_;
  WakeUp wake_up_;
  std::map<std::string, SourceIndex, std::less<>> sources_;
  QueuePtr group_queue_;
  std::vector<Input> inputs_;          ///< Assigned ones by partition, then source; behind them those of standbys.
  std::size_t first_input_ = 0;        ///< Counts the rounds over them.
  std::vector<Partition> partitions_;  ///< Assigned ones, ascending.
  std::int32_t partition_count_ = 0;   ///< Of every source, as of open().
  bool start_pending_ = false;         ///< Some inputs were started that librdkafka does not fetch yet.
  bool revoking_ = false;              ///< The group waits for the partitions, the listener is not done with them yet.
  bool closing_ = false;
  LogListener* listener_ = nullptr;  ///< During poll() and close().
  Status rebalance_error_;
  bool outage_ = false;  ///< Brokers were away, or the session ended for it, since the latest assignment.
  KafkaReaderCounts counts_;
  std::optional<Nudge> nudge_;  ///< Until the group is left.
};

Status Reader::open() {
  const auto counts = require_topics(*client_, settings_.source_topics, settings_.patience);
  if (!counts) return std::unexpected(counts.error());
  const auto [least, most] = std::minmax_element(counts->begin(), counts->end(),
                                                 [](const auto& a, const auto& b) { return a.second < b.second; });
  if (least->second != most->second) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("topic '{}' has {} partitions, '{}' has {}: all sources need the same number, for a "
                            "customer's events must meet in one partition",
                            least->first, least->second, most->first, most->second));
  }
  partition_count_ = least->second;
  rd_kafka_poll_set_consumer(client_->get());
  group_queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  wake_up_.watch(group_queue_.get());
  PartitionsPtr topics(rd_kafka_topic_partition_list_new(static_cast<int>(sources_.size())));
  for (const std::string& t : settings_.source_topics) {
    rd_kafka_topic_partition_list_add(topics.get(), t.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto code = rd_kafka_subscribe(client_->get(), topics.get());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return fail(kind_of(code, ErrorKind::failed),
              fmt::format("cannot join group '{}': {}", settings_.application_id, text_of(code)));
}

Status Reader::poll(LogListener& listener, Duration wait) {
  listener_ = &listener;
  if (revoking_ && listener.released()) finish_revocation();
  if (auto s = serve_group(); !s) return s;
  if (revoking_) {
    wake_up_.wait(wait);
    return {};
  }
  fetch_started();
  auto delivered = deliver();
  if (delivered && !*delivered && wait.ms > 0) {
    wake_up_.wait(wait);
    if (auto s = serve_group(); !s) return s;
    fetch_started();
    delivered = deliver();
  }
  if (!delivered) return std::unexpected(delivered.error());
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// The group

Status Reader::serve_group() {
  while (MessagePtr message{rd_kafka_consumer_poll(client_->get(), 0)}) {
    if (auto s = group_event(*message); !s) return s;
  }
  if (!rebalance_error_) return rebalance_error_;
  outage_ = client_->take_outage() || outage_;
  // librdkafka says nothing more once this has happened, so it must be asked.
  if (const FatalError error = fatal_error_of(*client_); error.code != RD_KAFKA_RESP_ERR_NO_ERROR) return fatal(error);
  return {};
}

Status Reader::group_event(const rd_kafka_message_t& message) {
  // Everything that comes here is an error: records come through the queues of their partitions.
  ++counts_.broker_errors;
  if (message.err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) return {};  // A revocation follows.
  const ErrorKind kind = kind_of(message.err, ErrorKind::unavailable);
  if (kind != ErrorKind::failed) return {};
  return fail(kind, fmt::format("group '{}': {}", settings_.application_id, rd_kafka_message_errstr(&message)));
}

Status Reader::fatal(const FatalError& error) {
  // When brokers did not answer for longer than a session, a static member's own requests to join again, late and
  // repeated, fence one another. Nobody else has its place then, and a new consumer gets it back.
  if (error.code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID && outage_) {
    return fail(ErrorKind::rollback, fmt::format("group '{}' forgot instance '{}' while the brokers were away: {}",
                                                 settings_.application_id, member_id(settings_), error.reason));
  }
  const ErrorKind kind = kind_of(error.code, ErrorKind::rollback);
  if (kind != ErrorKind::fenced) return fail(kind, fmt::format("the consumer gave up: {}", error.reason));
  return fail(kind, fmt::format("another process joined group '{}' as instance '{}': give every instance an id of its "
                                "own ({})",
                                settings_.application_id, member_id(settings_), error.reason));
}

void Reader::rebalance(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t& partitions) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && closing_) {
    unassign();
  } else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assigned(partitions);
  } else {
    revoked(code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(client_->get()) != 0);
  }
}

void Reader::assigned(const rd_kafka_topic_partition_list_t& partitions) {
  std::map<std::int32_t, std::set<std::uint8_t>> sources_of;
  for (const auto& p : std::span(partitions.elems, static_cast<std::size_t>(partitions.cnt))) {
    const auto source = sources_.find(std::string_view(p.topic));
    if (source != sources_.end()) sources_of[p.partition].insert(source->second.value);
  }
  stop_watching();
  inputs_.clear();
  partitions_.clear();
  for (const auto& [number, sources] : sources_of) {
    if (sources.size() != settings_.source_topics.size() || number >= partition_count_) {
      rebalance_error_ = fail(ErrorKind::failed,
                              fmt::format("partition {} of {} was assigned for {} of {} sources: topics got more "
                                          "partitions. Give all sources the same number and start again",
                                          number, partition_count_, sources.size(), settings_.source_topics.size()));
      unassign();
      return;
    }
    partitions_.push_back(Partition{number});
    for (const std::uint8_t source : sources) inputs_.push_back({SourceIndex{source}, Partition{number}, {}});
  }
  // An empty assignment acknowledges the group's without fetching: that begins with start().
  PartitionsPtr none(rd_kafka_topic_partition_list_new(0));
  rd_kafka_assign(client_->get(), none.get());
  start_pending_ = false;
  outage_ = false;
  group_->joined();
  listener_->assigned(partitions_);
}

void Reader::revoked(bool lost) {
  if (lost) {
    group_->left();
    // Unless somebody else caused it, this was a session that ended because no broker answered.
    if (fatal_error_of(*client_).code == RD_KAFKA_RESP_ERR_NO_ERROR) outage_ = true;
  }
  if (!partitions_.empty()) listener_->revoked(partitions_, lost);
  // The group waits until unassign(), and so long it takes commits for these partitions.
  revoking_ = !lost && !closing_ && !partitions_.empty() && !listener_->released();
  if (!revoking_) finish_revocation();
}

void Reader::finish_revocation() {
  revoking_ = false;
  group_->left();
  unassign();
}

void Reader::unassign() {
  stop_watching();
  inputs_.clear();
  partitions_.clear();
  start_pending_ = false;
  rd_kafka_assign(client_->get(), nullptr);
}

void Reader::stop_watching() {
  // The queues live on inside librdkafka; they must not write to a descriptor that may be somebody else's by then.
  for (const Input& input : inputs_) {
    if (input.queue) rd_kafka_queue_io_event_enable(input.queue.get(), -1, nullptr, 0);
  }
}

// Batches keep the client alive, and a client that is still a member could take the place of the next one.
void Reader::leave() {
  nudge_.reset();
  if (!group_queue_) return;
  rd_kafka_queue_io_event_enable(group_queue_.get(), -1, nullptr, 0);
  group_queue_.reset();
  // What the group said since the latest poll is answered first: answered within the close, which does not wait for it,
  // it may be thrown away with all that waits for the group's thread, and the answer be waited for without end
  // (librdkafka's issue 4884).
  while (MessagePtr message{rd_kafka_consumer_poll(client_->get(), 0)}) {
  }
  // Not rd_kafka_consumer_close(): it waits without end for positions that no broker takes (its issue 3740).
  const QueuePtr events(rd_kafka_queue_new(client_->get()));
  const CallErrorPtr refused(rd_kafka_consumer_close_queue(client_->get(), events.get()));
  const Deadline deadline(close_patience);
  while (!refused && !rd_kafka_consumer_closed(client_->get()) && !deadline.passed()) {
    const EventPtr event(rd_kafka_queue_poll(events.get(), 10));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE)
      client_->on_rebalance(rd_kafka_event_error(event.get()), rd_kafka_event_topic_partition_list(event.get()));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Fetching

Input* Reader::find(SourceIndex source, Partition partition) {
  const auto found = std::find_if(inputs_.begin(), inputs_.end(),
                                  [&](const Input& i) { return i.source == source && i.partition == partition; });
  return found == inputs_.end() ? nullptr : &*found;
}

std::string Reader::place(const Input& input) const {
  return fmt::format("topic '{}' partition {}", topic(input.source), input.partition.value);
}

Status Reader::start(SourceIndex source, Partition partition, Offset from) {
  Input* input = find(source, partition);
  if (input == nullptr) {  // Another instance has it: it is read for a standby, beside what the group has assigned.
    input = &inputs_.emplace_back();
    input->source = source;
    input->partition = partition;
  }
  const auto range = query_range(*client_, topic(source), partition.value, Deadline(settings_.patience));
  if (!range) return std::unexpected(range.error());
  if (from.value < range->first || from.value > range->end) {
    const bool expired = from.value < range->first;
    return fail(ErrorKind::incompatible,
                fmt::format("{} has offsets {} to {}, but offset {} comes next: {}", place(*input), range->first,
                            range->end, from.value,
                            expired ? "the log no longer reaches back to it. Raise the topic's retention.ms; to go on "
                                      "without what is lost, reset the group's offsets and the state directory"
                                    : "the log ends before it. Was the topic made anew? If so, reset the group's "
                                      "offsets and the state directory"));
  }
  input->next = from.value;
  input->end = range->end;
  input->reported = -1;
  start_pending_ = true;
  return {};
}

void Reader::fetch_started() {
  // While the assignment is lost or being taken, assign() would make librdkafka forget that.
  if (!start_pending_ || rd_kafka_assignment_lost(client_->get()) != 0) return;
  start_pending_ = false;
  // Eager assignments are given as a whole, so inputs that run already are fetched anew from where they are. Those of
  // their records that wait in the queues are dropped by librdkafka, or by the check of their offsets.
  PartitionsPtr wanted(rd_kafka_topic_partition_list_new(static_cast<int>(inputs_.size())));
  for (Input& input : inputs_) {
    if (!input.started()) continue;
    const std::string& name = topic(input.source);
    if (!input.queue) {
      input.queue.reset(rd_kafka_queue_get_partition(client_->get(), name.c_str(), input.partition.value));
      rd_kafka_queue_forward(input.queue.get(), nullptr);
      wake_up_.watch(input.queue.get());
    }
    rd_kafka_topic_partition_list_add(wanted.get(), name.c_str(), input.partition.value)->offset = input.next;
  }
  rd_kafka_assign(client_->get(), wanted.get());
}

// Where the listener takes only so much at a time, everybody gets a turn to be the first.
Expected<bool> Reader::deliver() {
  bool any = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[(first_input_ + i) % inputs_.size()];
    if (!input.started() || !input.queue) continue;
    const auto delivered = deliver(input);
    if (!delivered) return delivered;
    any = any || *delivered;
  }
  ++first_input_;
  return any;
}

Expected<bool> Reader::deliver(Input& input) {
  bool any = false;
  if (listener_->wants_more(input.source, input.partition)) {
    std::array<rd_kafka_message_t*, limits::batch_records_max> messages;
    const std::size_t most = std::clamp<std::size_t>(
        limits::batch_bytes_max / std::max<std::size_t>(input.mean_bytes, 1), 1, messages.size());
    // A time-out above 0 would wait for a full batch.
    const auto count = rd_kafka_consume_batch_queue(input.queue.get(), 0, messages.data(), most);
    if (count > 0) {
      const auto taken = take(input, std::span(messages).first(static_cast<std::size_t>(count)));
      if (!taken) return taken;
      any = *taken;
      const bool many =
          static_cast<std::size_t>(count) == most || static_cast<std::size_t>(count) * input.mean_bytes >= many_bytes;
      if (many && nudge_) nudge_->more_waits(input.source, input.partition);
    }
  }
  report_end(input);
  return any;
}

Expected<bool> Reader::take(Input& input, std::span<rd_kafka_message_t*> messages) {
  auto batch = std::make_unique<KafkaBatch>(client_, messages.size());
  std::size_t bytes = 0;
  Status status;
  for (rd_kafka_message_t* message : messages) {
    MessagePtr owned(message);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (auto s = take_event(input, *message); !s && status) status = s;
    } else if (message->offset < input.next) {
      ++counts_.dropped;
    } else {
      input.next = message->offset + 1;
      bytes += message->len;
      batch->add(std::move(owned));
    }
  }
  if (!status) return std::unexpected(status.error());
  if (batch->records().empty()) return false;
  input.mean_bytes = bytes / batch->records().size();
  ++counts_.batches;
  counts_.records += batch->records().size();
  // What was just delivered came with this watermark or an earlier one, so it is no older than the delivery.
  input.end = cached_end(input.source, input.partition);
  listener_->records(input.source, input.partition, std::move(batch));
  return true;
}

Status Reader::take_event(Input& input, const rd_kafka_message_t& event) {
  switch (event.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      // Between the last record and this offset there are only control records and aborted ones.
      if (event.offset >= input.next) {
        input.next = event.offset;
        input.end = event.offset;
      }
      return {};
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return failed(input, {ErrorKind::incompatible,
                            fmt::format("{} no longer has offset {}: records were deleted before they were read ({}). "
                                        "Raise the topic's retention.ms",
                                        place(input), input.next, rd_kafka_message_errstr(&event))});
    default: break;
  }
  ++counts_.broker_errors;
  const ErrorKind kind = kind_of(event.err, ErrorKind::unavailable);
  if (kind != ErrorKind::failed) return {};
  return failed(input, {kind, fmt::format("{}: {}", place(input), rd_kafka_message_errstr(&event))});
}

Status Reader::failed(const Input& input, Error error) {
  if (listener_->failed(input.source, input.partition, error)) return {};
  return std::unexpected(std::move(error));
}

void Reader::report_end(Input& input) {
  if (input.end < 0 || input.next < input.end || input.next <= input.reported) return;
  input.reported = input.next;
  listener_->reached_end(input.source, input.partition, Offset{input.next});
}

// ---------------------------------------------------------------------------------------------------------------------
// Questions

Expected<Offset> Reader::first_offset(SourceIndex source, Partition partition) {
  const auto range = query_range(*client_, topic(source), partition.value, Deadline(settings_.patience));
  if (!range) return std::unexpected(range.error());
  return Offset{range->first};
}

Expected<CommittedTask> Reader::committed(Partition partition) {
  const Deadline deadline({settings_.patience.ms + open_transactions_patience.ms});
  for (;;) {
    PartitionsPtr offsets(rd_kafka_topic_partition_list_new(static_cast<int>(settings_.source_topics.size())));
    for (const std::string& name : settings_.source_topics) {
      rd_kafka_topic_partition_list_add(offsets.get(), name.c_str(), partition.value);
    }
    auto code = rd_kafka_committed(client_->get(), offsets.get(), std::max(1, deadline.remaining_ms(5000)));
    const std::span found(offsets->elems, settings_.source_topics.size());
    for (const auto& p : found) {
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = p.err;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      CommittedTask result;
      for (const auto& p : found) {
        result.next.push_back(p.offset >= 0 ? std::optional(Offset{p.offset}) : std::nullopt);
      }
      if (result.next.front()) result.step = step_of(found.front());
      return result;
    }
    const ErrorKind kind = kind_of(code, ErrorKind::unavailable);
    if (deadline.passed() || kind != ErrorKind::unavailable) {
      return fail(kind, fmt::format("cannot ask for the position of group '{}' in partition {}: {}",
                                    settings_.application_id, partition.value, text_of(code)));
    }
    std::this_thread::sleep_for(100ms);
  }
}

std::int64_t Reader::cached_end(SourceIndex source, Partition partition) const {
  std::int64_t low = -1;
  std::int64_t high = -1;
  const auto code = rd_kafka_get_watermark_offsets(client_->get(), topic(source).c_str(), partition.value, &low, &high);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : -1;
}

Offset Reader::log_end(SourceIndex source, Partition partition) const {
  if (const std::int64_t end = cached_end(source, partition); end >= 0) return Offset{end};
  const auto input = std::find_if(inputs_.begin(), inputs_.end(),
                                  [&](const Input& i) { return i.source == source && i.partition == partition; });
  return Offset{input == inputs_.end() ? -1 : input->end};
}

void Reader::close(LogListener& listener) {
  listener_ = &listener;
  closing_ = true;
  if (revoking_) finish_revocation();
  leave();
  // A consumer that gave up closes without a word.
  if (!partitions_.empty()) revoked(true);
}

}  // namespace

Expected<std::unique_ptr<KafkaReader>> make_kafka_reader(const KafkaSettings& settings) {
  if (auto s = check_settings(settings); !s) return std::unexpected(s.error());
  auto client = KafkaClient::create(settings, RD_KAFKA_CONSUMER, reader_defaults(settings), reader_fixed(settings));
  if (!client) return std::unexpected(client.error());
  return std::make_unique<Reader>(settings, std::move(*client));
}

}  // namespace holdfast::ingest
