#include "tests/reference/naive_engine.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

namespace holdfast::reference {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t sixteen_bits = 65'535;
constexpr std::size_t remembered_ids = 6;
constexpr std::int64_t people_in_tick = 8192;
constexpr std::int64_t tick_ms = 131'072;

const std::map<Feature, double> half_lives{{Feature::purchases_30d, 30},
                                           {Feature::purchases_90d, 90},
                                           {Feature::visits_30d, 30},
                                           {Feature::complaints_opened_60d, 60},
                                           {Feature::complaints_resolved_60d, 60},
                                           {Feature::complaints_withdrawn_60d, 60},
                                           {Feature::returns_60d, 60}};

double days(Duration d) { return static_cast<double>(d.ms) / 86'400'000.0; }

std::int64_t day_of(Timestamp t) {
  std::int64_t day = t.ms / day_ms;
  if (t.ms % day_ms < 0) --day;
  return day;
}

/// A feature's part of the score: beyond its range it counts as if it were at the end of it.
double counted(const engine::Logistic::Term& term, double value) {
  return term.weight * std::min(std::max(value, term.least), term.most);
}

/// Whether the customer did it, not the shop.
bool gets_in_touch(const NaiveEvent& event) {
  if (event.kind == EventKind::visit) return true;
  if (event.kind != EventKind::complaint) return false;
  return event.status == ComplaintStatus::opened || event.status == ComplaintStatus::reopened ||
         event.status == ComplaintStatus::withdrawn;
}

std::vector<Feature> counted_by(const NaiveEvent& event) {
  if (event.kind == EventKind::purchase) return {Feature::purchases_30d, Feature::purchases_90d};
  if (event.kind == EventKind::visit) return {Feature::visits_30d};
  if (event.is_return) return {Feature::returns_60d};
  if (event.status == ComplaintStatus::opened || event.status == ComplaintStatus::reopened)
    return {Feature::complaints_opened_60d};
  if (event.status == ComplaintStatus::resolved) return {Feature::complaints_resolved_60d};
  if (event.status == ComplaintStatus::withdrawn) return {Feature::complaints_withdrawn_60d};
  return {};
}

}  // namespace

NaiveEngine::NaiveEngine(engine::Model model, engine::RiskPolicy policy, std::vector<std::vector<NaiveEvent>> sources)
    : policy_(policy), sources_(std::move(sources)), next_(sources_.size()) {
  reigns_.push_back({std::move(model), Timestamp{std::numeric_limits<std::int64_t>::min()}, Duration{0}});
}

Timestamp NaiveEngine::swap(engine::Model model, Timestamp from) {
  if (from.ms == std::numeric_limits<std::int64_t>::min()) {
    if (reigns_.size() > 1 || reigns_.front().model.id != model.id) restart_calibration(from);
    reigns_.assign(1, {std::move(model), from, Duration{0}});
    for (auto& [id, person] : people_) set_timer(id, person);
    return from;
  }
  if (stream_time_) from = std::max(from, *stream_time_ + Duration{1});
  from = std::max(from, reigns_.back().from);
  reigns_.push_back({std::move(model), from, std::nullopt});
  return from;
}

void NaiveEngine::run() {
  std::vector<std::size_t> ends;
  for (const auto& source : sources_) ends.push_back(source.size());
  step(ends, std::nullopt);
}

void NaiveEngine::step(const std::vector<std::size_t>& ends, std::optional<Timestamp> clock) {
  while (true) {
    std::optional<std::size_t> best;
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      while (next_[s] < ends[s] && sources_[s][next_[s]].rejected) ++next_[s];
      if (next_[s] >= ends[s]) continue;
      if (!best || sources_[s][next_[s]].time < sources_[*best][next_[*best]].time) best = s;
    }
    if (!best) break;
    take(*best, next_[*best]++);
  }
  if (clock) advance(*clock);
}

void NaiveEngine::advance(Timestamp clock) {
  const Timestamp goal = stream_time_ ? std::max(clock, *stream_time_) : clock;
  while (begin_or_fire(goal)) {
  }
  stream_time_ = goal;
}

/// What comes first up to `goal`: a model, or a timer. False: nothing.
bool NaiveEngine::begin_or_fire(Timestamp goal) {
  Person* first = nullptr;
  const std::string* id = nullptr;
  for (auto& [candidate, person] : people_) {  // In order of ids: ties go to the lesser one.
    if (!person.timer || *person.timer > goal) continue;
    if (first != nullptr && *person.timer >= *first->timer) continue;
    first = &person;
    id = &candidate;
  }
  const auto next = std::ranges::find_if(reigns_, [](const Reign& reign) { return !reign.spread; });
  const bool begins = next != reigns_.end() && next->from <= goal && (first == nullptr || next->from <= *first->timer);
  const bool reviews = calibration_.next_review && *calibration_.next_review <= goal &&
                       (first == nullptr || *calibration_.next_review <= *first->timer);
  if (reviews && (!begins || *calibration_.next_review <= next->from)) {
    review();
    return true;
  }
  if (begins) {
    next->spread = spread_for_all();
    restart_calibration(next->from + *next->spread);
    for (auto& [candidate, person] : people_) set_timer(candidate, person);
    return true;
  }
  if (first == nullptr) return false;
  const Timestamp t = *first->timer;
  stream_time_ = stream_time_ ? std::max(*stream_time_, t) : t;
  const bool expires =
      first->level != Level::none && std::max(first->raised_at, first->last) + policy_.expire_after <= t;
  const std::size_t reign = reign_of(*id, t);
  model_ = &reigns_[reign].model;
  if (expires) {
    first->lost = true;
    alert(*id, *first, t, Change::expired, Level::none, Cause{});
  } else {
    Cause cause;
    if (reign > 0 && adoption(*id, reigns_[reign]) == t) cause.type = TriggerType::model;
    judge(*id, *first, t, cause);
  }
  probe(*id, *first, t);
  decay(*first, t);
  set_timer(*id, *first);
  return true;
}

/// A draw from [0, 1), which hangs on the id and the seed alone.
Arm NaiveEngine::arm(const std::string& id) const {
  if (policy_.control.share == 0) return Arm::none;
  const std::uint64_t hash = fingerprint(id, 7'165'066'978'584'914'944 + policy_.control.seed);
  const double draw = static_cast<double>(hash >> 11) / 9'007'199'254'740'992.0;
  return draw < policy_.control.share ? Arm::control : Arm::treatment;
}

Duration NaiveEngine::spread_for_all() const {
  const auto people = static_cast<std::int64_t>(people_.size());
  return {std::max<std::int64_t>(1, (people + people_in_tick - 1) / people_in_tick) * tick_ms};
}

/// When somebody comes under a model: everybody has a place in the spread, which hangs on the id alone.
Timestamp NaiveEngine::adoption(const std::string& id, const Reign& reign) {
  const std::uint64_t place = make_customer_key(id).hash % (std::uint64_t{1} << 32) / 256;
  return reign.from + Duration{static_cast<std::int64_t>(place * static_cast<std::uint64_t>(reign.spread->ms) /
                                                         (std::uint64_t{1} << 24))};
}

/// The newest model that somebody has come under by `t`. A model that nobody is under any more has never been.
std::size_t NaiveEngine::reign_of(const std::string& id, Timestamp t) const {
  std::size_t newest = 0;
  for (std::size_t i = 1; i < reigns_.size(); ++i) {
    const Reign& reign = reigns_[i];
    if (!reign.spread) continue;
    const bool is_everybodys = stream_time_ && reign.from + *reign.spread <= *stream_time_;
    if (is_everybodys || adoption(id, reign) <= t) newest = i;
  }
  return newest;
}

void NaiveEngine::take(std::size_t source, std::size_t offset) {
  const NaiveEvent& event = sources_[source][offset];
  // After a start under other settings some may be due already: before a late record those that were by its time.
  while (begin_or_fire(event.time)) {
  }
  stream_time_ = stream_time_ ? std::max(event.time, *stream_time_) : event.time;
  if (event.kind == EventKind::action) {
    if (event.erases)
      erase(event, {TriggerType::action, source, static_cast<std::int64_t>(offset), event.event_id, event.logged_at});
    return;
  }
  Person& person = people_[event.customer];
  if (!event.event_id.empty()) {
    auto& ids = person.latest_ids;
    if (std::ranges::find(ids, event.event_id) != ids.end()) return;
    ids.push_back(event.event_id);
    if (ids.size() > remembered_ids) ids.erase(ids.begin());
  }

  const Timestamp m = person.moment ? std::max(event.time, *person.moment) : event.time;
  std::map<Feature, double> counters;
  for (const auto& [f, half_life] : half_lives) {
    const double age = person.moment ? days(m - *person.moment) : 0;
    counters[f] = static_cast<double>(person.counters[f]) * std::exp2(-age / half_life);
  }
  for (const Feature f : counted_by(event)) counters[f] += std::exp2(-days(m - event.time) / half_lives.at(f));
  for (const auto& [f, value] : counters) person.counters[f] = static_cast<float>(value);
  person.moment = m;

  if (event.kind == EventKind::complaint && !event.is_return) {
    if (event.status == ComplaintStatus::opened || event.status == ComplaintStatus::reopened) ++person.open_complaints;
    if (event.status == ComplaintStatus::resolved || event.status == ComplaintStatus::withdrawn)
      person.open_complaints = std::max(0, person.open_complaints - 1);
  }
  if (gets_in_touch(event) && person.purchases > 0 && event.time.ms >= person.first.ms) {
    if (person.contacts < sixteen_bits) ++person.contacts;
    const std::int64_t hours = event.time < person.last ? 0 : (event.time - person.last).ms / hour_ms;
    person.seen_hours = std::max(person.seen_hours, std::min(hours, sixteen_bits));
  }
  TriggerType trigger = TriggerType::visit;
  if (event.kind == EventKind::complaint) trigger = TriggerType::complaint;
  if (event.kind == EventKind::purchase) {
    trigger = TriggerType::purchase;
    const bool returns = person.purchases > 0 && event.time > person.last;
    const bool repeat = buy(person, event);
    if (person.lost && returns) {
      person.lost = false;
      person.won_back = true;
    } else if (!person.lost && repeat) {
      person.won_back = false;
    }
  }
  model_ = &reigns_[reign_of(event.customer, m)].model;
  judge(event.customer, person, m,
        {trigger, source, static_cast<std::int64_t>(offset), event.event_id, event.logged_at});
  set_timer(event.customer, person);
  advance(*stream_time_);
}

/// Of a customer of whom nothing is known, so it says nothing.
void NaiveEngine::erase(const NaiveEvent& event, const Cause& cause) {
  const auto found = people_.find(event.customer);
  if (found == people_.end()) return;
  const Person person = found->second;
  people_.erase(found);
  if (person.seq == 0) return;
  NaiveAlert out;
  out.customer = event.customer;
  out.seq = person.seq + 1;
  out.episode = person.episode;
  out.change = Change::erased;
  out.previous_level = person.level;
  out.time = std::max(event.time, *person.moment);
  out.model = reigns_[reign_of(event.customer, out.time)].model.id;
  out.arm = arm(event.customer);
  out.trigger = cause.type;
  out.source = cause.source;
  out.offset = cause.offset;
  out.event_id = cause.event_id;
  out.logged_at = cause.logged_at;
  alerts_.push_back(out);
}

/// Whether the purchase added a repeat day.
bool NaiveEngine::buy(Person& person, const NaiveEvent& event) {
  const Timestamp t = event.time;
  const std::int64_t day = day_of(t);
  const bool very_first = person.purchases == 0;
  ++person.purchases;
  bool repeat = false;
  const auto add_gap = [&person](double gap) {
    person.gap_squares = static_cast<float>(static_cast<double>(person.gap_squares) + gap * gap);
  };
  if (very_first) {
    person.first = person.last = t;
  } else if (t >= person.last) {
    repeat = day != day_of(person.last) && day != day_of(person.first);
    if (repeat) add_gap(days(t - person.last));
    const std::int64_t seen_ms = person.last.ms + person.seen_hours * hour_ms;
    person.seen_hours = seen_ms > t.ms ? (seen_ms - t.ms) / hour_ms : 0;
    person.last = t;
  } else if (t < person.first) {
    repeat = day != day_of(person.first);
    if (repeat) {
      add_gap(days(person.first - t));
      person.first_day_spent = 0;
    }
    person.first = t;
  } else {
    repeat = day != day_of(person.first) && day != day_of(person.last);
  }
  if (repeat) ++person.x;

  if (event.amount) {
    if (!person.has_amount) {
      person.has_amount = true;
      person.currency = event.currency;
    }
    if (person.currency == event.currency) {
      person.spent += *event.amount;
      if (day == day_of(person.first)) person.first_day_spent += *event.amount;
    } else {
      person.mixed_currencies = true;
    }
  }
  return repeat;
}

void NaiveEngine::decay(Person& person, Timestamp to) const {
  for (const auto& [f, half_life] : half_lives)
    person.counters[f] =
        static_cast<float>(static_cast<double>(person.counters[f]) * std::exp2(-days(to - *person.moment) / half_life));
  person.moment = to;
}

bool NaiveEngine::spend_counts(const Person& person) const {
  if (model_->currency && person.currency != model_->currency->text()) return false;
  return person.has_amount && !person.mixed_currencies;
}

bool NaiveEngine::is_judged(const Person& person) const {
  return person.purchases > 0 && !person.lost && person.x + 1 >= static_cast<int>(policy_.min_purchases);
}

Level NaiveEngine::judged(Level level, double risk) const {
  const auto threshold = [&](Level l) { return policy_.thresholds[static_cast<std::size_t>(l) - 1]; };
  Level best = Level::none;
  for (const Level l : {Level::watch, Level::high, Level::critical}) {
    if (threshold(l) <= risk) best = l;
  }
  if (best > level) return best;
  if (level > Level::none && risk < threshold(level) - policy_.hysteresis) return best;
  return level;
}

void NaiveEngine::judge(const std::string& id, Person& person, Timestamp t, const Cause& cause) {
  if (!is_judged(person)) return;
  const Level level = judged(person.level, risk(person, t));
  if (level == person.level) return;
  Change change = Change::eased;
  if (level > person.level) change = person.level == Level::none ? Change::raised : Change::escalated;
  if (level == Level::none) change = Change::resolved;
  alert(id, person, t, change, level, cause);
}

void NaiveEngine::alert(const std::string& id, Person& person, Timestamp t, Change change, Level level,
                        const Cause& cause) {
  NaiveAlert out;
  out.customer = id;
  out.model = model_->id;
  out.arm = arm(id);
  const Reign& reign = reigns_[reign_of(id, t)];
  out.intercept = reign.intercept;
  out.slope = reign.slope;
  out.change = change;
  out.level = level;
  out.previous_level = person.level;
  out.time = t;
  person.level = level;
  out.seq = ++person.seq;
  if (change == Change::raised) {
    if (person.episode < sixteen_bits) ++person.episode;
    person.raised_at = t;
  }
  out.episode = person.episode;
  const double t_x = units(person.last - person.first);
  const double age = units(t - person.first);
  out.risk = risk(person, t);
  out.p_alive = p_alive(person.x, t_x, age);
  out.trigger = cause.type;
  out.source = cause.source;
  out.offset = cause.offset;
  out.event_id = cause.event_id;
  out.logged_at = cause.logged_at;
  out.purchases = person.purchases;
  out.first = person.first;
  out.last = person.last;
  out.open_complaints = person.open_complaints;
  out.has_value = person.has_amount;
  out.currency = person.currency;
  out.spent = person.spent;
  if (person.purchases == 0) {
    out.state = CustomerState::potential;
  } else if (person.lost) {
    out.state = CustomerState::lost;
  } else if (person.won_back) {
    out.state = CustomerState::won_back;
  } else {
    out.state = person.x == 0 ? CustomerState::first_time : person.x < 4 ? CustomerState::repeat : CustomerState::loyal;
  }
  if (model_->gamma_gamma && spend_counts(person)) {
    const auto& g = *model_->gamma_gamma;
    const double x = person.x;
    const double mean_total = person.spent - person.first_day_spent;
    const double mean = x == 0 ? g.p * g.v / (g.q - 1) : g.p * (g.v + mean_total) / (g.p * x + g.q - 1);
    out.expected = mean * (model_->mbg.r + x) / (model_->mbg.alpha + age) * units(policy_.horizon);
    out.at_risk = *out.expected * out.risk;
  }

  std::map<Feature, engine::Logistic::Term> terms{{Feature::mbg_logit, {Feature::mbg_logit, 1.0}}};
  if (model_->logistic) {
    terms.clear();
    out.base = model_->logistic->intercept;
    for (const auto& term : model_->logistic->terms) terms[term.feature] = term;
  }
  std::map<Feature, NaiveReason> reasons;
  const auto add = [&](Feature f, double value, double contribution) {
    reasons[f].feature = f;
    reasons[f].value = value;
    reasons[f].contribution += contribution;
  };
  CustomerState group = CustomerState::loyal;
  if (person.x + 1 < 5) group = CustomerState::repeat;
  if (person.x + 1 < 2) group = CustomerState::first_time;
  for (const auto& [f, term] : terms) {
    if (f == Feature::mbg_logit) {
      const double l0 = counted(term, mbg_logit(0, 0, 0));
      const double l1 = counted(term, mbg_logit(person.x, t_x, t_x));
      out.base += l0;
      add(Feature::purchase_history, person.x + 1, l1 - l0);
      add(Feature::days_since_purchase, days(t - person.last), counted(term, mbg_logit(person.x, t_x, age)) - l1);
    } else if (const auto value = feature(person, f, t)) {
      // Plain days are one with the part of mbg_logit that is theirs.
      const double alike = f == Feature::days_since_purchase ? NAN : model_->alike.of(group, f);
      const double usual = counted(term, std::isnan(alike) ? 0 : alike);
      out.base += usual;
      add(f, *value, counted(term, *value) - usual);
    }
  }
  for (auto& [f, reason] : reasons) {
    reason.typical = habit(person, f, t);
    if (const double usual = model_->alike.of(group, f); !std::isnan(usual)) reason.alike = usual;
    if (std::abs(reason.contribution) < 5e-7) {
      out.base += reason.contribution;
    } else {
      out.reasons.push_back(reason);
    }
  }
  std::ranges::stable_sort(out.reasons, std::ranges::greater{},
                           [](const NaiveReason& reason) { return std::abs(reason.contribution); });
  alerts_.push_back(out);
}

double NaiveEngine::units(Duration d) const {
  return static_cast<double>(d.ms) / static_cast<double>(model_->time_unit.ms);
}

double NaiveEngine::p_alive(int x, double t_x, double age) const {
  const auto& m = model_->mbg;
  return 1 / (1 + m.a / (m.b + x) * std::pow((m.alpha + age) / (m.alpha + t_x), m.r + x));
}

/// S: that somebody alive buys nothing within the horizon.
double NaiveEngine::stays_away(int x, double age) const {
  const auto& m = model_->mbg;
  return std::pow((m.alpha + age) / (m.alpha + age + units(policy_.horizon)), m.r + x);
}

double NaiveEngine::mbg_risk(int x, double t_x, double age) const {
  const double alive = p_alive(x, t_x, age);
  return 1 - alive + alive * stays_away(x, age);
}

/// 1 - risk is PA * (1 - S): the difference itself has no digits left where the risk is close to 1.
double NaiveEngine::mbg_logit(int x, double t_x, double age) const {
  const double alive = p_alive(x, t_x, age);
  const double quiet = stays_away(x, age);
  return std::log((1 - alive + alive * quiet) / (alive * (1 - quiet)));
}

std::optional<double> NaiveEngine::feature(const Person& person, Feature f, Timestamp t) const {
  const double silent_days = days(t - person.last);
  const double mean_gap = person.x == 0 ? 0 : days(person.last - person.first) / person.x;
  const double span_days = days(person.last - person.first);
  const double events = static_cast<double>(person.purchases) + person.contacts;
  if (const auto it = half_lives.find(f); it != half_lives.end()) {
    const auto counter = person.counters.find(f);
    const double value = counter == person.counters.end() ? 0 : static_cast<double>(counter->second);
    return value * std::exp2(-days(t - *person.moment) / it->second);
  }
  switch (f) {
    case Feature::mbg_logit: return mbg_logit(person.x, units(person.last - person.first), units(t - person.first));
    case Feature::days_since_purchase: return silent_days;
    case Feature::log_days_since_purchase: return std::log(1 + silent_days);
    case Feature::customer_age_days: return days(t - person.first);
    case Feature::repeat_purchases: return person.x;
    case Feature::log_repeat_purchases: return std::log(1.0 + person.x);
    case Feature::recency_ratio:
      if (mean_gap == 0) return std::nullopt;
      return silent_days / mean_gap;
    case Feature::gap_variation:
      if (person.x < 2 || mean_gap == 0) return std::nullopt;
      return std::sqrt(std::max(0.0, static_cast<double>(person.gap_squares) / person.x - mean_gap * mean_gap)) /
             mean_gap;
    case Feature::missed_purchases: return person.x * std::log(1 + silent_days / (span_days + 7));
    case Feature::log_days_since_seen:
      return std::log(1 + std::max(0.0, silent_days - static_cast<double>(person.seen_hours) / 24));
    case Feature::seen_since_purchase: return person.seen_hours > 0 ? 1 : 0;
    case Feature::log_activity: return std::log(events / ((days(t - person.first) + 7) / 7));
    case Feature::missed_events:
      if (person.seen_hours > 0) return 0;
      return (events - 1) * std::log(1 + silent_days / (span_days + 7));
    case Feature::open_complaints: return person.open_complaints;
    case Feature::log_mean_spend:
      if (!spend_counts(person)) return std::nullopt;
      return std::log(1 + person.spent / (person.x + 1));
    default: return std::nullopt;
  }
}

std::optional<double> NaiveEngine::habit(const Person& person, Feature f, Timestamp t) const {
  if (f == Feature::recency_ratio) return 1;
  if (f == Feature::log_days_since_seen) {
    const double events = person.purchases - 1.0 + person.contacts;
    const double until_seen = days(person.last - person.first) + static_cast<double>(person.seen_hours) / 24;
    if (events == 0 || until_seen == 0) return std::nullopt;
    return std::log(1 + until_seen / events);
  }
  if (person.x == 0) return std::nullopt;
  const double active = days(person.last - person.first);
  const double mean_gap = active / person.x;
  if (f == Feature::days_since_purchase) return mean_gap;
  if (f == Feature::log_days_since_purchase) return std::log(1 + mean_gap);
  if (f != Feature::purchases_30d && f != Feature::purchases_90d) return std::nullopt;
  const double half_life = half_lives.at(f);
  const double rate = (person.purchases - 1) / active;
  const double left = std::pow(2, -days(t - person.first) / half_life);
  return left + rate * half_life / std::numbers::ln2 * (1 - left);
}

double NaiveEngine::risk(const Person& person, Timestamp t) const {
  if (!model_->logistic) return mbg_risk(person.x, units(person.last - person.first), units(t - person.first));
  return 1 / (1 + std::exp(-score(person, t)));
}

double NaiveEngine::score(const Person& person, Timestamp t) const {
  if (!model_->logistic) return *feature(person, Feature::mbg_logit, t);
  double s = model_->logistic->intercept;
  for (const auto& term : model_->logistic->terms) {
    if (const auto value = feature(person, term.feature, t)) s += counted(term, *value);
  }
  return s;
}

}  // namespace holdfast::reference
