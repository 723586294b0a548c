#include "engine/customer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace holdfast::engine {
namespace {

using Fingerprint = std::array<std::uint8_t, 5>;

bool equal(const Fingerprint& a, const Fingerprint& b) {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::memcpy(&x, a.data(), sizeof x);
  std::memcpy(&y, b.data(), sizeof y);
  return x == y && a[4] == b[4];
}

template <class Count>
void increment(Count& count) {
  if (count < std::numeric_limits<Count>::max()) ++count;
}

double square(double value) { return value * value; }

/// Never all zero, which in the record says that there is none: an id that hashes to 0 counts as one that hashes to 1.
Fingerprint fingerprint_of(std::string_view event_id) {
  constexpr std::uint64_t mask = (std::uint64_t{1} << 40) - 1;
  const std::uint64_t bits = std::max<std::uint64_t>(fingerprint(event_id) & mask, 1);
  Fingerprint bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(bits >> (8 * i));
  return bytes;
}

/// Whether the customer's latest events include this one; if not, they do from now on.
bool is_duplicate(Customer& customer, std::string_view event_id) {
  if (event_id.empty()) return false;
  const Fingerprint seen = fingerprint_of(event_id);
  if (std::ranges::any_of(customer.fingerprints, [&](const Fingerprint& known) { return equal(known, seen); }))
    return true;
  customer.fingerprints[customer.fingerprint_next] = seen;
  customer.fingerprint_next = static_cast<std::uint8_t>((customer.fingerprint_next + 1) % limits::event_fingerprints);
  return false;
}

/// What is left after `age` of something that halves every `half_life` days.
double left_after(Duration age, double half_life) { return std::exp2(-age.days() / half_life); }

Counter counter_of_complaint(ComplaintStatus status) {
  switch (status) {
    case ComplaintStatus::resolved: return Counter::complaints_resolved_60d;
    case ComplaintStatus::withdrawn: return Counter::complaints_withdrawn_60d;
    case ComplaintStatus::opened:
    case ComplaintStatus::reopened:
    case ComplaintStatus::acknowledged: break;
  }
  return Counter::complaints_opened_60d;
}

bool counts_towards(const Event& event, Counter counter) {
  switch (event.kind) {
    case EventKind::purchase: return counter == Counter::purchases_30d || counter == Counter::purchases_90d;
    case EventKind::visit: return counter == Counter::visits_30d;
    case EventKind::complaint:
      if (event.is_return) return counter == Counter::returns_60d;
      return event.status != ComplaintStatus::acknowledged && counter == counter_of_complaint(event.status);
    case EventKind::action: break;
  }
  return false;
}

/// The counters, those of one half-life behind each other.
constexpr std::array<std::size_t, counter_count> by_half_life{0, 2, 1, 3, 4, 5, 6};

/// Decays the counters to `now` and adds `event`, if there is one, with one rounding for both.
void count(Customer& customer, Timestamp now, const Event* event) {
  const Duration elapsed = now - customer.moment();
  // Counters of one half-life share it. Most customers have had no complaint.
  double half_life = 0;
  double left = 1;
  for (const std::size_t i : by_half_life) {
    auto value = static_cast<double>(customer.counters[i]);
    if (value != 0 && elapsed.ms != 0) {
      if (half_life_days[i] != half_life) {
        half_life = half_life_days[i];
        left = left_after(elapsed, half_life);
      }
      value *= left;
    }
    if (event != nullptr && counts_towards(*event, static_cast<Counter>(i))) {
      value += left_after(now - event->time, half_life_days[i]);
    }
    customer.counters[i] = static_cast<float>(value);
  }
  customer.moment_ms = now.ms;
}

void count_open_complaint(Customer& customer, ComplaintStatus status) {
  switch (status) {
    case ComplaintStatus::opened:
    case ComplaintStatus::reopened: increment(customer.open_complaints); break;
    case ComplaintStatus::resolved:
    case ComplaintStatus::withdrawn:
      if (customer.open_complaints > 0) --customer.open_complaints;
      break;
    case ComplaintStatus::acknowledged: break;
  }
}

/// Whether the customer got in touch. What becomes of a complaint is the doing of the shop, unless it is withdrawn.
bool is_contact(const Event& event) {
  if (event.kind == EventKind::visit) return true;
  return event.kind == EventKind::complaint && event.status != ComplaintStatus::acknowledged &&
         event.status != ComplaintStatus::resolved;
}

/// Whole hours from a purchase to a contact, as far as the record can tell; 0: it came no later than an hour behind it.
std::uint16_t hours_between(Timestamp purchase, Timestamp contact) {
  constexpr std::int64_t hour_ms = 3'600'000;
  constexpr std::int64_t most = std::numeric_limits<std::uint16_t>::max();
  return static_cast<std::uint16_t>(std::clamp<std::int64_t>((contact - purchase).ms / hour_ms, 0, most));
}

void count_contact(Customer& customer, Timestamp t) {
  if (customer.purchases == 0 || t < customer.first()) return;
  increment(customer.contacts);
  customer.seen_after_h = std::max(customer.seen_after_h, hours_between(customer.last(), t));
}

void add_gap(Customer& customer, Duration gap) {
  customer.gap_squares = static_cast<float>(static_cast<double>(customer.gap_squares) + square(gap.days()));
}

/// Moves `first`, `last` and `x`. Returns whether the purchase was on a repeat day.
bool place_purchase(Customer& customer, Timestamp t) {
  if (customer.purchases == 0) {
    customer.first_ms = customer.last_ms = t.ms;
    return false;
  }
  const bool new_day = t.utc_day() != customer.first().utc_day() && t.utc_day() != customer.last().utc_day();
  if (t >= customer.last()) {
    if (new_day) add_gap(customer, t - customer.last());
    customer.seen_after_h = hours_between(t, customer.last_seen());
    customer.last_ms = t.ms;
  } else if (t < customer.first()) {
    if (new_day) {
      add_gap(customer, customer.first() - t);
      customer.first_day_spent = 0;
    }
    customer.first_ms = t.ms;
  }
  if (new_day) increment(customer.x);
  return new_day;
}

void add_amount(Customer& customer, const Event& event) {
  if (!event.has_amount) return;
  if (!customer.has(Customer::has_amount)) {
    customer.set(Customer::has_amount, true);
    customer.currency = event.currency.code;
  }
  if (event.currency.code != customer.currency) {
    customer.set(Customer::mixed_currencies, true);
    return;
  }
  constexpr double most = std::numeric_limits<double>::max();
  customer.spent = std::min(customer.spent + event.amount, most);
  if (event.time.utc_day() == customer.first().utc_day()) {
    customer.first_day_spent = std::min(customer.first_day_spent + event.amount, most);
  }
}

void apply_purchase(Customer& customer, const Event& event) {
  const bool ends_silence = event.time > customer.last();
  const bool repeat = place_purchase(customer, event.time);
  increment(customer.purchases);
  add_amount(customer, event);
  if (customer.has(Customer::lost)) {
    // A late one from before the silence is no return.
    if (ends_silence) {
      customer.set(Customer::lost, false);
      customer.set(Customer::won_back, true);
    }
  } else if (repeat) {
    customer.set(Customer::won_back, false);
  }
}

bool is_amount(double value) { return std::isfinite(value) && value >= 0; }

bool has_sound_times(const Customer& customer) {
  if (!customer.has(Customer::seen) || !is_event_time(customer.moment())) return false;
  const Timestamp raised_at{customer.raised_at_ms};
  if (customer.current_level() != Level::none && !(is_event_time(raised_at) && raised_at <= customer.moment()))
    return false;
  return customer.purchases == 0 || (is_event_time(customer.first()) && customer.first() <= customer.last() &&
                                     customer.last_seen() <= customer.moment());
}

bool has_sound_counts(const Customer& customer) {
  if (customer.purchases == 0)
    return customer.x == 0 && customer.contacts == 0 && customer.seen_after_h == 0 &&
           customer.current_level() == Level::none;
  if (customer.is_seen_since_purchase() && customer.contacts == 0) return false;
  // Both stop at the largest number there is.
  return customer.x < customer.purchases || customer.purchases == std::numeric_limits<std::uint32_t>::max();
}

bool has_sound_amounts(const Customer& customer) {
  return std::ranges::all_of(customer.counters, [](float value) { return is_amount(static_cast<double>(value)); }) &&
         is_amount(static_cast<double>(customer.gap_squares)) && is_amount(customer.spent) &&
         is_amount(customer.first_day_spent) &&
         (Currency{customer.currency} == Currency{} ||
          Currency::from({customer.currency.data(), customer.currency.size()}));
}

}  // namespace

bool is_customer_record(std::string_view bytes) {
  constexpr unsigned all_flags =
      Customer::seen | Customer::lost | Customer::won_back | Customer::has_amount | Customer::mixed_currencies;
  if (bytes.size() != sizeof(Customer)) return false;
  Customer customer{};
  std::memcpy(&customer, bytes.data(), sizeof customer);
  return (customer.probe == 0 || customer.purchases > 0) && customer.fingerprint_next < limits::event_fingerprints &&
         (customer.flags & ~all_flags) == 0 && has_sound_times(customer) && has_sound_counts(customer) &&
         has_sound_amounts(customer);
}

Applied apply_event(Customer& customer, const Event& event) {
  if (is_duplicate(customer, event.event_id)) return Applied::duplicate;

  if (!customer.has(Customer::seen)) {
    customer.set(Customer::seen, true);
    customer.moment_ms = event.time.ms;
  }
  const bool late = event.time < customer.moment();
  count(customer, std::max(event.time, customer.moment()), &event);
  if (event.kind == EventKind::complaint && !event.is_return) count_open_complaint(customer, event.status);
  if (is_contact(event)) count_contact(customer, event.time);
  if (event.kind == EventKind::purchase) apply_purchase(customer, event);
  return late ? Applied::late_event : Applied::event;
}

void advance_to(Customer& customer, Timestamp t) { count(customer, t, nullptr); }

CustomerState state_of(const Customer& customer) {
  if (customer.purchases == 0) return CustomerState::potential;
  if (customer.has(Customer::lost)) return CustomerState::lost;
  if (customer.has(Customer::won_back)) return CustomerState::won_back;
  return state_by_purchase_days(customer);
}

CustomerState state_by_purchase_days(const Customer& customer) {
  if (customer.x == 0) return CustomerState::first_time;
  return customer.x < 4 ? CustomerState::repeat : CustomerState::loyal;
}

bool spend_is_known(const Customer& customer, const std::optional<Currency>& in) {
  return customer.has(Customer::has_amount) && !customer.has(Customer::mixed_currencies) &&
         (!in || *in == Currency{customer.currency});
}

}  // namespace holdfast::engine
