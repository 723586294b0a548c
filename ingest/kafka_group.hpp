#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "ingest/kafka_client.hpp"

namespace holdfast::ingest {

/// The number of a task's last step goes with the position of its first source, as the offset's metadata.
void set_step(rd_kafka_topic_partition_t& offset, std::uint64_t step);
/// No value: the metadata is somebody else's.
[[nodiscard]] std::optional<std::uint64_t> step_of(const rd_kafka_topic_partition_t& offset);

/// A member's place in the group under one assignment.
struct Membership {
  GroupMetadataPtr metadata;
  std::uint64_t assignment = 0;  ///< Counts the assignments of this process, from 1.
};

/// Shared between the reader, which joins, and the writer, which commits in the reader's name. The membership is that
/// of the assignment that the pipeline was told of last: the broker refuses it once a later one was given, so positions
/// of partitions that moved cannot be committed by accident.
class KafkaGroup {
 public:
  explicit KafkaGroup(std::shared_ptr<KafkaClient> consumer) : consumer_(std::move(consumer)) {}

  /// Reader's thread: a new assignment was given.
  void joined() {
    auto next = std::make_shared<Membership>();
    next->metadata.reset(rd_kafka_consumer_group_metadata(consumer_->get()));
    const std::lock_guard lock(mutex_);
    next->assignment = ++assignments_;
    membership_ = std::move(next);
  }
  /// Reader's thread: it is no longer ours.
  void left() {
    const std::lock_guard lock(mutex_);
    membership_.reset();
  }
  /// Null: nothing is assigned. Any thread.
  [[nodiscard]] std::shared_ptr<const Membership> membership() const {
    const std::lock_guard lock(mutex_);
    return membership_;
  }
  /// Commits offsets outside of a transaction, and waits for it until the deadline, or until the group was left. Any
  /// thread.
  [[nodiscard]] rd_kafka_resp_err_t commit(const rd_kafka_topic_partition_list_t& offsets,
                                           const Deadline& deadline) const;

 private:
  std::shared_ptr<KafkaClient> consumer_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Membership> membership_;
  std::uint64_t assignments_ = 0;
};

}  // namespace holdfast::ingest
