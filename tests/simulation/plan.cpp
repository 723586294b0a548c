#include "tests/simulation/plan.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "tests/support/scoring.hpp"

namespace holdfast::testing {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;
constexpr std::array<const char*, 4> source_names{"purchases", "complaints", "visits", "actions"};
constexpr std::array source_kinds{EventKind::purchase, EventKind::complaint, EventKind::visit, EventKind::action};
constexpr std::array<const char*, 5> statuses{"opened", "acknowledged", "resolved", "reopened", "withdrawn"};

}  // namespace

Plan::Plan(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto one_in = [&](std::uint64_t n) { return random() % n == 0; };
  partitions = 1 + static_cast<std::int32_t>(random() % 4);
  sources = 1 + random() % source_names.size();
  instances = 1 + random() % 3;
  shards = 1 + static_cast<int>(random() % 2);
  standbys = static_cast<int>(random() % 2);
  wall_clock = one_in(2);
  at_rest = !wall_clock && one_in(2);
  changelog = !one_in(5);
  transactions = one_in(3);
  alert_partitions = 1 + static_cast<std::int32_t>(random() % 2);
  journal_partitions = 1 + static_cast<std::int32_t>(random() % 3);
  faults = one_in(2) ? 0 : 1 + random() % 20;
  trouble = one_in(16) ? 0 : 8 + random() % 120;
  lying_disks = one_in(4);
  retention = one_in(2);
  unit = wall_clock ? hour_ms : 1;
  batch_most = one_in(2) ? 3 : 40;
  checkpoint_interval = 200 + static_cast<std::int64_t>(random() % 2'000);
  begin = Timestamp{1'700'000'000'000};
  swaps = !at_rest && seed % 3 == 0;
  draw_models(random);
  policy = {.horizon = days(91),
            .thresholds = {0.3, 0.5, 0.8},
            .hysteresis = 0.05,
            .min_purchases = static_cast<std::uint32_t>(1 + random() % 2),
            .expire_after = days(120)};
  if (seed / 8 % 3 == 0) policy.calibration = engine::CalibrationUse::correct;
  naive = seed / 4 % 16 == 0;
  cold = seed / 2 % 2 == 0;
  draw_arrivals(random);
  rocksdb = one_in(4);
}

void Plan::draw_models(std::mt19937_64& random) {
  known = std::make_shared<NamedModels>();
  for (int i = 0; i < (swaps ? 4 : 1); ++i) {
    engine::Model model = cdnow_model();
    model.id = "model" + std::to_string(i);
    // From hopeful to hopeless.
    if (i > 0) model.mbg.alpha *= 0.25 + static_cast<double>(random() % 100) / 20;
    if (i == 2) model.logistic = engine::Logistic{.intercept = 0.2, .terms = {{Feature::mbg_logit, 1.1}}};
    known->add(model);
    models.push_back(*known->read(model.id));
  }
}

void Plan::draw_arrivals(std::mt19937_64& random) {
  const auto count = 40 + random() % 160;
  const std::int64_t year = 365 * day_ms;
  // Under the wall clock events come when they happen; otherwise a year of them comes in the course of the run.
  const Timestamp first_event = wall_clock ? begin : begin - Duration{2 * year};
  const std::int64_t run = at_rest ? 0 : 8'000 + static_cast<std::int64_t>(random() % 8'000);
  std::int64_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    // A model takes some two minutes until all are under it: many events shall fall into them.
    const bool follows = swaps && random() % 2 == 0;
    at += static_cast<std::int64_t>(follows ? random() % 90'000 : random() % (2 * year / count));
    const std::int64_t late = random() % 10 == 0 ? static_cast<std::int64_t>(random() % (5 * day_ms)) : 0;
    const std::int64_t delay = static_cast<std::int64_t>(random() % 2'000);
    Arrival arrival;
    arrival.source = static_cast<std::uint8_t>(random() % sources);
    arrival.partition = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(partitions));
    arrival.at = begin + (wall_clock ? Duration{at + delay} : Duration{at / day_ms * run / 365});
    arrival.record = draw_record(random, arrival.source, arrival.partition, first_event + Duration{at - late},
                                 first_event + Duration{at + delay}, static_cast<int>(i));
    arrivals.push_back(std::move(arrival));
  }
  std::ranges::stable_sort(arrivals, {}, &Arrival::at);
  end = wall_clock ? begin + Duration{year + year / 2} : begin + Duration{retention ? 20'000 : at_rest ? 8'000 : run};
}

// Now and then it is no event, or one that was there before.
LoggedRecord Plan::draw_record(std::mt19937_64& random, std::size_t source, std::int32_t partition, Timestamp event,
                               Timestamp logged, int number) const {
  const std::string customer = "P" + std::to_string(partition) + "C" + std::to_string(random() % 8);
  if (random() % 25 == 0) event = logged + days(2);  // Too far ahead.
  std::string value = R"({"customer_id":")" + customer + R"(","time":)" + std::to_string(event.ms) +
                      R"(,"event_id":"e)" + std::to_string(random() % 7 == 0 ? number - 1 : number) + '"';
  switch (source_kinds[source]) {
    case EventKind::purchase:
      value += R"(,"amount":)" + std::to_string(random() % 100) + R"(,"currency":")" +
               (random() % 40 == 0 ? "EUR" : "GBP") + '"';
      break;
    case EventKind::complaint:
      value += std::string(R"(,"status":")") + statuses[random() % statuses.size()] + '"';
      break;
    case EventKind::visit: break;
    case EventKind::action:
      value += std::string(R"(,"action":")") + (random() % 2 == 0 ? "erase" : "called") + '"';
      break;
  }
  value += random() % 25 == 0 ? "" : "}";
  LoggedRecord record;
  record.timestamp = logged;
  record.key = customer;
  record.value = std::move(value);
  if (random() % 60 == 0) record.value.reset();
  if (random() % 20 == 0) record.headers.push_back({"trace", std::to_string(number), true});
  return record;
}

std::string Plan::source_topic(std::size_t source) const { return source_names.at(source); }

app::PipelineSettings Plan::settings(const app::WantedModel* wanted) const {
  app::PipelineSettings out;
  for (std::size_t s = 0; s < sources; ++s) {
    ingest::SourceFormat format;
    format.name = source_names[s];
    format.topic = source_topic(s);
    format.kind = source_kinds[s];
    format.max_ahead = Duration{hour_ms};
    out.shard.sources.push_back(format);
  }
  out.shard.partitioner = ingest::Partitioner::none;
  out.shard.partitions = partitions;
  out.shard.application_id = "shop";
  out.shard.model = wanted;
  out.shard.horizon = policy.horizon;
  out.shard.policy = PolicyId{42};
  out.shard.topics = 7;
  out.shard.wall_clock = wall_clock;
  out.shard.checkpoint_interval = units(checkpoint_interval);
  out.recovery = {.model = models.front().get(),
                  .models = known.get(),
                  .policy = &policy,
                  .policy_id = PolicyId{42},
                  .topics = 7,
                  .partitions = partitions,
                  .sources = static_cast<std::uint8_t>(sources),
                  .standbys = standbys};
  if (cold)
    out.recovery.memory = {
        .bytes_max = 0, .records_min = 2, .scratch = std::filesystem::temp_directory_path(), .pages_at_once = 1};
  out.shards = std::min(shards, static_cast<int>(partitions));
  out.partitions = partitions;
  out.output_capacity = 1;  // Output waits for the committer as often as can be.
  out.commit_interval = units(100);
  return out;
}

}  // namespace holdfast::testing
