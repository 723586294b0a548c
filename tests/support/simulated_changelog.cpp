#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/checkpoint_key.hpp"
#include "tests/support/simulated_clients.hpp"

namespace holdfast::testing {
namespace {

std::unexpected<Error> gone() { return fail(ErrorKind::unavailable, "the process has ended"); }

std::optional<std::string> copy(std::string_view text) {
  return text.data() == nullptr ? std::nullopt : std::optional(std::string(text));
}

}  // namespace

Expected<Offset> SimulatedChangelogWriter::write(const CheckpointData& data) {
  if (node_.dead) return gone();
  const auto membership = reader_.membership();
  if (!membership) return fail(ErrorKind::rollback, "the group took the partitions away");
  if (!transactions_) {
    SimulatedTransactions fresh(node_, member_id(node_.settings) + "-changelog", node_.changelog_transaction_timeout);
    if (const Status opened = fresh.init(); !opened) {
      const Error& error = opened.error();
      return fail(error.kind == ErrorKind::rollback ? ErrorKind::unavailable : error.kind, error.message);
    }
    transactions_.emplace(std::move(fresh));
  }
  auto written = write_transaction(data, *membership);
  if (written) return written;
  transactions_->abort();
  transactions_.reset();
  return written;
}

Expected<Offset> SimulatedChangelogWriter::write_transaction(const CheckpointData& data,
                                                             const SimulatedMembership& membership) {
  // An outcome that is not known is no loss: the same can be written again, and the later one counts.
  const auto again = [](const Status& status) {
    Error error = status.error();
    if (error.kind == ErrorKind::rollback) error.kind = ErrorKind::unavailable;
    return std::unexpected(error);
  };
  const std::string& topic = node_.settings.changelog_topic;
  const std::int32_t partition = data.marker.partition.value;
  if (auto s = transactions_->begin(); !s) return again(s);
  std::string key;
  for (const auto& entry : data.entries) {
    checkpoint_key::put_record(key, data.id(entry));
    transactions_->produce(
        topic, partition,
        {.timestamp = node_.clock.now(), .appended = {}, .key = key, .value = copy(data.record(entry)), .headers = {}});
    if (node_.one_in(16)) node_.wait();
  }
  transactions_->produce(topic, partition,
                         {.timestamp = node_.clock.now(),
                          .appended = {},
                          .key = std::string(checkpoint_key::marker),
                          .value = encode_marker(data.marker),
                          .headers = {}});
  if (auto s = transactions_->flush(); !s) return again(s);
  if (node_.one_in(4)) node_.wait();
  const Offset behind{transactions_->last_offset() + 1};
  const std::array offsets{
      std::pair<SimulatedGroup::Place, CommittedOffset>{{topic, partition}, {.offset = behind.value, .metadata = {}}}};
  // An error here may be the group's refusal, which does not pass: as it stands.
  if (auto s = transactions_->send_offsets(membership.member, offsets); !s) return std::unexpected(s.error());
  if (node_.one_in(4)) node_.wait();
  if (auto s = transactions_->commit(); !s) return again(s);
  return behind;
}

Expected<std::int32_t> SimulatedChangelogReader::partitions() {
  if (node_.dead) return gone();
  if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "no broker answers");
  return node_.log.partitions(node_.settings.changelog_topic);
}

Expected<Offset> SimulatedChangelogReader::read(Partition partition, Offset from, ChangelogVisitor& visitor) {
  if (node_.dead) return gone();
  PartitionLog& log = node_.log.at(node_.settings.changelog_topic, partition.value);
  const std::int64_t end = log.stable_end();
  std::int64_t next = std::max(from.value, log.start);
  while (next < end) {
    if (node_.one_in(3)) node_.wait();
    if (node_.dead) return gone();
    if (node_.draw() != SimulatedNode::Fate::good) return fail(ErrorKind::unavailable, "brokers are away");
    std::vector<LoggedRecord> batch;
    const std::int64_t stable = log.stable_end();
    const std::size_t most = 1 + node_.random() % 8;
    for (std::size_t i = log.find(next); i < log.records.size() && batch.size() < most; ++i) {
      if (log.records[i].offset >= stable) break;
      // What was committed since is cut off anywhere by the size of a batch: half a checkpoint.
      if (log.records[i].offset >= end) break;
      if (!log.records[i].control && !log.records[i].aborted) batch.push_back(log.records[i]);
    }
    if (batch.empty()) next = stable;
    for (const LoggedRecord& record : batch) {
      next = record.offset + 1;
      Status status;
      if (*record.key == checkpoint_key::marker) {
        const auto marker = decode_marker(*record.value);
        if (!marker) return std::unexpected(marker.error());
        status = visitor.marker(*marker, Offset{next});
      } else {
        const auto id = checkpoint_key::id_of(*record.key);
        status = record.value ? visitor.record(*id, *record.value) : visitor.erased(*id);
      }
      if (!status) return std::unexpected(status.error());
    }
  }
  return Offset{end};
}

}  // namespace holdfast::testing
