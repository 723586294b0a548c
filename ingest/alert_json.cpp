#include "ingest/alert_json.hpp"

#define XXH_INLINE_ALL
#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <xxhash.h>

#include "ingest/number_text.hpp"
#include "ingest/reason_text.hpp"

namespace holdfast::ingest {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

bool is_plain(char c) { return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20; }

void append_escaped(TextArena& out, std::string_view text) {
  while (true) {
    const auto special = std::ranges::find_if_not(text, is_plain);
    out.append(text.substr(0, static_cast<std::size_t>(special - text.begin())));
    if (special == text.end()) return;
    const auto byte = static_cast<unsigned char>(*special);
    if (byte < 0x20) {
      out.append("\\u00");
      out.append(hex_digits[byte >> 4]);
      out.append(hex_digits[byte & 0xf]);
    } else {
      out.append('\\');
      out.append(*special);
    }
    text.remove_prefix(static_cast<std::size_t>(special - text.begin()) + 1);
  }
}

constexpr std::size_t id_digits = 32;

/// 16 digits, the highest first.
void append_hex(TextArena& out, std::uint64_t value) {
  char* to = out.room(16);
  for (int shift = 60; shift >= 0; shift -= 4) *to++ = hex_digits[value >> shift & 0xf];
  out.grow_to(to);
}

void append_time(TextArena& out, Timestamp value) { out.grow_to(write_rfc3339(out.room(rfc3339_chars_max), value)); }

/// Writes the members of a JSON object, in the order of the calls.
class Members {
 public:
  explicit Members(TextArena& out) : out_(out) { out_.append('{'); }
  void close() { out_.append('}'); }

  void text(std::string_view name, std::string_view value) {
    begin(name).append('"');
    append_escaped(out_, value);
    out_.append('"');
  }
  /// One of our own words, in which nothing has to be escaped.
  void word(std::string_view name, std::string_view value) {
    begin(name).append('"');
    out_.append(value);
    out_.append('"');
  }
  void time(std::string_view name, Timestamp value) {
    begin(name).append('"');
    append_time(out_, value);
    out_.append('"');
  }
  void integer(std::string_view name, std::int64_t value) {
    begin(name);
    char* const to = out_.room(number_chars_max);
    out_.grow_to(std::to_chars(to, to + number_chars_max, value).ptr);
  }
  void number(std::string_view name, double value) { decimal(name, value, 6); }
  void money(std::string_view name, double value) { decimal(name, value, 2); }
  /// The member's value is written by the caller.
  TextArena& begin(std::string_view name) {
    out_.append(first_ ? std::string_view("\"") : std::string_view(",\""));
    out_.append(name);
    out_.append("\":");
    first_ = false;
    return out_;
  }

 private:
  void decimal(std::string_view name, double value, int decimals) {
    begin(name);
    out_.grow_to(write_number(out_.room(number_chars_max), value, decimals));
  }

  TextArena& out_;
  bool first_ = true;
};

bool is_event(TriggerType type) { return type != TriggerType::silence && type != TriggerType::model; }

void append_trigger(TextArena& out, const Trigger& trigger, const std::vector<std::string>& sources,
                    Partition partition) {
  Members members(out);
  members.word("type", name(trigger.type));
  if (is_event(trigger.type)) {
    members.text("source", sources[trigger.source.value]);
    members.integer("partition", partition.value);
    members.integer("offset", trigger.offset.value);
    if (!trigger.event_id.empty()) members.text("event_id", trigger.event_id);
  }
  members.close();
}

void append_reasons(TextArena& out, std::span<const Reason> reasons, const ReasonWords& words,
                    const Currency& currency) {
  out.append('[');
  for (const Reason& reason : reasons) {
    if (&reason != reasons.data()) out.append(',');
    Members members(out);
    members.word("feature", name(reason.feature));
    members.number("value", reason.value);
    if (!std::isnan(reason.typical)) members.number("typical", reason.typical);
    if (!std::isnan(reason.alike)) members.number("alike", reason.alike);
    members.number("contribution", reason.contribution);
    members.begin("text").append('"');
    append_reason_text(out, reason, words, currency);  // Of our own words: nothing in them has to be escaped.
    out.append('"');
    members.close();
  }
  out.append(']');
}

void append_customer(TextArena& out, const Alert& alert) {
  Members members(out);
  members.word("state", name(alert.state));
  members.integer("purchases", alert.purchases);
  members.time("first_purchase", alert.first_purchase);
  members.time("last_purchase", alert.last_purchase);
  members.integer("open_complaints", alert.open_complaints);
  members.close();
}

void append_value(TextArena& out, const Alert& alert) {
  Members members(out);
  if (!alert.currency.empty()) members.text("currency", alert.currency.text());
  members.money("spent", alert.spent);
  if (alert.has_expected) {
    members.money("expected", alert.expected);
    members.money("at_risk", alert.at_risk);
  }
  members.close();
}

void append_id(TextArena& out, std::string_view application_id, std::string_view customer_id, std::uint32_t seq,
               std::string& scratch) {
  scratch.assign(application_id).append(1, '\0').append(customer_id).append(1, '\0');
  append_number(scratch, seq);
  const XXH128_hash_t hash = XXH3_128bits(scratch.data(), scratch.size());
  append_hex(out, hash.high64);
  append_hex(out, hash.low64);
}

}  // namespace

std::string alert_id(std::string_view application_id, std::string_view customer_id, std::uint32_t seq) {
  TextArena id;
  std::string scratch;
  append_id(id, application_id, customer_id, seq, scratch);
  return std::string(id.finish());
}

AlertEncoder::AlertEncoder(std::string application_id, std::vector<std::string> source_names, Duration horizon,
                           Language language)
    : application_id_(std::move(application_id)),
      source_header_("/holdfast/" + application_id_),
      source_names_(std::move(source_names)),
      horizon_days_(horizon.days()),
      words_(words_of(language)) {}

AlertEncoder::Encoded AlertEncoder::encode(const Alert& alert, Partition partition, TextArena& into) {
  into.append(alert.customer.id);
  const std::string_view customer_id = into.finish();

  Members members(into);
  members.integer("schema", 1);
  // Headers say again what stands in the text: they point there.
  members.begin("alert_id").append('"');
  const std::size_t id_at = into.size();
  append_id(into, application_id_, alert.customer.id, alert.seq, scratch_);
  into.append('"');
  members.integer("seq", alert.seq);
  members.integer("episode", alert.episode);
  members.text("customer_id", alert.customer.id);
  if (alert.arm != Arm::none) members.word("arm", name(alert.arm));
  members.word("change", name(alert.change));
  members.word("level", name(alert.level));
  members.word("previous_level", name(alert.previous_level));
  members.number("risk", alert.risk);
  members.number("p_alive", alert.p_alive);
  members.number("horizon_days", horizon_days_);
  members.begin("time").append('"');
  const std::size_t time_at = into.size();
  append_time(into, alert.time);
  const std::size_t time_size = into.size() - time_at;
  into.append('"');
  append_trigger(members.begin("trigger"), alert.trigger, source_names_, partition);
  members.number("base", alert.base);
  append_reasons(members.begin("reasons"), alert.reasons, words_, alert.currency);
  append_customer(members.begin("customer"), alert);
  if (alert.has_value) append_value(members.begin("value"), alert);
  Members model(members.begin("model"));
  model.text("id", alert.model_id);
  model.text("name", alert.model_name);
  if (alert.correction != Correction{}) {
    Members correction(model.begin("correction"));
    correction.number("intercept", alert.correction.intercept);
    correction.number("slope", alert.correction.slope);
    correction.close();
  }
  model.close();
  members.close();
  const std::string_view json = into.finish();

  return {.customer_id = customer_id,
          .json = json,
          .all_headers = {{{"ce_specversion", "1.0"},
                           {"ce_id", json.substr(id_at, id_digits)},
                           {"ce_source", source_header_},
                           {"ce_type", "holdfast.alert.v1"},
                           {"ce_time", json.substr(time_at, time_size)},
                           {"ce_subject", customer_id},
                           {"content-type", "application/json"},
                           {"ce_arm", name(alert.arm)}}},
          .header_count = alert.arm == Arm::none ? 7U : 8U};
}

}  // namespace holdfast::ingest
