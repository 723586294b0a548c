#include "app/checkpointer.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::app {
namespace {

constexpr Duration retry_after{5'000};

/// A purge writes a partition anew, however few were erased in it: some wait for each other, and all take a tenth of
/// the time at most.
constexpr Duration purge_pause_min{10'000};
constexpr double purge_pause_factor = 9;

}  // namespace

Checkpointer::Checkpointer(ChangelogWriter* changelog, CheckpointStore& store, const Clock& clock,
                           std::vector<ShardRings*> shards, Statistics& statistics,
                           std::function<std::uint64_t()> committed_epoch, Warn warn)
    : changelog_(changelog),
      store_(store),
      clock_(clock),
      shards_(std::move(shards)),
      statistics_(statistics),
      committed_epoch_(std::move(committed_epoch)),
      warn_(std::move(warn)) {}

Expected<bool> Checkpointer::do_work() {
  bool worked = false;
  for (ShardRings* rings : shards_) {
    while (auto job = rings->checkpoints.try_pop()) {
      waiting_.push_back({rings, std::move(*job), std::nullopt});
      worked = true;
    }
  }
  const std::uint64_t committed = committed_epoch_();
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (!is_due(*it, committed)) {
      ++it;
      continue;
    }
    worked = true;
    const auto finished = write(*it);
    if (!finished) return std::unexpected(finished.error());
    if (!*finished) {
      ++it;
      continue;
    }
    if (it->job->written) {
      // Here, not in the shard: giving back so much memory takes its time.
      std::string().swap(it->job->data.bytes);
      std::vector<CheckpointData::Entry>().swap(it->job->data.entries);
    }
    // No more jobs are under way than tasks, for which the ring has room.
    const bool pushed = it->from->checkpoints_done.try_push(it->job);
    assert(pushed);
    it->from->waker.wake();
    it = waiting_.erase(it);
  }
  if (purge_is_due()) {
    purge();
    worked = true;
  }
  statistics_.unpurged.set(store_.unpurged());
  return worked;
}

bool Checkpointer::purge_is_due() const {
  return !give_up_waiting_.load(std::memory_order_relaxed) &&
         (!since_purge_ || since_purge_->elapsed() >= purge_pause_) && store_.unpurged() > 0;
}

// Whether it came to its end.
bool Checkpointer::purge() {
  const Stopwatch watch(clock_);
  const Status purged = store_.purge();
  if (!purged) warn_(purged.error().message + "; it is tried again, at the next start at the latest");
  since_purge_.emplace(clock_);
  purge_pause_ =
      std::max(purge_pause_min, Duration{static_cast<std::int64_t>(watch.seconds() * 1000 * purge_pause_factor)});
  return purged.has_value();
}

void Checkpointer::finish() {
  while (store_.unpurged() > 0 && purge()) {
  }
}

bool Checkpointer::has_work() const {
  const std::uint64_t committed = committed_epoch_();
  return std::ranges::any_of(shards_, [](const ShardRings* rings) { return !rings->checkpoints.empty(); }) ||
         std::ranges::any_of(waiting_, [&](const Waiting& waiting) { return is_due(waiting, committed); });
}

bool Checkpointer::is_due(const Waiting& waiting, std::uint64_t committed) const {
  if (give_up_waiting_.load(std::memory_order_relaxed)) return true;
  return waiting.job->epoch <= committed && (!waiting.since_failure || waiting.since_failure->elapsed() >= retry_after);
}

// Whether the job is done with: written, or given up.
Expected<bool> Checkpointer::write(Waiting& waiting) {
  if (give_up_waiting_.load(std::memory_order_relaxed)) return true;
  const Stopwatch watch(clock_);
  CheckpointData& data = waiting.job->data;
  const Status status = write_through(data);
  waiting.job->written = status.has_value();
  if (status) {
    statistics_.checkpoint_seconds.observe(watch.seconds());
    statistics_.checkpoint_last_ms.set(clock_.now().ms);
    statistics_.checkpoint_bytes.add(data.bytes.size());
    return true;
  }
  if (status.error().kind == ErrorKind::rollback) return true;  // The partition has moved; the group will say so.
  statistics_.checkpoint_failures.add(1);
  if (status.error().kind != ErrorKind::unavailable) return std::unexpected(status.error());
  const bool give_up = give_up_.load(std::memory_order_relaxed);
  warn_(status.error().message + (give_up ? "; the checkpoint is given up, the earlier one stands"
                                          : "; the checkpoint is tried again, the earlier one stands"));
  waiting.since_failure.emplace(clock_);
  return give_up;
}

Status Checkpointer::write_through(CheckpointData& data) {
  // Tried again after the store failed, it stands in the changelog already.
  if (changelog_ != nullptr && data.marker.changelog < Offset{0}) {
    const auto behind = changelog_->write(data);
    if (!behind) return std::unexpected(behind.error());
    data.marker.changelog = *behind;
  }
  return store_.write(data);
}

}  // namespace holdfast::app
