#include "app/service.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include <pthread.h>
#include <spdlog/spdlog.h>

#include "app/calibration_watch.hpp"
#include "app/kafka_clients.hpp"
#include "app/stopwatch.hpp"
#include "ingest/kafka_changelog.hpp"
#include "ingest/kafka_instances.hpp"
#include "ingest/kafka_journal.hpp"
#include "ingest/kafka_reader.hpp"
#include "ingest/kafka_writer.hpp"

namespace holdfast::app {
namespace {

constexpr Duration retry_first{200};
constexpr Duration retry_max{5'000};
constexpr Duration progress_every{5'000};
constexpr Duration look_every{100};

/// librdkafka's default of session.timeout.ms.
constexpr Duration default_session{45'000};

/// Whether beginning again from the committed state can help.
bool passes(ErrorKind kind) { return kind == ErrorKind::unavailable || kind == ErrorKind::rollback; }

/// "0, 1, 2" or "none".
std::string list_of_assigned(const Statistics& statistics) {
  std::string list;
  for (std::size_t p = 0; p < statistics.partitions.size(); ++p) {
    if (statistics.partitions[p].assigned.get()) list += (list.empty() ? "" : ", ") + std::to_string(p);
  }
  return list.empty() ? "none" : list;
}

/// Says where risks have come to be off and where they are right again.
void say_calibration(const Statistics& statistics, double ece_max, CalibrationWatch& watch) {
  for (std::size_t p = 0; p < statistics.partitions.size(); ++p) {
    const CalibrationStatistics& now = statistics.partitions[p].calibration;
    switch (watch.look(p, statistics.partitions[p])) {
      case CalibrationWatch::News::none: break;
      case CalibrationWatch::News::off:
        spdlog::warn(
            "partition {}: risks are off by {:.3f} (by chance: up to {:.3f}; calibration.ece_max: {}): of {:.0f} "
            "customers {:.0f} bought nothing within the horizon, {:.0f} were expected to; train a new model, or see "
            "whether data are missing (docs/operations.md)",
            p, now.ece.get(), now.ece_chance_most.get(), ece_max, now.outcomes.get(), now.left.get(), now.told.get());
        break;
      case CalibrationWatch::News::again:
        spdlog::info(
            "partition {}: risks are within calibration.ece_max again: off by {:.3f} (by chance: up to {:.3f})", p,
            now.ece.get(), now.ece_chance_most.get());
        break;
    }
  }
}

std::uint64_t topics_of(const Config& config) {
  std::string names;
  for (const ingest::SourceFormat& source : config.sources) names += source.topic + '\n';
  return fingerprint(names);
}

}  // namespace

Timestamp SystemClock::now() const {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

std::int64_t SystemClock::steady_us() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

PipelineSettings pipeline_settings(const Config& config, ModelKeeper& models, std::int32_t partitions) {
  PipelineSettings out;
  out.shard.sources = config.sources;
  out.shard.partitioner = config.partitioner;
  out.shard.partitions = partitions;
  out.shard.application_id = config.application_id;
  out.shard.language = config.language;
  out.shard.model = &models.wanted();
  out.shard.horizon = config.policy.horizon;
  out.shard.policy = config.policy_id();
  out.shard.topics = topics_of(config);
  out.shard.wall_clock = config.clock == TimeClock::wall;
  out.shard.checkpoint_interval = config.state.checkpoint_interval;
  out.recovery = {.model = &config.model,
                  .models = &models.known(),
                  .policy = &config.policy,
                  .policy_id = config.policy_id(),
                  .former_policy_id = config.former_policy_id(),
                  .topics = topics_of(config),
                  .partitions = partitions,
                  .sources = static_cast<std::uint8_t>(config.sources.size()),
                  .exactly_once = config.guarantee == Guarantee::exactly_once,
                  .standbys = config.state.standbys,
                  .load_threads = std::max(1U, std::thread::hardware_concurrency()),
                  .memory = {.bytes_max = config.state.memory_bytes, .scratch = config.state.directory}};
  const int automatic = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
  out.shards = std::clamp(config.shards > 0 ? config.shards : automatic, 1, std::max(1, static_cast<int>(partitions)));
  out.partitions = partitions;
  out.commit_interval = config.commit_interval;
  out.max_rate = config.max_rate;
  return out;
}

struct Service::Clients {
  std::unique_ptr<ingest::KafkaReader> reader;
  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<JournalReader> journal;
  std::unique_ptr<ChangelogWriter> changelog_writer;  ///< Null, like the reader: there is no changelog.
  std::unique_ptr<ChangelogReader> changelog_reader;
  std::unique_ptr<Instances> instances;
  std::unique_ptr<JournalTail> journal_tail;  ///< Null: no standbys.
};

Service::Service(const Config& config, CheckpointStore& store, ModelKeeper& models, ServiceFacts& facts)
    : config_(config), store_(store), models_(models), facts_(facts) {}

Status Service::run(bool exit_at_end) {
  std::jthread following_models;
  Duration retry = retry_first;
  while (!stopping()) {
    Status ended;
    auto clients = connect();
    if (clients) {
      if (models_topic_ != nullptr && !following_models.joinable())
        following_models = std::jthread([this](const std::stop_token& token) { follow_models(token); });
      const Stopwatch watch(clock_);
      ended = run_once(**clients, exit_at_end);
      if (ended) return {};
      if (const auto error = replaced(**clients)) return std::unexpected(*error);
      if (stopping() && passes(ended.error().kind))
        return holdfast::fail(ended.error().kind,
                              ended.error().message +
                                  "; stopped before all that was taken was committed: the rest is done again "
                                  "after the next start, and nothing is lost");
      if (watch.elapsed() > retry_max) retry = retry_first;
    } else {
      ended = std::unexpected(clients.error());
    }
    if (!passes(ended.error().kind)) return ended;
    ++aborts_;
    if (stopping()) break;  // Nothing was taken since the last commit.
    spdlog::warn("{}; going back to the committed state, again in {} ms", ended.error().message, retry.ms);
    if (wait(retry)) break;
    retry = std::min(Duration{retry.ms * 2}, retry_max);
  }
  return {};
}

void Service::stop() {
  const std::lock_guard lock(mutex_);
  stopping_.store(true, std::memory_order_release);
  if (running_ != nullptr) running_->stop();
  changed_.notify_all();
}

// The writer first: what an earlier process left open is ended before positions and journal are read.
Expected<std::unique_ptr<Service::Clients>> Service::connect() {
  const ingest::KafkaSettings settings = kafka_settings_of(config_);
  if (const Status opened = open_models(); !opened) return std::unexpected(opened.error());
  auto clients = std::make_unique<Clients>();
  auto reader = ingest::make_kafka_reader(settings);
  if (!reader) return std::unexpected(reader.error());
  clients->reader = std::move(*reader);
  auto writer = ingest::make_kafka_writer(settings, clients->reader->group());
  if (!writer) return std::unexpected(writer.error());
  clients->writer = std::move(*writer);
  auto journal = ingest::make_kafka_journal_reader(settings);
  if (!journal) return std::unexpected(journal.error());
  clients->journal = std::move(*journal);
  if (!settings.changelog_topic.empty()) {
    auto changelog_writer = ingest::make_kafka_changelog_writer(settings, clients->reader->group());
    if (!changelog_writer) return std::unexpected(changelog_writer.error());
    clients->changelog_writer = std::move(*changelog_writer);
    auto changelog_reader = ingest::make_kafka_changelog_reader(settings);
    if (!changelog_reader) return std::unexpected(changelog_reader.error());
    clients->changelog_reader = std::move(*changelog_reader);
  }
  auto instances = ingest::make_kafka_instances(settings);
  if (!instances) return std::unexpected(instances.error());
  clients->instances = std::move(*instances);
  if (config_.state.standbys > 0) {
    auto tail = ingest::make_kafka_journal_tail(settings);
    if (!tail) return std::unexpected(tail.error());
    clients->journal_tail = std::move(*tail);
  }
  if (const Status opened = clients->writer->open(); !opened) return std::unexpected(opened.error());
  if (stopping()) return holdfast::fail(ErrorKind::unavailable, "stopped while it connected");
  if (const Status opened = clients->reader->open(); !opened) return std::unexpected(opened.error());
  return clients;
}

// Before any task goes live: none shall come under the file's model only to leave it for the topic's.
Status Service::open_models() {
  if (config_.models_topic.empty() || models_topic_ != nullptr) return {};
  auto topic = open_models_topic(config_);
  if (!topic) return std::unexpected(topic.error());
  std::vector<ModelRecord> records;
  while (!(*topic)->reached_end()) {
    const Status read = (*topic)->poll(
        [&](const ingest::TailRecord& record) {
          if (record.value.data() != nullptr)
            records.push_back({record.offset, record.timestamp, std::string(record.value)});
        },
        look_every);
    if (!read) return read;
    if (stopping()) return holdfast::fail(ErrorKind::unavailable, "stopped while it connected");
  }
  models_.take_history(records);
  models_topic_ = std::move(*topic);
  return {};
}

// The client itself waits for brokers that are away.
void Service::follow_models(const std::stop_token& token) {
  pthread_setname_np(pthread_self(), "models");
  std::string said;
  while (!token.stop_requested()) {
    const Status read = models_topic_->poll(
        [&](const ingest::TailRecord& record) {
          if (record.value.data() != nullptr)
            (void)models_.take({record.offset, record.timestamp, std::string(record.value)});
        },
        look_every);
    if (read) continue;
    if (said != read.error().message) spdlog::warn("topic {}: {}", config_.models_topic, read.error().message);
    said = read.error().message;
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_first.ms));
  }
}

// A process that stood still for longer than its session, while others went on with its partitions, is no instance to
// rely on: it stops, and says why, instead of taking partitions again.
std::optional<Error> Service::replaced(Clients& clients) const {
  Duration session = default_session;
  if (const auto it = config_.kafka.find("session.timeout.ms"); it != config_.kafka.end())
    std::from_chars(it->second.data(), it->second.data() + it->second.size(), session.ms);
  if (longest_stall_ < session) return std::nullopt;
  const auto members = clients.instances->members();
  if (!members || std::ranges::all_of(members->instances, [&](const auto& instance) {
        return instance.id == config_.instance_id || instance.partitions.empty();
      }))
    return std::nullopt;
  return Error{ErrorKind::fenced,
               fmt::format("this process stood still for {} s, longer than session.timeout.ms ({} s), and others took "
                           "its partitions: what it had not committed does not count, and nothing was sent twice. Find "
                           "out what held it up, and start it again",
                           longest_stall_.ms / 1000, session.ms / 1000)};
}

Status Service::run_once(Clients& clients, bool exit_at_end) {
  PipelineSettings settings = pipeline_settings(config_, models_, clients.reader->partitions());
  settings.aborts = aborts_;
  const PipelinePorts ports{.reader = *clients.reader,
                            .journal = *clients.journal,
                            .writer = *clients.writer,
                            .store = store_,
                            .clock = clock_,
                            .changelog_writer = clients.changelog_writer.get(),
                            .changelog_reader = clients.changelog_reader.get(),
                            .instances = clients.instances.get(),
                            .journal_tail = clients.journal_tail.get()};
  Pipeline pipeline(settings, ports, [](const std::string& message) { spdlog::warn("{}", message); });
  {
    const std::lock_guard lock(mutex_);
    if (stopping()) return {};
    running_ = &pipeline;
    ended_ = false;
    longest_stall_ = Duration{0};
  }
  facts_.watch(&pipeline);
  std::jthread watching([&] { watch_progress(pipeline, exit_at_end); });
  Status ended = pipeline.run();
  facts_.watch(nullptr);
  {
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
    ended_ = true;
    changed_.notify_all();
  }
  watching.join();
  return ended;
}

// Says how restoring and catching up go on, and when they are over; ends a run that was to end with the log.
void Service::watch_progress(const Pipeline& pipeline, bool exit_at_end) {
  std::uint64_t said_ready_for = 0;  ///< The assignment.
  bool said_caught_up = false;
  bool said_memory = false;
  bool said_scratch = false;
  CalibrationWatch calibration(config_.ece_max);
  Stopwatch since_said(clock_);
  Progress before = progress_of(pipeline.statistics());
  std::unique_lock lock(mutex_);
  while (!ended_) {
    const Stopwatch since_looked(clock_);
    changed_.wait_for(lock, std::chrono::milliseconds(look_every.ms));
    longest_stall_ = std::max(longest_stall_, since_looked.elapsed());
    if (ended_) return;
    const Progress progress = progress_of(pipeline.statistics());
    const std::uint64_t assignment = pipeline.statistics().assignments.get();
    if (assignment != said_ready_for && pipeline.ready()) {
      said_ready_for = assignment;
      spdlog::info("ready: partitions {}; {} customers read from checkpoints so far, {} events replayed behind them",
                   list_of_assigned(pipeline.statistics()), progress.loaded, progress.restored);
    }
    if (!said_misplaced_ && progress.misplaced > 0) {
      said_misplaced_ = true;
      spdlog::warn(
          "records lie in other partitions than their keys hash to: one customer may be known to two tasks, each with "
          "half the history; see that `partitioner` is that of the producers, and run `holdfast check --connect` "
          "(holdfast_misplaced_total counts them; this is said once)");
    }
    if (!said_currency_ && progress.other_currency > 0) {
      said_currency_ = true;
      spdlog::warn(
          "amounts come in another currency than the model's, or in none: what their customers spend is not known to "
          "it, and their alerts have neither expected nor at_risk; see that the records name their currency, and that "
          "the model is for this shop (holdfast_other_currency_total counts them; this is said once)");
    }
    if (!said_scratch && progress.cold_customers > 0) {
      said_scratch = true;
      spdlog::info(
          "the customers take more than state.memory allows ({} MiB): records of those that are silent go to a scratch "
          "file in {}",
          config_.state.memory_bytes >> 20, config_.state.directory);
    }
    if (!said_memory && progress.state_bytes > config_.state.memory_bytes + config_.state.memory_bytes / 8) {
      said_memory = true;
      spdlog::warn(
          "the state takes {} MiB, more than state.memory allows ({} MiB): {}. Raise it and see that the machine has "
          "that much, or spread the partitions over more instances",
          progress.state_bytes >> 20, config_.state.memory_bytes >> 20,
          progress.lacks_scratch
              ? "there is no space for a scratch file in " + config_.state.directory + ", so customers stay in memory"
              : "wherever its record lies, each customer takes some forty bytes");
    }
    say_calibration(pipeline.statistics(), config_.ece_max, calibration);
    const bool caught_up = pipeline.caught_up();
    if (caught_up && !said_caught_up) {
      said_caught_up = true;
      spdlog::info("caught up: {} events applied, {} customers in {} MiB, the stream stands at {}", progress.events,
                   progress.customers, progress.state_bytes >> 20,
                   progress.stream_time == after_all_time ? "its beginning" : to_rfc3339(progress.stream_time));
      if (exit_at_end && running_ != nullptr) running_->stop();
    }
    if (caught_up || (said_caught_up && !progress.restoring)) since_said.restart();
    if (since_said.elapsed() < progress_every) continue;
    if (progress.restoring) {
      spdlog::info("restoring: {} customers read from checkpoints, {} events replayed behind them", progress.loaded,
                   progress.restored);
      since_said.restart();
      before = progress;
      continue;
    }
    const double rate = static_cast<double>(progress.events - before.events) / since_said.seconds();
    spdlog::info("catching up: {:.0f} events/s, {} applied, {} to go{}, the stream stands at {}", rate, progress.events,
                 progress.lag, rate > 0 ? fmt::format(" ({:.0f} s)", static_cast<double>(progress.lag) / rate) : "",
                 progress.stream_time == after_all_time ? "its beginning" : to_rfc3339(progress.stream_time));
    since_said.restart();
    before = progress;
  }
}

// True: stopped meanwhile.
bool Service::wait(Duration duration) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(duration.ms), [this] { return stopping(); });
}

}  // namespace holdfast::app
