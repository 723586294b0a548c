#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "domain/event.hpp"

namespace holdfast::testing {

/// A record as a consumer sees it.
struct ConsumedRecord {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<Header> headers;
};

/// Topics and records of a Kafka that runs, of one node or of several. Everything throws std::runtime_error if it does
/// not work.
class Kafka {
 public:
  Kafka(const Kafka&) = delete;
  Kafka& operator=(const Kafka&) = delete;

  /// "127.0.0.1:port", of a cluster one for each node with commas between; the same after a restart.
  [[nodiscard]] const std::string& bootstrap() const { return bootstrap_; }

  void create_topic(const std::string& topic, std::int32_t partitions,
                    const std::map<std::string, std::string>& settings = {});
  enum class Operation : std::uint8_t { read, describe, describe_configs };
  enum class Resource : std::uint8_t { topic, group };
  /// Leaves everybody these operations and no others on something that had no rules before. REQUIRES: settings with an
  /// authorizer.
  void allow_only(std::span<const Operation> operations, Resource resource, const std::string& name);
  void produce(const std::string& topic, std::int32_t partition, const std::optional<std::string>& key,
               const std::optional<std::string>& value, std::span<const Header> headers = {});
  /// Values "<first>" to "<first + count - 1>" with key "k", quickly.
  void produce_numbers(const std::string& topic, std::int32_t partition, int first, int count);
  /// Deletes what lies below `offset`.
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset);
  /// What the topic holds now: by partition, then offset. read_committed stops before a transaction that is open.
  [[nodiscard]] std::vector<ConsumedRecord> consume_all(const std::string& topic, bool read_committed = true);
  /// What can be seen by read_committed once that are at least `count` records: a transaction becomes visible shortly
  /// after its commit has returned.
  [[nodiscard]] std::vector<ConsumedRecord> consume_at_least(const std::string& topic, std::size_t count);
  /// The node that leads a partition; no value: none does now, or brokers do not know it.
  [[nodiscard]] std::optional<int> leader(const std::string& topic, std::int32_t partition);
  /// Partitions of all topics that have no leader, or a copy that is behind.
  [[nodiscard]] std::size_t partitions_out_of_sync();

 protected:
  Kafka() = default;
  ~Kafka() = default;

  std::string bootstrap_;
};

/// A real Kafka broker of its own, in a temporary folder, on a free port. It ends with the object.
class Broker : public Kafka {
 public:
  /// `settings`: lines of server.properties.
  explicit Broker(const std::string& settings = "");
  ~Broker();

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

  void kill9();
  void stop();
  /// Starts it again on the same data and port, after kill9() or stop().
  void restart();
  /// SIGSTOP and SIGCONT: it is there, but does not answer.
  void pause();
  void resume();

 private:
  void start();
  void end() noexcept;

  std::filesystem::path directory_;
  std::string settings_;
};

/// A read_committed consumer of a topic, from its beginning and for as long as the object lives, in a thread of its
/// own.
class Follower {
 public:
  Follower(const Kafka& kafka, const std::string& topic, std::int32_t partitions);
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  ~Follower();

  [[nodiscard]] std::size_t count() const;
  /// What it has seen by now, in that order.
  [[nodiscard]] std::vector<ConsumedRecord> seen() const;
  /// Why it cannot go on; empty: it can.
  [[nodiscard]] std::string failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs deploy/kafka and returns what it prints. `settings`: lines of server.properties.
std::string deploy_kafka(const std::vector<std::string>& arguments, const std::string& settings);
/// A new folder for the data of brokers.
[[nodiscard]] std::filesystem::path make_kafka_directory();
/// The process of the broker whose data lie in this folder; -1: none was started, or it was stopped.
[[nodiscard]] pid_t pid_of_broker(const std::filesystem::path& home);
/// Kills it and waits until it is gone. Nothing happens where none runs.
void kill_broker(const std::filesystem::path& home);

/// A transaction of somebody else. Left open when it is neither committed nor aborted.
class ForeignTransaction {
 public:
  ForeignTransaction(const Kafka& kafka, const std::string& transactional_id);
  ~ForeignTransaction();
  /// Waits for the delivery.
  void produce(const std::string& topic, std::int32_t partition, const std::string& key, const std::string& value);
  void commit();
  void abort();

 private:
  struct Producer;
  std::unique_ptr<Producer> producer_;
};

}  // namespace holdfast::testing
