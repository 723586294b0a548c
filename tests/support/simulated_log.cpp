#include "tests/support/simulated_log.hpp"

#include <algorithm>
#include <set>

#include "domain/ids.hpp"

namespace holdfast::testing {

std::int64_t PartitionLog::stable_end() const {
  std::int64_t stable = end;
  for (const auto& [producer, first] : open) stable = std::min(stable, first);
  return stable;
}

std::size_t PartitionLog::find(std::int64_t offset) const {
  const auto at = std::ranges::lower_bound(records, offset, {}, &LoggedRecord::offset);
  return static_cast<std::size_t>(at - records.begin());
}

SimulatedLog::SimulatedLog(std::uint64_t seed) : group(seed + 1), random_(seed) {}

// ---------------------------------------------------------------------------------------------------------------------
// Topics

void SimulatedLog::create_topic(const std::string& topic, std::int32_t partitions) {
  topics_[topic].resize(static_cast<std::size_t>(partitions));
}

std::int32_t SimulatedLog::partitions(const std::string& topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? 0 : static_cast<std::int32_t>(found->second.size());
}

PartitionLog& SimulatedLog::at(const std::string& topic, std::int32_t partition) {
  return topics_.at(topic).at(static_cast<std::size_t>(partition));
}

std::int32_t SimulatedLog::partition_of(const std::string& topic, std::string_view key) const {
  return static_cast<std::int32_t>(fingerprint(key) % static_cast<std::uint64_t>(partitions(topic)));
}

void SimulatedLog::append(const std::string& topic, std::int32_t partition, LoggedRecord record) {
  PartitionLog& log = at(topic, partition);
  record.offset = log.end++;
  record.appended = now_;
  log.records.push_back(std::move(record));
}

std::vector<LoggedRecord> SimulatedLog::visible(const std::string& topic) {
  std::vector<LoggedRecord> out;
  for (const PartitionLog& log : topics_.at(topic)) {
    const std::int64_t stable = log.stable_end();
    for (const LoggedRecord& record : log.records) {
      if (record.offset < stable && !record.control && !record.aborted) out.push_back(record);
    }
  }
  return out;
}

void SimulatedLog::delete_before(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  PartitionLog& log = at(topic, partition);
  log.start = std::max(log.start, std::min(offset, log.stable_end()));
  while (!log.records.empty() && log.records.front().offset < log.start) log.records.pop_front();
}

void SimulatedLog::compact(const std::string& topic, std::int32_t partition, std::int64_t dirty_end,
                           Timestamp tombstones_before) {
  PartitionLog& log = at(topic, partition);
  const std::int64_t until = std::min(dirty_end, log.stable_end());
  std::map<std::string, std::int64_t> latest;
  for (const LoggedRecord& record : log.records) {
    if (record.offset < until && record.key && !record.control && !record.aborted) latest[*record.key] = record.offset;
  }
  std::erase_if(log.records, [&](const LoggedRecord& record) {
    if (record.offset >= until) return false;
    if (record.control || record.aborted) return true;
    if (!record.key) return false;
    if (latest.at(*record.key) != record.offset) return true;
    return !record.value && record.appended < tombstones_before;
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// Transactions

SimulatedLog::Producer SimulatedLog::init_producer(const std::string& transactional_id, Duration timeout) {
  Transaction& transaction = transactions_[transactional_id];
  if (transaction.producer < 0) transaction.producer = ++producers_;
  ++transaction.epoch;
  if (transaction.state == State::open) prepare_end(transaction, false);
  end_all(transaction);
  transaction.timeout = timeout;
  return {transaction.producer, transaction.epoch, transactional_id};
}

SimulatedLog::Transaction* SimulatedLog::current(const Producer& producer) {
  const auto found = transactions_.find(producer.transactional_id);
  if (found == transactions_.end() || found->second.epoch != producer.epoch) return nullptr;
  return &found->second;
}

// What ends an earlier transaction is waited for.
void SimulatedLog::begin(Transaction& transaction) {
  if (transaction.state == State::open) return;
  end_all(transaction);
  transaction.state = State::open;
  transaction.began = now_;
}

std::pair<Refusal, std::int64_t> SimulatedLog::produce(const Producer& producer, const std::string& topic,
                                                       std::int32_t partition, LoggedRecord record) {
  Transaction* const transaction = current(producer);
  if (transaction == nullptr) return {Refusal::producer_fenced, -1};
  begin(*transaction);
  PartitionLog& log = at(topic, partition);
  if (log.open.try_emplace(transaction->producer, log.end).second) transaction->partitions.push_back(&log);
  record.producer = transaction->producer;
  record.offset = log.end++;
  record.appended = now_;
  log.records.push_back(std::move(record));
  return {Refusal::none, log.end - 1};
}

Refusal SimulatedLog::send_offsets(const Producer& producer, const SimulatedGroup::Member& member,
                                   std::span<const std::pair<SimulatedGroup::Place, CommittedOffset>> offsets) {
  Transaction* const transaction = current(producer);
  if (transaction == nullptr) return Refusal::producer_fenced;
  begin(*transaction);
  switch (group.check(member)) {
    case SimulatedGroup::Answer::good: break;
    case SimulatedGroup::Answer::fenced: return Refusal::member_fenced;
    case SimulatedGroup::Answer::generation: return Refusal::wrong_generation;
    default: return Refusal::member_unknown;
  }
  for (const auto& [place, offset] : offsets) {
    group.add_pending(place);
    transaction->offsets.push_back({place, offset, ++offset_commits_});
  }
  return Refusal::none;
}

Refusal SimulatedLog::end_transaction(const Producer& producer, bool commit) {
  Transaction* const transaction = current(producer);
  if (transaction == nullptr) return Refusal::producer_fenced;
  if (transaction->state != State::open) return Refusal::nothing_open;
  prepare_end(*transaction, commit);
  return Refusal::none;
}

void SimulatedLog::prepare_end(Transaction& transaction, bool commit) {
  transaction.state = commit ? State::committing : State::aborting;
  std::ranges::shuffle(transaction.partitions, random_);
}

void SimulatedLog::end_in(PartitionLog& log, const Transaction& transaction) {
  const auto open = log.open.find(transaction.producer);
  if (transaction.state == State::aborting) {
    for (std::size_t i = log.find(open->second); i < log.records.size(); ++i) {
      if (log.records[i].producer == transaction.producer) log.records[i].aborted = true;
    }
  }
  log.open.erase(open);
  LoggedRecord& end = log.records.emplace_back();
  end.offset = log.end++;
  end.timestamp = now_;
  end.appended = now_;
  end.control = true;
}

void SimulatedLog::end_some(Transaction& transaction) {
  if (transaction.state != State::committing && transaction.state != State::aborting) return;
  const bool offsets_first = random_() % 2 == 0;
  while (random_() % 3 != 0) {
    if (!transaction.offsets.empty() && (offsets_first || transaction.partitions.empty())) {
      for (const PendingOffset& offset : transaction.offsets)
        group.settle(offset, transaction.state == State::committing);
      transaction.offsets.clear();
    } else if (!transaction.partitions.empty()) {
      end_in(*transaction.partitions.back(), transaction);
      transaction.partitions.pop_back();
    } else {
      transaction.state = State::empty;
      return;
    }
  }
}

void SimulatedLog::end_all(Transaction& transaction) {
  while (transaction.state == State::committing || transaction.state == State::aborting) end_some(transaction);
}

void SimulatedLog::settle() {
  for (auto& [id, transaction] : transactions_) end_all(transaction);
}

// ---------------------------------------------------------------------------------------------------------------------
// Time

void SimulatedLog::pass(Duration time) {
  now_ = now_ + time;
  for (auto& [id, transaction] : transactions_) {
    if (transaction.state == State::open && now_ - transaction.began >= transaction.timeout) {
      ++transaction.epoch;
      prepare_end(transaction, false);
    } else {
      end_some(transaction);
    }
  }
  group.pass(now_);
}

}  // namespace holdfast::testing
