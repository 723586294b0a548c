#include "domain/step.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "domain/wire.hpp"

namespace holdfast {
namespace {

constexpr std::uint64_t journal_version = 2;
constexpr std::uint64_t journal_version_with_swaps = 2;
constexpr std::uint64_t marker_version = 4;
constexpr std::uint64_t marker_version_with_changelog = 2;
constexpr std::uint64_t marker_version_with_models = 3;
constexpr std::uint64_t marker_version_with_calibration = 4;
constexpr std::uint64_t steps_in_entry_max = 1 << 20;

// What follows the offsets of a step: one of these, and perhaps a model behind it.
constexpr std::uint64_t merge_only = 0;
constexpr std::uint64_t with_clock = 1;
constexpr std::uint64_t with_clock_and_timers = 2;
constexpr std::uint64_t with_model = 4;

/// Longer than the hundreds of millions of customers that a task can have need.
constexpr Duration spread_max{std::int64_t{1} << 38};

void put_check(std::string& out) { wire::put_u64(out, fingerprint(out)); }

/// The bytes before the fingerprint that ends them, if it is theirs.
Expected<std::string_view> checked(std::string_view bytes, std::string_view what) {
  if (bytes.size() < 8) return fail(ErrorKind::corrupt, std::string(what) + " is cut short");
  const std::string_view body = bytes.substr(0, bytes.size() - 8);
  if (wire::Reader(bytes.substr(body.size())).u64() != fingerprint(body))
    return fail(ErrorKind::corrupt, std::string(what) + " does not match its checksum");
  return body;
}

void put_positions(std::string& out, const Positions& positions) {
  for (std::uint8_t s = 0; s < positions.sources; ++s) wire::put_signed(out, positions.next[s].value);
}

/// A number that has to fit into a narrower type; `fits` becomes false if it does not.
template <class Narrow>
Narrow get_narrow(wire::Reader& in, bool& fits) {
  const std::uint64_t value = in.varint();
  fits = fits && value <= static_cast<std::uint64_t>(std::numeric_limits<Narrow>::max());
  return static_cast<Narrow>(value);
}

/// Whether a log can have the offset, and one behind it.
bool is_possible(Offset offset) { return offset.value >= 0 && offset.value < std::numeric_limits<std::int64_t>::max(); }

/// `fit` becomes false if one is not possible.
Positions get_positions(wire::Reader& in, std::uint8_t sources, bool& fit) {
  Positions positions;
  positions.sources = sources;
  for (std::uint8_t s = 0; s < sources; ++s) {
    positions.next[s].value = in.signed_varint();
    fit = fit && is_possible(positions.next[s]);
  }
  return positions;
}

void put_model(std::string& out, Timestamp from, std::string_view model) {
  wire::put_signed(out, from.ms);
  wire::put_varint(out, model.size());
  out += model;
}

/// `fits` becomes false if no task can have taken it.
void get_model(wire::Reader& in, Timestamp& from, std::string& model, bool& fits) {
  from.ms = in.signed_varint();
  const std::uint64_t size = in.varint();
  fits = fits && from <= last_event_time && size <= limits::model_bytes_max;
  model = in.bytes(fits ? size : 0);
}

/// The steps behind the head of an entry; false: they are none that a task can have made.
bool get_steps(wire::Reader& in, std::uint64_t version, std::uint64_t first, std::uint64_t count, JournalEntry& entry) {
  if (first == 0 || count == 0 || first > std::numeric_limits<std::uint64_t>::max() - count) return false;
  entry.steps.reserve(std::min<std::uint64_t>(count, in.rest().size()));  // A step has a byte at least.
  Positions at = entry.start;
  std::int64_t clock = 0;
  bool fits = true;
  for (std::uint64_t i = 0; i < count && fits && in.ok(); ++i) {
    for (std::uint8_t s = 0; s < at.sources; ++s) {
      std::int64_t& offset = at.next[s].value;
      fits = fits && !__builtin_add_overflow(offset, in.varint(), &offset) && is_possible(at.next[s]);
    }
    Step step{.number = first + i, .end = at};
    std::uint64_t shape = in.varint();
    const bool has_model = version >= journal_version_with_swaps && (shape & with_model) != 0;
    if (has_model) shape -= with_model;
    fits = fits && shape <= with_clock_and_timers;
    if (shape != merge_only) {
      fits = fits && !__builtin_add_overflow(clock, in.signed_varint(), &clock);
      step.clock = Timestamp{clock};
      fits = fits && step.clock != before_all_time;
    }
    if (shape == with_clock_and_timers) step.timers = get_narrow<std::uint32_t>(in, fits);
    if (has_model) {
      auto swap = std::make_shared<ModelSwap>();
      get_model(in, swap->from, swap->model, fits);
      step.swap = std::move(swap);
    }
    entry.steps.push_back(std::move(step));
  }
  return fits;
}

void put_number(std::string& out, double number) { wire::put_u64(out, std::bit_cast<std::uint64_t>(number)); }

/// `fits` becomes false if it is none.
double get_number(wire::Reader& in, bool& fits) {
  const auto number = std::bit_cast<double>(in.u64());
  fits = fits && std::isfinite(number);
  return number;
}

void put_correction(std::string& out, const Correction& correction) {
  put_number(out, correction.intercept);
  put_number(out, correction.slope);
}

Correction get_correction(wire::Reader& in, bool& fits) {
  const double intercept = get_number(in, fits);
  const double slope = get_number(in, fits);
  fits = fits && std::abs(intercept) <= Correction::intercept_most && slope >= Correction::slope_least &&
         slope <= Correction::slope_most;
  return {intercept, slope};
}

void put_calibration(std::string& out, const CalibrationState& state) {
  wire::put_signed(out, state.horizon.ms);
  wire::put_signed(out, state.since.ms);
  wire::put_signed(out, state.reviewed.ms);
  wire::put_signed(out, state.next_review.ms);
  for (const CalibrationState::Bin& bin : state.bins) {
    for (const double number : {bin.asked, bin.outcomes, bin.left, bin.told}) put_number(out, number);
  }
  wire::put_varint(out, state.past.size());
  for (const CalibrationState::Past& past : state.past) {
    wire::put_signed(out, past.from.ms);
    put_correction(out, past.correction);
  }
}

/// `fits` becomes false if no task that has come to `stream_time` can have it.
CalibrationState get_calibration(wire::Reader& in, Timestamp stream_time, bool& fits) {
  CalibrationState state;
  state.horizon.ms = in.signed_varint();
  state.since.ms = in.signed_varint();
  state.reviewed.ms = in.signed_varint();
  state.next_review.ms = in.signed_varint();
  fits = fits && state.horizon > Duration{0} && state.horizon <= limits::horizon_max && state.reviewed <= stream_time &&
         state.next_review > stream_time;
  for (CalibrationState::Bin& bin : state.bins) {
    for (double* number : {&bin.asked, &bin.outcomes, &bin.left, &bin.told}) {
      *number = get_number(in, fits);
      fits = fits && *number >= 0 && *number <= CalibrationState::count_most;
    }
  }
  const std::uint64_t past = in.varint();
  fits = fits && past <= in.rest().size();
  for (std::uint64_t i = 0; i < past && fits && in.ok(); ++i) {
    CalibrationState::Past& to = state.past.emplace_back();
    to.from.ms = in.signed_varint();
    to.correction = get_correction(in, fits);
    fits = fits && to.from <= stream_time && (i == 0 || state.past[i - 1].from <= to.from);
  }
  return state;
}

}  // namespace

std::string encode_journal_entry(const JournalEntry& entry) {
  std::string out;
  out.reserve(32 + entry.steps.size() * 16);
  wire::put_varint(out, journal_version);
  wire::put_varint(out, static_cast<std::uint64_t>(entry.partition.value));
  wire::put_u64(out, entry.policy.value);
  wire::put_varint(out, entry.start.sources);
  put_positions(out, entry.start);
  wire::put_varint(out, entry.steps.empty() ? 0 : entry.steps.front().number);
  wire::put_varint(out, entry.steps.size());
  Positions at = entry.start;
  std::int64_t clock = 0;
  for (const Step& step : entry.steps) {
    // Deltas: a step is a few bytes.
    for (std::uint8_t s = 0; s < at.sources; ++s) {
      wire::put_varint(out, static_cast<std::uint64_t>(step.end.next[s].value - at.next[s].value));
      at.next[s] = step.end.next[s];
    }
    std::uint64_t shape = merge_only;
    if (step.clock != before_all_time) shape = step.timers == Step::all_timers ? with_clock : with_clock_and_timers;
    wire::put_varint(out, shape + (step.swap != nullptr ? with_model : 0));
    if (shape != merge_only) {
      wire::put_signed(out, step.clock.ms - clock);
      clock = step.clock.ms;
    }
    if (shape == with_clock_and_timers) wire::put_varint(out, step.timers);
    if (step.swap != nullptr) put_model(out, step.swap->from, step.swap->model);
  }
  put_check(out);
  return out;
}

Expected<JournalEntry> decode_journal_entry(std::string_view bytes) {
  if (!bytes.empty() && static_cast<unsigned char>(bytes.front()) > journal_version)
    return fail(ErrorKind::incompatible, "a journal entry is of a newer format: run the release that wrote it");
  const auto body = checked(bytes, "a journal entry");
  if (!body) return std::unexpected(body.error());

  wire::Reader in(*body);
  JournalEntry entry;
  const std::uint64_t version = in.varint();
  if (version == 0 || version > journal_version) return fail(ErrorKind::corrupt, "a journal entry has no known format");
  bool fits = true;
  entry.partition.value = get_narrow<std::int32_t>(in, fits);
  entry.policy.value = in.u64();
  const std::uint64_t sources = in.varint();
  if (!in.ok() || sources > limits::sources_max)
    return fail(ErrorKind::corrupt, "a journal entry names more sources than there can be");
  entry.start = get_positions(in, static_cast<std::uint8_t>(sources), fits);
  const std::uint64_t first = in.varint();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > steps_in_entry_max) return fail(ErrorKind::corrupt, "a journal entry is too long");
  if (!fits || !get_steps(in, version, first, count, entry))
    return fail(ErrorKind::corrupt, "a journal entry tells of steps that no task can have made");
  if (!in.ok() || !in.rest().empty()) return fail(ErrorKind::corrupt, "a journal entry does not end where it should");
  return entry;
}

std::string encode_marker(const Marker& marker) {
  std::string out;
  wire::put_varint(out, marker_version);
  wire::put_varint(out, static_cast<std::uint64_t>(marker.partition.value));
  wire::put_u64(out, marker.policy.value);
  wire::put_u64(out, marker.topics);
  wire::put_varint(out, marker.record_format);
  wire::put_varint(out, marker.step);
  wire::put_varint(out, marker.position.sources);
  put_positions(out, marker.position);
  wire::put_signed(out, marker.stream_time.ms);
  wire::put_varint(out, marker.customers);
  wire::put_signed(out, marker.taken_at.ms);
  wire::put_varint(out, static_cast<std::uint64_t>(marker.partitions));
  wire::put_signed(out, marker.changelog.value);
  wire::put_varint(out, marker.models.size());
  for (const ModelGeneration& generation : marker.models) {
    put_model(out, generation.from, generation.model);
    wire::put_signed(out, generation.spread.ms);
    put_correction(out, generation.correction);
  }
  wire::put_varint(out, marker.calibration ? 1 : 0);
  if (marker.calibration) put_calibration(out, *marker.calibration);
  put_check(out);
  return out;
}

Expected<Marker> decode_marker(std::string_view bytes) {
  if (!bytes.empty() && static_cast<unsigned char>(bytes.front()) > marker_version)
    return fail(ErrorKind::incompatible, "a checkpoint is of a newer format: run the release that wrote it");
  const auto body = checked(bytes, "the marker of a checkpoint");
  if (!body) return std::unexpected(body.error());

  wire::Reader in(*body);
  Marker marker;
  const std::uint64_t version = in.varint();
  if (version == 0 || version > marker_version)
    return fail(ErrorKind::corrupt, "the marker of a checkpoint has no known format");
  bool fits = true;
  marker.partition.value = get_narrow<std::int32_t>(in, fits);
  marker.policy.value = in.u64();
  marker.topics = in.u64();
  marker.record_format = get_narrow<std::uint32_t>(in, fits);
  marker.step = in.varint();
  const std::uint64_t sources = in.varint();
  if (!in.ok() || sources > limits::sources_max)
    return fail(ErrorKind::corrupt, "the marker of a checkpoint names more sources than there can be");
  marker.position = get_positions(in, static_cast<std::uint8_t>(sources), fits);
  marker.stream_time.ms = in.signed_varint();
  fits = fits && (marker.stream_time == before_all_time || is_event_time(marker.stream_time));
  marker.customers = in.varint();
  marker.taken_at.ms = in.signed_varint();
  if (version >= marker_version_with_changelog) {
    marker.partitions = get_narrow<std::int32_t>(in, fits);
    marker.changelog.value = in.signed_varint();
  }
  if (version >= marker_version_with_models) {
    const std::uint64_t models = in.varint();
    fits = fits && models <= limits::generations_max + 1;
    bool begun = true;  // Those that have are the first ones.
    for (std::uint64_t i = 0; i < models && fits && in.ok(); ++i) {
      ModelGeneration& generation = marker.models.emplace_back();
      get_model(in, generation.from, generation.model, fits);
      generation.spread.ms = in.signed_varint();
      fits = fits && generation.spread >= ModelGeneration::not_begun && generation.spread <= spread_max;
      const bool begins = generation.spread == ModelGeneration::not_begun;
      fits = fits && (begins ? i > 0 : begun) && (i == 0 || generation.from > before_all_time);
      begun = begun && !begins;
      if (version >= marker_version_with_calibration) generation.correction = get_correction(in, fits);
    }
  }
  if (version >= marker_version_with_calibration && get_narrow<bool>(in, fits))
    marker.calibration = get_calibration(in, marker.stream_time, fits);
  if (!fits) return fail(ErrorKind::corrupt, "the marker of a checkpoint stands where no task can");
  if (!in.ok() || !in.rest().empty())
    return fail(ErrorKind::corrupt, "the marker of a checkpoint does not end where it should");
  return marker;
}

}  // namespace holdfast
