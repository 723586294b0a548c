#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "domain/alert.hpp"
#include "domain/event.hpp"
#include "domain/limits.hpp"
#include "domain/time.hpp"

namespace holdfast::engine {

/// Decayed counters, in the order of Customer::counters.
enum class Counter : std::uint8_t {
  purchases_30d,
  purchases_90d,
  visits_30d,
  complaints_opened_60d,
  complaints_resolved_60d,
  complaints_withdrawn_60d,
  returns_60d,
};
inline constexpr std::size_t counter_count = 7;
inline constexpr std::array<double, counter_count> half_life_days{30, 90, 30, 60, 60, 60, 60};

/// All that is kept of a customer, as it lies in memory and in checkpoints (little-endian; docs/formats/checkpoint.md).
/// All zero bytes: a customer of whom nothing is known yet. What the fields mean: docs/semantics.md.
struct Customer {
  std::int64_t first_ms;
  std::int64_t last_ms;
  std::int64_t moment_ms;
  std::int64_t raised_at_ms;
  double spent;
  double first_day_spent;
  std::uint32_t x;
  std::uint32_t purchases;
  std::uint32_t seq;
  std::uint16_t episode;   ///< Stops at the largest number there is, as `contacts` does.
  std::uint16_t contacts;  ///< Since the first purchase.
  std::array<float, counter_count> counters;
  float gap_squares;
  std::array<char, 3> currency;
  std::uint8_t level : 2;
  std::uint8_t probe : 6;  ///< Bin of the score that waits for its outcome (calibration.hpp); 0: none.
  std::uint16_t open_complaints;
  std::uint8_t flags;
  std::uint8_t fingerprint_next;  ///< Where the next event fingerprint goes.
  std::array<std::array<std::uint8_t, 5>, limits::event_fingerprints> fingerprints;
  std::uint16_t seen_after_h;  ///< From the latest purchase to the latest contact behind it, whole hours; 0: none.

  enum Flag : std::uint8_t {
    seen = 1,  ///< Had an event: `moment_ms` holds.
    lost = 2,
    won_back = 4,
    has_amount = 8,         ///< `currency`, `spent` and `first_day_spent` hold.
    mixed_currencies = 16,  ///< An amount was in another currency than `currency`: `spent` is not all.
  };
  [[nodiscard]] bool has(Flag flag) const { return (flags & flag) != 0; }
  void set(Flag flag, bool on) { flags = static_cast<std::uint8_t>(on ? flags | flag : flags & ~flag); }

  [[nodiscard]] Timestamp first() const { return {first_ms}; }
  [[nodiscard]] Timestamp last() const { return {last_ms}; }
  [[nodiscard]] Timestamp moment() const { return {moment_ms}; }
  [[nodiscard]] Level current_level() const { return static_cast<Level>(level); }
  void set_level(Level to) { level = static_cast<std::uint8_t>(to) & 3; }
  /// Of the latest purchase, or of a contact after it.
  [[nodiscard]] Timestamp last_seen() const { return last() + Duration{std::int64_t{seen_after_h} * 3'600'000}; }
  [[nodiscard]] bool is_seen_since_purchase() const { return seen_after_h > 0; }
  /// Purchases and contacts, without the first purchase. REQUIRES: purchases > 0.
  [[nodiscard]] double events_since_first() const { return purchases - 1.0 + contacts; }
  /// Mean days between purchase days; 0 while there is no repeat.
  [[nodiscard]] double mean_gap_days() const { return x == 0 ? 0.0 : (last() - first()).days() / x; }
};
inline constexpr std::uint32_t customer_format = 1;

/// The customer that a record of a table is.
inline Customer& customer_at(std::byte* record) { return *reinterpret_cast<Customer*>(record); }
inline const Customer& customer_at(const std::byte* record) { return *reinterpret_cast<const Customer*>(record); }

static_assert(std::is_trivially_copyable_v<Customer>);
static_assert(sizeof(Customer) == 136, "the record's layout is a file format: a change needs a new customer_format");

/// Whether the bytes can be a customer's record: whoever loads one asks, since all else relies on what events lead to.
[[nodiscard]] bool is_customer_record(std::string_view bytes);

/// What applying an event did.
enum class Applied { event, late_event, duplicate };

/// Applies an event to the customer: everything but the level. REQUIRES: event.rejection == nullptr, and it is no
/// action.
Applied apply_event(Customer& customer, const Event& event);

/// Decays the counters to `t` and makes it the customer's moment. REQUIRES: t >= moment.
void advance_to(Customer& customer, Timestamp t);

[[nodiscard]] CustomerState state_of(const Customer& customer);
/// The state by purchase days alone, x + 1: first_time, repeat or loyal.
[[nodiscard]] CustomerState state_by_purchase_days(const Customer& customer);

/// Whether `spent` is all that the customer spent: there were amounts, and all in one currency, which is `in` if
/// that is given.
[[nodiscard]] bool spend_is_known(const Customer& customer, const std::optional<Currency>& in);

}  // namespace holdfast::engine
