#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/event.hpp"
#include "domain/step.hpp"
#include "engine/model.hpp"
#include "engine/task.hpp"
#include "tests/reference/naive_engine.hpp"

namespace holdfast::testing {

/// A task's input with all that makes it hard: few customers, ties within and across sources, late events, repeated
/// event ids, days that border, silences of months, currencies that do not fit.
struct History {
  engine::Model model;
  engine::RiskPolicy policy;
  std::vector<std::vector<reference::NaiveEvent>> sources;
};

/// The same seed gives the same history.
[[nodiscard]] History random_history(std::uint64_t seed);

/// Events [from, to) of a source as a batch for a task; their offsets are their places.
[[nodiscard]] EventBatch batch_of(const std::vector<reference::NaiveEvent>& events, std::size_t from, std::size_t to);

/// Keeps alerts as they come.
class AlertList final : public engine::Output {
 public:
  struct Item {
    reference::NaiveAlert alert;
    double score = 0;  ///< base and contributions, added up
  };
  void alert(const Alert& alert) override;
  void rejected(SourceIndex, const Rejection&) override {}
  std::vector<Item> items;
};

/// All fields, exactly, as one line: to compare runs of the engine with each other.
[[nodiscard]] std::string text_of(const AlertList& list);

}  // namespace holdfast::testing
