#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/risk.hpp"
#include "engine/task.hpp"
#include "state/hot_table.hpp"
#include "tests/support/history.hpp"
#include "tests/support/named_models.hpp"
#include "tests/support/scoring.hpp"

/// A task with its table, and events for it.
namespace holdfast::engine {

using namespace testing;

inline constexpr SourceIndex purchases{0};
inline constexpr SourceIndex others{1};
inline constexpr std::size_t unbounded = 1'000'000;

inline Event of(std::string_view customer, Event event) {
  event.customer = make_customer_key(customer);
  return event;
}

inline Event with_id(std::string_view id, Event event) {
  event.event_id = id;
  return event;
}

inline Event action(Timestamp t) {
  Event event;
  event.kind = EventKind::action;
  event.time = t;
  return event;
}

inline Event erasure(Timestamp t) {
  Event event = action(t);
  event.erases = true;
  return event;
}

inline Event no_event(RejectionCode code, Timestamp meaningless) {
  static const std::vector<Rejection> rejections = [] {
    std::vector<Rejection> all(rejection_codes);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].code = static_cast<RejectionCode>(i);
    return all;
  }();
  Event event;
  event.time = meaningless;
  event.rejection = &rejections[static_cast<std::size_t>(code)];
  return event;
}

/// A task with two sources. Texts of events are literals, and outlive it.
struct World {
  explicit World(Model model_ = cdnow_model(), RiskPolicy policy_ = default_policy())
      : model(NamedModels::with_bytes(std::move(model_))), policy(policy_) {}

  /// Events that the log has behind what it had, and that it has no more.
  void log(SourceIndex source, const std::vector<Event>& events) {
    push(source, events);
    end(source);
  }
  void push(SourceIndex source, const std::vector<Event>& events) {
    EventBatch batch;
    for (Event event : events) {
      event.offset = Offset{next[source.value]++};
      batch.events.push_back(event);
    }
    task.push(source, std::move(batch));
  }
  void end(SourceIndex source) { task.reached_end(source, Offset{next[source.value]}); }
  void end_all() {
    end(purchases);
    end(others);
  }
  /// A new model, which is a step of its own. Returns it.
  Step swap(const Model& to, Timestamp from) {
    models.add(to);
    const ModelSwap swap{to.id, from};
    return *task.advance(before_all_time, unbounded, alerts, after_all_time, &swap);
  }
  /// "raised watch" and so on, one after the other.
  [[nodiscard]] std::string story() const {
    std::string out;
    for (const auto& item : alerts.items)
      out += std::string(out.empty() ? "" : ", ") + std::string(name(item.alert.change)) + ' ' +
             std::string(name(item.alert.level));
    return out;
  }
  [[nodiscard]] const reference::NaiveAlert& alert(std::size_t i) const { return alerts.items.at(i).alert; }

  const Model model;
  const RiskPolicy policy;
  NamedModels models;
  state::HotTable table{sizeof(Customer)};
  Task task{Partition{3}, model, policy, table, {.next = {}, .sources = 2}, &models};
  AlertList alerts;
  std::int64_t next[2]{};
};

/// Complaints raise the risk at once, visits lower it; nothing changes with time but that both are forgotten.
inline Model talkative_model() {
  return logistic_model(-1, {{Feature::visits_30d, -4}, {Feature::complaints_opened_60d, 3}});
}

/// Who buys on two days, a week apart.
inline std::vector<Event> regular(std::string_view customer, Timestamp first = new_year) {
  return {of(customer, purchase(first, 20)), of(customer, purchase(first + days(7), 30))};
}

/// The customer after these events, on its own.
inline Customer customer_after(const std::vector<Event>& events) {
  Customer customer{};
  for (const Event& event : events) apply_event(customer, event);
  return customer;
}

/// When the risk of one who keeps silent reaches a threshold, looked for millisecond by millisecond around a guess.
inline void expect_first_moment(const Customer& customer, const World& world, Timestamp t, double threshold) {
  EXPECT_GE(risk_at(customer, world.model, world.policy.horizon, t), threshold);
  EXPECT_LT(risk_at(customer, world.model, world.policy.horizon, t - milliseconds(1)), threshold);
}

}  // namespace holdfast::engine
