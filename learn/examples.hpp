#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "domain/ports.hpp"
#include "domain/time.hpp"
#include "engine/control_group.hpp"
#include "engine/model.hpp"
#include "learn/action_history.hpp"
#include "learn/example_budget.hpp"

namespace holdfast::learn {

/// A customer as it stood at a cut-off, and whether it stayed away for the horizon behind it.
struct Example {
  std::uint64_t customer = 0;          ///< Hash of the id.
  std::uint32_t cutoff = 0;            ///< Which one, from 0.
  std::uint32_t repeats = 0;           ///< x
  double first_to_last_days = 0;       ///< t_x
  double age_days = 0;                 ///< T
  double mean_repeat_spend = 0;        ///< Of a repeat purchase day, currency units; 0: not known.
  double risk = 0;                     ///< Under the model that the customer was under; 0 without one.
  std::array<float, features> values;  ///< By Feature; NaN: absent, as mbg_logit and purchase_history always are.
  CustomerState state{};
  Currency currency = {};  ///< Of its amounts, if their sum is known.
  bool left = false;
  // Of a trial of what can be done for customers, and of no weight in any model of risk:
  Arm arm{};                   ///< none: there is no control group.
  std::uint8_t treatment = 0;  ///< Kind of the first action behind the cut-off, within the horizon and not behind a
                               ///< purchase; 0: none.
  float treatment_days = std::numeric_limits<float>::quiet_NaN();     ///< From the cut-off to it; NaN: none.
  float days_since_action = std::numeric_limits<float>::quiet_NaN();  ///< At the cut-off; NaN: none before it.
};

/// Where history is cut: what is known before is held against what came within the horizon behind it.
struct Cutoffs {
  std::vector<Timestamp> at;  ///< In order of time.
  Duration horizon;

  /// When an outcome is known: until then, and no longer, the history has to reach.
  [[nodiscard]] Timestamp end(std::size_t cutoff) const { return at[cutoff] + horizon; }
  /// All moments at which the customers have to be looked at, in order of time, each once.
  [[nodiscard]] std::vector<Timestamp> moments() const;
};

/// Cut-offs every `step`, the last one such that its outcomes are known at `until`, the first one not before `from`.
[[nodiscard]] Cutoffs rolling_cutoffs(Timestamp from, Timestamp until, Duration horizon, Duration step);

/// Collects examples from the customers of one task while it goes through history. What a customer does after a cut-off
/// has no way into its example but as the outcome: the features are those of the engine's own record at that moment.
///
/// Bounded: it keeps what the budget that it shares with the collectors of other tasks leaves it, but for a while what
/// others' examples have left no room for since it last looked.
class ExampleCollector {
 public:
  /// The model that a customer is under; null: none.
  using ModelOf = std::function<const engine::Model*(const CustomerKey&)>;

  /// `control`: whose arms examples have. `cutoffs` and `budget` must outlive the collector.
  ExampleCollector(const Cutoffs& cutoffs, ExampleBudget& budget, const engine::ControlGroup& control = {})
      : cutoffs_(cutoffs), budget_(budget), control_(control), actions_(cutoffs.at) {}

  /// REQUIRES: the table holds engine::Customer records of a task that has just come to `moment`; called once for each
  /// of cutoffs.moments(), in their order. Examples carry the risk over the horizon of the cut-offs by `model_of`.
  void look(Timestamp moment, const RecordTable& customers, const ModelOf& model_of = no_model);
  /// Something of this kind, from 1 on, was done for a customer. Called when the task comes to it, with its table.
  void acted(const CustomerKey& customer, Timestamp t, std::uint8_t kind, const RecordTable& customers);
  /// The customer was erased: what was done for it before is known no more.
  void erased(std::uint64_t customer) { actions_.forget(customer); }

  /// Examples whose outcome is known and that the budget has room for, by cut-off, then in order of the customers'
  /// first events. Of who was erased before, none has an outcome; of who was erased later, whoever knows of it leaves
  /// them out. Empties the collector. REQUIRES: all collectors have seen all.
  [[nodiscard]] std::vector<Example> take();

 private:
  struct Waiting {
    Example example;
    Slot slot;
  };

  static const engine::Model* no_model(const CustomerKey&) { return nullptr; }
  void begin(std::uint32_t cutoff, const RecordTable& customers, const ModelOf& model_of);
  void end(std::uint32_t cutoff, const RecordTable& customers);
  void leave_out();

  const Cutoffs& cutoffs_;
  ExampleBudget& budget_;
  const engine::ControlGroup control_;
  ActionHistory actions_;
  std::uint64_t hash_max_ = ~std::uint64_t{0};  ///< Those above have been left out.
  std::vector<Waiting> waiting_;
  std::vector<Example> known_;
};

/// The examples of all tasks as one, by cut-off and hash, however many tasks there were.
[[nodiscard]] std::vector<Example> merge(std::span<ExampleCollector> collectors);

}  // namespace holdfast::learn
