#include "tests/support/history.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "domain/limits.hpp"
#include "tests/support/trained_model.hpp"

namespace holdfast::testing {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1.0p-53;
  }

 private:
  std::mt19937_64 random_;
};

engine::Model random_model(Dice& dice) {
  engine::Model model;
  model.id = model.bytes = "test";
  model.name = "test";
  model.time_unit = Duration{dice.one_in(3) ? day_ms : 7 * day_ms};
  const double weeks = model.time_unit.ms == day_ms ? 7 : 1;
  model.mbg = {.r = dice.between(0.2, 2),
               .alpha = weeks * dice.between(1, 12),
               .a = dice.between(0.1, 2),
               .b = dice.between(0.5, 8)};
  if (dice.one_in(2))
    model.gamma_gamma = engine::GammaGammaParameters{dice.between(1, 7), dice.between(1.5, 5), dice.between(5, 300)};
  if (dice.one_in(3)) model.currency = Currency::from(dice.one_in(2) ? "GBP" : "EUR");
  if (dice.one_in(2)) return model;
  engine::Logistic logistic{.intercept = dice.between(-1, 1), .terms = {{Feature::mbg_logit, dice.between(0.5, 1.2)}}};
  std::set<Feature> chosen;
  for (std::uint64_t i = dice.below(5); i > 0; --i)
    chosen.insert(static_cast<Feature>(1 + dice.below(static_cast<std::uint64_t>(Feature::purchase_history) - 1)));
  for (const Feature feature : chosen) {
    const bool in_days = feature == Feature::days_since_purchase || feature == Feature::customer_age_days;
    logistic.terms.push_back({.feature = feature, .weight = dice.between(-0.4, 0.4) * (in_days ? 0.01 : 1)});
  }
  for (engine::Logistic::Term& term : logistic.terms) {
    if (!dice.one_in(3)) continue;
    const bool in_days = term.feature == Feature::days_since_purchase || term.feature == Feature::customer_age_days;
    term.least = dice.between(-1, 1) * (in_days ? 60 : 1);
    term.most = term.least + dice.between(0, 2) * (in_days ? 60 : 1);
  }
  model.logistic = logistic;
  return model;
}

/// A third as they are trained.
engine::Model any_model(Dice& dice, Dice& trained_dice) {
  engine::Model model = random_model(dice);
  if (!trained_dice.one_in(3)) return model;
  engine::Model trained = trained_model([&](double low, double high) { return trained_dice.between(low, high); });
  trained.id = trained.bytes = model.id;
  trained.currency = model.currency;
  return trained;
}

/// Some of what there may be.
engine::UsualValues random_usual_values(Dice& dice) {
  engine::UsualValues alike;
  for (const CustomerState group : engine::UsualValues::groups) {
    for (std::size_t i = 0; i < features; ++i) {
      if (dice.one_in(2)) alike.set(group, static_cast<Feature>(i), dice.between(0, 50));
    }
  }
  return alike;
}

engine::RiskPolicy random_policy(Dice& dice, bool with_counters) {
  engine::RiskPolicy policy;
  policy.horizon = Duration{static_cast<std::int64_t>(dice.between(20, 120)) * day_ms};
  policy.thresholds[0] = dice.between(0.2, 0.6);
  policy.thresholds[1] = policy.thresholds[0] + dice.between(0.02, 0.15);
  policy.thresholds[2] = policy.thresholds[1] + dice.between(0.02, 0.15);
  // Counters are rounded: without some hysteresis a level could change to and fro with the last bit.
  policy.hysteresis = dice.one_in(3) ? (with_counters ? 0.001 : 0) : dice.between(0.001, 0.1);
  policy.min_purchases = static_cast<std::uint32_t>(1 + dice.below(3));
  policy.expire_after = Duration{static_cast<std::int64_t>(dice.between(10, 400)) * day_ms};
  return policy;
}

reference::NaiveEvent random_event(Dice& dice, EventKind kind, int number, std::uint64_t customers) {
  reference::NaiveEvent event;
  // One of them has an id too long to lie in its record.
  const std::uint64_t customer = dice.below(customers);
  event.customer = "c" + std::to_string(customer) + (customer == 1 ? std::string(40, 'x') : "");
  event.kind = kind;
  if (!dice.one_in(4))
    event.event_id = "e" + std::to_string(dice.one_in(6) ? number - static_cast<int>(dice.below(9)) : number);
  if (kind == EventKind::purchase && !dice.one_in(8)) {
    event.amount = static_cast<double>(dice.below(10'000)) / 100;
    event.currency = dice.one_in(8) ? "EUR" : dice.one_in(20) ? "" : "GBP";
  }
  if (kind == EventKind::complaint) {
    event.status = static_cast<ComplaintStatus>(dice.below(5));
    event.is_return = dice.one_in(3);
  }
  return event;
}

reference::NaiveEvent no_event(EventKind kind, Timestamp time) {
  reference::NaiveEvent event;
  event.rejected = true;
  event.kind = kind;
  event.time = time;
  return event;
}

/// What staff did for one of the customers.
reference::NaiveEvent random_action(Dice& dice, const reference::NaiveEvent& other, int number) {
  reference::NaiveEvent event;
  event.customer = other.customer;
  event.time = other.time;
  event.logged_at = other.logged_at;
  event.kind = EventKind::action;
  event.erases = dice.one_in(2);
  if (dice.one_in(2)) event.event_id = dice.one_in(4) ? other.event_id : "a" + std::to_string(number);
  return event;
}

/// All fields.
std::string line_of(const reference::NaiveAlert& a) {
  std::string out =
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", a.customer,
                  a.model, name(a.arm), a.intercept, a.slope, a.seq, a.episode, name(a.change), name(a.level),
                  name(a.previous_level), a.time.ms, a.risk, a.p_alive, a.base, name(a.trigger), a.source, a.offset,
                  a.event_id, a.logged_at.ms, name(a.state), a.purchases, a.first.ms, a.last.ms, a.open_complaints,
                  a.has_value, a.currency, a.spent, a.expected.value_or(-1), a.at_risk);
  for (const auto& reason : a.reasons)
    out += fmt::format(" {} {} {} {} {}", name(reason.feature), reason.value, reason.typical.value_or(-1),
                       reason.alike.value_or(-1), reason.contribution);
  return out + '\n';
}

}  // namespace

History random_history(std::uint64_t seed) {
  Dice dice(seed);
  Dice other_dice(~seed);
  Dice action_dice(seed + 1'000'000);
  Dice alike_dice(seed + 2'000'000);
  Dice arm_dice(seed + 3'000'000);
  Dice trained_dice(seed + 4'000'000);
  History history;
  history.model = any_model(dice, trained_dice);
  if (alike_dice.one_in(2)) history.model.alike = random_usual_values(alike_dice);
  history.policy = random_policy(dice, history.model.logistic.has_value());
  if (arm_dice.one_in(2)) history.policy.control = {.share = arm_dice.between(0, 1), .seed = arm_dice.below(100)};
  const std::size_t sources = 1 + dice.below(4);
  const std::uint64_t customers = 2 + dice.below(5);
  history.sources.resize(sources);
  std::vector<EventKind> kinds{EventKind::purchase};
  while (kinds.size() < sources) kinds.push_back(static_cast<EventKind>(dice.below(3)));

  // Some have a source of actions, at any place among the others.
  const bool actions = action_dice.one_in(2);
  const std::size_t actions_at = action_dice.below(sources + 1);
  const std::uint64_t action_each = 4 + action_dice.below(30);
  std::vector<reference::NaiveEvent> done;
  const bool twins = other_dice.one_in(4);
  const bool rejections = other_dice.one_in(2);
  const std::int64_t days_earlier =
      other_dice.one_in(3) ? 15'050 + static_cast<std::int64_t>(other_dice.below(300)) : 0;

  std::int64_t at = 1'300'000'000'000 + static_cast<std::int64_t>(dice.below(day_ms));
  const std::uint64_t events = 10 + dice.below(120);
  for (std::uint64_t i = 0; i < events; ++i) {
    const std::size_t source = dice.below(sources);
    auto event = random_event(dice, kinds[source], static_cast<int>(i), customers);
    if (!dice.one_in(5)) at += static_cast<std::int64_t>(dice.below(dice.one_in(12) ? 150 * day_ms : 4 * day_ms));
    if (dice.one_in(15)) at = (at / day_ms + 1) * day_ms - static_cast<std::int64_t>(dice.below(2));
    const std::int64_t late =
        dice.one_in(7) ? static_cast<std::int64_t>(dice.below(dice.one_in(4) ? 90 * day_ms : 3 * day_ms)) : 0;
    event.time = Timestamp{at - late - days_earlier * day_ms};
    event.logged_at = event.time + Duration{static_cast<std::int64_t>(other_dice.below(1000))};
    if (rejections && other_dice.one_in(6)) {
      // The time of what is no event means nothing.
      const auto anywhere = static_cast<std::int64_t>(other_dice.below(4'000'000'000'000)) - 2'000'000'000'000;
      history.sources[source].push_back(no_event(event.kind, Timestamp{anywhere}));
    }
    if (actions && action_dice.one_in(action_each)) {
      auto action = random_action(action_dice, event, static_cast<int>(i));
      if (action_dice.one_in(3))
        action.time = action.time + Duration{static_cast<std::int64_t>(action_dice.below(40 * day_ms))};
      if (action_dice.one_in(4))
        action.time = action.time - Duration{static_cast<std::int64_t>(action_dice.below(40 * day_ms))};
      done.push_back(action);
      if (twins) {
        action.customer += "-twin";
        done.push_back(action);
      }
    }
    if (twins) {
      history.sources[source].push_back(event);
      event.customer += "-twin";
    }
    history.sources[source].push_back(std::move(event));
  }
  if (actions)
    history.sources.insert(history.sources.begin() + static_cast<std::ptrdiff_t>(actions_at), std::move(done));
  return history;
}

void add_calibration(History& history, std::uint64_t seed) {
  Dice dice(seed + 3'000'000);
  history.policy.calibration = dice.one_in(4) ? engine::CalibrationUse::watch : engine::CalibrationUse::correct;
  history.policy.calibration_half_life = Duration{static_cast<std::int64_t>(dice.between(7, 300)) * day_ms};
  history.policy.hysteresis = std::max(history.policy.hysteresis, 0.001);
}

void add_swaps(History& history, std::uint64_t seed) {
  constexpr std::int64_t spread_ms = 131'072;  // Of a handful of customers.
  Dice dice(seed + 2'000'000);
  Dice trained_dice(seed + 5'000'000);
  std::vector<Timestamp> moments;
  for (const auto& source : history.sources) {
    for (const auto& event : source) {
      if (!event.rejected) moments.push_back(event.time);
    }
  }
  const auto near = [&](Timestamp t, std::int64_t reach) {
    return t + Duration{static_cast<std::int64_t>(dice.below(static_cast<std::uint64_t>(reach))) - reach / 4};
  };
  const std::uint64_t swaps = 1 + dice.below(limits::generations_max - 1);
  for (std::uint64_t i = 0; i < swaps; ++i) {
    History::Swap swap{any_model(dice, trained_dice), near(moments[dice.below(moments.size())], spread_ms)};
    swap.model.id = swap.model.bytes = "swapped" + std::to_string(i);
    if (i > 0 && dice.one_in(2)) swap.from = near(history.swaps.back().from, spread_ms);
    history.swaps.push_back(std::move(swap));
  }
  std::ranges::sort(history.swaps, {}, &History::Swap::from);
  for (std::size_t i = 1; i < history.swaps.size(); ++i) {
    if (dice.one_in(3)) history.swaps[i].model = i == 1 ? history.model : history.swaps[i - 2].model;
  }
  for (const History::Swap& swap : history.swaps) {
    if (swap.model.logistic) history.policy.hysteresis = std::max(history.policy.hysteresis, 0.001);
    for (std::uint64_t i = dice.below(8); i > 0; --i) {
      auto& source = history.sources[dice.below(history.sources.size())];
      if (source.empty()) continue;
      const std::size_t from = dice.below(source.size());
      if (source[from].rejected) continue;
      reference::NaiveEvent event = source[from];
      event.time = near(swap.from, spread_ms + spread_ms / 2);
      event.event_id.clear();
      const auto behind =
          std::ranges::find_if(source, [&](const auto& other) { return !other.rejected && other.time > event.time; });
      source.insert(behind, std::move(event));
    }
  }
}

EventBatch batch_of(const std::vector<reference::NaiveEvent>& events, std::size_t from, std::size_t to) {
  EventBatch batch;
  std::size_t bytes = 0;
  for (std::size_t i = from; i < to; ++i) bytes += events[i].customer.size() + events[i].event_id.size();
  batch.reset(bytes);
  for (std::size_t i = from; i < to; ++i) {
    const auto& from_event = events[i];
    Event& event = batch.events.emplace_back();
    event.time = from_event.time;
    event.offset = Offset{static_cast<std::int64_t>(i)};
    event.logged_at = from_event.logged_at;
    if (from_event.rejected) {
      Rejection rejection;
      rejection.code = RejectionCode::bad_value;
      rejection.offset = event.offset;
      event.rejection = batch.keep(std::move(rejection));
    }
    event.customer = make_customer_key(batch.keep(from_event.customer));
    event.event_id = batch.keep(from_event.event_id);
    event.has_amount = from_event.amount.has_value();
    event.amount = from_event.amount.value_or(0);
    event.currency = Currency::from(from_event.currency).value_or(Currency{});
    event.kind = from_event.kind;
    event.status = from_event.status;
    event.is_return = from_event.is_return;
    event.erases = from_event.erases;
  }
  return batch;
}

void AlertList::alert(const Alert& alert) {
  Item item;
  auto& to = item.alert;
  to.customer = alert.customer.id;
  to.model = alert.model_id;
  to.arm = alert.arm;
  to.intercept = alert.correction.intercept;
  to.slope = alert.correction.slope;
  to.seq = alert.seq;
  to.episode = alert.episode;
  to.change = alert.change;
  to.level = alert.level;
  to.previous_level = alert.previous_level;
  to.time = alert.time;
  to.risk = alert.risk;
  to.p_alive = alert.p_alive;
  to.base = alert.base;
  item.score = alert.base;
  for (const Reason& reason : alert.reasons) {
    auto& kept = to.reasons.emplace_back();
    kept.feature = reason.feature;
    kept.value = reason.value;
    if (!std::isnan(reason.typical)) kept.typical = reason.typical;
    if (!std::isnan(reason.alike)) kept.alike = reason.alike;
    kept.contribution = reason.contribution;
    item.score += reason.contribution;
  }
  to.trigger = alert.trigger.type;
  to.source = alert.trigger.source.value;
  to.offset = alert.trigger.offset.value;
  to.event_id = alert.trigger.event_id;
  to.logged_at = alert.logged_at;
  to.state = alert.state;
  to.purchases = alert.purchases;
  to.first = alert.first_purchase;
  to.last = alert.last_purchase;
  to.open_complaints = alert.open_complaints;
  to.has_value = alert.has_value;
  to.currency = alert.currency.text();
  to.spent = alert.spent;
  if (alert.has_expected) to.expected = alert.expected;
  to.at_risk = alert.at_risk;
  text += line_of(to);
  items.push_back(std::move(item));
}

void AlertList::rejected(SourceIndex source, const Rejection& rejection) {
  ++rejections;
  text += fmt::format("rejected {} {} {}\n", source.value, rejection.offset.value, code_name(rejection.code));
}

}  // namespace holdfast::testing
