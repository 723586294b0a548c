// What scoring costs an event: the same events under no model at all, under MBG/NBD alone and under a trained model
// with all features, in turn, piece by piece, so that a change of the machine's speed meets all of them. Figures are
// nanoseconds of the thread's own time an event: medians over the pieces, those of differences too.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/shop_input.hpp"
#include "bench/world.hpp"
#include "engine/customer.hpp"
#include "engine/outlook.hpp"
#include "engine/risk.hpp"
#include "ingest/decoder.hpp"

namespace holdfast::bench {
namespace {

constexpr std::uint32_t shop_customers = 100'000;
constexpr std::uint64_t events_before = 1'000'000;
constexpr std::uint64_t piece_events = 50'000;
constexpr std::size_t pieces = 30;

/// An alert costs more than any scoring: at these levels about the same share of events leads to one under either
/// model.
struct Levels {
  const char* name;
  std::array<double, 3> plain;
  std::array<double, 3> full;
};
constexpr std::array levels{
    Levels{.name = "1 event in 18 alerts", .plain = {0.90, 0.95, 0.99}, .full = {0.9987, 0.9994, 0.9998}},
    Levels{.name = "1 event in 11 alerts", .plain = {0.75, 0.90, 0.97}, .full = {0.88, 0.95, 0.99}},
};

constexpr std::size_t ways = 3;
enum Way : std::uint8_t { unjudged, plain, full };

const engine::Model& model_of(std::size_t way) { return way == full ? full_model() : plain_model(); }

std::array<engine::RiskPolicy, ways> policies_of(const Levels& chosen) {
  std::array<engine::RiskPolicy, ways> policies{usual_policy, usual_policy, usual_policy};
  policies[unjudged].min_purchases = std::numeric_limits<std::uint32_t>::max();
  policies[plain].thresholds = chosen.plain;
  policies[full].thresholds = chosen.full;
  return policies;
}

double thread_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Has each way run each piece, the first one in turn, and reports. `run`: of a way and a piece; returns its events.
void measure(benchmark::State& state, auto run) {
  std::array<std::vector<double>, ways> ns;
  for (auto _ : state) {
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      for (std::size_t i = 0; i < ways; ++i) {
        const std::size_t way = (piece + i) % ways;
        const double begin = thread_ns();
        const std::uint64_t events = run(way, piece);
        ns[way].push_back((thread_ns() - begin) / static_cast<double>(events));
      }
    }
  }
  const auto difference = [&](Way a, Way b) {
    std::vector<double> differences;
    for (std::size_t piece = 0; piece < pieces; ++piece) differences.push_back(ns[a][piece] - ns[b][piece]);
    return median(std::move(differences));
  };
  state.counters["1_unjudged_ns"] = median(ns[unjudged]);
  state.counters["2_mbg_ns"] = median(ns[plain]);
  state.counters["3_full_ns"] = median(ns[full]);
  state.counters["4_mbg_over_unjudged_ns"] = difference(plain, unjudged);
  state.counters["5_full_over_mbg_ns"] = difference(full, plain);
}

void report_alerts(benchmark::State& state, const std::array<std::uint64_t, ways>& alerts) {
  const auto share = [](std::uint64_t n) { return static_cast<double>(n) / (pieces * piece_events); };
  state.counters["6_mbg_alerts"] = share(alerts[plain]);
  state.counters["7_full_alerts"] = share(alerts[full]);
}

// Within the engine, decoding and alerts included.
void scoring_in_task(benchmark::State& state) {
  const Levels& chosen = levels[static_cast<std::size_t>(state.range(0))];
  const auto policies = policies_of(chosen);
  ShopInput input(shop_customers, events_before + pieces * piece_events);
  std::array<World, ways> worlds{World(model_of(unjudged), policies[unjudged]), World(model_of(plain), policies[plain]),
                                 World(model_of(full), policies[full])};
  constexpr std::uint64_t at_once = 100'000;
  for (std::uint64_t done = 0; done < events_before; done += at_once) {
    const ShopInput::Batches batches = input.next(at_once);
    for (World& world : worlds) world.run(batches);
  }
  std::vector<ShopInput::Batches> input_pieces;
  for (std::size_t piece = 0; piece < pieces; ++piece) input_pieces.push_back(input.next(piece_events));
  std::array<std::uint64_t, ways> alerts{};
  for (std::size_t way = 0; way < ways; ++way) alerts[way] = worlds[way].alerts();
  measure(state, [&](std::size_t way, std::size_t piece) {
    worlds[way].run(input_pieces[piece]);
    return piece_events;
  });
  for (std::size_t way = 0; way < ways; ++way) alerts[way] = worlds[way].alerts() - alerts[way];
  report_alerts(state, alerts);
  state.SetLabel(chosen.name);
}
BENCHMARK(scoring_in_task)->DenseRange(0, levels.size() - 1)->Iterations(1)->Unit(benchmark::kMillisecond);

/// Events with numbers for their customers, decoded.
class Stream {
 public:
  /// Adds the shop's next events, in the order in which a task takes them.
  void add(ShopInput& input, std::uint64_t events) {
    const std::size_t begin = all_.size();
    const ShopInput::Batches next = input.next(events);
    for (std::size_t source = 0; source < ShopInput::sources; ++source) {
      ingest::Decoder decoder(ShopInput::format(source), partition, ingest::Partitioner::none, 1);
      for (const auto& records : next[source]) {
        EventBatch& batch = batches_.emplace_back();
        decoder.decode(*records, batch);
        for (const Event& event : batch.events) all_.push_back({event, number_of(event.customer)});
      }
    }
    std::stable_sort(all_.begin() + static_cast<std::ptrdiff_t>(begin), all_.end(),
                     [](const Item& a, const Item& b) { return a.event.time < b.event.time; });
  }

  struct Item {
    Event event;
    std::uint32_t customer = 0;
  };
  [[nodiscard]] std::span<const Item> all() const { return all_; }
  [[nodiscard]] std::size_t customers() const { return numbers_.size(); }

 private:
  std::uint32_t number_of(const CustomerKey& key) {
    return numbers_.emplace(std::string(key.id), static_cast<std::uint32_t>(numbers_.size())).first->second;
  }

  std::vector<EventBatch> batches_;
  std::vector<Item> all_;
  std::map<std::string, std::uint32_t> numbers_;
};

/// Customers as a task judges them, without table, timers and alerts: each by itself, its moments looked at when it
/// shows up again.
class Judged {
 public:
  Judged(const engine::Model& model, const engine::RiskPolicy& policy, std::size_t customers)
      : model_(model), policy_(policy), all_(customers) {}

  void run(std::span<const Stream::Item> items) {
    for (const auto& [event, number] : items) {
      One& one = all_[number];
      come_to(one, event.time);
      const engine::Outlook outlook(one.customer, one.standing);
      if (engine::apply_event(one.customer, event) == engine::Applied::duplicate) continue;
      engine::LazyScore score(one.customer, model_, policy_.horizon);
      if (outlook.stands(one.customer, event.kind, score, policy_)) continue;
      judge(one.customer, score, one.customer.moment());
      stand(one, score);
    }
  }
  /// All customers come to where the events have come to.
  void settle(Timestamp t) {
    for (One& one : all_) come_to(one, t);
  }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

 private:
  struct One {
    engine::Customer customer{};
    Timestamp standing = after_all_time;  ///< Nothing happens before.
  };

  void come_to(One& one, Timestamp t) {
    while (one.standing <= t) {
      // As when a tick of timers comes up.
      engine::LazyScore score(one.customer, model_, policy_.horizon);
      if (model_.logistic && one.standing > one.customer.moment() && engine::is_judged(one.customer, policy_)) {
        const Timestamp quiet = engine::quiet_until(one.customer, score, policy_, one.standing);
        if (quiet > one.standing) {
          one.standing = quiet;
          continue;
        }
      }
      const Timestamp due = engine::next_timer(one.customer, score, policy_);
      one.standing = due;
      if (due > t) return;
      fire(one, due);
    }
  }

  void fire(One& one, Timestamp due) {
    engine::Customer& customer = one.customer;
    if (customer.current_level() != Level::none && engine::expiry_of(customer, policy_) <= due) {
      customer.level = 0;
      customer.set(engine::Customer::lost, true);
      ++changes_;
    } else {
      engine::LazyScore score(customer, model_, policy_.horizon);
      judge(customer, score, due);
    }
    engine::advance_to(customer, due);
    engine::LazyScore score(customer, model_, policy_.horizon);
    stand(one, score);
  }

  void stand(One& one, engine::LazyScore& score) const {
    if (model_.logistic && engine::is_judged(one.customer, policy_)) {
      one.standing = engine::quiet_until(one.customer, score, policy_, one.customer.moment());
      if (one.standing > one.customer.moment()) return;
    }
    one.standing = engine::next_timer(one.customer, score, policy_);
  }

  void judge(engine::Customer& customer, engine::LazyScore& score, Timestamp t) {
    if (!engine::is_judged(customer, policy_)) return;
    const Level before = customer.current_level();
    const Level after = engine::judged_level(before, score.get().risk(t), policy_);
    if (after == before) return;
    if (before == Level::none) customer.raised_at_ms = t.ms;
    customer.level = static_cast<std::uint8_t>(after);
    ++changes_;
  }

  const engine::Model& model_;
  const engine::RiskPolicy& policy_;
  std::vector<One> all_;
  std::uint64_t changes_ = 0;
};

// Applying and judging alone: no decoding, no table, no timers, no alerts.
void scoring_alone(benchmark::State& state) {
  const Levels& chosen = levels[static_cast<std::size_t>(state.range(0))];
  const auto policies = policies_of(chosen);
  ShopInput input(shop_customers, events_before + pieces * piece_events);
  Stream stream;
  stream.add(input, events_before);
  const std::size_t begin = stream.all().size();
  for (std::size_t piece = 0; piece < pieces; ++piece) stream.add(input, piece_events);
  std::vector<Judged> judged;
  for (std::size_t way = 0; way < ways; ++way) judged.emplace_back(model_of(way), policies[way], stream.customers());
  std::array<std::uint64_t, ways> changes{};
  for (std::size_t way = 0; way < ways; ++way) {
    judged[way].run(stream.all().first(begin));
    judged[way].settle(stream.all()[begin - 1].event.time);
    changes[way] = judged[way].changes();
  }
  measure(state, [&](std::size_t way, std::size_t piece) {
    judged[way].run(stream.all().subspan(begin + piece * piece_events, piece_events));
    return piece_events;
  });
  for (std::size_t way = 0; way < ways; ++way) {
    judged[way].settle(stream.all().back().event.time);
    changes[way] = judged[way].changes() - changes[way];
  }
  report_alerts(state, changes);
  state.SetLabel(chosen.name);
}
BENCHMARK(scoring_alone)->DenseRange(0, levels.size() - 1)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace holdfast::bench
