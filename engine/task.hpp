#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "domain/ports.hpp"
#include "domain/step.hpp"
#include "engine/calibration.hpp"
#include "engine/customer.hpp"
#include "engine/generations.hpp"
#include "engine/inbox.hpp"
#include "engine/model.hpp"
#include "engine/score.hpp"
#include "engine/timers.hpp"

namespace holdfast::engine {

/// Takes what a step leads to, in order.
class Output {
 public:
  virtual ~Output() = default;
  virtual void alert(const Alert& alert) = 0;
  virtual void rejected(SourceIndex source, const Rejection& rejection) = 0;
  /// An action that is about to take effect, if it has any; whether its customer is known or not.
  virtual void action(const Event& /*event*/) {}
};

/// What a task has counted since it was made.
struct TaskCounts {
  std::array<std::uint64_t, limits::sources_max> events{};
  std::array<std::array<std::uint64_t, rejection_codes>, limits::sources_max> rejected{};
  std::array<std::array<std::uint64_t, 4>, 6> alerts{};  ///< By change and level.
  std::uint64_t duplicates = 0;
  std::uint64_t late = 0;
  std::uint64_t misplaced = 0;
  std::uint64_t other_currency = 0;  ///< Amounts in another currency than the model's, or in none, if it names one.
  std::uint64_t erased = 0;          ///< Customers.
  std::uint64_t steps = 0;
  std::uint64_t timers = 0;
  std::uint64_t swaps = 0;        ///< Models that took the place of another one.
  std::uint64_t corrections = 0;  ///< Of a model, as outcomes arrived.
};

/// One input partition as a deterministic state machine: the same steps over the same records give the same state and
/// the same alerts. Knows no clock and no thread; docs/semantics.md says what it computes.
class Task {
 public:
  /// A task that starts at `start` with the customers in `table`, which must outlive it, as must `policy`. `model` is
  /// the one they are under until a marker or a step says another. `models` reads those; null: neither brings one.
  Task(Partition partition, std::shared_ptr<const Model> model, const RiskPolicy& policy, RecordTable& table,
       const Positions& start, ModelReader* models = nullptr);
  /// The same with a model that outlives it.
  Task(Partition partition, const Model& model, const RiskPolicy& policy, RecordTable& table, const Positions& start,
       ModelReader* models = nullptr)
      : Task(partition, std::shared_ptr<const Model>(std::shared_ptr<const Model>(), &model), policy, table, start,
             models) {}

  /// Takes over from a checkpoint: the table holds its records. Sets every customer's timer.
  void restore(const Marker& marker);

  /// Adds records of a source, in offset order.
  void push(SourceIndex source, EventBatch batch) {
    inbox_.push(source, std::move(batch));
    expect_customers(source);
  }
  /// Nothing lies between what was pushed and `end`, and the log held no more when last asked.
  void reached_end(SourceIndex source, Offset end) { inbox_.reached_end(source, end); }
  /// Forgets what was pushed and is not applied yet: it will be read again from position().
  void drop_input() { inbox_ = Inbox(inbox_.position()); }
  /// Batches used up since the last call, for their memory to be used again. Empty: none.
  [[nodiscard]] std::optional<EventBatch> take_used_batch() { return inbox_.take_used(); }
  [[nodiscard]] std::size_t batches_waiting(SourceIndex source) const { return inbox_.batches(source); }

  /// Merges as far as the records at hand allow: a source without a record is waited for until it has reached its end.
  /// Once all have, advances to `clock` as well (before_all_time: no clock). Stops after about `work_max` records and
  /// timers, those that are only moved not counted. Begins with `swap`, if it is given: its `from` is put off to the
  /// first moment that is later than all that has happened. Returns the step that was applied, if it changed anything.
  /// Records later than `until` are left alone: time comes to `clock` once nothing else is left before them.
  std::optional<Step> advance(Timestamp clock, std::size_t work_max, Output& output, Timestamp until = after_all_time,
                              const ModelSwap* swap = nullptr);

  /// Whether the records that `step` needs are at hand.
  [[nodiscard]] bool ready_for(const Step& step) const;
  /// Applies a recorded step. REQUIRES: ready_for(step), step.number == steps() + 1.
  void apply(const Step& step, Output& output);

  /// Whether advance() up to `until` has nothing more to wait for.
  [[nodiscard]] bool settled(Timestamp until) const;
  /// Whether every source has reached its end and no record waits.
  [[nodiscard]] bool caught_up() const { return inbox_.exhausted(); }
  [[nodiscard]] Partition partition() const { return partition_; }
  [[nodiscard]] const Positions& position() const { return inbox_.position(); }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] Timestamp stream_time() const { return stream_time_; }
  /// Nothing happens before without a record; after_all_time: no timer is set.
  [[nodiscard]] Timestamp next_timer() const { return std::min(timers_.next_due(), next_change()); }
  /// The models that customers are under, or will be; the newest is the last.
  [[nodiscard]] std::span<const Generation> models() const { return generations_.all(); }
  /// The one that a customer is under now.
  [[nodiscard]] const std::shared_ptr<const Model>& model_of(const CustomerKey& customer) const {
    return generations_.at(customer.hash, stream_time_).model;
  }
  /// That of the newest model that customers come under.
  [[nodiscard]] const Correction& correction() const { return generations_.newest_begun().correction; }
  /// Whether its steps, or the checkpoint it was restored from, say which model it is under.
  [[nodiscard]] bool model_is_recorded() const { return model_is_recorded_; }
  /// Null: outcomes are not held against scores.
  [[nodiscard]] const Calibration* calibration() const { return calibration_ ? &*calibration_ : nullptr; }
  [[nodiscard]] const TaskCounts& counts() const { return counts_; }
  /// Goes on counting from there: what is replayed was counted before.
  void set_counts(const TaskCounts& counts) { counts_ = counts; }
  [[nodiscard]] std::size_t timer_bytes() const { return timers_.memory_bytes(); }
  /// Where a checkpoint of the table stands now.
  [[nodiscard]] Marker marker(PolicyId policy, Timestamp taken_at) const;

 private:
  void expect_customers(SourceIndex source);
  void set_all_timers();
  std::shared_ptr<const ModelSwap> take(const ModelSwap& swap);
  [[nodiscard]] Timestamp next_change() const;
  [[nodiscard]] bool changes_by(Timestamp t) const { return next_change() <= t && next_change() != after_all_time; }
  void change();
  void change_models();
  void bring_under(const Generation& generation);
  void review();
  std::size_t advance_time(Timestamp t, std::size_t timers_max, Output& output);
  [[nodiscard]] Timestamp time_before(const Event& event) const;
  std::optional<Timers::Due> next_to_fire(Timestamp t);
  std::optional<Timers::Due> next_timer_due(Timestamp t);
  void fire(Timers::Due due, Output& output);
  void probe(const CustomerKey& key, Customer& customer, Timestamp t);
  void take_head(const Inbox::Head& head, Output& output);
  void apply_record(SourceIndex source, const Event& event, Output& output);
  void erase(SourceIndex source, const Event& event, Output& output);
  void judge(CustomerKey key, Customer& customer, LazyScore& score, Timestamp t, const Trigger& trigger,
             Timestamp logged_at, Output& output);
  void emit(CustomerKey key, Customer& customer, Change change, Level level, Timestamp t, double risk,
            const Trigger& trigger, Timestamp logged_at, Output& output);
  /// Nothing happens to the customer between its moment and `quiet`.
  void set_timer(Slot slot, Timestamp quiet);
  void set_timer(Slot slot, const Customer& customer, LazyScore& score, Timestamp quiet);
  [[nodiscard]] bool has_no_dates() const { return generations_.is_one_for_all() && !calibration_; }
  /// When the customer comes under another model, or is asked what became of it.
  [[nodiscard]] Timestamp next_date(Slot slot, const Customer& customer) const;
  void set_timers(std::span<const Slot> slots, Timestamp quiet);

  Partition partition_;
  const RiskPolicy& policy_;
  Generations generations_;
  std::optional<Calibration> calibration_;
  ModelReader* const models_;
  bool model_is_recorded_ = false;
  RecordTable& table_;
  Inbox inbox_;
  Timers timers_;
  std::vector<Slot> soon_;  ///< Customers who come under a new model within the tick of timers that is under way.
  Timestamp stream_time_ = before_all_time;
  std::uint64_t steps_ = 0;
  TaskCounts counts_;
};

}  // namespace holdfast::engine
