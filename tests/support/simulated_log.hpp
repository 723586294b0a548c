#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "domain/event.hpp"
#include "domain/time.hpp"
#include "tests/support/simulated_group.hpp"

namespace holdfast::testing {

/// What a broker refuses a request with.
enum class Refusal : std::uint8_t {
  none,
  producer_fenced,   ///< Another producer has the transactional id, or the transaction took too long.
  nothing_open,      ///< There is no transaction to end.
  member_unknown,    ///< The group took the member for dead.
  member_fenced,     ///< Another process has the static member's place.
  wrong_generation,  ///< The group has moved on.
};

/// A record as the log keeps it; one without data on either side is the log's own.
struct LoggedRecord {
  std::int64_t offset = 0;
  Timestamp timestamp{};
  Timestamp appended{};  ///< By the log's own clock.
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<Header> headers;
  std::int64_t producer = -1;  ///< -1: outside of a transaction.
  bool control = false;        ///< The end of a transaction.
  bool aborted = false;
};

/// A partition of a topic: records by offset, with gaps where some were compacted away.
struct PartitionLog {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::deque<LoggedRecord> records;
  std::map<std::int64_t, std::int64_t> open;  ///< First offset of each producer's open transaction.

  /// What read_committed sees ends here.
  [[nodiscard]] std::int64_t stable_end() const;
  /// Place in `records` of the first one at or behind the offset.
  [[nodiscard]] std::size_t find(std::int64_t offset) const;
};

/// Kafka in memory, as far as exactly-once processing depends on it: partitions, transactions and their time-outs, the
/// group and its offsets, retention and compaction. It has no threads and no clock of its own: whoever owns it lets
/// time pass. Commits and aborts take effect some time after they were accepted, one partition after the other, in an
/// order drawn from the seed. One group.
class SimulatedLog {
 public:
  explicit SimulatedLog(std::uint64_t seed);

  // Topics ------------------------------------------------------------------------------------------------------------

  void create_topic(const std::string& topic, std::int32_t partitions);
  [[nodiscard]] std::int32_t partitions(const std::string& topic) const;
  [[nodiscard]] PartitionLog& at(const std::string& topic, std::int32_t partition);
  /// The place of a key.
  [[nodiscard]] std::int32_t partition_of(const std::string& topic, std::string_view key) const;
  /// Outside of any transaction.
  void append(const std::string& topic, std::int32_t partition, LoggedRecord record);
  /// All that read_committed sees now, by partition and offset.
  [[nodiscard]] std::vector<LoggedRecord> visible(const std::string& topic);
  void delete_before(const std::string& topic, std::int32_t partition, std::int64_t offset);
  /// Keeps the latest record of each key below `dirty_end` (at most the stable end), and of those without a value the
  /// ones that came later than `tombstones_before`. Aborted records go.
  void compact(const std::string& topic, std::int32_t partition, std::int64_t dirty_end, Timestamp tombstones_before);

  // Transactions ------------------------------------------------------------------------------------------------------

  struct Producer {
    std::int64_t id = -1;
    std::int32_t epoch = -1;
    std::string transactional_id;
  };
  /// Ends what an earlier producer of the id left open, and fences it.
  [[nodiscard]] Producer init_producer(const std::string& transactional_id, Duration timeout);
  /// Appends within the producer's transaction, which begins with its first record or offset. Returns the offset.
  [[nodiscard]] std::pair<Refusal, std::int64_t> produce(const Producer& producer, const std::string& topic,
                                                         std::int32_t partition, LoggedRecord record);
  [[nodiscard]] Refusal send_offsets(const Producer& producer, const SimulatedGroup::Member& member,
                                     std::span<const std::pair<SimulatedGroup::Place, CommittedOffset>> offsets);
  /// Accepted: it happens, if not at once.
  [[nodiscard]] Refusal end_transaction(const Producer& producer, bool commit);
  /// All that was accepted takes effect.
  void settle();

  // Time --------------------------------------------------------------------------------------------------------------

  [[nodiscard]] Timestamp now() const { return now_; }
  void set_now(Timestamp now) { now_ = now; }
  /// Time-outs of transactions and sessions come due; some of what was accepted takes effect.
  void pass(Duration time);

  SimulatedGroup group;

 private:
  enum class State : std::uint8_t { empty, open, committing, aborting };
  struct Transaction {
    std::int64_t producer = -1;
    std::int32_t epoch = -1;
    Duration timeout;
    State state = State::empty;
    Timestamp began;
    std::vector<PartitionLog*> partitions;  ///< Where it has records and no end yet.
    std::vector<PendingOffset> offsets;     ///< Not yet decided.
  };

  [[nodiscard]] Transaction* current(const Producer& producer);
  void begin(Transaction& transaction);
  void prepare_end(Transaction& transaction, bool commit);
  void end_in(PartitionLog& log, const Transaction& transaction);
  void end_some(Transaction& transaction);
  void end_all(Transaction& transaction);

  std::mt19937_64 random_;
  Timestamp now_{};
  std::map<std::string, std::deque<PartitionLog>, std::less<>> topics_;
  std::map<std::string, Transaction, std::less<>> transactions_;
  std::int64_t producers_ = 0;
  std::uint64_t offset_commits_ = 0;
};

}  // namespace holdfast::testing
