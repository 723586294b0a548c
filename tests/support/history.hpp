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

/// A task's input with all that makes it hard: few customers, ties within and across sources, customers whose events
/// are those of another, so that their timers tie, late events, repeated event ids, days that border, silences of
/// months, years before 1970, currencies that do not fit, records that are no events, customers who are erased and come
/// back.
struct History {
  engine::Model model;
  engine::RiskPolicy policy;
  std::vector<std::vector<reference::NaiveEvent>> sources;
  struct Swap {
    engine::Model model;
    Timestamp from;
  };
  std::vector<Swap> swaps{};  ///< In order of their moments.
};

/// The same seed gives the same history.
[[nodiscard]] History random_history(std::uint64_t seed);

/// Adds new models, some of them former ones, some within moments of each other, and events while customers come under
/// them. No two models in a row are the same.
void add_swaps(History& history, std::uint64_t seed);

/// Outcomes are watched, and mostly corrected by.
void add_calibration(History& history, std::uint64_t seed);

/// Events [from, to) of a source as a batch for a task; their offsets are their places.
[[nodiscard]] EventBatch batch_of(const std::vector<reference::NaiveEvent>& events, std::size_t from, std::size_t to);

/// Keeps what comes, as it comes.
class AlertList final : public engine::Output {
 public:
  struct Item {
    reference::NaiveAlert alert;
    double score = 0;  ///< base and contributions, added up
  };
  void alert(const Alert& alert) override;
  void rejected(SourceIndex source, const Rejection& rejection) override;
  std::vector<Item> items;
  std::size_t rejections = 0;
  /// All fields of all that came, exactly, a line each: to compare runs of the engine with each other.
  std::string text;
};

}  // namespace holdfast::testing
