#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "domain/ports.hpp"
#include "ingest/kafka_settings.hpp"
#include "tests/support/simulated_log.hpp"

namespace holdfast::testing {

/// What the clients of one process share.
struct SimulatedNode {
  SimulatedLog& log;
  const Clock& clock;  ///< The machine's own.
  ingest::KafkaSettings settings;
  Duration transaction_timeout{5'000};
  Duration changelog_transaction_timeout{20'000};
  Duration open_transactions_patience{20'000};
  std::mt19937_64 random;
  /// Of a thousand requests, so many go wrong: with an outcome that is not known, or without having reached anybody.
  std::uint64_t faults = 0;
  std::size_t batch_most = 40;  ///< Records that are delivered at once.
  /// Called when it ends what another instance has left open.
  std::function<void(const std::string& instance)> ended_for = [](const std::string&) {};
  bool dead = false;  ///< Nothing that it does reaches anybody any more.
  /// It may end in the middle of a call, which says so by ends().
  bool may_end = false;
  std::function<void()> ends = [] {};
  /// Lets time pass for a call that waits; others run meanwhile.
  std::function<void()> wait;
  /// What happens to it, for people.
  std::function<void(const std::string&)> say = [](const std::string&) {};

  enum class Fate : std::uint8_t { good, lost, unknown };  ///< unknown: it happened, and nobody says so.
  [[nodiscard]] Fate draw();
  [[nodiscard]] bool one_in(std::uint64_t n) { return random() % n == 0; }
  [[nodiscard]] SimulatedGroup::Place source_place(SourceIndex source, Partition partition) const {
    return {settings.source_topics[source.value], partition.value};
  }
};

/// The reader's place in the group under the assignment that the pipeline was told of last, as its writers see it.
struct SimulatedMembership {
  SimulatedGroup::Member member;
  std::uint64_t assignment = 0;  ///< 0: nothing is assigned.
};

/// The ports over a SimulatedLog, with the waiting rules and the errors of the clients in ingest/. One thread.
class SimulatedReader final : public LogReader {
 public:
  explicit SimulatedReader(SimulatedNode& node);

  Status open() override;
  [[nodiscard]] std::int32_t partitions() const override;
  Status poll(LogListener& listener, Duration wait) override;
  Status start(SourceIndex source, Partition partition, Offset from) override;
  Expected<Offset> first_offset(SourceIndex source, Partition partition) override;
  Expected<CommittedTask> committed(Partition partition) override;
  [[nodiscard]] Offset log_end(SourceIndex source, Partition partition) const override;
  void wake() override {}
  void close(LogListener& listener) override;

  [[nodiscard]] std::shared_ptr<const SimulatedMembership> membership() const { return membership_; }
  /// What the client does by itself while nobody polls it.
  void keep_alive();
  /// Where it stands, for people.
  [[nodiscard]] std::string describe() const;
  /// Another process has the place of this one.
  [[nodiscard]] bool fenced() const { return fenced_; }

 private:
  enum class Phase : std::uint8_t { out, joining, joined };
  struct Input {
    SourceIndex source;
    Partition partition;
    std::int64_t next = -1;  ///< -1: not started.
    std::int64_t end = -1;
    std::int64_t reported = -1;
  };

  [[nodiscard]] PartitionLog& log_of(SourceIndex source, Partition partition) const;
  Status serve_group();
  void join();
  void assigned();
  void revoked(bool lost);
  void finish_revocation();
  Status deliver(Input& input);

  SimulatedNode& node_;
  std::shared_ptr<SimulatedMembership> membership_;
  SimulatedGroup::Member member_;
  Phase phase_ = Phase::out;
  std::vector<Input> inputs_;
  std::vector<Partition> partitions_;
  std::uint64_t assignments_ = 0;
  LogListener* listener_ = nullptr;
  bool revoking_ = false;
  bool closing_ = false;
  bool fenced_ = false;
};

/// A transactional producer and what its errors mean.
class SimulatedTransactions {
 public:
  SimulatedTransactions(SimulatedNode& node, std::string id, Duration timeout)
      : node_(node), id_(std::move(id)), timeout_(timeout) {}

  [[nodiscard]] Status init();
  [[nodiscard]] Status begin();
  /// It is sent some time later, at the latest by flush().
  void produce(const std::string& topic, std::int32_t partition, LoggedRecord record);
  [[nodiscard]] Status flush();
  [[nodiscard]] Status send_offsets(const SimulatedGroup::Member& member,
                                    std::span<const std::pair<SimulatedGroup::Place, CommittedOffset>> offsets);
  [[nodiscard]] Status commit();
  void abort();
  void send_some();
  [[nodiscard]] Status delivered() const { return delivered_; }
  [[nodiscard]] std::int64_t last_offset() const { return last_offset_; }

 private:
  struct Queued {
    std::string topic;
    std::int32_t partition = 0;
    LoggedRecord record;
  };
  [[nodiscard]] Status meaning(const char* what, Refusal refusal) const;
  void send(Queued& queued);

  SimulatedNode& node_;
  const std::string id_;
  const Duration timeout_;
  SimulatedLog::Producer producer_;
  std::vector<Queued> queue_;
  Status delivered_;
  std::int64_t last_offset_ = -1;
  std::optional<Timestamp> end_;
};

class SimulatedWriter final : public LogWriter {
 public:
  SimulatedWriter(SimulatedNode& node, const SimulatedReader& reader);

  Status open() override { return transactions_.init(); }
  Status begin() override;
  Status append(const OutputRecord& record) override;
  Status commit(std::span<const TaskPosition> positions) override;
  void abort() override { transactions_.abort(); }
  /// What was appended reaches the log.
  void send_all() { (void)transactions_.flush(); }

 private:
  SimulatedNode& node_;
  const SimulatedReader& reader_;
  SimulatedTransactions transactions_;
  std::map<Partition, Positions> committed_;
  std::uint64_t assignment_ = 0;
};

class SimulatedJournal final : public JournalReader {
 public:
  explicit SimulatedJournal(SimulatedNode& node) : node_(node) {}
  Status read(std::span<const Partition> partitions, Timestamp since,
              const std::function<void(JournalEntry)>& visit) override;

 private:
  SimulatedNode& node_;
};

class SimulatedJournalTail final : public JournalTail {
 public:
  explicit SimulatedJournalTail(SimulatedNode& node) : node_(node) {}
  Status open(Timestamp since) override;
  Status poll(const Visit& visit) override;

 private:
  SimulatedNode& node_;
  std::vector<std::int64_t> next_;  ///< By partition of the journal.
};

class SimulatedInstances final : public Instances {
 public:
  explicit SimulatedInstances(SimulatedNode& node) : node_(node) {}
  Expected<Members> members() override;
  [[nodiscard]] const std::string& self() const override { return node_.settings.instance_id; }
  Status end_transactions_of(const std::string& instance) override;

 private:
  SimulatedNode& node_;
  std::set<std::string> listed_;  ///< By members(), last.
};

class SimulatedChangelogWriter final : public ChangelogWriter {
 public:
  SimulatedChangelogWriter(SimulatedNode& node, const SimulatedReader& reader) : node_(node), reader_(reader) {}
  Expected<Offset> write(const CheckpointData& data) override;

 private:
  Expected<Offset> write_transaction(const CheckpointData& data, const SimulatedMembership& membership);

  SimulatedNode& node_;
  const SimulatedReader& reader_;
  std::optional<SimulatedTransactions> transactions_;
};

class SimulatedChangelogReader final : public ChangelogReader {
 public:
  explicit SimulatedChangelogReader(SimulatedNode& node) : node_(node) {}
  Expected<std::int32_t> partitions() override;
  Expected<Offset> read(Partition partition, Offset from, ChangelogVisitor& visitor) override;

 private:
  SimulatedNode& node_;
};

}  // namespace holdfast::testing
