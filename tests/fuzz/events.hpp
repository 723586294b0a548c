#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "domain/limits.hpp"
#include "ingest/decoder.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/memory_batch.hpp"

/// What holds for every event and every rejection, whatever the record.
namespace holdfast::fuzz {

inline constexpr std::size_t message_bytes_max = 4096;

/// How deep arrays and objects lie in each other, if the text is JSON.
inline std::size_t depth_of(std::string_view json) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      deepest = std::max(deepest, ++depth);
    } else if (!quoted && (c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

inline void check_rejection(const Rejection& rejection, const RawRecord& record) {
  require(rejection.offset == record.offset && rejection.timestamp == record.timestamp, "its place is kept");
  require(rejection.has_key == (record.key.data() != nullptr) && rejection.key == record.key, "its key is kept");
  require(rejection.has_value == (record.value.data() != nullptr) && rejection.value == record.value,
          "its value is kept");
  require(code_name(rejection.code) != "unknown", "its code has a name");
  require(!rejection.message.empty() && rejection.message.size() <= message_bytes_max, "its message can be read");
  require(is_utf8(rejection.message), "its message is text");
}

inline void check_event(const Event& event, const RawRecord& record, const ingest::SourceFormat& format,
                        ingest::KeyRule keys) {
  require(record.value.size() <= limits::event_bytes_max, "no event is larger than the limit");
  require(event.kind == format.kind, "an event is of its source's kind");
  require(event.time >= first_event_time && event.time <= last_event_time, "its time lies within the years 1 to 9999");
  require(record.timestamp.ms < 0 || event.time <= record.timestamp + format.max_ahead,
          "its time lies no further ahead of the log than is allowed");
  const std::string_view id = event.customer.id;
  require(!id.empty() && id.size() <= limits::customer_id_bytes_max, "the customer's id has a possible length");
  require(is_utf8(id) && std::ranges::none_of(id, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }),
          "the customer's id is text");
  require(event.customer.hash == make_customer_key(id).hash, "the hash is the id's");
  require(keys == ingest::KeyRule::from_event || id == record.key, "the id is the key");
  require(event.event_id.size() <= limits::event_id_bytes_max && is_utf8(event.event_id), "so is the event's");
  if (event.has_amount) require(std::isfinite(event.amount) && event.amount >= 0, "an amount is a number from 0 on");
  require(event.has_amount || event.kind != EventKind::purchase, "a purchase has an amount");
  require(
      event.currency.empty() || std::ranges::all_of(event.currency.code, [](char c) { return c >= 'A' && c <= 'Z'; }),
      "a currency has three capital letters");
}

inline bool same(const Event& a, const Event& b) {
  if (a.rejection != nullptr || b.rejection != nullptr)
    return a.rejection != nullptr && b.rejection != nullptr && a.rejection->code == b.rejection->code &&
           a.rejection->message == b.rejection->message;
  return a.time == b.time && a.customer.id == b.customer.id && a.event_id == b.event_id && a.amount == b.amount &&
         a.has_amount == b.has_amount && a.currency == b.currency && a.status == b.status &&
         a.is_return == b.is_return && a.misplaced == b.misplaced;
}

/// Whether the record was taken for JSON exactly if it is. The other reader takes a byte order mark, any depth, and a
/// zero byte for the end.
inline void check_json(const Event& event, std::string_view value) {
  if (event.rejection != nullptr &&
      (event.rejection->code == RejectionCode::too_large || event.rejection->code == RejectionCode::missing_key))
    return;
  if (value.find('\0') != std::string_view::npos) return;
  const bool is_json = nlohmann::json::accept(value);
  const bool taken = event.rejection == nullptr || event.rejection->code != RejectionCode::malformed_json;
  require(!taken || is_json, "what is no JSON is said to be none");
  constexpr std::size_t depth_allowed = 60;
  if (is_json && !value.starts_with('\xef') && depth_of(value) <= depth_allowed)
    require(taken, "what is JSON is taken for it");
}

/// Decodes a record twice in one batch and checks what comes out; `see` gets the event.
template <class See>
void decode_and_check(const ingest::SourceFormat& format, ingest::KeyRule keys, std::optional<std::string> key,
                      std::optional<std::string> value, Timestamp logged_at, See see) {
  constexpr Offset first{7};
  std::vector<testing::MemoryBatch::Given> given(2);
  given[0] = given[1] = {std::move(key), std::move(value), logged_at, {{"trace", "1", true}}};
  const testing::MemoryBatch batch(std::move(given), first);
  ingest::Decoder decoder(format, Partition{1}, ingest::Partitioner::murmur2, 3, keys);
  EventBatch out;
  decoder.decode(batch, out);

  require(out.events.size() == 2, "every record has its event");
  require(same(out.events[0], out.events[1]), "an event depends on its record alone");
  for (std::size_t i = 0; i < out.events.size(); ++i) {
    const Event& event = out.events[i];
    const RawRecord& record = batch.records()[i];
    require(event.offset == record.offset && event.logged_at == record.timestamp,
            "an event stands where its record does");
    if (event.rejection != nullptr) {
      check_rejection(*event.rejection, record);
      require(event.rejection->headers.size() == 1, "headers are kept");
    } else {
      check_event(event, record, format, keys);
    }
  }
  see(std::as_const(out.events[0]), batch.records()[0]);

  const auto parts = ingest::split(std::move(out), 2, [](const Event& event) { return event.customer.hash % 2; });
  require(parts.size() == 2 && parts[0].events.size() + parts[1].events.size() == 2,
          "no event is lost when they are dealt out");
  for (const EventBatch& part : parts) {
    for (const Event& event : part.events) {
      if (event.rejection == nullptr) check_event(event, batch.records()[0], format, keys);
    }
  }
}

}  // namespace holdfast::fuzz
