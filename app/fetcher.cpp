#include "app/fetcher.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "app/overloaded.hpp"
#include "domain/limits.hpp"

namespace holdfast::app {
namespace {

/// A shard frees room, and an allowance grows, without telling: look again soon.
constexpr Duration held_back_wait{1};

/// Allowance saved up while there was nothing to read, as time at full rate.
constexpr double burst_seconds = 0.1;

constexpr Duration observe_every{250};

}  // namespace

Fetcher::Fetcher(LogReader& reader, Recovery& recovery, const Committer& committer, std::function<void()> hurry,
                 Checkpointer& checkpointer, const Clock& clock, std::vector<ShardRings*> shards,
                 Statistics& statistics, std::uint64_t max_rate)
    : reader_(reader),
      recovery_(recovery),
      committer_(committer),
      hurry_(std::move(hurry)),
      checkpointer_(checkpointer),
      shards_(std::move(shards)),
      statistics_(statistics),
      max_rate_(static_cast<double>(max_rate)),
      channels_(statistics.sources * statistics.partitions.size()),
      unsent_(shards_.size()),
      since_refill_(clock),
      since_observation_(clock) {}

Status Fetcher::do_work(Duration wait) {
  refill();
  take_from_recovery();
  held_back_ = !flush() || releasing_;
  delivered_ = false;
  Status polled = reader_.poll(*this, Duration{0});
  if (polled && !error_ && !delivered_)
    polled = reader_.poll(*this, held_back_ ? std::min(wait, held_back_wait) : wait);
  // Whoever took this instance's place took its partitions with it; what is said of those must not hide the reason, or
  // it would go on and take the place back.
  if (!polled && polled.error().kind == ErrorKind::fenced) return polled;
  if (error_) return std::unexpected(*error_);
  if (!polled) return polled;
  observe_log_ends();
  return {};
}

void Fetcher::drain() {
  if (draining_) return;
  draining_ = true;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    unsent_[shard].emplace_back(Drain{});
  }
}

void Fetcher::close() {
  closing_ = true;
  reader_.close(*this);
}

void Fetcher::assigned(std::span<const Partition> partitions) {
  assigned_.assign(partitions.begin(), partitions.end());
  recovery_.give_up_before(++assignment_);
  // All of them before any is sent: a reader of these never takes a part for the whole.
  for (const Partition partition : partitions)
    statistics_.partitions[static_cast<std::size_t>(partition.value)].assigned.set(true);
  statistics_.assignments.add(1);
  statistics_.joined.set(true);
  // An instance that had standbys alone is not told that they go.
  if (holding_ && !releasing_) begin_release();
  restore_pending_ = true;
}

// Whoever has the partitions next reads the committed state, so what is under way is committed before they go; what
// cannot be is not lost but done again there.
void Fetcher::revoked(std::span<const Partition> partitions, bool lost) {
  if (closing_ || error_) return;
  statistics_.joined.set(false);
  for (const Partition partition : partitions)
    statistics_.partitions[static_cast<std::size_t>(partition.value)].assigned.set(false);
  assigned_.clear();
  restore_pending_ = false;
  recovery_.give_up_before(++assignment_);
  if (lost) {
    error_ = Error{ErrorKind::rollback,
                   "lost " + std::to_string(partitions.size()) + " partitions: the group took this instance for dead"};
  } else if (holding_ && !releasing_) {
    begin_release();
  }
}

void Fetcher::begin_release() {
  releasing_ = true;
  holding_ = false;
  released_epoch_ = 0;
  answered_.assign(shards_.size(), false);
  if (draining_)
    return;  // The last checkpoints can still be written: the partitions are this instance's until close().
  checkpointer_.give_up_waiting(true);
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) send_to(shard, Release{});
  hurry_();
}

bool Fetcher::released() {
  if (closing_ || error_ || !releasing_) return true;
  if (draining_) return false;  // The end is near, and with it close().
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    auto answer = shards_[shard]->released.try_pop();
    if (!answer) continue;
    answered_[shard] = true;
    released_epoch_ = std::max(released_epoch_, answer->epoch);
    for (KeptTask& kept : answer->kept) kept_.insert_or_assign(kept.partition, std::move(kept));
  }
  if (std::ranges::find(answered_, false) != answered_.end()) return false;
  if (committer_.committed_epoch() < released_epoch_) return false;
  releasing_ = false;
  checkpointer_.give_up_waiting(false);
  return true;
}

void Fetcher::take_from_recovery() {
  if (draining_) return;
  if (restore_pending_ && released()) {
    restore_pending_ = !recovery_.request({.assignment = assignment_, .partitions = assigned_, .kept = kept_});
    if (!restore_pending_) {
      // The shards have them still, and a release before they are told more has to name them again.
      holding_ = holding_ || !kept_.empty();
      kept_.clear();
    }
  }
  while (auto from = recovery_.take()) {
    if (from->assignment != assignment_ || error_) continue;
    std::visit(Overloaded{[](std::monostate) {}, [this](RestoredTask& m) { start(std::move(m)); },
                          [this](Forget& m) { forget(m.partition); },
                          [this](auto& m) {
                            const Partition partition = m.partition;
                            send(partition, std::move(m));
                          }},
               from->message);
  }
}

void Fetcher::start(RestoredTask task) {
  const Partition partition = task.partition;
  const std::uint64_t life = ++lives_;
  for (std::size_t i = 0; i < statistics_.sources; ++i) {
    const SourceIndex source{static_cast<std::uint8_t>(i)};
    Channel& to = channel(source, partition);
    to = Channel{};
    to.life = life;
    to.standby = task.standby;
    if (const Status started = reader_.start(source, partition, task.input[source]); !started) {
      if (!failed(source, partition, started.error())) error_ = started.error();
      return;
    }
    if (!task.replay.empty()) to.replay_until = task.replay.back().end[source];
  }
  holding_ = true;
  send(partition, TaskAssigned{std::move(task), life});
}

void Fetcher::forget(Partition partition) {
  for (std::size_t i = 0; i < statistics_.sources; ++i)
    channel(SourceIndex{static_cast<std::uint8_t>(i)}, partition).forgotten = true;
  send(partition, Forget{partition});
}

void Fetcher::records(SourceIndex source, Partition partition, std::unique_ptr<RecordBatch> batch) {
  const auto records = batch->records();
  Channel& from = channel(source, partition);
  if (!from.standby && records.back().offset >= from.replay_until) allowance_ -= static_cast<double>(records.size());
  ++from.batches_sent;
  from.lent.push_back(records.size());
  from.records_lent += records.size();
  send(partition, Records{source, partition, std::move(batch)});
}

void Fetcher::reached_end(SourceIndex source, Partition partition, Offset end) {
  Channel& from = channel(source, partition);
  if (end <= from.end_sent) return;
  from.end_sent = end;
  send(partition, ReachedEnd{source, partition, end});
}

bool Fetcher::wants_more(SourceIndex source, Partition partition) {
  if (draining_ || releasing_ || error_) return false;
  Channel& from = channel(source, partition);
  if (from.forgotten) return false;
  const std::size_t index = static_cast<std::size_t>(partition.value) * statistics_.sources + source.value;
  // Acquire: pairs with the shard's release.
  const std::uint64_t told = shards_[shard_of(partition)]->batches_done[index].load(std::memory_order_acquire);
  const std::uint64_t done = BatchesDone::life_of(told) == from.life ? BatchesDone::count_of(told) : 0;
  const bool replaying = from.replay_until > Offset{0} &&
                         !statistics_.partitions[static_cast<std::size_t>(partition.value)].restored.get();
  const bool allowed = max_rate_ == 0 || allowance_ > 0 || replaying || from.standby;
  for (; from.batches_sent - from.lent.size() < done; from.lent.pop_front()) from.records_lent -= from.lent.front();
  // A step may have been made of larger batches than come now, and all of it has to be at hand before it is replayed.
  const bool room = from.lent.size() < limits::batches_in_flight_max || from.records_lent < limits::step_events_max;
  const bool wanted = allowed && room;
  if (!wanted) held_back_ = true;
  return wanted;
}

// That another instance's partition cannot be followed is no reason to stop what this one is there for.
bool Fetcher::failed(SourceIndex source, Partition partition, const Error& error) {
  const Channel& from = channel(source, partition);
  if (!from.standby) return false;
  if (from.forgotten) return true;
  recovery_.standby_failed(partition, error.message);
  forget(partition);
  return true;
}

void Fetcher::send_to(std::size_t shard, ShardInput message) {
  delivered_ = true;
  if (unsent_[shard].empty() && shards_[shard]->input.try_push(message)) {
    shards_[shard]->waker.wake();
    return;
  }
  statistics_.input_ring_full.add(1);
  unsent_[shard].push_back(std::move(message));
}

// False: a ring is still full.
bool Fetcher::flush() {
  bool empty = true;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    auto& unsent = unsent_[shard];
    while (!unsent.empty() && shards_[shard]->input.try_push(unsent.front())) {
      unsent.pop_front();
      shards_[shard]->waker.wake();
    }
    empty = empty && unsent.empty();
  }
  return empty;
}

void Fetcher::refill() {
  if (max_rate_ == 0) return;
  allowance_ = std::min(allowance_ + max_rate_ * since_refill_.seconds(), max_rate_ * burst_seconds);
  since_refill_.restart();
}

void Fetcher::observe_log_ends() {
  if (since_observation_.elapsed() < observe_every) return;
  since_observation_.restart();
  for (const Partition partition : assigned_) {
    for (std::size_t i = 0; i < statistics_.sources; ++i) {
      const auto s = static_cast<std::uint8_t>(i);
      statistics_.partitions[static_cast<std::size_t>(partition.value)].log_end[s].set(
          reader_.log_end(SourceIndex{s}, partition).value);
    }
  }
}

}  // namespace holdfast::app
