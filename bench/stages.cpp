// What each stage of the pipeline costs by itself, with everything in memory: Google Benchmark, an item is an event, a
// record or a timer. bench/stages runs them all.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "app/ring.hpp"
#include "bench/shop_input.hpp"
#include "bench/world.hpp"
#include "engine/risk.hpp"
#include "engine/task.hpp"
#include "engine/timers.hpp"
#include "ingest/alert_json.hpp"
#include "ingest/decoder.hpp"
#include "state/checkpoint_store.hpp"
#include "state/hot_table.hpp"

namespace holdfast::bench {
namespace {

void count_items(benchmark::State& state, std::uint64_t items) {
  state.SetItemsProcessed(static_cast<std::int64_t>(items));
}

// ---------------------------------------------------------------------------------------------------------------------

void decode(benchmark::State& state) {
  const auto source = static_cast<std::size_t>(state.range(0));
  ShopInput input(1'000, 200'000);
  const ShopInput::Batches batches = input.next(200'000);
  const ShopBatch& records = *batches[source].front();
  ingest::Decoder decoder(ShopInput::format(source), partition, ingest::Partitioner::none, 1);
  EventBatch out;
  for (auto _ : state) {
    decoder.decode(records, out);
    benchmark::DoNotOptimize(out.events.data());
  }
  count_items(state, state.iterations() * records.records().size());
  state.SetLabel(ShopInput::format(source).name);
}
BENCHMARK(decode)->DenseRange(0, 2);

void ring(benchmark::State& state) {
  app::Ring<std::unique_ptr<int>> ring(256);
  auto message = std::make_unique<int>(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring.try_push(message));
    message = std::move(*ring.try_pop());
  }
  count_items(state, state.iterations());
}
BENCHMARK(ring);

std::vector<CustomerKey> keys_of(const state::HotTable& table) {
  std::vector<CustomerKey> keys;
  for (Slot slot{0}; slot < table.slots_end(); ++slot.value) keys.push_back(table.key(slot));
  std::ranges::shuffle(keys, std::mt19937_64(1));
  return keys;
}

std::string id_of(std::uint64_t customer) { return app::shop_customer_id(static_cast<std::uint32_t>(customer)); }

void fill(state::HotTable& table, std::int64_t customers) {
  for (std::int64_t i = 0; i < customers; ++i) {
    const std::string id = id_of(static_cast<std::uint64_t>(i));
    (void)table.find_or_insert(make_customer_key(id));
  }
}

// Random customers, each asked for in advance as a task does.
void table_hit(benchmark::State& state) {
  state::HotTable table(sizeof(engine::Customer));
  fill(table, state.range(0));
  const auto keys = keys_of(table);
  constexpr std::size_t index_ahead = 16;
  constexpr std::size_t record_ahead = 8;
  std::size_t i = 0;
  for (auto _ : state) {
    table.prefetch_index(keys[(i + index_ahead) % keys.size()].hash);
    table.prefetch_record(keys[(i + record_ahead) % keys.size()].hash);
    const Slot slot = table.find_or_insert(keys[i]).first;
    benchmark::DoNotOptimize(*table.modify(slot));
    i = i + 1 == keys.size() ? 0 : i + 1;
  }
  count_items(state, state.iterations());
}
BENCHMARK(table_hit)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);

// Customers by Zipf's law, in a table with memory for a share of what they take (in percent), as a task reads ahead.
// The system's memory holds the rest: what the disk adds is not seen here, but in bench/pipeline --cold.
void table_zipf(benchmark::State& state) {
  constexpr std::int64_t customers = 1'000'000;
  constexpr std::uint64_t bytes_each = 200;
  constexpr std::size_t batch = 1'000;
  state::HotTable table(sizeof(engine::Customer),
                        {.bytes_max = customers * bytes_each * static_cast<std::uint64_t>(state.range(0)) / 100,
                         .scratch = "build/bench"});
  std::filesystem::create_directories("build/bench");
  fill(table, customers);
  const auto keys = keys_of(table);
  // By inversion of the law's integral.
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> log_rank(0, std::log(customers));
  std::vector<Event> events(std::size_t{1} << 21);
  std::vector<std::string> ids;
  for (const CustomerKey& key : keys) ids.emplace_back(key.id);
  for (Event& event : events) {
    const std::string& id = ids[static_cast<std::size_t>(std::exp(log_rank(random)) - 1)];
    event.customer = make_customer_key(id);
  }
  std::size_t i = 0;
  for (auto _ : state) {
    if (i % batch == 0) table.expect(std::span(events).subspan(i, std::min(batch, events.size() - i)));
    const Slot slot = table.find_or_insert(events[i].customer).first;
    benchmark::DoNotOptimize(*table.modify(slot));
    i = i + 1 == events.size() ? 0 : i + 1;
  }
  count_items(state, state.iterations());
  state.counters["in_memory"] = 1 - static_cast<double>(table.cold_records()) / customers;
}
BENCHMARK(table_zipf)->Arg(110)->Arg(50)->Arg(25);

void table_miss(benchmark::State& state) {
  for (auto _ : state) {
    state::HotTable table(sizeof(engine::Customer));
    fill(table, state.range(0));
    benchmark::DoNotOptimize(table.size());
  }
  count_items(state, state.iterations() * static_cast<std::uint64_t>(state.range(0)));
}
BENCHMARK(table_miss)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

/// Customers that a shop has left behind, and a visit of each.
struct Customers {
  Customers() {
    ShopInput input(100'000, 1'000'000);
    World world;
    world.run(input, 1'000'000);
    for (Slot slot{0}; slot < world.table().slots_end(); ++slot.value) {
      engine::Customer customer{};
      std::memcpy(&customer, world.table().read(slot), sizeof customer);
      if (customer.purchases == 0) continue;
      all.push_back(customer);
      Event& event = visits.emplace_back();
      event.time = customer.moment() + Duration{3'600'000};
      event.kind = EventKind::visit;
      event.event_id = "e0000000000";
    }
  }
  std::vector<engine::Customer> all;
  std::vector<Event> visits;
};
const Customers& customers() {
  static const Customers made;
  return made;
}

void apply_event(benchmark::State& state) {
  auto all = customers().all;
  std::size_t i = 0;
  for (auto _ : state) {
    engine::Customer& customer = all[i];
    customer.fingerprints = {};
    benchmark::DoNotOptimize(engine::apply_event(customer, customers().visits[i]));
    i = i + 1 == all.size() ? 0 : i + 1;
  }
  count_items(state, state.iterations());
}
BENCHMARK(apply_event);

/// What `ask` costs of one customer after the other.
void ask_each(benchmark::State& state, auto ask) {
  const auto& all = customers().all;
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(ask(all[i]));
    i = i + 1 == all.size() ? 0 : i + 1;
  }
  count_items(state, state.iterations());
}

void risk(benchmark::State& state) {
  ask_each(state, [](const engine::Customer& customer) {
    return engine::risk_at(customer, plain_model(), usual_policy.horizon, customer.moment());
  });
}
BENCHMARK(risk);

void crossing(benchmark::State& state) {
  ask_each(state,
           [](const engine::Customer& customer) { return engine::next_timer(customer, plain_model(), usual_policy); });
}
BENCHMARK(crossing);

// Every customer's timer in turn, as it comes up: it is set anew, up to a hundred days ahead.
void timers(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  state::HotTable table(sizeof(engine::Customer));
  fill(table, count);
  engine::Timers timers(table);
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> ahead(1, std::int64_t{100} * 86'400'000);
  for (std::uint32_t i = 0; i < count; ++i) timers.set(Slot{i}, Timestamp{ahead(random)});
  std::int64_t items = 0;
  for (auto _ : state) {
    const Timestamp now = timers.next_due();
    for (const Slot slot : timers.take_tick(now)) {
      timers.set(slot, now + Duration{ahead(random)});
      ++items;
    }
    while (const auto first = timers.first(now)) {
      timers.take_first();
      timers.set(first->slot, now + Duration{ahead(random)});
      ++items;
    }
  }
  count_items(state, static_cast<std::uint64_t>(items));
}
BENCHMARK(timers)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);

void encode_alert(benchmark::State& state) {
  const auto& all = customers().all;
  ingest::AlertEncoder encoder("bench", {"purchases", "complaints", "visits"}, usual_policy.horizon);
  const std::string model_id(32, '0');
  ingest::TextArena text;
  std::size_t i = 0;
  for (auto _ : state) {
    text.clear(std::size_t{1} << 20);
    const engine::Customer& customer = all[i];
    const Timestamp t = customer.moment();
    const engine::Explanation explanation = engine::explain_at(customer, plain_model(), usual_policy.horizon, t);
    const auto expected = engine::expected_spend_at(customer, plain_model(), usual_policy.horizon, t);
    const auto encoded = encoder.encode({.customer = make_customer_key("C0000042"),
                                         .seq = 1,
                                         .episode = 1,
                                         .change = Change::raised,
                                         .level = Level::watch,
                                         .time = t,
                                         .risk = engine::risk_at(customer, plain_model(), usual_policy.horizon, t),
                                         .p_alive = engine::p_alive_at(customer, plain_model(), t),
                                         .base = explanation.base,
                                         .reasons = explanation.span(),
                                         .trigger = {.type = TriggerType::silence},
                                         .model_id = model_id,
                                         .model_name = "bench-mbg",
                                         .purchases = customer.purchases,
                                         .first_purchase = customer.first(),
                                         .last_purchase = customer.last(),
                                         .has_value = true,
                                         .has_expected = expected.has_value(),
                                         .currency = Currency{{'E', 'U', 'R'}},
                                         .spent = customer.spent,
                                         .expected = expected.value_or(0)},
                                        partition, text);
    benchmark::DoNotOptimize(encoded.json.data());
    i = i + 1 == all.size() ? 0 : i + 1;
  }
  count_items(state, state.iterations());
}
BENCHMARK(encode_alert);

// Decode, merge, update, score, policy, timers: all that a shard does with events, from memory, into a counter.
void engine_alone(benchmark::State& state) {
  const auto customers = static_cast<std::uint32_t>(state.range(0));
  constexpr std::uint64_t measured = 2'000'000;
  const std::uint64_t before = std::max<std::uint64_t>(2 * std::uint64_t{customers}, 1'000'000);
  ShopInput input(customers, before + measured);
  World world;
  world.run(input, before);
  const ShopInput::Batches batches = input.next(measured);
  const std::uint64_t alerts = world.alerts();
  for (auto _ : state) world.run(batches);
  count_items(state, measured);
  state.counters["customers"] = world.table().size();
  state.counters["alerts_share"] = static_cast<double>(world.alerts() - alerts) / measured;
  state.counters["bytes_a_customer"] =
      static_cast<double>(world.table().memory_bytes() + world.task().timer_bytes()) / world.table().size();
}
BENCHMARK(engine_alone)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

// ---------------------------------------------------------------------------------------------------------------------

/// A checkpoint store in a folder of its own.
class Store {
 public:
  Store() {
    std::filesystem::remove_all(folder_);
    auto opened = state::RocksStore::open({.directory = folder_ / "state", .application_id = "bench"});
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] CheckpointStore& get() { return *store_; }

 private:
  const std::filesystem::path folder_ = "build/bench/stages";
  std::unique_ptr<state::RocksStore> store_;
};

void check(const Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

void checkpoint_copy(benchmark::State& state) {
  state::HotTable table(sizeof(engine::Customer));
  fill(table, state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    table.mark_all_changed();
    CheckpointData data;
    state.ResumeTiming();
    table.freeze(data);
    while (!table.copy_frozen(2048)) {
    }
    state.PauseTiming();
    data = {};
    state.ResumeTiming();
  }
  count_items(state, state.iterations() * static_cast<std::uint64_t>(state.range(0)));
}
BENCHMARK(checkpoint_copy)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void checkpoint_write(benchmark::State& state) {
  state::HotTable table(sizeof(engine::Customer));
  fill(table, state.range(0));
  Store store;
  for (auto _ : state) {
    state.PauseTiming();
    table.mark_all_changed();
    CheckpointData data;
    data.marker.partition = partition;
    table.freeze(data);
    while (!table.copy_frozen(2048)) {
    }
    state.ResumeTiming();
    check(store.get().write(data));
    state.PauseTiming();
    data = {};
    state.ResumeTiming();
  }
  count_items(state, state.iterations() * static_cast<std::uint64_t>(state.range(0)));
}
BENCHMARK(checkpoint_write)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->UseRealTime();

// From the store to a task with its timers.
void restore(benchmark::State& state) {
  const auto events = 2 * static_cast<std::uint64_t>(state.range(0));
  ShopInput input(static_cast<std::uint32_t>(state.range(0)), events);
  World world;
  world.run(input, events);
  Store store;
  CheckpointData data;
  data.marker = world.task().marker(PolicyId{1}, Timestamp{0});
  world.table().freeze(data);
  while (!world.table().copy_frozen(2048)) {
  }
  check(store.get().write(data));
  for (auto _ : state) {
    state::HotTable table(sizeof(engine::Customer));
    const auto marker =
        store.get().load(partition, [&](std::string_view id, std::string_view record) { table.load(id, record); });
    if (!marker) throw std::runtime_error(marker.error().message);
    table.finish_loading();
    engine::Task task(partition, plain_model(), usual_policy, table, (*marker)->position);
    task.restore(**marker);
    benchmark::DoNotOptimize(task.next_timer());
  }
  count_items(state, state.iterations() * world.table().size());
}
BENCHMARK(restore)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace holdfast::bench

BENCHMARK_MAIN();
