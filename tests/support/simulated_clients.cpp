#include "tests/support/simulated_clients.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "domain/limits.hpp"

namespace holdfast::testing {
namespace {

constexpr std::string_view step_prefix = "step ";

std::unexpected<Error> gone() { return fail(ErrorKind::unavailable, "the process has ended"); }

std::string_view view(const std::optional<std::string>& text) {
  return text ? std::string_view(*text) : std::string_view();
}

std::optional<std::string> copy(std::string_view text) {
  return text.data() == nullptr ? std::nullopt : std::optional(std::string(text));
}

/// The first offset whose record is no older; the end if there is none.
std::int64_t first_since(const PartitionLog& log, Timestamp since) {
  const auto first = std::ranges::find_if(log.records, [&](const LoggedRecord& r) { return r.timestamp >= since; });
  return first == log.records.end() ? log.end : first->offset;
}

/// Records of one source partition; copies, as a consumer has them.
class Batch final : public RecordBatch {
 public:
  void add(const LoggedRecord& record) { kept_.push_back(record); }
  void finish() {
    for (const LoggedRecord& r : kept_) records_.push_back({Offset{r.offset}, r.timestamp, view(r.key), view(r.value)});
  }
  [[nodiscard]] bool empty() const { return kept_.empty(); }
  [[nodiscard]] std::size_t size() const { return kept_.size(); }
  [[nodiscard]] std::span<const RawRecord> records() const override { return records_; }
  [[nodiscard]] std::vector<Header> headers(std::size_t index) const override { return kept_[index].headers; }

 private:
  std::vector<LoggedRecord> kept_;
  std::vector<RawRecord> records_;
};

}  // namespace

SimulatedNode::Fate SimulatedNode::draw() {
  if (faults == 0 || random() % 1000 >= faults) return Fate::good;
  return one_in(2) ? Fate::lost : Fate::unknown;
}

// ---------------------------------------------------------------------------------------------------------------------
// The reader

SimulatedReader::SimulatedReader(SimulatedNode& node) : node_(node) { member_.instance = member_id(node.settings); }

Status SimulatedReader::open() {
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  return {};
}

std::int32_t SimulatedReader::partitions() const { return node_.log.partitions(node_.settings.source_topics.front()); }

PartitionLog& SimulatedReader::log_of(SourceIndex source, Partition partition) const {
  return node_.log.at(node_.settings.source_topics[source.value], partition.value);
}

void SimulatedReader::keep_alive() {
  if (!node_.dead && phase_ != Phase::out) node_.log.group.touch(member_, node_.log.now());
}

Status SimulatedReader::poll(LogListener& listener, Duration) {
  if (node_.dead) return gone();
  listener_ = &listener;
  if (revoking_ && listener.released()) finish_revocation();
  if (auto s = serve_group(); !s) return s;
  if (revoking_) return {};
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].next < 0) continue;
    if (auto s = deliver(inputs_[i]); !s) return s;
  }
  return {};
}

Status SimulatedReader::serve_group() {
  using Answer = SimulatedGroup::Answer;
  if (!fenced_) {
    Answer answer = Answer::wait;
    if (phase_ == Phase::out) {
      join();
    } else {
      answer = phase_ == Phase::joining ? node_.log.group.joined(member_, node_.log.now())
                                        : node_.log.group.heartbeat(member_, node_.log.now());
    }
    switch (answer) {
      case Answer::good:
        if (phase_ == Phase::joining) assigned();
        break;
      case Answer::wait: break;
      case Answer::rebalance:
        if (!revoking_) revoked(false);
        break;
      case Answer::unknown: member_.id.clear(); [[fallthrough]];
      case Answer::generation:
        if (phase_ == Phase::joining) {
          phase_ = Phase::out;
        } else if (!revoking_) {
          revoked(true);
        }
        break;
      case Answer::fenced:
        fenced_ = true;
        if (phase_ == Phase::joined && !revoking_) revoked(true);
        break;
    }
  }
  if (fenced_) return fail(ErrorKind::fenced, "another process joined as instance '" + member_.instance + "'");
  return {};
}

void SimulatedReader::join() {
  using Answer = SimulatedGroup::Answer;
  switch (node_.log.group.join(member_, node_.log.now())) {
    case Answer::good: phase_ = Phase::joining; break;  // The next poll is told of it.
    case Answer::wait: phase_ = Phase::joining; break;
    case Answer::fenced: fenced_ = true; break;
    default: member_.id.clear(); break;
  }
}

void SimulatedReader::assigned() {
  phase_ = Phase::joined;
  inputs_.clear();
  partitions_.clear();
  for (const std::int32_t number : node_.log.group.assignment(member_)) {
    partitions_.push_back(Partition{number});
    for (std::uint8_t s = 0; s < node_.settings.source_topics.size(); ++s)
      inputs_.push_back({.source = SourceIndex{s}, .partition = Partition{number}});
  }
  membership_ = std::make_shared<SimulatedMembership>(SimulatedMembership{member_, ++assignments_});
  node_.say("is assigned " + std::to_string(partitions_.size()) + " partitions in generation " +
            std::to_string(member_.generation));
  listener_->assigned(partitions_);
}

void SimulatedReader::revoked(bool lost) {
  if (lost) membership_.reset();
  node_.say((lost ? "loses " : "has to give back ") + std::to_string(partitions_.size()) + " partitions");
  if (!partitions_.empty()) listener_->revoked(partitions_, lost);
  // The group waits until the partitions are given back, and so long it takes commits for them.
  revoking_ = !lost && !closing_ && !partitions_.empty() && !listener_->released();
  if (!revoking_) finish_revocation();
}

void SimulatedReader::finish_revocation() {
  revoking_ = false;
  membership_.reset();
  inputs_.clear();
  partitions_.clear();
  phase_ = Phase::out;
  if (!closing_ && !fenced_) join();
}

std::string SimulatedReader::describe() const {
  std::string out = revoking_ ? ", giving back" : "";
  for (const Input& input : inputs_)
    out += ", source " + std::to_string(input.source.value) + " of " + std::to_string(input.partition.value) +
           " read to " + std::to_string(input.next) + " end " + std::to_string(input.end) + " stable " +
           std::to_string(log_of(input.source, input.partition).stable_end());
  return out;
}

Status SimulatedReader::start(SourceIndex source, Partition partition, Offset from) {
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  const PartitionLog& log = log_of(source, partition);
  const std::int64_t end = log.stable_end();
  if (from.value < log.start || from.value > end)
    return fail(ErrorKind::incompatible, "the log has offsets " + std::to_string(log.start) + " to " +
                                             std::to_string(end) + ", but offset " + std::to_string(from.value) +
                                             " comes next");
  auto input =
      std::ranges::find_if(inputs_, [&](const Input& i) { return i.source == source && i.partition == partition; });
  if (input == inputs_.end()) input = inputs_.insert(input, {.source = source, .partition = partition});
  node_.say("starts source " + std::to_string(source.value) + " partition " + std::to_string(partition.value) + " at " +
            std::to_string(from.value));
  input->next = from.value;
  input->end = end;
  input->reported = -1;
  return {};
}

Status SimulatedReader::deliver(Input& input) {
  PartitionLog& log = log_of(input.source, input.partition);
  if (input.next < log.start) {
    Error error{ErrorKind::incompatible, "records were deleted before they were read"};
    if (listener_->failed(input.source, input.partition, error)) return {};
    return std::unexpected(std::move(error));
  }
  if (node_.one_in(2) && listener_->wants_more(input.source, input.partition)) {
    const std::int64_t stable = log.stable_end();
    const std::size_t most = 1 + node_.random() % node_.batch_most;
    auto batch = std::make_unique<Batch>();
    std::size_t i = log.find(input.next);
    std::int64_t next = input.next;
    for (; i < log.records.size() && log.records[i].offset < stable && batch->size() < most; ++i) {
      if (log.records[i].control || log.records[i].aborted) continue;
      next = log.records[i].offset + 1;
      batch->add(log.records[i]);
    }
    if (!batch->empty()) {
      batch->finish();
      input.next = next;
      input.end = node_.one_in(3) ? -1 : log.end;
      listener_->records(input.source, input.partition, std::move(batch));
    } else if (input.next < stable || node_.one_in(2)) {
      input.next = stable;
      input.end = stable;
    }
  }
  if (input.end >= 0 && input.next >= input.end && input.next > input.reported) {
    input.reported = input.next;
    listener_->reached_end(input.source, input.partition, Offset{input.next});
  }
  return {};
}

Expected<Offset> SimulatedReader::first_offset(SourceIndex source, Partition partition) {
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  return Offset{log_of(source, partition).start};
}

Expected<CommittedTask> SimulatedReader::committed(Partition partition) {
  const Timestamp deadline = node_.log.now() + node_.open_transactions_patience;
  for (;;) {
    if (node_.dead) return gone();
    if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
    CommittedTask out;
    bool pending = false;
    for (std::uint8_t s = 0; s < node_.settings.source_topics.size(); ++s) {
      const auto place = node_.source_place(SourceIndex{s}, partition);
      pending = pending || node_.log.group.is_pending(place);
      const auto committed = node_.log.group.committed(place);
      out.next.push_back(committed ? std::optional(Offset{committed->offset}) : std::nullopt);
      if (s > 0 || !committed || !committed->metadata.starts_with(step_prefix)) continue;
      out.step = std::stoull(committed->metadata.substr(step_prefix.size()));
    }
    if (!pending) return out;
    if (node_.log.now() >= deadline) return fail(ErrorKind::unavailable, "a transaction stays open");
    node_.wait();
  }
}

Offset SimulatedReader::log_end(SourceIndex source, Partition partition) const {
  return Offset{log_of(source, partition).end};
}

void SimulatedReader::close(LogListener& listener) {
  listener_ = &listener;
  closing_ = true;
  if (revoking_) finish_revocation();
  if (!partitions_.empty()) revoked(fenced_);
  phase_ = Phase::out;
}

// ---------------------------------------------------------------------------------------------------------------------
// Transactions

Status SimulatedTransactions::meaning(const char* what, Refusal refusal) const {
  ErrorKind kind = ErrorKind::rollback;
  if (refusal == Refusal::producer_fenced || refusal == Refusal::member_fenced) kind = ErrorKind::fenced;
  // A broker that gave up the transaction for its age fences its producer as another instance would.
  if (kind == ErrorKind::fenced && end_ && node_.log.now() >= *end_) kind = ErrorKind::rollback;
  return fail(kind, std::string(what) + " of '" + id_ + "' is refused: " + std::to_string(static_cast<int>(refusal)));
}

Status SimulatedTransactions::init() {
  if (node_.dead) return gone();
  const auto fate = node_.draw();
  if (fate == SimulatedNode::Fate::lost) return fail(ErrorKind::rollback, "init_transactions: no broker answers");
  producer_ = node_.log.init_producer(id_, timeout_);
  if (fate == SimulatedNode::Fate::unknown) return fail(ErrorKind::rollback, "init_transactions: no broker answers");
  return {};
}

Status SimulatedTransactions::begin() {
  delivered_ = {};
  last_offset_ = -1;
  end_ = node_.log.now() + timeout_;
  return {};
}

void SimulatedTransactions::produce(const std::string& topic, std::int32_t partition, LoggedRecord record) {
  queue_.push_back({topic, partition, std::move(record)});
  if (node_.one_in(4)) send_some();
}

void SimulatedTransactions::send(Queued& queued) {
  if (node_.dead || !delivered_) return;
  const auto [refusal, offset] = node_.log.produce(producer_, queued.topic, queued.partition, std::move(queued.record));
  if (refusal != Refusal::none) {
    delivered_ = meaning("produce", refusal);
  } else {
    last_offset_ = std::max(last_offset_, offset);
  }
}

void SimulatedTransactions::send_some() {
  const std::size_t count = node_.random() % (queue_.size() + 1);
  for (std::size_t i = 0; i < count; ++i) send(queue_[i]);
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
}

Status SimulatedTransactions::flush() {
  for (Queued& queued : queue_) send(queued);
  queue_.clear();
  if (node_.dead) return gone();
  return delivered_;
}

Status SimulatedTransactions::send_offsets(const SimulatedGroup::Member& member,
                                           std::span<const std::pair<SimulatedGroup::Place, CommittedOffset>> offsets) {
  if (node_.dead) return gone();
  const auto fate = node_.draw();
  if (fate == SimulatedNode::Fate::lost) return fail(ErrorKind::rollback, "send_offsets: no broker answers");
  const Refusal refusal = node_.log.send_offsets(producer_, member, offsets);
  if (refusal != Refusal::none) return meaning("send_offsets", refusal);
  if (fate == SimulatedNode::Fate::unknown) return fail(ErrorKind::rollback, "send_offsets: no broker answers");
  return {};
}

Status SimulatedTransactions::commit() {
  if (auto s = flush(); !s) return s;
  const auto fate = node_.draw();
  if (fate == SimulatedNode::Fate::lost) return fail(ErrorKind::rollback, "commit: no broker answers");
  const Refusal refusal = node_.log.end_transaction(producer_, true);
  if (refusal != Refusal::none && refusal != Refusal::nothing_open) return meaning("commit", refusal);
  if (fate == SimulatedNode::Fate::unknown) return fail(ErrorKind::rollback, "commit: no broker answers");
  return {};
}

void SimulatedTransactions::abort() {
  queue_.clear();
  if (node_.dead || node_.draw() != SimulatedNode::Fate::good) return;
  (void)node_.log.end_transaction(producer_, false);
}

// ---------------------------------------------------------------------------------------------------------------------
// The writer

SimulatedWriter::SimulatedWriter(SimulatedNode& node, const SimulatedReader& reader)
    : node_(node), reader_(reader), transactions_(node, member_id(node.settings), node.transaction_timeout) {}

Status SimulatedWriter::begin() { return node_.dead ? gone() : transactions_.begin(); }

Status SimulatedWriter::append(const OutputRecord& record) {
  if (node_.dead) return gone();
  if (auto s = transactions_.delivered(); !s) return s;
  const ingest::KafkaSettings& settings = node_.settings;
  const std::string& topic = record.topic == OutputTopic::alerts         ? settings.alerts_topic
                             : record.topic == OutputTopic::dead_letters ? settings.dead_letters_topic
                                                                         : settings.journal_topic;
  const std::string_view place = record.topic == OutputTopic::journal ? settings.instance_id : record.key;
  LoggedRecord logged{.timestamp = record.timestamp.ms >= 0 ? record.timestamp : node_.clock.now(),
                      .appended = {},
                      .key = copy(record.key),
                      .value = copy(record.value),
                      .headers = {record.headers.begin(), record.headers.end()}};
  transactions_.produce(topic, node_.log.partition_of(topic, place), std::move(logged));
  return {};
}

Status SimulatedWriter::commit(std::span<const TaskPosition> positions) {
  if (node_.dead) return gone();
  const auto membership = reader_.membership();
  if (!membership && !positions.empty())
    return fail(ErrorKind::rollback, "the group took the partitions away before their positions were committed");
  if (membership && membership->assignment != assignment_) {
    assignment_ = membership->assignment;
    committed_.clear();
  }
  std::vector<std::pair<SimulatedGroup::Place, CommittedOffset>> offsets;
  for (const TaskPosition& task : positions) {
    const auto before = committed_.find(task.partition);
    for (std::uint8_t s = 0; s < task.position.sources; ++s) {
      const SourceIndex source{s};
      if (s > 0 && before != committed_.end() && before->second[source] == task.position[source]) continue;
      offsets.push_back({node_.source_place(source, task.partition),
                         {.offset = task.position[source].value,
                          .metadata = s == 0 ? std::string(step_prefix) + std::to_string(task.step) : std::string()}});
    }
  }
  if (!offsets.empty()) {
    if (auto s = transactions_.send_offsets(membership->member, offsets); !s) return s;
    if (node_.one_in(8)) node_.wait();
  }
  if (auto s = transactions_.commit(); !s) return s;
  for (const TaskPosition& task : positions) committed_[task.partition] = task.position;
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// The journal

Status SimulatedJournal::read(std::span<const Partition> partitions, Timestamp since,
                              const std::function<void(JournalEntry)>& visit) {
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  const std::string& topic = node_.settings.journal_topic;
  struct Range {
    PartitionLog* log;
    std::int64_t next;
    std::int64_t end;
  };
  std::vector<Range> ranges;
  for (std::int32_t p = 0; p < node_.log.partitions(topic); ++p) {
    PartitionLog& log = node_.log.at(topic, p);
    Range range{&log, log.start, log.end};
    if (since.ms > 0) range.next = first_since(log, since);
    ranges.push_back(range);
  }
  std::map<Partition, std::vector<JournalEntry>> entries;
  for (const Partition partition : partitions) entries[partition];
  const Timestamp deadline = node_.log.now() + node_.open_transactions_patience;
  for (Range& range : ranges) {
    // What an open transaction hides may be steps of a task that just moved.
    while (range.next < range.end) {
      const std::int64_t stable = range.log->stable_end();
      for (std::size_t i = range.log->find(range.next); i < range.log->records.size(); ++i) {
        const LoggedRecord& record = range.log->records[i];
        if (record.offset >= stable) break;
        if (record.control || record.aborted) continue;
        Partition partition;
        const std::string& key = *record.key;
        std::from_chars(key.data(), key.data() + key.size(), partition.value);
        const auto wanted = entries.find(partition);
        if (wanted == entries.end()) continue;
        auto entry = decode_journal_entry(*record.value);
        if (!entry) return std::unexpected(entry.error());
        wanted->second.push_back(std::move(*entry));
      }
      range.next = std::max(range.next, stable);
      if (range.next >= range.end) break;
      if (node_.log.now() >= deadline) return fail(ErrorKind::unavailable, "a transaction stays open");
      node_.wait();
      if (node_.dead) return gone();
    }
  }
  const auto first_step = [](const JournalEntry& entry) { return entry.steps.front().number; };
  const auto same = [&](const JournalEntry& a, const JournalEntry& b) {
    return first_step(a) == first_step(b) && encode_journal_entry(a) == encode_journal_entry(b);
  };
  for (auto& [partition, list] : entries) {
    std::ranges::stable_sort(list, {}, first_step);
    list.erase(std::unique(list.begin(), list.end(), same), list.end());
    for (JournalEntry& entry : list) visit(std::move(entry));
  }
  return {};
}

Status SimulatedJournalTail::open(Timestamp since) {
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  next_.clear();
  for (std::int32_t p = 0; p < node_.log.partitions(node_.settings.journal_topic); ++p)
    next_.push_back(first_since(node_.log.at(node_.settings.journal_topic, p), since));
  return {};
}

Status SimulatedJournalTail::poll(const Visit& visit) {
  if (node_.dead) return gone();
  for (std::size_t p = 0; p < next_.size(); ++p) {
    if (node_.one_in(2)) continue;
    const PartitionLog& log = node_.log.at(node_.settings.journal_topic, static_cast<std::int32_t>(p));
    const std::int64_t stable = log.stable_end();
    for (std::size_t i = log.find(next_[p]); i < log.records.size() && log.records[i].offset < stable; ++i) {
      next_[p] = log.records[i].offset + 1;
      if (log.records[i].control || log.records[i].aborted) continue;
      auto entry = decode_journal_entry(*log.records[i].value);
      if (!entry) return std::unexpected(entry.error());
      visit(std::move(*entry), log.records[i].timestamp);
    }
  }
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// The other instances

Expected<Instances::Members> SimulatedInstances::members() {
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  Members out{.settled = node_.log.group.settled(), .instances = {}};
  listed_.clear();
  for (const auto& [member, partitions] : node_.log.group.seats()) {
    Instance& instance = out.instances.emplace_back();
    instance.id = member.substr(node_.settings.application_id.size() + 1);
    listed_.insert(instance.id);
    for (const std::int32_t p : partitions) instance.partitions.push_back(Partition{p});
  }
  return out;
}

Status SimulatedInstances::end_transactions_of(const std::string& instance) {
  if (node_.one_in(2)) node_.wait();
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  // Whoever is fenced although it was there has a right to complain.
  if (!listed_.contains(instance)) node_.ended_for(instance);
  ingest::KafkaSettings theirs = node_.settings;
  theirs.instance_id = instance;
  for (const std::string& id : {member_id(theirs), member_id(theirs) + "-changelog"})
    (void)node_.log.init_producer(id, node_.transaction_timeout);
  return {};
}

}  // namespace holdfast::testing
