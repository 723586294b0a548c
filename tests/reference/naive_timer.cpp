// docs/semantics.md, the timer of a customer, a second time.

#include <algorithm>

#include "tests/reference/naive_engine.hpp"

namespace holdfast::reference {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;
constexpr std::int64_t ten_years_ms = 3650 * day_ms;

}  // namespace

// Under MBG/NBD alone risk only rises, so one look at the end tells whether it crosses. Otherwise the
// first hours are looked at by and by, as logarithms of time move, then every six hours of the first 200 days, then
// every third day; and wherever it has turned meanwhile, it is looked at where it did.
std::optional<Timestamp> NaiveEngine::crossing(const Person& person, Timestamp last) const {
  const auto changes = [&](Timestamp t) { return judged(person.level, risk(person, t)) != person.level; };
  const auto first_change = [&](Timestamp before, Timestamp after) {
    while (after - before > Duration{1}) {
      const Timestamp middle{before.ms + (after.ms - before.ms) / 2};
      (changes(middle) ? after : before) = middle;
    }
    return after;
  };
  // Under another model than the one under which the person was judged.
  const Timestamp begin = *person.moment + Duration{1};
  if (begin <= last && changes(begin)) return begin;
  Timestamp earlier = *person.moment;
  Timestamp before = earlier;
  double risk_before = risk(person, before);
  double rise = 0;
  while (before < last) {
    Duration stride{ten_years_ms};
    const std::int64_t passed_ms = (before - *person.moment).ms;
    if (model_->logistic)
      stride = passed_ms < 200 * day_ms ? Duration{std::clamp(passed_ms / 10, hour_ms / 20, 6 * hour_ms)}
                                        : Duration{3 * day_ms};
    const Timestamp after = std::min(before + stride, last);
    const double risk_after = risk(person, after);
    if (rise * (risk_after - risk_before) < 0) {
      const Timestamp turn = turn_of(person, earlier, after, rise > 0);
      if (changes(turn)) return first_change(earlier, turn);
    }
    if (judged(person.level, risk_after) != person.level) return first_change(before, after);
    rise = risk_after - risk_before;
    risk_before = risk_after;
    earlier = before;
    before = after;
  }
  return std::nullopt;
}

/// Where the risk is highest, or lowest, if it has but one turn in between.
Timestamp NaiveEngine::turn_of(const Person& person, Timestamp from, Timestamp to, bool highest) const {
  while (to - from > Duration{2}) {
    const Duration third{(to - from).ms / 3};
    const double rise = risk(person, to - third) - risk(person, from + third);
    if (highest ? rise > 0 : rise < 0) {
      from = from + third;
    } else {
      to = to - third;
    }
  }
  return from + Duration{(to - from).ms / 2};
}

void NaiveEngine::set_timer(const std::string& id, Person& person) {
  person.timer.reset();
  const std::size_t reign = reign_of(id, *person.moment);
  model_ = &reigns_[reign].model;
  const Timestamp limit = *person.moment + Duration{ten_years_ms};
  if (person.level > Level::none) {
    const Timestamp expiry =
        std::max(std::max(person.raised_at, person.last) + policy_.expire_after, *person.moment + Duration{1});
    if (expiry <= limit) person.timer = expiry;
  }
  if (policy_.calibration != engine::CalibrationUse::off && person.purchases > 0) {
    const Timestamp past = stream_time_ ? *stream_time_ - Duration{1} : *person.moment;
    const Timestamp asked = probe_after(id, std::max(*person.moment, past));
    if (!person.timer || asked < *person.timer) person.timer = asked;
  }
  if (!is_judged(person)) return;
  for (std::size_t i = reign + 1; i < reigns_.size(); ++i) {
    if (!reigns_[i].spread) continue;
    const Timestamp comes = adoption(id, reigns_[i]);
    if (comes > *person.moment && (!person.timer || comes < *person.timer)) person.timer = comes;
  }
  const Timestamp last = person.timer ? std::min(limit, *person.timer - Duration{1}) : limit;
  if (const auto found = crossing(person, last)) person.timer = found;
}

}  // namespace holdfast::reference
