#include "engine/task.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "engine/outlook.hpp"
#include "engine/risk.hpp"
#include "engine/score.hpp"

namespace holdfast::engine {
namespace {

/// Events between the request for a customer and its use; what a memory access takes is some tens of nanoseconds.
constexpr std::size_t index_ahead = 16;
constexpr std::size_t record_ahead = 8;

/// And for a customer who may lie on the disk: enough for it to read many at once, and few enough for all of them to
/// stay in memory until their turn comes.
constexpr std::size_t disk_ahead = 512;

/// Customers on the disk whom a restore, or a tick of timers, asks for at once.
constexpr std::size_t read_at_once = 1024;

TriggerType trigger_type(EventKind kind) {
  switch (kind) {
    case EventKind::purchase: return TriggerType::purchase;
    case EventKind::complaint: return TriggerType::complaint;
    case EventKind::visit: return TriggerType::visit;
    case EventKind::action: return TriggerType::action;
  }
  return TriggerType::visit;
}

Change change_between(Level from, Level to) {
  if (from == Level::none) return Change::raised;
  if (to == Level::none) return Change::resolved;
  return to > from ? Change::escalated : Change::eased;
}

/// Whether the difference between two corrections would show: everybody comes under another one for it.
bool is_worth_a_change(const Correction& a, const Correction& b) {
  constexpr double least = 0.005;
  return std::abs(a.intercept - b.intercept) >= least || std::abs(a.slope - b.slope) >= least;
}

bool expires_at(const Customer& customer, const RiskPolicy& policy, Timestamp t) {
  return customer.current_level() != Level::none && expiry_of(customer, policy) <= t;
}

}  // namespace

Task::Task(Partition partition, std::shared_ptr<const Model> model, const RiskPolicy& policy, RecordTable& table,
           const Positions& start, ModelReader* models)
    : partition_(partition),
      policy_(policy),
      generations_(std::move(model), policy.horizon),
      models_(models),
      table_(table),
      inbox_(start),
      timers_(table) {
  if (policy.calibration != CalibrationUse::off) calibration_.emplace(policy.horizon, policy.calibration_half_life);
}

void Task::restore(const Marker& marker) {
  stream_time_ = marker.stream_time;
  steps_ = marker.step;
  const bool corrects = goes_on_correcting(policy_, marker.calibration);
  if (models_ != nullptr && !marker.models.empty()) {
    generations_.restore(marker.models, *models_, corrects);
    model_is_recorded_ = true;
  }
  // Whoever began to ask later does not know when a score was noted that it finds.
  if (calibration_ && marker.calibration) calibration_->restore(*marker.calibration, stream_time_ + Duration{1});
  if (calibration_ && !marker.calibration) calibration_->begin(stream_time_ + Duration{1});
  if (calibration_ && !corrects) calibration_->end_corrections(stream_time_);
  set_all_timers();
}

void Task::set_all_timers() {
  std::array<Slot, read_at_once> slots{};
  for (Slot slot{0}; slot < table_.slots_end(); ++slot.value) {
    if (slot.value % read_at_once == 0) {
      for (std::uint32_t i = 0; i < read_at_once; ++i) slots[i] = {slot.value + i};
      table_.expect(std::span(slots).first(std::min<std::size_t>(read_at_once, table_.slots_end().value - slot.value)));
    }
    if (!table_.is_used(slot)) continue;
    timers_.forget(slot);  // Of another task with this table, if there was one.
    set_timer(slot, before_all_time);
  }
}

std::optional<Step> Task::advance(Timestamp clock, std::size_t work_max, Output& output, Timestamp until,
                                  const ModelSwap* swap) {
  std::size_t work = 0;
  Step step;
  if (swap != nullptr) step.swap = take(*swap);
  while (work < work_max) {
    auto head = inbox_.next();
    if (head && time_before(*head->event) > until) head.reset();
    // A clock that fires nothing, and brings neither a model nor a week, changes nothing: alone it makes no step.
    const bool tick =
        !head && clock > stream_time_ && settled(until) && (work > 0 || changes_by(clock) || next_to_fire(clock));
    if (!head && !tick) break;

    const std::size_t fired = advance_time(head ? time_before(*head->event) : clock, work_max - work, output);
    work += fired;
    if (tick || work == work_max) {
      step.clock = stream_time_;
      if (work == work_max) step.timers = static_cast<std::uint32_t>(fired);
      break;
    }
    take_head(*head, output);
    ++work;
  }
  const bool moved = inbox_.skip_gaps();
  if (work == 0 && !moved && step.clock == before_all_time && step.swap == nullptr) return std::nullopt;
  ++counts_.steps;
  step.number = ++steps_;
  step.end = inbox_.position();
  return step;
}

bool Task::settled(Timestamp until) const {
  const auto head = inbox_.next();
  return head ? time_before(*head->event) > until : inbox_.exhausted();
}

bool Task::ready_for(const Step& step) const { return inbox_.holds(step.end); }

void Task::apply(const Step& step, Output& output) {
  assert(step.number == steps_ + 1);
  assert(ready_for(step));
  if (step.swap != nullptr) take(*step.swap);
  while (const auto head = inbox_.next_before(step.end)) {
    advance_time(time_before(*head->event), Step::all_timers, output);
    take_head(*head, output);
  }
  inbox_.skip_gaps_before(step.end);
  if (step.clock != before_all_time) advance_time(step.clock, step.timers, output);
  ++counts_.steps;
  ++steps_;
}

// Returns what it came to.
std::shared_ptr<const ModelSwap> Task::take(const ModelSwap& swap) {
  assert(models_ != nullptr);
  auto model = models_->read(swap.model).value();
  auto taken = std::make_shared<ModelSwap>(swap);
  model_is_recorded_ = true;
  if (swap.from == before_all_time) {
    const bool is_another = generations_.all().size() > 1 || generations_.all().front().model->id != model->id;
    generations_.replace(std::move(model));
    if (is_another && calibration_) calibration_->begin(before_all_time);
    if (is_another) set_all_timers();
  } else {
    // Whoever was looked at was looked at under the models before.
    taken->from = std::max({swap.from, stream_time_ + Duration{1}, generations_.all().back().from});
    generations_.add(std::move(model), taken->from);
    ++counts_.swaps;
  }
  return taken;
}

// When something happens to the task as a whole.
Timestamp Task::next_change() const {
  return std::min(generations_.next_change(), calibration_ ? calibration_->next_review() : after_all_time);
}

void Task::change() {
  if (calibration_ && calibration_->next_review() <= generations_.next_change()) {
    review();
  } else {
    change_models();
  }
}

// A week begins: what has become known in the last one counts from now on. While customers come under another model it
// is left to the next week.
void Task::review() {
  const Timestamp now = calibration_->next_review();
  calibration_->review();
  if (policy_.calibration != CalibrationUse::correct || !generations_.is_one_for_all()) return;
  const Correction correction = calibration_->fitted();
  if (!is_worth_a_change(generations_.all().front().correction, correction)) return;
  calibration_->correct(now, correction);
  ++counts_.corrections;
  generations_.correct(correction, now);
  bring_under(*generations_.change(table_.size()));
}

// Time has come to where a model that a swap brought begins, or where one ends.
void Task::change_models() {
  const Generation* const begins = generations_.change(table_.size());
  if (begins == nullptr) return;
  if (calibration_) calibration_->begin(begins->end());
  bring_under(*begins);
}

// No timer may stand behind the moment at which its customer comes under the model; when it comes up, it is found out
// what else there is.
void Task::bring_under(const Generation& generation) {
  soon_.clear();
  table_.for_each_hash([&](Slot slot, std::uint32_t hash_low) {
    if (!timers_.bring_forward(slot, generation.adoption(hash_low))) soon_.push_back(slot);
  });
  set_timers(soon_, before_all_time);
}

Marker Task::marker(PolicyId policy, Timestamp taken_at) const {
  Marker marker{.partition = partition_,
                .policy = policy,
                .record_format = customer_format,
                .step = steps_,
                .position = inbox_.position(),
                .stream_time = stream_time_,
                .customers = table_.size(),
                .taken_at = taken_at};
  for (const Generation& generation : generations_.all())
    marker.models.push_back({generation.base->bytes, generation.from, generation.spread, generation.correction});
  if (calibration_) marker.calibration = calibration_->state();
  return marker;
}

/// Where time has to come before the event is applied: a record that is no event does not move it.
Timestamp Task::time_before(const Event& event) const { return event.rejection != nullptr ? stream_time_ : event.time; }

// Fires what is due at or before `t`, in order, and returns how many; fewer than `timers_max`: time came to `t`.
// Otherwise it stopped behind the last one that fired, and going on from there later is the same as going on at once.
std::size_t Task::advance_time(Timestamp t, std::size_t timers_max, Output& output) {
  for (std::size_t fired = 0; fired < timers_max; ++fired) {
    const auto due = next_to_fire(t);
    if (!due) {
      stream_time_ = std::max(stream_time_, t);
      return fired;
    }
    stream_time_ = std::max(stream_time_, due->at);
    fire(*due, output);
  }
  return timers_max;
}

// What comes before a model begins or ends, or a week, is none of its business. REQUIRES: time goes on to `t`, or to
// what is returned; or nothing of the kind happens up to `t`.
std::optional<Timers::Due> Task::next_to_fire(Timestamp t) {
  while (changes_by(t)) {
    if (const auto due = next_timer_due(next_change() - Duration{1})) return due;
    change();
  }
  return next_timer_due(t);
}

// A timer that comes up may stand before the moment at which something happens to its customer: it is moved there,
// which nobody sees.
std::optional<Timers::Due> Task::next_timer_due(Timestamp t) {
  while (timers_.next_due() <= t) {
    const auto tick = timers_.take_tick(t);
    set_timers(tick, timers_.tick());
    if (const auto first = timers_.first(t); first || tick.empty()) return first;
  }
  return std::nullopt;
}

void Task::set_timers(std::span<const Slot> slots, Timestamp quiet) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i % read_at_once == 0) table_.expect(slots.subspan(i, std::min(read_at_once, slots.size() - i)));
    set_timer(slots[i], quiet);
  }
}

void Task::fire(Timers::Due due, Output& output) {
  ++counts_.timers;
  timers_.take_first();
  Customer& customer = customer_at(table_.modify(due.slot));
  const CustomerKey key = table_.key(due.slot);
  const Model& model = *generations_.at(key.hash, due.at).model;
  if (expires_at(customer, policy_, due.at)) {
    const double risk = risk_at(customer, model, policy_.horizon, due.at);
    const Trigger silence{.type = TriggerType::silence};
    emit(key, customer, Change::expired, Level::none, due.at, risk, silence, Timestamp{-1}, output);
  } else {
    const bool is_adoption = !generations_.is_one_for_all() && generations_.is_adopted_at(key.hash, due.at);
    const Trigger trigger{.type = is_adoption ? TriggerType::model : TriggerType::silence};
    LazyScore score(customer, model, policy_.horizon);
    judge(key, customer, score, due.at, trigger, Timestamp{-1}, output);
  }
  if (calibration_) probe(key, customer, due.at);
  // Only now: it rounds the counters, and what was found by the search for the moment must hold when it is judged.
  advance_to(customer, due.at);
  LazyScore score(customer, model, policy_.horizon);
  set_timer(due.slot, customer, score, customer.moment());
}

// What became of the customer since it was asked, a horizon ago, and what is expected of it now.
void Task::probe(const CustomerKey& key, Customer& customer, Timestamp t) {
  if (t < stream_time_ || !calibration_->is_probe(key.hash, t)) return;
  if (customer.probe != 0) {
    const bool left = customer.last() <= t - policy_.horizon;
    calibration_->learn(customer.probe, left, t, stream_time_);
    customer.probe = 0;
  }
  const Score score(customer, *generations_.at(key.hash, t).base, policy_.horizon);
  customer.probe = Calibration::bin_of(score.at(t).value) & 0x3f;
  calibration_->ask(customer.probe, t, stream_time_);
}

void Task::expect_customers(SourceIndex source) {
  if (const auto events = inbox_.look_ahead(source, disk_ahead); !events.empty()) table_.expect(events);
}

void Task::take_head(const Inbox::Head& head, Output& output) {
  expect_customers(head.source);
  // By the time that an event's turn comes, its customer is in the cache.
  if (const Event* const event = inbox_.behind_head(head.source, index_ahead))
    table_.prefetch_index(event->customer.hash);
  if (const Event* const event = inbox_.behind_head(head.source, record_ahead))
    table_.prefetch_record(event->customer.hash);
  apply_record(head.source, *head.event, output);
  inbox_.pop(head.source);
}

void Task::apply_record(SourceIndex source, const Event& event, Output& output) {
  if (event.rejection != nullptr) {
    ++counts_.rejected[source.value][static_cast<std::size_t>(event.rejection->code)];
    output.rejected(source, *event.rejection);
    return;
  }
  ++counts_.events[source.value];
  counts_.misplaced += event.misplaced ? 1 : 0;

  if (event.kind == EventKind::action) {
    output.action(event);
    if (event.erases) erase(source, event, output);
    return;
  }
  const Slot slot = table_.find_or_insert(event.customer).first;
  Customer& customer = customer_at(table_.modify(slot));
  const Timestamp standing = timers_.standing(slot);
  const Outlook outlook(customer, standing);
  const Applied applied = apply_event(customer, event);
  if (applied == Applied::duplicate) {
    ++counts_.duplicates;
    return;
  }
  counts_.late += applied == Applied::late_event ? 1 : 0;
  const Model& model = *generations_.at(event.customer.hash, customer.moment()).model;
  if (event.has_amount && model.currency && event.currency != *model.currency) ++counts_.other_currency;
  LazyScore score(customer, model, policy_.horizon);
  // Where alerts were not made for the customer until now, its timer heeded no dates.
  if (next_date(slot, customer) < standing || !outlook.stands(customer, event.kind, score, policy_)) {
    const Trigger trigger{trigger_type(event.kind), source, event.offset, event.event_id};
    judge(event.customer, customer, score, customer.moment(), trigger, event.logged_at, output);
    set_timer(slot, customer, score, customer.moment());
  }
  // Its own, or others that a step has left for the next one.
  while (const auto due = next_to_fire(stream_time_)) fire(*due, output);
}

// No look at the event's id: a customer stays erased if it is asked twice, and must not stay because of an id that
// something else had.
void Task::erase(SourceIndex source, const Event& event, Output& output) {
  const auto slot = table_.find(event.customer);
  if (!slot) return;
  const Customer& customer = customer_at(table_.read(*slot));
  const Timestamp moment = std::max(event.time, customer.moment());
  counts_.late += event.time < moment ? 1 : 0;
  ++counts_.erased;
  if (customer.seq > 0) {
    ++counts_.alerts[static_cast<std::size_t>(Change::erased)][static_cast<std::size_t>(Level::none)];
    const Model& model = *generations_.at(event.customer.hash, moment).model;
    // Who was told of the customer is told to forget; what was known of it is not told once more.
    output.alert({.customer = event.customer,
                  .seq = customer.seq + 1,
                  .episode = customer.episode,
                  .change = Change::erased,
                  .level = Level::none,
                  .previous_level = customer.current_level(),
                  .time = moment,
                  .reasons = {},
                  .trigger = {TriggerType::action, source, event.offset, event.event_id},
                  .logged_at = event.logged_at,
                  .model_id = model.id,
                  .model_name = model.name,
                  .arm = arm_of(event.customer.id, policy_.control),
                  .first_purchase = {},
                  .last_purchase = {},
                  .currency = {}});
  }
  timers_.forget(*slot);
  table_.erase(*slot);
}

void Task::judge(CustomerKey key, Customer& customer, LazyScore& score, Timestamp t, const Trigger& trigger,
                 Timestamp logged_at, Output& output) {
  if (!is_judged(customer, policy_)) return;
  const Level before = customer.current_level();
  const double risk = score.get().risk(t);
  const Level after = judged_level(before, risk, policy_);
  if (after != before) emit(key, customer, change_between(before, after), after, t, risk, trigger, logged_at, output);
}

void Task::emit(CustomerKey key, Customer& customer, Change change, Level level, Timestamp t, double risk,
                const Trigger& trigger, Timestamp logged_at, Output& output) {
  ++customer.seq;
  if (change == Change::raised) {
    if (customer.episode < std::numeric_limits<std::uint16_t>::max()) ++customer.episode;
    customer.raised_at_ms = t.ms;
  }
  const Level previous = customer.current_level();
  customer.set_level(level);
  customer.set(Customer::lost, change == Change::expired);
  ++counts_.alerts[static_cast<std::size_t>(change)][static_cast<std::size_t>(level)];

  const Generation& generation = generations_.at(key.hash, t);
  const Model& model = *generation.model;
  const Explanation explanation = explain_at(customer, model, policy_.horizon, t, generation.newcomer_logit);
  const std::optional<double> expected = expected_spend_at(customer, model, policy_.horizon, t);
  output.alert({.customer = key,
                .seq = customer.seq,
                .episode = customer.episode,
                .change = change,
                .level = level,
                .previous_level = previous,
                .time = t,
                .risk = risk,
                .p_alive = p_alive_at(customer, model, t),
                .base = explanation.base,
                .reasons = explanation.span(),
                .trigger = trigger,
                .logged_at = logged_at,
                .model_id = model.id,
                .model_name = model.name,
                .arm = arm_of(key.id, policy_.control),
                .correction = generation.correction,
                .state = state_of(customer),
                .purchases = customer.purchases,
                .first_purchase = customer.first(),
                .last_purchase = customer.last(),
                .open_complaints = customer.open_complaints,
                .has_value = customer.has(Customer::has_amount),
                .has_expected = expected.has_value(),
                .currency = Currency{customer.currency},
                .spent = customer.spent,
                .expected = expected.value_or(0),
                .at_risk = expected.value_or(0) * risk});
}

void Task::set_timer(Slot slot, Timestamp quiet) {
  const Customer& customer = customer_at(table_.read(slot));
  const std::uint64_t hash = has_no_dates() ? 0 : table_.key(slot).hash;
  LazyScore score(customer, *generations_.at(hash, customer.moment()).model, policy_.horizon);
  set_timer(slot, customer, score, std::max(quiet, customer.moment()));
}

// Where the customer's moment is takes a search in a logistic score: mostly something else happens to it before, so
// that is left to when the timer comes up.
void Task::set_timer(Slot slot, const Customer& customer, LazyScore& score, Timestamp quiet) {
  // A near timer is exact, and fires.
  const bool is_near = timers_.standing(slot) == before_all_time;
  if (score.model().logistic && !is_near && is_judged(customer, policy_)) {
    const Timestamp until = std::min(quiet_until(customer, score, policy_, quiet), next_date(slot, customer));
    if (until > quiet && timers_.bring_forward(slot, until)) return;
  }
  timers_.set(slot, std::min(engine::next_timer(customer, score, policy_), next_date(slot, customer)));
}

Timestamp Task::next_date(Slot slot, const Customer& customer) const {
  if (has_no_dates()) return after_all_time;
  const std::uint64_t hash = table_.key(slot).hash;
  const Timestamp moment = customer.moment();
  // Another model makes no difference to those whom alerts are not made for.
  Timestamp next = is_judged(customer, policy_) ? generations_.next_adoption(hash, moment) : after_all_time;
  // Nobody is asked of what lies behind: not who is told of late, nor all when asking begins.
  const Timestamp behind = stream_time_ == before_all_time ? moment : std::max(moment, stream_time_ - Duration{1});
  if (calibration_ && customer.purchases > 0) next = std::min(next, calibration_->next_probe(hash, behind));
  return next;
}

}  // namespace holdfast::engine
