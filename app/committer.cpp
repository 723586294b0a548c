#include "app/committer.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace holdfast::app {
namespace {

/// Messages taken from one shard before the others get their turn.
constexpr int messages_max = 16;

constexpr Duration idle_max{100};

}  // namespace

Committer::Committer(LogWriter& writer, const Clock& clock, std::span<ShardRings* const> shards, Statistics& statistics,
                     Duration interval, std::function<void()> wake_checkpointer)
    : writer_(writer),
      clock_(clock),
      statistics_(statistics),
      interval_(interval),
      wake_checkpointer_(std::move(wake_checkpointer)),
      since_request_(clock) {
  for (ShardRings* rings : shards) shards_.push_back({.rings = rings});
}

Expected<bool> Committer::do_work() {
  if (finished_) return false;
  bool worked = request_epoch();
  for (ShardState& shard : shards_) {
    const auto took = take(shard);
    if (!took) return std::unexpected(took.error());
    worked |= *took;
  }
  const auto closed = [](const ShardState& shard) { return shard.closed || shard.drained; };
  const auto just_closed = [](const ShardState& shard) { return shard.closed; };
  if (std::ranges::all_of(shards_, closed) && std::ranges::any_of(shards_, just_closed)) {
    if (const Status done = commit(); !done) return std::unexpected(done.error());
    worked = true;
  }
  return worked;
}

bool Committer::has_work() const {
  if (!under_way() && hurry_.load(std::memory_order_relaxed)) return true;
  return std::ranges::any_of(shards_,
                             [](const ShardState& shard) { return !shard.closed && !shard.rings->output.empty(); });
}

Duration Committer::idle_time() const {
  if (under_way()) return idle_max;  // The shards wake this thread with their marks.
  return std::clamp(Duration{interval_.ms - since_request_.elapsed().ms}, Duration{0}, idle_max);
}

bool Committer::request_epoch() {
  if (under_way()) return false;
  if (since_request_.elapsed() < interval_ && !hurry_.load(std::memory_order_relaxed)) return false;
  hurry_.store(false, std::memory_order_relaxed);
  ++epoch_;
  since_request_.restart();
  for (ShardState& shard : shards_) {
    // Release: pairs with the shard's acquire; the number alone is what it reads.
    shard.rings->requested_epoch.store(epoch_, std::memory_order_release);
    shard.rings->waker.wake();
  }
  return true;
}

Expected<bool> Committer::take(ShardState& shard) {
  int taken = 0;
  while (!shard.closed && taken < messages_max) {
    auto message = shard.rings->output.try_pop();
    if (!message) break;
    ++taken;
    if (auto* mark = std::get_if<EpochMark>(&*message)) {
      shard.closed = true;
      shard.drained = mark->last;
      std::ranges::move(mark->tasks, std::back_inserter(tasks_));
    } else {
      auto& buffer = std::get<std::unique_ptr<OutputBuffer>>(*message);
      if (const Status done = append(*buffer); !done) return std::unexpected(done.error());
      (void)shard.rings->used_buffers.try_push(buffer);
    }
  }
  if (taken > 0) shard.rings->waker.wake();  // It may have waited for room.
  return taken > 0;
}

Status Committer::append(const OutputBuffer& buffer) {
  if (const Status done = begin(); !done) return done;
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    if (const Status done = writer_.append(buffer[i]); !done) return done;
    if (buffer.logged_at(i).ms >= 0) logged_at_.push_back(buffer.logged_at(i));
  }
  return {};
}

Status Committer::begin() {
  if (begun_) return {};
  begun_ = true;
  return writer_.begin();
}

// Journal and positions go behind the output that the steps led to; an epoch without steps needs no transaction.
Status Committer::commit() {
  if (!tasks_.empty()) {
    const Stopwatch watch(clock_);
    if (const Status done = begin(); !done) return done;
    positions_.clear();
    for (const TaskEpoch& task : tasks_) {
      const std::string key = std::to_string(task.entry.partition.value);
      const std::string value = encode_journal_entry(task.entry);
      const Status done = writer_.append({.topic = OutputTopic::journal, .key = key, .value = value, .headers = {}});
      if (!done) return done;
      positions_.push_back({task.entry.partition, task.position, task.entry.steps.back().number});
    }
    if (const Status done = writer_.commit(positions_); !done) return done;
    begun_ = false;
    statistics_.commits.add(1);
    statistics_.commit_seconds.observe(watch.seconds());
    const Timestamp now = clock_.now();
    for (const Timestamp logged_at : logged_at_)
      statistics_.event_to_alert_seconds.observe(static_cast<double>(std::max<std::int64_t>((now - logged_at).ms, 0)) /
                                                 1000);
  }
  tasks_.clear();
  logged_at_.clear();
  bool drained = true;
  for (ShardState& shard : shards_) {
    shard.closed = false;
    drained = drained && shard.drained;
  }
  // A shard that drains closes one epoch more than was requested.
  committed_epoch_.store(std::max(epoch_, committed_epoch_.load(std::memory_order_relaxed) + 1),
                         std::memory_order_release);
  finished_ = drained;
  wake_checkpointer_();
  return {};
}

}  // namespace holdfast::app
