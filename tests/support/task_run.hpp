#pragma once

#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "domain/step.hpp"
#include "engine/task.hpp"
#include "state/hot_table.hpp"
#include "tests/support/history.hpp"
#include "tests/support/named_models.hpp"

namespace holdfast::testing {

/// A task over a history, which must outlive it, with its customers and all that came of it.
struct TaskRun {
  explicit TaskRun(const History& history, Positions start = {}, state::TableMemory memory = {});

  /// All that lies behind the task's position, and that there is no more.
  void push_rest();
  /// Takes the history's models, before anything else. Returns the steps.
  std::vector<Step> take_swaps();

  /// A step with the size of `alerts.text` behind it.
  struct Taken {
    Step step;
    std::size_t text_size = 0;
  };
  /// Takes the history in batches of random size and order, in steps of `work_max` at most; the log's end is told
  /// whenever it is known. `live`: the log is said to end wherever it has been read to, a clock goes on meanwhile, and
  /// the history's models come at any time.
  std::vector<Taken> take_in_pieces(std::mt19937_64& random, bool live, std::size_t work_max);

  /// Bytes of all records, by customer.
  [[nodiscard]] std::map<std::string, std::string> records() const;

  const History& history;
  NamedModels models;
  state::HotTable table;
  engine::Task task;
  AlertList alerts;
};

}  // namespace holdfast::testing
