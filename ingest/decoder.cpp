#include "ingest/decoder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <simdjson.h>

#include "domain/limits.hpp"
#include "domain/short_text.hpp"
#include "ingest/event_fields.hpp"
#include "ingest/flat_json.hpp"
#include "ingest/json_walk.hpp"
#include "ingest/partitioner.hpp"

namespace holdfast::ingest {
namespace {

/// To copy it is faster than to make one.
const Event no_event;

/// Of JSON.
constexpr std::string_view blanks = " \t\n\r";

using simdjson::ondemand::json_type;

struct Fault {
  RejectionCode code{};
  std::string message;
};

/// What was read of one event. Its texts are kept in the batch at once: the parser's memory is used again for each
/// nested field.
struct Draft {
  std::string_view customer_id;
  std::optional<Timestamp> time;
  std::string_view event_id;
  std::string_view action;
  std::optional<double> amount;
  Currency currency;
  ComplaintStatus status = ComplaintStatus::opened;
  bool is_return = false;
  bool erases = false;
  std::uint16_t seen = 0;  ///< Fields read, a bit each: of repeated ones the first counts.
  bool has_customer_id = false;
  bool has_time = false;
  bool has_action = false;
  // The first fault of each kind; they are reported in this order.
  std::optional<Fault> type_fault;
  std::optional<Fault> time_fault;
  std::optional<Fault> value_fault;
};

constexpr std::size_t integer_text_max = 20;

struct Number {
  double value = 0;
  std::optional<std::int64_t> integer;  ///< Where it is one: asked for ids alone.
};

std::string_view name_of(json_type type) {
  switch (type) {
    case json_type::array: return "an array";
    case json_type::object: return "an object";
    case json_type::number: return "a number";
    case json_type::string: return "a string";
    case json_type::boolean: return "a boolean";
    case json_type::null: return "null";
  }
  return "something else";
}

std::optional<ComplaintStatus> status_named(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, ComplaintStatus>, 5> names{
      {{"opened", ComplaintStatus::opened},
       {"acknowledged", ComplaintStatus::acknowledged},
       {"resolved", ComplaintStatus::resolved},
       {"reopened", ComplaintStatus::reopened},
       {"withdrawn", ComplaintStatus::withdrawn}}};
  for (const auto& [known, status] : names) {
    if (known == name) return status;
  }
  return std::nullopt;
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void note(std::optional<Fault>& place, RejectionCode code, std::string message) {
  if (!place) place = Fault{code, std::move(message)};
}

/// Whether nothing but white space follows what was read.
bool at_end(simdjson::ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

/// Enough of a text to recognise it by.
std::string excerpt(std::string_view text) {
  constexpr std::size_t length_max = 60;
  if (text.size() <= length_max) return std::string(text);
  std::size_t end = length_max;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // Within a character of UTF-8.
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

class Decoder::Impl {
 public:
  Impl(SourceFormat format, Partition partition, Partitioner partitioner, std::int32_t partitions, KeyRule keys)
      : format_(std::move(format)),
        partition_(partition),
        partitioner_(partitioner),
        partitions_(partitions),
        keys_(keys) {
    for (const std::string_view name : known_fields(format_.kind)) {
      const Field field = field_named(name);
      if (field == Field::other) continue;
      const std::string pointer = pointer_of(format_, name);
      places_[static_cast<std::size_t>(field)] = pointer;
      const std::string name_there = pointer.substr(1);
      // A member is read once on the way through the event: whoever else wants it looks it up afterwards.
      if (name_there.find_first_of("/~") == std::string::npos && !members_.contains(name_there)) {
        members_.add(name_there, field);
      } else {
        nested_.emplace_back(pointer, field);
      }
    }
    read_defaults();
  }

  void decode(const RecordBatch& batch, EventBatch& out) {
    const auto records = batch.records();
    std::size_t bytes = 0;
    // Two texts are kept of an event, and both may be mapped to the same one; of an action its name as well, which may
    // be the default.
    for (const RawRecord& record : records) bytes += 2 * std::min(record.value.size(), limits::event_bytes_max);
    if (format_.kind == EventKind::action) bytes += records.size() * limits::action_bytes_max;
    out.reset(bytes);
    for (std::size_t i = 0; i < records.size(); ++i) {
      const RawRecord& record = records[i];
      out.events.push_back(no_event);
      Event& event = out.events.back();
      event.offset = record.offset;
      event.logged_at = record.timestamp;
      event.kind = format_.kind;
      if (auto fault = read(record, event, out)) event.rejection = out.keep(reject(std::move(*fault), batch, i));
    }
  }

 private:
  void read_defaults() {
    for (const auto& [name, text] : format_.defaults) {
      const Field field = field_named(name);
      if (field == Field::amount) {
        double amount = 0;
        std::from_chars(text.data(), text.data() + text.size(), amount);
        defaults_.amount = amount;
      } else if (field == Field::currency) {
        set_currency(text, defaults_);
      } else if (field == Field::status) {
        defaults_.status = status_named(text).value_or(ComplaintStatus::opened);
      } else if (field == Field::category) {
        defaults_.is_return = text == "return";
      } else if (field == Field::action) {
        set_action(text, defaults_);
      }
    }
  }

  std::optional<Fault> read(const RawRecord& record, Event& event, EventBatch& out) {
    if (record.value.size() > limits::event_bytes_max)
      return Fault{RejectionCode::too_large,
                   fmt::format("the event has {} bytes, at most {} are taken: send less in it", record.value.size(),
                               limits::event_bytes_max)};
    if (keys_ == KeyRule::record_key) {
      if (record.key.size() > limits::customer_id_bytes_max)
        return Fault{RejectionCode::too_large,
                     fmt::format("the record's key has {} bytes, at most {} are taken: send the customer's id as key",
                                 record.key.size(), limits::customer_id_bytes_max)};
      if (record.key.empty())
        return Fault{RejectionCode::missing_key, "the record has no key: send the customer's id as key"};
    }
    if (record.value.data() == nullptr)
      return Fault{RejectionCode::malformed_json, "the record has no value: send a JSON object"};

    Draft draft = defaults_;
    into_ = &out;
    if (auto fault = parse(record.value, draft)) return fault;
    if (auto fault = missing(draft)) return fault;
    if (auto fault = judge(record, draft)) return fault;

    event.time = *draft.time;
    event.customer = make_customer_key(draft.customer_id);
    event.event_id = draft.event_id;
    if (format_.kind == EventKind::action)
      event.action = draft.action.data() == defaults_.action.data() ? out.keep(draft.action) : draft.action;
    event.has_amount = draft.amount.has_value();
    event.amount = draft.amount.value_or(0);
    event.currency = draft.currency;
    event.status = draft.status;
    event.is_return = draft.is_return;
    event.erases = draft.erases;
    event.misplaced = keys_ == KeyRule::record_key && partitioner_ != Partitioner::none &&
                      partition_for(partitioner_, record.key, partitions_) != partition_.value;
    return std::nullopt;
  }

  // Malformed JSON comes before all that its readable part may say.
  std::optional<Fault> parse(std::string_view value, Draft& draft) {
    if (!nested_.empty() || !plain_.read(value)) return parse_any(value, draft);
    for (const FlatJson::Member& member : plain_.members()) {
      if (const Field field = members_.field_of(member.name); field != Field::other) take_plain(field, member, draft);
    }
    return std::nullopt;
  }

  std::optional<Fault> parse_any(std::string_view value, Draft& draft) {
    if (padded_.size() < value.size() + simdjson::SIMDJSON_PADDING)
      padded_.resize((value.size() + simdjson::SIMDJSON_PADDING) * 2);
    std::memcpy(padded_.data(), value.data(), value.size());
    // simdjson 3.0 may look at the byte behind the value, where an earlier one could have left something.
    std::memset(padded_.data() + value.size(), ' ', simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::document document;
    json_type type{};
    // simdjson 3.0 takes a scalar with many blanks behind it for none.
    const std::size_t size = value.find_last_not_of(blanks) + 1;
    const simdjson::padded_string_view view(padded_.data(), size, padded_.size());
    if (const auto error = parser_.iterate(view).get(document)) return malformed(value, error);
    if (const auto error = document.type().get(type)) return malformed(value, error);
    if (type != json_type::object) {
      if (const auto error = check_scalar_or_array(document, type, value)) return malformed(value, error);
      return Fault{RejectionCode::wrong_type, fmt::format("the event is {}, not a JSON object", name_of(type))};
    }
    simdjson::ondemand::object object;
    if (const auto error = document.get_object().get(object)) return malformed(value, error);
    for (auto member : object) {
      simdjson::ondemand::field field;
      if (const auto error = std::move(member).get(field)) return malformed(value, error);
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return malformed(value, error);
      if (const auto error = take_field(members_.field_of(key), field.value(), draft)) return malformed(value, error);
    }
    if (!at_end(document)) return malformed(value, simdjson::TRAILING_CONTENT);

    for (const auto& [pointer, field] : nested_) {
      simdjson::ondemand::value found;
      if (document.at_pointer(pointer).get(found) != simdjson::SUCCESS) continue;
      if (const auto error = take_field(field, found, draft)) return malformed(value, error);
    }
    return std::nullopt;
  }

  // A document's top level is no `value` to simdjson where it is a scalar.
  static simdjson::error_code check_scalar_or_array(simdjson::ondemand::document& document, json_type type,
                                                    std::string_view whole) {
    if (type == json_type::array) {
      simdjson::ondemand::value value;
      if (const auto error = document.get_value().get(value)) return error;
      if (const auto error = check_json(value)) return error;
    } else if (type == json_type::number) {
      double number = 0;
      if (const auto error = document.get_double().get(number)) return error;
    } else if (type == json_type::string) {
      std::string_view text;
      if (const auto error = document.get_string().get(text)) return error;
    } else if (type == json_type::boolean) {
      bool flag = false;
      if (const auto error = document.get_bool().get(flag)) return error;
    } else {
      // simdjson 3.0's is_null() of a whole document looks for the end one byte too far, in what is left in memory.
      whole.remove_suffix(whole.size() - (whole.find_last_not_of(blanks) + 1));
      whole.remove_prefix(std::min(whole.find_first_not_of(blanks), whole.size()));
      return whole == "null" ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    }
    return at_end(document) ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;
  }

  /// Whether the field is to be taken: of repeated ones the first counts.
  static bool is_first(Field field, Draft& draft) {
    const auto bit = static_cast<std::uint16_t>(1U << static_cast<unsigned>(field));
    const bool first = (draft.seen & bit) == 0;
    draft.seen |= bit;
    return first;
  }

  void take_plain(Field field, const FlatJson::Member& member, Draft& draft) {
    if (!is_first(field, draft)) return;
    switch (member.kind) {
      case FlatJson::Kind::text: take_text(field, member.text, draft); return;
      case FlatJson::Kind::number: {
        Number number{.value = member.number, .integer = {}};
        if (member.is_integer) number.integer = static_cast<std::int64_t>(member.number);
        take_number(field, number, draft);
        return;
      }
      case FlatJson::Kind::boolean: wrong_type(field, json_type::boolean, draft); return;
      case FlatJson::Kind::null: return;  // As if it were not there.
    }
  }

  simdjson::error_code take_field(Field field, simdjson::ondemand::value value, Draft& draft) {
    json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (field == Field::other || !is_first(field, draft) || type == json_type::null) return check_json(value);
    if (type == json_type::string) {
      std::string_view text;
      if (const auto error = value.get_string().get(text)) return error;
      take_text(field, text, draft);
      return simdjson::SUCCESS;
    }
    if (type == json_type::number) {
      Number number;
      if (std::int64_t integer = 0; is_id(field) && value.get_int64().get(integer) == simdjson::SUCCESS) {
        number.integer = integer;
      } else if (const auto error = value.get_double().get(number.value)) {
        return error;
      }
      take_number(field, number, draft);
      return simdjson::SUCCESS;
    }
    wrong_type(field, type, draft);
    return check_json(value);
  }

  void take_text(Field field, std::string_view text, Draft& draft) {
    switch (field) {
      case Field::customer_id:
        draft.customer_id = into_->keep(text);
        draft.has_customer_id = true;
        return;
      case Field::event_id: draft.event_id = into_->keep(text); return;
      case Field::time: {
        draft.has_time = true;
        if (format_.time_format == TimeFormat::epoch_ms || format_.time_format == TimeFormat::epoch_s) break;
        const auto time = parse_rfc3339(text);
        if (time) {
          draft.time = *time;
        } else {
          note(draft.time_fault, RejectionCode::bad_time,
               fmt::format("{}: '{}' {}", place(field), excerpt(text), time.error()));
        }
        return;
      }
      case Field::currency: set_currency(text, draft); return;
      case Field::status:
        if (const auto status = status_named(text)) {
          draft.status = *status;
        } else {
          note(draft.value_fault, RejectionCode::bad_value,
               fmt::format("{}: '{}' is no status; there are opened, acknowledged, resolved, reopened, withdrawn",
                           place(field), excerpt(text)));
        }
        return;
      case Field::category: draft.is_return = text == "return"; return;
      case Field::action: set_action(text, draft); return;
      case Field::amount:
      case Field::severity:
      case Field::other: break;
    }
    wrong_type(field, json_type::string, draft);
  }

  void take_number(Field field, const Number& number, Draft& draft) {
    switch (field) {
      case Field::customer_id:
        draft.has_customer_id = true;
        take_integer(field, number, draft.customer_id, draft);
        return;
      case Field::event_id: take_integer(field, number, draft.event_id, draft); return;
      case Field::time: take_time(number.value, draft); return;
      case Field::amount:
        draft.amount = number.value;
        if (!(number.value >= 0) || !std::isfinite(number.value))
          note(draft.value_fault, RejectionCode::bad_value,
               fmt::format("{}: {} is no amount; send a number from 0 on, and returns as complaints", place(field),
                           number.value));
        return;
      case Field::severity:
        if (number.value < 1 || number.value > 5 || number.value != std::floor(number.value))
          note(draft.value_fault, RejectionCode::bad_value,
               fmt::format("{}: {} is no severity; send 1 to 5", place(field), number.value));
        return;
      default: wrong_type(field, json_type::number, draft);
    }
  }

  // An id that is an integer: its decimal digits.
  void take_integer(Field field, const Number& number, std::string_view& id, Draft& draft) {
    if (!number.integer) {
      note(draft.type_fault, RejectionCode::wrong_type,
           fmt::format("{}: a number that is no integer of 64 bits; send the id as a string", place(field)));
      return;
    }
    std::array<char, integer_text_max> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), *number.integer);
    id = into_->keep({text.data(), static_cast<std::size_t>(end.ptr - text.data())});
  }

  void take_time(double number, Draft& draft) {
    draft.has_time = true;
    if (format_.time_format == TimeFormat::rfc3339) {
      wrong_type(Field::time, json_type::number, draft);
      return;
    }
    const double ms = std::floor(format_.time_format == TimeFormat::epoch_s ? number * 1000 : number);
    if (ms >= static_cast<double>(first_event_time.ms) && ms <= static_cast<double>(last_event_time.ms)) {
      draft.time = Timestamp{static_cast<std::int64_t>(ms)};
    } else {
      note(draft.time_fault, RejectionCode::bad_time,
           fmt::format("{}: {} lies outside the years 1 to 9999; is it in {}?", place(Field::time), number,
                       format_.time_format == TimeFormat::epoch_s ? "seconds" : "milliseconds"));
    }
  }

  void set_currency(std::string_view text, Draft& draft) {
    if (const auto currency = Currency::from(text)) {
      draft.currency = *currency;
    } else {
      note(draft.value_fault, RejectionCode::bad_value,
           fmt::format("{}: '{}' is no currency; send an ISO 4217 code of three capital letters",
                       place(Field::currency), excerpt(text)));
    }
  }

  void set_action(std::string_view text, Draft& draft) {
    draft.has_action = true;
    draft.erases = text == erase_action;
    const auto problem = action_problem(text);
    if (!problem.empty()) {
      note(draft.value_fault, RejectionCode::bad_value,
           fmt::format("{}: '{}', {}", place(Field::action), excerpt(text), problem));
      return;
    }
    draft.action = into_ == nullptr ? text : into_->keep(text);
  }

  void wrong_type(Field field, json_type type, Draft& draft) {
    const bool number = field == Field::amount || field == Field::severity ||
                        (field == Field::time && format_.time_format >= TimeFormat::epoch_ms);
    const std::string_view wanted = is_id(field) ? "a string or an integer"
                                    : field == Field::time && format_.time_format == TimeFormat::any
                                        ? "RFC 3339 text or milliseconds"
                                    : number ? "a number"
                                             : "a string";
    note(draft.type_fault, RejectionCode::wrong_type,
         fmt::format("{}: {} stands where {} is wanted", place(field), name_of(type), wanted));
  }

  std::optional<Fault> missing(const Draft& draft) const {
    if (draft.type_fault) return draft.type_fault;
    const auto lacks = [&](Field field) {
      return Fault{RejectionCode::missing_field,
                   fmt::format("{}: the field is missing; every {} needs it", place(field), name(format_.kind))};
    };
    if (!draft.has_customer_id) return lacks(Field::customer_id);
    if (!draft.has_time) return lacks(Field::time);
    if (format_.kind == EventKind::purchase && !draft.amount) return lacks(Field::amount);
    if (format_.kind == EventKind::action && !draft.has_action) return lacks(Field::action);
    return std::nullopt;
  }

  std::optional<Fault> judge(const RawRecord& record, Draft& draft) const {
    if (draft.time_fault) return draft.time_fault;
    if (draft.customer_id.empty() || draft.customer_id.size() > limits::customer_id_bytes_max)
      note(draft.value_fault, RejectionCode::bad_value,
           fmt::format("{}: an id of {} bytes; send 1 to {}", place(Field::customer_id), draft.customer_id.size(),
                       limits::customer_id_bytes_max));
    if (has_control_characters(draft.customer_id))
      note(draft.value_fault, RejectionCode::bad_value,
           fmt::format("{}: the id has control characters; send printable ones", place(Field::customer_id)));
    if (draft.event_id.size() > limits::event_id_bytes_max)
      note(draft.value_fault, RejectionCode::bad_value,
           fmt::format("{}: an id of {} bytes; send at most {}", place(Field::event_id), draft.event_id.size(),
                       limits::event_id_bytes_max));
    if (!is_event_time(*draft.time))
      return Fault{RejectionCode::bad_time, fmt::format("{}: outside the years 1 to 9999", place(Field::time))};
    if (draft.value_fault) return draft.value_fault;
    if (keys_ == KeyRule::record_key && !equal_short(record.key, draft.customer_id))
      return Fault{RejectionCode::key_mismatch,
                   fmt::format("the record's key is not the customer_id at {}: send the customer's id as key",
                               place(Field::customer_id))};
    if (record.timestamp.ms >= 0 && *draft.time > record.timestamp + format_.max_ahead)
      return Fault{RejectionCode::too_far_ahead,
                   fmt::format("{}: {} lies more than {} s ahead of the log's {}: check the sender's clock, or raise "
                               "time.max_ahead",
                               place(Field::time), to_rfc3339(*draft.time), format_.max_ahead.ms / 1000,
                               to_rfc3339(record.timestamp))};
    return std::nullopt;
  }

  [[nodiscard]] const std::string& place(Field field) const { return places_[static_cast<std::size_t>(field)]; }

  static Fault malformed(std::string_view value, simdjson::error_code error) {
    return {RejectionCode::malformed_json,
            fmt::format("no JSON: {} (the value has {} bytes); send one JSON object in UTF-8",
                        simdjson::error_message(error), value.size())};
  }

  static Rejection reject(Fault fault, const RecordBatch& batch, std::size_t index) {
    const RawRecord& record = batch.records()[index];
    return {.code = fault.code,
            .message = std::move(fault.message),
            .offset = record.offset,
            .timestamp = record.timestamp,
            .has_key = record.key.data() != nullptr,
            .has_value = record.value.data() != nullptr,
            .key = std::string(record.key),
            .value = std::string(record.value),
            .headers = batch.headers(index)};
  }

  const SourceFormat format_;
  const Partition partition_;
  const Partitioner partitioner_;
  const std::int32_t partitions_;
  const KeyRule keys_;
  std::array<std::string, field_count> places_;        ///< JSON Pointers by Field.
  MemberNames members_;                                ///< Of the top-level object.
  std::vector<std::pair<std::string, Field>> nested_;  ///< The others, by pointer.
  Draft defaults_;
  FlatJson plain_;
  simdjson::ondemand::parser parser_;
  std::vector<char> padded_;    ///< What simdjson reads.
  EventBatch* into_ = nullptr;  ///< Of the decode() under way.
};

Decoder::Decoder(SourceFormat format, Partition partition, Partitioner partitioner, std::int32_t partitions,
                 KeyRule keys)
    : impl_(std::make_unique<Impl>(std::move(format), partition, partitioner, partitions, keys)) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

void Decoder::decode(const RecordBatch& batch, EventBatch& out) { impl_->decode(batch, out); }

std::vector<EventBatch> split(EventBatch batch, std::size_t parts,
                              const std::function<std::size_t(const Event&)>& route) {
  std::vector<std::size_t> bytes(parts);
  std::vector<std::size_t> routes;
  routes.reserve(batch.events.size());
  for (const Event& event : batch.events) {
    routes.push_back(event.rejection != nullptr ? 0 : route(event));
    bytes[routes.back()] += event.customer.id.size() + event.event_id.size() + event.action.size();
  }
  std::vector<EventBatch> out(parts);
  for (std::size_t p = 0; p < parts; ++p) out[p].reset(bytes[p]);
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    EventBatch& to = out[routes[i]];
    Event& event = to.events.emplace_back(batch.events[i]);
    if (event.rejection != nullptr) {
      event.rejection = to.keep(Rejection(*event.rejection));
    } else {
      event.customer.id = to.keep(event.customer.id);
      event.event_id = to.keep(event.event_id);
      event.action = to.keep(event.action);
    }
  }
  return out;
}

}  // namespace holdfast::ingest
