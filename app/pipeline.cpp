#include "app/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <thread>
#include <utility>

#include <pthread.h>

#include "domain/limits.hpp"

namespace holdfast::app {
namespace {

constexpr Duration poll_wait{100};
constexpr std::chrono::milliseconds answer_wait{2'000};

/// Every batch that may be in flight, and room for what else is said.
std::size_t input_capacity(const PipelineSettings& settings) {
  const auto channels = static_cast<std::size_t>(settings.partitions) * settings.shard.sources.size();
  return channels * (limits::batches_in_flight_max + 2) + 64;
}

std::vector<std::unique_ptr<ShardRings>> make_rings(const PipelineSettings& settings) {
  const auto channels = static_cast<std::size_t>(settings.partitions) * settings.shard.sources.size();
  std::vector<std::unique_ptr<ShardRings>> rings;
  for (int i = 0; i < settings.shards; ++i) {
    rings.push_back(std::make_unique<ShardRings>(
        input_capacity(settings), static_cast<std::size_t>(settings.partitions), settings.output_capacity));
    rings.back()->batches_done = std::vector<std::atomic<std::uint64_t>>(channels);
  }
  return rings;
}

std::vector<ShardRings*> all(const std::vector<std::unique_ptr<ShardRings>>& rings) {
  std::vector<ShardRings*> out;
  for (const auto& r : rings) out.push_back(r.get());
  return out;
}

/// As `top -H` and debuggers show it. At most 15 bytes.
void name_this_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.c_str()); }

}  // namespace

Stages::Stages(const PipelineSettings& settings, const PipelinePorts& ports, const Say& warn)
    : statistics(settings.shard.sources.size(), static_cast<std::size_t>(settings.partitions)),
      rings(make_rings(settings)),
      recovery(settings.recovery,
               {.reader = ports.reader,
                .journal = ports.journal,
                .store = ports.store,
                .clock = ports.clock,
                .changelog = ports.changelog_reader,
                .instances = ports.instances,
                .journal_tail = ports.journal_tail},
               statistics, warn, [&reader = ports.reader] { reader.wake(); }),
      fetcher(
          ports.reader, recovery, committer,
          [this] {
            committer.hurry();
            committer_waker.wake();
          },
          checkpointer, ports.clock, all(rings), statistics, settings.max_rate),
      committer(ports.writer, ports.clock, all(rings), statistics, settings.commit_interval,
                [this] { checkpointer_waker.wake(); }),
      checkpointer(
          ports.changelog_writer, ports.store, ports.clock, all(rings), statistics,
          [this] { return committer.committed_epoch(); }, warn) {
  statistics.aborts.set(settings.aborts);
  for (const auto& r : rings)
    shards.push_back(
        std::make_unique<Shard>(settings.shard, ports.clock, *r, statistics, committer_waker, checkpointer_waker));
}

Pipeline::Pipeline(const PipelineSettings& settings, const PipelinePorts& ports, const Say& warn)
    : ports_(ports), stages_(settings, ports, warn) {}

Pipeline::~Pipeline() = default;

Status Pipeline::run() {
  std::jthread fetching([this] { fetch(); });
  std::jthread restoring([this] { restore(); });
  std::jthread checkpointing([this] { checkpoint(); });
  {
    std::vector<std::jthread> working;
    working.emplace_back([this] { commit(); });
    for (std::size_t i = 0; i < stages_.shards.size(); ++i) working.emplace_back([this, i] { shard(i); });
  }
  shards_done_.store(true, std::memory_order_release);
  ports_.reader.wake();
  stages_.checkpointer_waker.wake();
  stages_.recovery.give_up_before(std::numeric_limits<std::uint64_t>::max());
  stages_.recovery.waker.wake();
  fetching.join();
  restoring.join();
  checkpointing.join();

  const std::lock_guard lock(error_mutex_);
  if (error_) return std::unexpected(*error_);
  return {};
}

void Pipeline::stop() {
  stop_.store(true, std::memory_order_release);
  ports_.reader.wake();
}

// The group must see polls until the last commit is made in its name.
void Pipeline::fetch() {
  name_this_thread("fetcher");
  bool draining = false;
  while (!failed() && !shards_done_.load(std::memory_order_acquire)) {
    if (stop_.load(std::memory_order_acquire) && !draining) {
      draining = true;
      stages_.checkpointer.give_up_on_failure();
      stages_.fetcher.drain();
    }
    if (const Status done = stages_.fetcher.do_work(poll_wait); !done) fail(done.error());
  }
  stages_.fetcher.close();
}

void Pipeline::restore() {
  name_this_thread("recovery");
  while (!failed() && !shards_done_.load(std::memory_order_acquire)) {
    const auto worked = stages_.recovery.do_work();
    if (!worked) {
      fail(worked.error());
    } else if (!*worked) {
      stages_.recovery.waker.sleep(stages_.recovery.idle_time(),
                                   [this] { return failed() || stages_.recovery.has_work(); });
    }
  }
}

void Pipeline::shard(std::size_t index) {
  name_this_thread("shard " + std::to_string(index));
  Shard& shard = *stages_.shards[index];
  while (!failed() && !shard.finished()) {
    if (!shard.do_work())
      stages_.rings[index]->waker.sleep(shard.idle_time(), [&] { return failed() || shard.has_work(); });
  }
}

void Pipeline::commit() {
  name_this_thread("committer");
  while (!failed() && !stages_.committer.finished()) {
    const auto worked = stages_.committer.do_work();
    if (!worked) {
      fail(worked.error());
      ports_.writer.abort();
    } else if (!*worked) {
      stages_.committer_waker.sleep(stages_.committer.idle_time(),
                                    [this] { return failed() || stages_.committer.has_work(); });
    }
  }
}

void Pipeline::checkpoint() {
  name_this_thread("checkpointer");
  while (!failed() && !shards_done_.load(std::memory_order_acquire)) {
    const auto worked = stages_.checkpointer.do_work();
    if (!worked) {
      fail(worked.error());
    } else if (!*worked) {
      stages_.checkpointer_waker.sleep(poll_wait, [this] { return failed() || stages_.checkpointer.has_work(); });
    }
  }
  if (!failed()) stages_.checkpointer.finish();
}

void Pipeline::fail(const Error& error) {
  {
    const std::lock_guard lock(error_mutex_);
    if (!error_) error_ = error;
  }
  failed_.store(true, std::memory_order_release);
  for (const auto& rings : stages_.rings) rings->waker.wake();
  stages_.committer_waker.wake();
  stages_.checkpointer_waker.wake();
  stages_.recovery.give_up_before(std::numeric_limits<std::uint64_t>::max());
  stages_.recovery.waker.wake();
  ports_.reader.wake();
}

bool Pipeline::ready() const {
  for (const PartitionStatistics& p : stages_.statistics.partitions) {
    if (p.assigned.get() && !p.restored.get()) return false;
  }
  return stages_.statistics.joined.get();
}

bool Pipeline::caught_up() const {
  bool any = false;
  for (const PartitionStatistics& p : stages_.statistics.partitions) {
    if (!p.assigned.get()) continue;
    any = true;
    if (!p.caught_up.get()) return false;
  }
  return any;
}

Expected<std::optional<CustomerFacts>> Pipeline::find(std::string_view customer_id) {
  std::vector<std::future<std::optional<CustomerFacts>>> answers;
  for (const auto& rings : stages_.rings) {
    auto query = std::make_shared<CustomerQuery>();
    query->id = customer_id;
    answers.push_back(query->answer.get_future());
    if (!rings->queries.try_push(query)) return holdfast::fail(ErrorKind::unavailable, "too many questions wait");
    rings->waker.wake();
  }
  for (auto& answer : answers) {
    if (answer.wait_for(answer_wait) != std::future_status::ready)
      return holdfast::fail(ErrorKind::unavailable, "the state did not answer in time: a restore may be under way");
    try {
      if (auto facts = answer.get()) return facts;
    } catch (const std::future_error&) {
      return holdfast::fail(ErrorKind::unavailable, "the state is being closed");
    }
  }
  return std::optional<CustomerFacts>{};
}

}  // namespace holdfast::app
