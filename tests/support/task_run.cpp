#include "tests/support/task_run.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/customer.hpp"

namespace holdfast::testing {
namespace {

Positions with_sources(Positions start, const History& history) {
  start.sources = static_cast<std::uint8_t>(history.sources.size());
  return start;
}

}  // namespace

TaskRun::TaskRun(const History& history_, Positions start, state::TableMemory memory)
    : history(history_),
      table(sizeof(engine::Customer), std::move(memory)),
      task(Partition{0}, history_.model, history_.policy, table, with_sources(start, history_), &models) {
  models.add(history.model);
  for (const History::Swap& swap : history.swaps) models.add(swap.model);
}

std::vector<Step> TaskRun::take_swaps() {
  std::vector<Step> steps;
  for (const History::Swap& swap : history.swaps) {
    const ModelSwap given{swap.model.id, swap.from};
    steps.push_back(*task.advance(before_all_time, 1, alerts, after_all_time, &given));
  }
  return steps;
}

void TaskRun::push_rest() {
  for (std::uint8_t s = 0; s < history.sources.size(); ++s) {
    const auto& events = history.sources[s];
    task.push(SourceIndex{s}, batch_of(events, static_cast<std::size_t>(task.position().next[s].value), events.size()));
    task.reached_end(SourceIndex{s}, Offset{static_cast<std::int64_t>(events.size())});
  }
}

std::vector<TaskRun::Taken> TaskRun::take_in_pieces(std::mt19937_64& random, bool live, std::size_t work_max) {
  const std::size_t sources = history.sources.size();
  std::vector<std::size_t> pushed(sources);
  std::vector<Taken> taken;
  Timestamp clock = before_all_time;
  std::size_t next_swap = 0;
  const auto advance = [&] {
    std::optional<Step> step;
    do {
      std::optional<ModelSwap> swap;
      if (live && next_swap < history.swaps.size() && random() % 16 == 0) {
        const History::Swap& next = history.swaps[next_swap++];
        swap = ModelSwap{next.model.id, next.from};
      }
      step = task.advance(live ? clock : before_all_time, 1 + random() % work_max, alerts, after_all_time,
                          swap ? &*swap : nullptr);
      if (step) taken.push_back({*step, alerts.text.size()});
    } while (step);
  };
  if (!live) {
    for (Step& step : take_swaps()) taken.push_back({std::move(step), 0});
  }
  bool more = true;
  while (more) {
    more = false;
    const auto s = static_cast<std::uint8_t>(random() % sources);
    const auto& events = history.sources[s];
    const std::size_t to = std::min(events.size(), pushed[s] + random() % 6);
    if (live && to > pushed[s] && !events[to - 1].rejected)
      clock = std::max(clock, events[to - 1].time + Duration{static_cast<std::int64_t>(random() % 86'400'000)});
    task.push(SourceIndex{s}, batch_of(events, pushed[s], to));
    pushed[s] = to;
    if (live || to == events.size()) task.reached_end(SourceIndex{s}, Offset{static_cast<std::int64_t>(to)});
    advance();
    for (std::size_t i = 0; i < sources; ++i) more = more || pushed[i] < history.sources[i].size();
  }
  for (std::uint8_t s = 0; s < sources; ++s)
    task.reached_end(SourceIndex{s}, Offset{static_cast<std::int64_t>(history.sources[s].size())});
  advance();
  return taken;
}

std::map<std::string, std::string> TaskRun::records() const {
  std::map<std::string, std::string> out;
  for (Slot slot{0}; slot < table.slots_end(); ++slot.value) {
    if (!table.is_used(slot)) continue;
    out[std::string(table.key(slot).id)] =
        std::string(reinterpret_cast<const char*>(table.read(slot)), sizeof(engine::Customer));
  }
  return out;
}

}  // namespace holdfast::testing
