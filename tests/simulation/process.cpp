#include "tests/simulation/process.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace holdfast::testing {
namespace {

// Stages by number; behind them come the shards.
constexpr std::size_t fetcher = 0;
constexpr std::size_t recovery = 1;
constexpr std::size_t committer = 2;
constexpr std::size_t checkpointer = 3;
constexpr std::size_t first_shard = 4;

bool passes(ErrorKind kind) { return kind == ErrorKind::unavailable || kind == ErrorKind::rollback; }

ingest::KafkaSettings kafka_settings_of(const Plan& plan, std::string instance) {
  ingest::KafkaSettings settings;
  settings.application_id = "shop";
  settings.instance_id = std::move(instance);
  for (std::size_t s = 0; s < plan.sources; ++s) settings.source_topics.push_back(plan.source_topic(s));
  settings.alerts_topic = "alerts";
  settings.dead_letters_topic = "dead";
  settings.journal_topic = "journal";
  if (plan.changelog) settings.changelog_topic = "changelog";
  return settings;
}

}  // namespace

struct SimulatedProcess::Life {
  Life(const Plan& plan, const app::WantedModel& wanted, SimulatedNode& node, CheckpointStore& store,
       const Clock& clock, const app::Say& say)
      : reader(node),
        writer(node, reader),
        journal(node),
        changelog_writer(node, reader),
        changelog_reader(node),
        instances(node),
        journal_tail(node),
        stages(plan.settings(&wanted),
               {.reader = reader,
                .journal = journal,
                .writer = writer,
                .store = store,
                .clock = clock,
                .changelog_writer = plan.changelog ? &changelog_writer : nullptr,
                .changelog_reader = plan.changelog ? &changelog_reader : nullptr,
                .instances = &instances,
                .journal_tail = plan.standbys > 0 ? &journal_tail : nullptr},
               say) {}

  [[nodiscard]] bool finished() const {
    return stages.committer.finished() &&
           std::ranges::all_of(stages.shards, [](const auto& shard) { return shard->finished(); });
  }

  SimulatedReader reader;
  SimulatedWriter writer;
  SimulatedJournal journal;
  SimulatedChangelogWriter changelog_writer;
  SimulatedChangelogReader changelog_reader;
  SimulatedInstances instances;
  SimulatedJournalTail journal_tail;
  app::Stages stages;
  bool draining = false;
};

SimulatedProcess::SimulatedProcess(const Plan& plan, app::WantedModel::Wanted model, SimulatedLog& log,
                                   SimulatedDisk& disk, std::string instance, std::uint64_t seed,
                                   std::function<void(SimulatedProcess&)> wait, app::Say say)
    : plan_(plan),
      wanted_(std::move(model)),
      disk_(disk),
      say_(std::move(say)),
      clock_(log, Duration{static_cast<std::int64_t>(seed % 300'000) - 150'000}),
      node_{.log = log,
            .clock = clock_,
            .settings = kafka_settings_of(plan, std::move(instance)),
            .transaction_timeout = plan.units(3'000),
            .changelog_transaction_timeout = plan.units(6'000),
            .open_transactions_patience = plan.units(8'000),
            .random = std::mt19937_64(seed),
            .faults = plan.faults,
            .batch_most = plan.batch_most,
            .wait = [this, wait = std::move(wait)] { wait(*this); },
            .say = say_} {
  auto opened = disk.open(node_);
  if (opened) {
    store_ = std::move(*opened);
  } else {
    ended_ = true;
    error_ = opened.error();
  }
}

SimulatedProcess::~SimulatedProcess() = default;

void SimulatedProcess::keep_alive() {
  if (life_) life_->reader.keep_alive();
}

std::optional<std::size_t> SimulatedProcess::caught_up() const {
  if (!life_ || failed_) return std::nullopt;
  std::size_t assigned = 0;
  for (std::int32_t p = 0; p < plan_.partitions; ++p) {
    const auto& statistics = life_->stages.statistics.partitions[static_cast<std::size_t>(p)];
    if (!statistics.assigned.get()) continue;
    ++assigned;
    if (!statistics.caught_up.get()) return std::nullopt;
    for (std::size_t s = 0; s < plan_.sources; ++s) {
      const PartitionLog& log = node_.log.at(plan_.source_topic(s), p);
      if (!log.open.empty() || statistics.position[s].get() != log.end) return std::nullopt;
    }
  }
  return assigned;
}

std::string SimulatedProcess::describe() const {
  std::string out = "instance " + instance() + (life_ ? "" : " is not connected") + (failed_ ? " failed" : "");
  for (std::int32_t p = 0; life_ && p < plan_.partitions; ++p) {
    const auto& statistics = life_->stages.statistics.partitions[static_cast<std::size_t>(p)];
    out += "; partition " + std::to_string(p) + (statistics.assigned.get() ? " assigned" : "") +
           (statistics.standby.get() ? " standby" : "") + (statistics.restored.get() ? " restored" : "") +
           (statistics.caught_up.get() ? " caught up" : "");
    for (std::size_t s = 0; s < plan_.sources; ++s)
      out += ' ' + std::to_string(statistics.position[s].get()) + '/' +
             std::to_string(node_.log.at(plan_.source_topic(s), p).end);
  }
  return life_ ? out + life_->reader.describe() : out;
}

std::uint64_t SimulatedProcess::step() {
  if (ended_ || node_.dead) return 0;
  if (!life_) {
    if (busy()) return 0;
    if (stopping_) {
      ended_ = true;
    } else if (node_.log.now() >= retry_at_) {
      connect();
    }
    return 1;
  }
  if (failed_ || life_->finished()) {
    if (!busy()) tear_down();
    return 2;
  }
  const std::size_t stage = node_.random() % (first_shard + life_->stages.shards.size());
  if (running_[stage]) return 3;
  if (const Status done = run_stage(stage); !done) {
    fail(stage, done.error());
    return 4 + static_cast<std::uint64_t>(done.error().kind);
  }
  return 16 + stage;
}

Status SimulatedProcess::run_stage(std::size_t stage) {
  running_[stage] = true;
  ++depth_;
  app::Stages& stages = life_->stages;
  Status done;
  const auto take = [&](const Expected<bool>& worked) {
    if (!worked) done = std::unexpected(worked.error());
  };
  switch (stage) {
    case fetcher:
      if (stopping_ && !life_->draining) {
        life_->draining = true;
        stages.checkpointer.give_up_on_failure();
        stages.fetcher.drain();
      }
      done = stages.fetcher.do_work(Duration{0});
      break;
    case recovery: take(stages.recovery.do_work()); break;
    case committer: take(stages.committer.do_work()); break;
    case checkpointer: take(stages.checkpointer.do_work()); break;
    default: stages.shards[stage - first_shard]->do_work();
  }
  --depth_;
  running_[stage] = false;
  return done;
}

// The writer first: what an earlier process left open is ended before positions and journal are read.
void SimulatedProcess::connect() {
  life_ = std::make_unique<Life>(plan_, wanted_, node_, *store_, clock_, say_);
  running_.assign(first_shard + life_->stages.shards.size(), false);
  Status opened = life_->writer.open();
  if (opened) opened = life_->reader.open();
  if (opened) return;
  life_.reset();
  end_life(opened.error());
}

void SimulatedProcess::fail(std::size_t stage, const Error& error) {
  if (stage == committer) commit_failed_ = true;
  if (failed_) return;
  failed_ = error;
  if (stage == fetcher && life_->reader.fenced() && passes(error.kind)) came_back_ = true;
  life_->stages.recovery.give_up_before(std::numeric_limits<std::uint64_t>::max());
}

// A thread that is at work when another one fails ends what it is at.
void SimulatedProcess::tear_down() {
  if (failed_ && !node_.dead) {
    for (std::size_t stage = 0; stage < running_.size(); ++stage) {
      if (node_.one_in(2) || (stage == committer && commit_failed_)) continue;
      if (const Status done = run_stage(stage); !done) fail(stage, done.error());
    }
  }
  life_->stages.fetcher.close();
  if (commit_failed_) life_->writer.abort();
  life_.reset();
  commit_failed_ = false;
  if (const auto error = std::exchange(failed_, std::nullopt)) {
    end_life(*error);
  } else {
    ended_ = true;
    drained_ = true;
  }
}

void SimulatedProcess::end_life(const Error& error) {
  ++rollbacks_;
  say_("goes back: " + error.message);
  // One that stood still while others went on with its partitions is no instance to rely on.
  if (!passes(error.kind) || stalled) {
    ended_ = true;
    error_ = error;
    return;
  }
  retry_at_ = node_.log.now() + plan_.units(static_cast<std::int64_t>(node_.random() % 500));
}

}  // namespace holdfast::testing
