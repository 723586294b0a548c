#include "app/shard.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <iterator>
#include <utility>

#include "app/overloaded.hpp"
#include "domain/limits.hpp"
#include "ingest/dead_letter.hpp"

namespace holdfast::app {
namespace {

/// Messages taken from the input ring in one round, so that steps, marks and queries get their turn.
constexpr int input_messages_max = 32;

/// Records that a round copies for a checkpoint at most: well below a millisecond.
constexpr std::size_t checkpoint_slice = 2048;

/// Where nothing else sets an earlier one: how long a shard waits between looks at the clock.
constexpr Duration idle_max{100};

/// What a review has made of the counts; between two of them the numbers stay.
void publish(const engine::Calibration& calibration, const Correction& correction, CalibrationStatistics& to) {
  const std::int64_t reviewed = calibration.state().reviewed.ms;
  if (to.watched.get() && to.reviewed_ms.get() == reviewed) return;
  const engine::CalibrationReport report = calibration.report();
  to.outcomes.set(report.outcomes);
  to.left.set(report.left);
  to.told.set(report.told);
  to.ece.set(report.ece);
  to.ece_chance_most.set(report.ece_chance_most);
  to.drift.set(report.drift);
  to.intercept.set(correction.intercept);
  to.slope.set(correction.slope);
  to.reviewed_ms.set(reviewed);
  to.watched.set(true);
}

}  // namespace

Shard::Shard(ShardSettings settings, const Clock& clock, ShardRings& rings, Statistics& statistics, Waker& committer,
             Waker& checkpointer)
    : settings_(std::move(settings)),
      clock_(clock),
      rings_(rings),
      statistics_(statistics),
      committer_(committer),
      checkpointer_(checkpointer),
      encoder_(
          settings_.application_id,
          [this] {
            std::vector<std::string> names;
            for (const auto& source : settings_.sources) names.push_back(source.name);
            return names;
          }(),
          settings_.horizon, settings_.language) {}

bool Shard::do_work() {
  if (phase_ == Phase::finished) return false;
  held_back_ = !flush();
  if (held_back_) return false;
  const bool copied = continue_checkpoints();
  if (phase_ == Phase::closing) return finish() || copied;

  const bool received = take_input();
  if (released_epoch_) return release() || received || copied;
  const Timestamp now = clock_.now();
  if (settings_.model != nullptr && settings_.model->version() != wanted_version_) {
    wanted_version_ = settings_.model->version();
    wanted_ = settings_.model->get();
  }
  bool applied = false;
  for (auto& [partition, owned] : tasks_) {
    if (releasing_ || owned.kept) continue;
    applied |= apply(owned, now);
    if (!flush()) return true;
    const engine::Task& task = *owned.restored.task;
    const bool timers_fired = !settings_.wall_clock || task.next_timer() > now;
    statistics_.partitions[static_cast<std::size_t>(partition.value)].caught_up.set(owned.live && task.caught_up() &&
                                                                                    timers_fired);
  }
  const bool answered = answer_queries();

  // Pairs with the committer's release; the epoch's number is all that is read.
  const std::uint64_t requested = rings_.requested_epoch.load(std::memory_order_acquire);
  const bool drained = phase_ == Phase::draining && !received && !applied && !epoch_is_full();
  if (requested <= epoch_ && !drained) return received || applied || answered || copied;
  if (drained) phase_ = Phase::closing;
  close_epoch(std::max(requested, epoch_ + 1));
  if (releasing_) {
    released_epoch_ = epoch_;
    return true;
  }
  for (auto& [partition, owned] : tasks_) {
    if (owned.checkpoint_age.elapsed() >= settings_.checkpoint_interval) begin_checkpoint(owned, now);
  }
  return true;
}

// Held back, it is woken by the committer; closed or released, epochs and questions have to wait, or never come.
bool Shard::has_work() const {
  if (held_back_) return false;
  if (!rings_.checkpoints_done.empty()) return true;
  if (phase_ == Phase::closing) return false;
  if (!rings_.input.empty()) return true;
  return !released_epoch_ &&
         (!rings_.queries.empty() || rings_.requested_epoch.load(std::memory_order_acquire) > epoch_);
}

Duration Shard::idle_time() const {
  const bool unsent = (output_ != nullptr && output_->size() > 0) || unsent_mark_;
  return unsent || phase_ != Phase::running ? Duration{1} : idle_max;
}

bool Shard::take_input() {
  int taken = 0;
  while (taken < input_messages_max) {
    auto message = rings_.input.try_pop();
    if (!message) break;
    ++taken;
    std::visit(Overloaded{[](std::monostate) {}, [this](TaskAssigned& m) { assign(std::move(m.restored), m.life); },
                          [this](Records& m) { receive(std::move(m)); },
                          [this](ReachedEnd& m) {
                            if (auto it = tasks_.find(m.partition); it != tasks_.end())
                              it->second.restored.task->reached_end(m.source, m.end);
                          },
                          [this](FollowedSteps& m) {
                            if (auto it = tasks_.find(m.partition); it != tasks_.end())
                              std::ranges::copy(m.steps, std::back_inserter(it->second.restored.replay));
                          },
                          [this](Checkpointed& m) {
                            if (auto it = tasks_.find(m.partition); it != tasks_.end())
                              it->second.restored.table->mark_unchanged(*m.data);
                          },
                          [this](Release) { releasing_ = true; }, [this](Forget& m) { forget(m.partition); },
                          [this](Drain) { phase_ = Phase::draining; }},
               *message);
  }
  return taken > 0;
}

void Shard::assign(RestoredTask restored, std::uint64_t life) {
  const Partition partition = restored.partition;
  const bool standby = restored.standby;
  if (restored.task != nullptr) {
    Owned made(std::move(restored), clock_);
    for (const auto& source : settings_.sources)
      made.decoders.emplace_back(source, partition, settings_.partitioner, settings_.partitions);
    made.batches_received.resize(settings_.sources.size());
    made.checkpointed_step = made.restored.task->steps();
    // What the changelog lacks of the checkpoint comes with the next one.
    if (!made.restored.changelog_complete) made.restored.table->mark_all_changed();
    tasks_.insert_or_assign(partition, std::move(made));
  } else {
    std::ranges::move(restored.replay, std::back_inserter(tasks_.at(partition).restored.replay));
    tasks_.at(partition).restored.table->set_bytes_max(restored.memory_bytes);
  }
  Owned& owned = tasks_.at(partition);
  owned.life = life;
  owned.kept = false;
  owned.standby = standby;
  owned.stepped_at = clock_.now();
  owned.live = owned.restored.replay.empty() && !standby;
  owned.settled_model = 0;
  owned.epoch_has_model = false;
  owned.epoch = {
      .partition = partition, .policy = settings_.policy, .start = owned.restored.task->position(), .steps = {}};
  statistics_.partitions[static_cast<std::size_t>(partition.value)].standby.set(standby);
  statistics_.partitions[static_cast<std::size_t>(partition.value)].restored.set(owned.live);
  publish(owned);
}

void Shard::forget(Partition partition) {
  tasks_.erase(partition);
  statistics_.partitions[static_cast<std::size_t>(partition.value)].standby.set(false);
}

void Shard::receive(Records records) {
  const auto it = tasks_.find(records.partition);
  if (it == tasks_.end()) return;
  Owned& owned = it->second;
  EventBatch batch;
  if (!spare_batches_.empty()) {
    batch = std::move(spare_batches_.back());
    spare_batches_.pop_back();
  }
  owned.decoders[records.source.value].decode(*records.batch, batch);
  records.batch.reset();
  owned.restored.task->push(records.source, std::move(batch));
  ++owned.batches_received[records.source.value];
}

bool Shard::apply(Owned& owned, Timestamp now) {
  engine::Task& task = *owned.restored.task;
  if (owned.epoch.steps.size() >= limits::epoch_steps_max) return false;
  bool applied = false;
  if (owned.live) {
    applying_ = &owned;
    const auto model = next_model(owned);
    auto step = task.advance(settings_.wall_clock ? now : before_all_time, limits::step_events_max, *this,
                             after_all_time, model ? &*model : nullptr);
    applied = step.has_value();
    if (step) owned.epoch.steps.push_back(std::move(*step));
  } else {
    applying_ = nullptr;
    applied = replay(owned);
  }
  if (!applied) return false;

  while (auto used = task.take_used_batch()) spare_batches_.push_back(std::move(*used));
  const auto sources = settings_.sources.size();
  for (std::size_t s = 0; s < sources; ++s) {
    const auto done = owned.batches_received[s] - task.batches_waiting(SourceIndex{static_cast<std::uint8_t>(s)});
    // Release: pairs with the fetcher's acquire, though only the count matters to it.
    rings_.batches_done[static_cast<std::size_t>(task.partition().value) * sources + s].store(
        BatchesDone::pack(owned.life, done), std::memory_order_release);
  }
  publish(owned);
  return true;
}

// What the next step of a live task brings. A task of which nothing says which model it is under begins by saying so.
std::optional<ModelSwap> Shard::next_model(Owned& owned) {
  if (owned.settled_model == wanted_version_ || owned.epoch_has_model) return std::nullopt;
  const engine::Task& task = *owned.restored.task;
  const engine::Model& newest = *task.models().back().model;
  const bool is_new = task.steps() == 0;
  std::optional<ModelSwap> swap;
  if (!task.model_is_recorded()) {
    swap = ModelSwap{is_new ? wanted_.model->bytes : newest.bytes, before_all_time};
  } else if (newest.id == wanted_.model->id) {
    owned.settled_model = wanted_version_;
  } else if (task.models().size() < limits::generations_max) {
    // Where time is that of events, a moment of the wall clock is none.
    constexpr Timestamp at_once = before_all_time + Duration{1};
    swap = ModelSwap{wanted_.model->bytes, settings_.wall_clock ? std::max(wanted_.from, at_once) : at_once};
  }
  owned.epoch_has_model = swap.has_value();
  return swap;
}

// Whether a task has to wait for the next epoch.
bool Shard::epoch_is_full() const {
  return std::ranges::any_of(
      tasks_, [](const auto& task) { return task.second.epoch.steps.size() >= limits::epoch_steps_max; });
}

bool Shard::replay(Owned& owned) {
  auto& steps = owned.restored.replay;
  engine::Task& task = *owned.restored.task;
  bool applied = false;
  std::uint64_t events = 0;
  while (!steps.empty() && task.ready_for(steps.front()) && events < limits::step_events_max) {
    const engine::TaskCounts before = task.counts();
    task.apply(steps.front(), *this);
    steps.pop_front();
    applied = true;
    for (std::size_t kind = 0; kind < before.events.size(); ++kind)
      events += task.counts().events[kind] - before.events[kind];
    task.set_counts(before);
    owned.stepped_at = clock_.now();
  }
  statistics_.partitions[static_cast<std::size_t>(task.partition().value)].restored_records.add(events);
  if (steps.empty() && !owned.standby) {
    owned.live = true;
    owned.epoch.start = task.position();
    statistics_.partitions[static_cast<std::size_t>(task.partition().value)].restored.set(true);
  }
  return applied;
}

void Shard::close_epoch(std::uint64_t epoch) {
  EpochMark mark{.epoch = epoch, .last = phase_ == Phase::closing, .tasks = {}};
  for (auto& [partition, owned] : tasks_) {
    if (owned.epoch.steps.empty()) continue;
    const Positions position = owned.restored.task->position();
    mark.tasks.push_back({std::move(owned.epoch), position});
    owned.epoch_has_model = false;
    owned.epoch = {.partition = partition, .policy = settings_.policy, .start = position, .steps = {}};
    owned.stepped_at = clock_.now();
    owned.epoch.steps.reserve(mark.tasks.back().entry.steps.size());  // The next epoch commonly needs as much.
  }
  epoch_ = epoch;
  unsent_mark_ = std::move(mark);
  flush();
}

// REQUIRES: no step was applied since the last epoch mark; what the checkpoint holds is what that epoch commits.
void Shard::begin_checkpoint(Owned& owned, Timestamp now) {
  // Steps without a change count as well: what they recorded needs the journal until a checkpoint holds it.
  const std::uint64_t step = owned.restored.task->steps();
  if (!owned.live || owned.checkpoint_running || step == owned.checkpointed_step) return;
  auto job = std::make_unique<CheckpointJob>();
  job->epoch = epoch_;
  job->data.marker = owned.restored.task->marker(settings_.policy, now);
  job->data.marker.topics = settings_.topics;
  job->data.marker.partitions = settings_.partitions;
  owned.restored.table->freeze(job->data);
  owned.checkpoint = std::move(job);
  owned.checkpoint_running = true;
  owned.checkpointed_step = step;
  owned.checkpoint_age.restart();
}

bool Shard::continue_checkpoints() {
  bool worked = false;
  while (auto done = rings_.checkpoints_done.try_pop()) {
    worked = true;
    if (const auto it = tasks_.find((*done)->data.marker.partition); it != tasks_.end()) {
      it->second.checkpoint_running = false;
      if (!(*done)->written) {
        it->second.restored.table->mark_changed((*done)->data);
        it->second.checkpointed_step = 0;
      }
    }
  }
  for (auto& [partition, owned] : tasks_) {
    if (owned.checkpoint == nullptr) continue;
    worked = true;
    if (!owned.restored.table->copy_frozen(checkpoint_slice)) continue;
    if (rings_.checkpoints.try_push(owned.checkpoint)) checkpointer_.wake();
  }
  return worked;
}

// The last mark is handed on: no step follows. Tries one last checkpoint of every task, and ends when all are back.
bool Shard::finish() {
  bool done = true;
  for (auto& [partition, owned] : tasks_) {
    if (!owned.checkpoint_running && !owned.last_checkpoint_begun) {
      owned.last_checkpoint_begun = true;
      begin_checkpoint(owned, clock_.now());
    }
    done = done && owned.last_checkpoint_begun && !owned.checkpoint_running;
  }
  if (done) phase_ = Phase::finished;
  return done;
}

// REQUIRES: the mark that closes the last epoch of the tasks is handed on. Waits for checkpoints under way: what is to
// become of their records has to be known before the tasks can go on here or elsewhere.
bool Shard::release() {
  if (unsent_mark_ || std::ranges::any_of(tasks_, [](const auto& task) { return task.second.checkpoint_running; }))
    return false;
  Released answer{.epoch = *released_epoch_, .kept = {}};
  const auto sources = settings_.sources.size();
  for (auto& [partition, owned] : tasks_) {
    const auto index = static_cast<std::size_t>(partition.value);
    engine::Task& task = *owned.restored.task;
    task.drop_input();
    std::ranges::fill(owned.batches_received, 0);
    for (std::size_t s = 0; s < sources; ++s)
      rings_.batches_done[index * sources + s].store(0, std::memory_order_release);
    statistics_.partitions[index].standby.set(false);
    statistics_.partitions[index].restored.set(false);
    statistics_.partitions[index].caught_up.set(false);
    owned.kept = true;
    owned.standby = false;
    owned.live = false;
    const auto& replay = owned.restored.replay;
    answer.kept.push_back({.partition = partition,
                           .step = replay.empty() ? task.steps() : replay.back().number,
                           .end = replay.empty() ? task.position() : replay.back().end,
                           .input = task.position(),
                           .stepped_at = owned.stepped_at});
  }
  const bool pushed = rings_.released.try_push(answer);
  assert(pushed);
  released_epoch_.reset();
  releasing_ = false;
  return true;
}

bool Shard::answer_queries() {
  bool answered = false;
  while (auto query = rings_.queries.try_pop()) {
    answered = true;
    std::optional<CustomerFacts> facts;
    const CustomerKey key = make_customer_key((*query)->id);
    for (const auto& [partition, owned] : tasks_) {
      if (owned.kept || owned.standby) continue;
      const auto slot = owned.restored.table->find(key);
      if (!slot) continue;
      const engine::Task& task = *owned.restored.task;
      facts.emplace(CustomerFacts{{}, task.model_of(key), partition, task.stream_time()});
      std::memcpy(&facts->customer, owned.restored.table->read(*slot), sizeof facts->customer);
    }
    (*query)->answer.set_value(facts);
  }
  return answered;
}

// Hands on what the last steps led to, and behind it the mark that closes their epoch. False: no other step may follow
// before the committer has taken something.
bool Shard::flush() {
  if (output_ != nullptr && output_->size() > 0) {
    ShardOutput message = std::move(output_);
    if (!rings_.output.try_push(message)) {
      output_ = std::move(std::get<std::unique_ptr<OutputBuffer>>(message));
      if (!unsent_mark_ && !output_->is_full()) return true;
      statistics_.output_ring_full.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    output_.reset();
    committer_.wake();
  }
  if (unsent_mark_) {
    ShardOutput message = std::move(*unsent_mark_);
    if (!rings_.output.try_push(message)) {
      unsent_mark_ = std::move(std::get<EpochMark>(message));
      return false;
    }
    unsent_mark_.reset();
    committer_.wake();
  }
  return true;
}

OutputBuffer& Shard::output() {
  if (output_ == nullptr) {
    output_ = rings_.used_buffers.try_pop().value_or(nullptr);
    if (output_ == nullptr) output_ = std::make_unique<OutputBuffer>();
    output_->clear();
  }
  return *output_;
}

void Shard::alert(const Alert& alert) {
  if (applying_ == nullptr) return;
  OutputBuffer& to = output();
  const auto encoded = encoder_.encode(alert, applying_->restored.task->partition(), to.text());
  to.add(
      {.topic = OutputTopic::alerts, .key = encoded.customer_id, .value = encoded.json, .headers = encoded.headers()},
      alert.logged_at);
}

void Shard::rejected(SourceIndex source, const Rejection& rejection) {
  if (applying_ == nullptr) return;
  const auto& format = settings_.sources[source.value];
  OutputBuffer& to = output();
  std::vector<HeaderView> headers;
  for (const Header& header :
       ingest::dead_letter_headers(rejection, format.name, format.topic, applying_->restored.task->partition())) {
    headers.emplace_back(to.keep(header.name), to.keep(header.value)).has_value = header.has_value;
  }
  to.add({.topic = OutputTopic::dead_letters,
          .key = rejection.has_key ? to.keep(rejection.key) : std::string_view(),
          .value = rejection.has_value ? to.keep(rejection.value) : std::string_view(),
          .headers = headers,
          .timestamp = rejection.timestamp});
}

void Shard::publish(const Owned& owned) {
  const engine::Task& task = *owned.restored.task;
  const engine::TaskCounts& counts = task.counts();
  auto& to = statistics_.partitions[static_cast<std::size_t>(task.partition().value)];
  if (owned.live) {
    for (std::size_t s = 0; s < settings_.sources.size(); ++s) {
      to.events[s].set(counts.events[s]);
      for (std::size_t code = 0; code < rejection_codes; ++code) to.rejected[s][code].set(counts.rejected[s][code]);
    }
    for (std::size_t change = 0; change < counts.alerts.size(); ++change) {
      for (std::size_t level = 0; level < counts.alerts[change].size(); ++level)
        to.alerts[change][level].set(counts.alerts[change][level]);
    }
    to.duplicates.set(counts.duplicates);
    to.late.set(counts.late);
    to.misplaced.set(counts.misplaced);
    to.other_currency.set(counts.other_currency);
    to.erased.set(counts.erased);
    to.steps.set(counts.steps);
    to.timers.set(counts.timers);
    to.swaps.set(counts.swaps);
    to.corrections.set(counts.corrections);
  }
  if (const engine::Calibration* const calibration = task.calibration())
    app::publish(*calibration, task.correction(), to.calibration);
  to.models.set(task.models().size());
  for (std::size_t s = 0; s < settings_.sources.size(); ++s) to.position[s].set(task.position().next[s].value);
  to.step.set(task.steps());
  to.customers.set(owned.restored.table->size());
  to.hot_bytes.set(owned.restored.table->memory_bytes() + task.timer_bytes());
  to.cold_customers.set(owned.restored.table->cold_records());
  to.scratch_bytes.set(owned.restored.table->scratch_bytes());
  to.lacks_scratch.set(!owned.restored.table->scratch_error().empty());
  to.stream_time_ms.set(task.stream_time().ms);
}

}  // namespace holdfast::app
