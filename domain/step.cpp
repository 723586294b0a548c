#include "domain/step.hpp"

#include <algorithm>
#include <limits>

#include "domain/wire.hpp"

namespace holdfast {
namespace {

constexpr std::uint64_t journal_version = 1;
constexpr std::uint64_t marker_version = 2;
constexpr std::uint64_t marker_version_with_changelog = 2;
constexpr std::uint64_t steps_in_entry_max = 1 << 20;

// What follows the offsets of a step.
constexpr std::uint64_t merge_only = 0;
constexpr std::uint64_t with_clock = 1;
constexpr std::uint64_t with_clock_and_timers = 2;

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

/// The steps behind the head of an entry; false: they are none that a task can have made.
bool get_steps(wire::Reader& in, std::uint64_t first, std::uint64_t count, JournalEntry& entry) {
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
    const std::uint64_t shape = in.varint();
    fits = fits && shape <= with_clock_and_timers;
    if (shape != merge_only) {
      fits = fits && !__builtin_add_overflow(clock, in.signed_varint(), &clock);
      step.clock = Timestamp{clock};
      fits = fits && step.clock != before_all_time;
    }
    if (shape == with_clock_and_timers) step.timers = get_narrow<std::uint32_t>(in, fits);
    entry.steps.push_back(step);
  }
  return fits;
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
    if (step.clock == before_all_time) {
      wire::put_varint(out, merge_only);
      continue;
    }
    wire::put_varint(out, step.timers == Step::all_timers ? with_clock : with_clock_and_timers);
    wire::put_signed(out, step.clock.ms - clock);
    if (step.timers != Step::all_timers) wire::put_varint(out, step.timers);
    clock = step.clock.ms;
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
  if (in.varint() != journal_version) return fail(ErrorKind::corrupt, "a journal entry has no known format");
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
  if (!fits || !get_steps(in, first, count, entry))
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
  marker.customers = in.varint();
  marker.taken_at.ms = in.signed_varint();
  if (version >= marker_version_with_changelog) {
    marker.partitions = get_narrow<std::int32_t>(in, fits);
    marker.changelog.value = in.signed_varint();
  }
  if (!in.ok() || !in.rest().empty())
    return fail(ErrorKind::corrupt, "the marker of a checkpoint does not end where it should");
  if (!fits) return fail(ErrorKind::corrupt, "the marker of a checkpoint stands where no task can");
  return marker;
}

}  // namespace holdfast
