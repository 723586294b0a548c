#include "bench/world.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "app/model_file.hpp"
#include "domain/limits.hpp"
#include "ingest/partitioner.hpp"

namespace holdfast::bench {
namespace {

engine::Model read(const std::string& path) {
  auto model = app::read_model(path);
  if (!model) throw std::runtime_error(model.error().message);
  return std::move(*model);
}

}  // namespace

const engine::Model& plain_model() {
  static const engine::Model model = read("bench/model.json");
  return model;
}

const engine::Model& full_model() {
  static const engine::Model model = read("bench/full_model.json");
  return model;
}

World::World(const engine::Model& model, const engine::RiskPolicy& policy)
    : task_(partition, model, policy, table_, Positions{.next = {}, .sources = ShopInput::sources}) {
  for (std::size_t i = 0; i < ShopInput::sources; ++i)
    decoders_.emplace_back(ShopInput::format(i), partition, ingest::Partitioner::none, 1);
}

void World::run(const ShopInput::Batches& batches) {
  std::array<std::size_t, ShopInput::sources> taken{};
  for (bool more = true; more;) {
    more = false;
    for (std::uint8_t s = 0; s < ShopInput::sources; ++s) {
      const SourceIndex source{s};
      for (; taken[s] < batches[s].size() && task_.batches_waiting(source) < 2; ++taken[s]) {
        EventBatch events;
        if (!spare_.empty()) {
          events = std::move(spare_.back());
          spare_.pop_back();
        }
        const ShopBatch& records = *batches[s][taken[s]];
        decoders_[s].decode(records, events);
        end_[s] = Offset{records.records().back().offset.value + 1};
        task_.push(source, std::move(events));
      }
      if (taken[s] == batches[s].size()) task_.reached_end(source, end_[s]);
      more = more || taken[s] < batches[s].size();
    }
    while (task_.advance(before_all_time, limits::step_events_max, *this)) {
    }
    while (auto used = task_.take_used_batch()) spare_.push_back(std::move(*used));
  }
}

void World::run(ShopInput& input, std::uint64_t events) {
  constexpr std::uint64_t piece = 100'000;
  for (std::uint64_t done = 0; done < events; done += piece) run(input.next(std::min(piece, events - done)));
}

void World::alert(const Alert& alert) {
  benchmark::DoNotOptimize(&alert);
  ++alerts_;
}

void World::rejected(SourceIndex, const Rejection& rejection) { throw std::runtime_error(rejection.message); }

}  // namespace holdfast::bench
