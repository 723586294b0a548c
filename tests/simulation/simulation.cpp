#include "tests/simulation/simulation.hpp"

#include <algorithm>
#include <iostream>
#include <utility>

#include "domain/checkpoint_key.hpp"

namespace holdfast::testing {
namespace {

constexpr std::uint64_t work_max = 60'000;
constexpr int depth_max = 6;
/// Every stage gets its turn about once in so many units of time.
constexpr std::uint64_t turn_units = 60;
/// Longer than any process can be paused and then go on with what it has in memory.
constexpr std::int64_t safe_age_units = 6'000;
/// So many times an instance may refuse to go on before that is taken for an answer.
constexpr std::uint64_t refusals_max = 4;
constexpr std::uint64_t too_far_every = 300;
constexpr std::uint64_t swap_every = 300;
constexpr Duration swap_lead{3'000};

/// How a process may end that stood still while others went on with its partitions.
bool is_of_stalled(ErrorKind kind) {
  return kind == ErrorKind::fenced || kind == ErrorKind::rollback || kind == ErrorKind::unavailable;
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, const Choices& choices)
    : plan_(seed), too_far_(choices.too_far), talks_(choices.talks), random_(seed ^ 0x5eed), log_(seed ^ 0x109) {
  log_.set_now(plan_.begin);
  log_.group.session_timeout = plan_.units(4'000);
  log_.group.rebalance_timeout = plan_.units(8'000);
  log_.group.partitions = plan_.partitions;
  for (std::size_t s = 0; s < plan_.sources; ++s) log_.create_topic(plan_.source_topic(s), plan_.partitions);
  log_.create_topic("alerts", plan_.alert_partitions);
  log_.create_topic("dead", 1);
  log_.create_topic("journal", plan_.journal_partitions);
  if (plan_.changelog) log_.create_topic("changelog", plan_.partitions);
  for (std::size_t i = 0; i < plan_.instances + 1; ++i)
    disks_.push_back(plan_.rocksdb ? make_rocks_disk(plan_.lying_disks) : make_memory_disk(plan_.lying_disks));
  for (std::size_t i = 0; i < plan_.instances; ++i)
    slots_.push_back({.instance = std::to_string(i + 1),
                      .start_at = plan_.begin + (i == 0 ? Duration{0} : some_units(6'000)),
                      .disk = i});
}

Outcome Simulation::run() {
  say("all", std::to_string(plan_.partitions) + " partitions, " + std::to_string(plan_.sources) + " sources, " +
                 std::to_string(plan_.instances) + " instances, " + std::to_string(plan_.standbys) + " standbys" +
                 (plan_.wall_clock ? ", wall clock" : "") + (plan_.at_rest ? ", at rest" : "") +
                 (plan_.transactions ? ", producers with transactions" : "") + (plan_.retention ? ", retention" : "") +
                 (plan_.rocksdb ? ", RocksDB" : "") + (plan_.changelog ? "" : ", no changelog"));
  while (outcome_.work < work_max) {
    start_due();
    work();
    reap();
    if (!calm_ && arrived_ == plan_.arrivals.size() && log_.now() >= plan_.end) calm_down();
    if (calm_ && !stopping_ && at_rest()) {
      stopping_ = true;
      for (auto& process : processes_) process->stop();
    }
    if (stopping_ && processes_.empty()) break;
    if (!outcome_.problems.empty()) break;
    if (outcome_.refusals == refusals_max) {
      give_up();
      break;
    }
  }
  if (outcome_.work >= work_max) {
    problem("it does not come to rest");
    for (const auto& process : processes_) problem(process->describe());
  }
  outcome_.generations = static_cast<std::uint64_t>(log_.group.generation());
  if (outcome_.problems.empty()) verify(*this, outcome_);
  return outcome_;
}

// ---------------------------------------------------------------------------------------------------------------------
// Time and work

void Simulation::note(std::uint64_t what) {
  outcome_.trace = (outcome_.trace ^ what) * 0x9e37'79b9'7f4a'7c15 + static_cast<std::uint64_t>(log_.now().ms);
}

void Simulation::say(const std::string& who, const std::string& what) const {
  if (talks_) std::cerr << (log_.now() - plan_.begin).ms / plan_.unit << ' ' << who << ": " << what << '\n';
}

void Simulation::pass() {
  std::uint64_t stages = 0;
  for (const auto& process : processes_) {
    if (process->paused_until > log_.now()) continue;
    process->keep_alive();
    stages += 4 + static_cast<std::uint64_t>(plan_.shards);
  }
  log_.pass(some_units(1 + 2 * turn_units / std::max<std::uint64_t>(stages, 1)));
  deliver();
}

// Some producers use transactions: what they abort was never there, and the ends of both take an offset.
void Simulation::deliver() {
  while (arrived_ < plan_.arrivals.size() && plan_.arrivals[arrived_].at <= log_.now()) {
    const Arrival& arrival = plan_.arrivals[arrived_++];
    const std::string topic = plan_.source_topic(arrival.source);
    if (!plan_.transactions || below(2) == 0) {
      log_.append(topic, arrival.partition, arrival.record);
      continue;
    }
    if (!source_producer_) source_producer_ = log_.init_producer("shop floor", plan_.units(2'000));
    const auto sent = log_.produce(*source_producer_, topic, arrival.partition, arrival.record);
    if (sent.first != Refusal::none) source_producer_.reset();
    const std::uint64_t next = below(8);
    if (source_producer_ && next < 3) (void)log_.end_transaction(*source_producer_, next > 0);
  }
  if (source_producer_ && (calm_ || (plan_.at_rest && arrived_ == plan_.arrivals.size()))) {
    (void)log_.end_transaction(*source_producer_, true);
    source_producer_.reset();
  }
}

void Simulation::work() {
  ++outcome_.work;
  pass();
  if (!calm_ && plan_.trouble > 0 && below(plan_.trouble) == 0) trouble();
  if (!calm_ && plan_.swaps && below(swap_every) == 0) swap();
  if (plan_.retention && below(20) == 0) clean_up();
  if (too_far_ && below(too_far_every) == 0) clean_up();
  if (processes_.empty()) {
    log_.pass(some_units(100));
    return;
  }
  const std::size_t index = below(processes_.size());
  SimulatedProcess& process = *processes_[index];
  if (process.paused_until > log_.now()) return;
  note(process.step() * 16 + index);
}

// A call waits: time passes, and others are at work.
void Simulation::wait(SimulatedProcess& caller) {
  ++depth_;
  if (depth_ == depth_max) {
    log_.pass(some_units(200));
  } else {
    const std::uint64_t others = 1 + below(6);
    for (std::uint64_t i = 0; i < others && !caller.killed(); ++i) work();
  }
  --depth_;
}

void Simulation::start_due() {
  for (Slot& slot : slots_) {
    if (slot.process != nullptr || stopping_ || slot.start_at > log_.now()) continue;
    if (is_used(slot.disk)) {
      const auto other = free_disk();
      if (!other) continue;
      slot.disk = *other;
    }
    disks_[slot.disk]->set_full(false);  // Nobody starts it before there is room.
    processes_.push_back(std::make_unique<SimulatedProcess>(
        plan_, app::WantedModel::Wanted{plan_.models[model_], log_.now() + swap_lead}, log_, *disks_[slot.disk],
        slot.instance, random_(), [this](SimulatedProcess& caller) { wait(caller); },
        [this, name = slot.instance](const std::string& what) { say(name, what); }));
    say(slot.instance, "starts on disk " + std::to_string(slot.disk + 1));
    slot.process = processes_.back().get();
    const auto alike = [&](const auto& p) { return p->instance() == slot.instance; };
    if (std::ranges::count_if(processes_, alike) > 1) {
      for (auto& process : processes_) process->contested = process->contested || alike(process);
    }
    // Whoever takes a process that has just been started for one that is gone fences it.
    slot.process->on_ending_for([this](const std::string& instance) {
      for (auto& process : processes_) process->contested = process->contested || process->instance() == instance;
    });
    if (plan_.trouble > 0 && !calm_) {
      slot.process->on_end([this, process = slot.process] {
        say(process->instance(), "ends while it writes");
        crash(*process);
      });
    }
    if (calm_) slot.process->calm();
    note(1'000);
  }
}

void Simulation::reap() {
  for (auto it = processes_.begin(); it != processes_.end();) {
    SimulatedProcess& process = **it;
    if (process.busy() || (!process.killed() && !process.ended())) {
      ++it;
      continue;
    }
    outcome_.rollbacks += process.rollbacks();
    say(process.instance(), process.killed() ? "was killed" : "ended");
    const bool fenced = process.error() && ((process.contested && process.error()->kind == ErrorKind::fenced) ||
                                            (process.stalled && is_of_stalled(process.error()->kind)));
    const bool refused = too_far_ && process.error() && process.error()->kind == ErrorKind::incompatible;
    outcome_.refusals += refused ? 1 : 0;
    if (process.error() && !fenced && !refused)
      problem("instance " + process.instance() + " ended: " + process.error()->message);
    if (process.came_back()) problem("instance " + process.instance() + " was fenced, and went on");
    if (Slot* const slot = slot_of(process)) slot->process = nullptr;
    if (!process.drained()) stopping_ = false;  // What its last transaction held has to be done once more.
    it = processes_.erase(it);
  }
}

Simulation::Slot* Simulation::slot_of(const SimulatedProcess& process) {
  const auto found = std::ranges::find(slots_, &process, &Slot::process);
  return found == slots_.end() ? nullptr : &*found;
}

// ---------------------------------------------------------------------------------------------------------------------
// Trouble

void Simulation::trouble() {
  if (processes_.empty()) return;
  SimulatedProcess& process = *processes_[below(processes_.size())];
  Slot* const slot = slot_of(process);
  if (process.killed() || process.ended() || slot == nullptr) return;
  const std::uint64_t what = below(12);
  note(2'000 + what);
  say(process.instance(), "trouble " + std::to_string(what));
  if (what < 4) {
    crash(process);
  } else if (what < 6) {
    pause(process, some_units(below(2) == 0 ? 1'000 : plan_.retention ? 5'000 : 20'000));
  } else if (what < 8) {
    ++outcome_.stops;
    process.stop();
    slot->start_at = log_.now() + some_units(below(2) == 0 ? 2'000 : 10'000);
  } else if (what < 10) {
    if (depth_ == 0) replace(*slot);
  } else {
    process.disk().set_full(!process.disk().full());
  }
}

// It gets into the files of all instances, or of one before the others.
void Simulation::swap() {
  model_ = below(plan_.models.size());
  const bool all = below(2) == 0;
  note(4'000 + model_);
  say(all ? "all" : "one", "gets " + plan_.models[model_]->id);
  const app::WantedModel::Wanted wanted{plan_.models[model_], log_.now() + swap_lead};
  if (all) {
    for (auto& process : processes_) process->want(wanted);
  } else if (!processes_.empty()) {
    processes_[below(processes_.size())]->want(wanted);
  }
}

void Simulation::pause(SimulatedProcess& process, Duration time) {
  // Twice in a row would be longer than retention reckons with.
  if (plan_.retention && log_.now() < process.paused_until + plan_.units(safe_age_units)) return;
  ++outcome_.pauses;
  process.paused_until = log_.now() + time;
  process.stalled = process.stalled || time >= log_.group.session_timeout;
}

void Simulation::crash(SimulatedProcess& process) {
  ++outcome_.crashes;
  process.kill();
  SimulatedDisk& disk = process.disk();
  disk.crash(random_);
  disk.set_full(false);
  const std::uint64_t fate = below(8);
  if (fate == 0) disk.lose();
  if (fate == 1) disk.damage(random_);
  if (Slot* const slot = slot_of(process)) slot->start_at = log_.now() + some_units(below(2) == 0 ? 500 : 10'000);
}

bool Simulation::is_used(std::size_t disk) const {
  return std::ranges::any_of(processes_, [&](const auto& p) { return &p->disk() == disks_[disk].get(); });
}

std::optional<std::size_t> Simulation::free_disk() const {
  for (std::size_t i = 0; i < disks_.size(); ++i) {
    if (!is_used(i)) return i;
  }
  return std::nullopt;
}

// The process is taken for dead, and another one starts as the same instance; then it goes on after all.
void Simulation::replace(Slot& slot) {
  const auto disk = free_disk();
  if (!disk) return;
  ++outcome_.replacements;
  pause(*slot.process, some_units(below(2) == 0 ? 1'000 : 5'000));
  slot.process = nullptr;
  slot.start_at = log_.now() + some_units(500);
  slot.disk = *disk;
}

// The log stays as it is, but for what nobody will ever end.
void Simulation::give_up() {
  for (auto& process : processes_) process->kill();
  processes_.clear();
  log_.pass(plan_.units(1'000'000));
}

void Simulation::calm_down() {
  calm_ = true;
  say("all", "calm");
  note(3'000);
  for (auto& process : processes_) {
    process->calm();
    process->paused_until = log_.now();
    if (slot_of(*process) == nullptr) process->kill();
  }
  for (auto& disk : disks_) disk->set_full(false);
  for (Slot& slot : slots_) slot.start_at = std::min(slot.start_at, log_.now() + some_units(1'000));
}

// ---------------------------------------------------------------------------------------------------------------------
// Retention and compaction

// Never so far that a restore would have to refuse: what the last checkpoint in the changelog does not hold is kept,
// and what is younger than anybody could go on from without it. Unless just that is wanted.
void Simulation::clean_up() {
  const Timestamp young = log_.now() - plan_.units(too_far_ ? 0 : safe_age_units);
  const auto is_young = [&](const LoggedRecord& record) { return record.appended > young; };
  std::map<Partition, Marker> held;
  for (std::int32_t p = 0; plan_.changelog && p < plan_.partitions; ++p) {
    PartitionLog& log = log_.at("changelog", p);
    const std::int64_t stable = log.stable_end();
    for (const LoggedRecord& record : log.records) {
      if (record.offset >= stable || is_young(record)) break;
      if (record.aborted || record.control || *record.key != checkpoint_key::marker) continue;
      held[Partition{p}] = *decode_marker(*record.value);
    }
    const std::size_t before = log.records.size();
    const auto until = std::ranges::find_if(log.records, is_young);
    log_.compact("changelog", p, until == log.records.end() ? log.end : until->offset, young);
    outcome_.compacted += before - log.records.size();
  }
  for (const auto& [partition, marker] : held) {
    for (std::uint8_t s = 0; s < plan_.sources; ++s)
      forget_before(plan_.source_topic(s), partition.value, marker.position.next[s].value);
  }
  for (std::int32_t p = 0; p < plan_.journal_partitions; ++p) {
    const PartitionLog& log = log_.at("journal", p);
    const auto needed = std::ranges::find_if(log.records, [&](const LoggedRecord& record) {
      if (is_young(record)) return true;
      if (record.control || record.aborted || too_far_) return false;
      const auto entry = decode_journal_entry(*record.value);
      const auto marker = held.find(entry->partition);
      return marker == held.end() || entry->steps.back().number > marker->second.step;
    });
    forget_before("journal", p, needed == log.records.end() ? log.stable_end() : needed->offset);
  }
}

void Simulation::forget_before(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  PartitionLog& log = log_.at(topic, partition);
  std::vector<LoggedRecord>& kept = deleted_[{topic, partition}];
  const std::size_t until = log.find(std::min(offset, log.stable_end()));
  for (std::size_t i = 0; i < until; ++i) {
    if (!log.records[i].control && !log.records[i].aborted) kept.push_back(log.records[i]);
  }
  outcome_.deleted += until;
  log_.delete_before(topic, partition, offset);
}

/// Every instance is there, and all of them have applied what there is.
bool Simulation::at_rest() const {
  if (processes_.size() != slots_.size() || arrived_ < plan_.arrivals.size()) return false;
  std::size_t assigned = 0;
  for (const auto& process : processes_) {
    const auto caught_up = process->caught_up();
    if (!caught_up || process->stopping() || process->killed()) return false;
    assigned += *caught_up;
  }
  return assigned == static_cast<std::size_t>(plan_.partitions);
}

std::vector<LoggedRecord> Simulation::history(const std::string& topic, std::int32_t partition) {
  std::vector<LoggedRecord> out = deleted_[{topic, partition}];
  const PartitionLog& log = log_.at(topic, partition);
  const std::int64_t stable = log.stable_end();
  for (const LoggedRecord& record : log.records) {
    if (record.offset < stable && !record.control && !record.aborted) out.push_back(record);
  }
  return out;
}

}  // namespace holdfast::testing
