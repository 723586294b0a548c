#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.hpp"
#include "domain/time.hpp"

namespace holdfast {

/// The numbers are part of the policy's fingerprint.
enum class EventKind : std::uint8_t { purchase, complaint, visit, action };
[[nodiscard]] std::string_view name(EventKind kind);

enum class ComplaintStatus : std::uint8_t { opened, acknowledged, resolved, reopened, withdrawn };

/// An ISO 4217 code; empty when the event names none.
struct Currency {
  std::array<char, 3> code{};

  /// None: the text is not three capital letters.
  [[nodiscard]] static constexpr std::optional<Currency> from(std::string_view text) {
    Currency currency;
    if (text.size() != currency.code.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] < 'A' || text[i] > 'Z') return std::nullopt;
      currency.code[i] = text[i];
    }
    return currency;
  }

  friend constexpr auto operator<=>(const Currency&, const Currency&) = default;
  [[nodiscard]] bool empty() const { return code[0] == '\0'; }
  [[nodiscard]] std::string_view text() const {
    return empty() ? std::string_view{} : std::string_view{code.data(), 3};
  }
};

/// Why a record was not taken as an event. The spelling in records, metrics and docs is that of `code_name`.
enum class RejectionCode : std::uint8_t {
  malformed_json,
  missing_field,
  wrong_type,
  bad_time,
  too_far_ahead,
  bad_value,
  missing_key,
  key_mismatch,
  too_large,
};
inline constexpr std::size_t rejection_codes = 9;
[[nodiscard]] std::string_view code_name(RejectionCode code);

/// A record header: name and value, both untouched bytes.
struct Header {
  std::string name;
  std::string value;
  bool has_value = true;  ///< Kafka distinguishes a null value from an empty one.
};

/// A record that is no event, with all that its dead letter needs: its bytes are copies, so the batch it came in may
/// go.
struct Rejection {
  RejectionCode code{};
  std::string message;  ///< A sentence for people: what is wrong and how to mend it.
  Offset offset;
  Timestamp timestamp{-1};  ///< As in the log; -1 when the log has none.
  bool has_key = false;
  bool has_value = false;
  std::string key;
  std::string value;
  std::vector<Header> headers;
};

/// One thing that a customer did, or that staff did for one. Views point into the EventBatch that holds the event.
struct Event {
  Timestamp time;           ///< When it happened.
  Offset offset;            ///< Where it stands in its source partition.
  Timestamp logged_at{-1};  ///< When the log got it; -1 unknown. Never used for scoring.
  CustomerKey customer;
  std::string_view event_id;             ///< Empty when the event has none.
  std::string_view action;               ///< Actions: what was done.
  const Rejection* rejection = nullptr;  ///< Set: the record is no event; only `offset` and `logged_at` are valid.
  double amount = 0;                     ///< Purchases: currency units, finite, >= 0. Valid if has_amount.
  Currency currency;                     ///< Purchases.
  EventKind kind = EventKind::visit;
  ComplaintStatus status = ComplaintStatus::opened;
  bool is_return = false;  ///< Complaints of category `return`.
  bool erases = false;     ///< Actions: `erase`.
  bool has_amount = false;
  bool misplaced = false;  ///< The key hashes to another partition than the record's.
};

/// Decoded events of one source partition in offset order, and the bytes that they point into. Movable; moving keeps
/// the views valid.
class EventBatch {
 public:
  std::vector<Event> events;
  /// Makes room for `bytes` of copied text and forgets all earlier content. Keeps memory for the next use.
  void reset(std::size_t bytes);
  /// Copies text into the batch. REQUIRES: the sum of all lengths since reset() stays within its `bytes`.
  [[nodiscard]] std::string_view keep(std::string_view text);
  /// Adds a rejection for an event to point at.
  const Rejection* keep(Rejection rejection);

 private:
  std::vector<std::unique_ptr<Rejection>> rejections_;
  std::unique_ptr<char[]> text_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
};

}  // namespace holdfast
