#include "domain/step.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "domain/wire.hpp"

namespace holdfast {
namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

bool same(const std::shared_ptr<const ModelSwap>& a, const std::shared_ptr<const ModelSwap>& b) {
  return a == b || (a != nullptr && b != nullptr && a->model == b->model && a->from == b->from);
}

bool same(const Step& a, const Step& b) {
  if (!same(a.swap, b.swap)) return false;
  return a.number == b.number && a.end == b.end && a.clock == b.clock && a.timers == b.timers;
}

bool same(const JournalEntry& a, const JournalEntry& b) {
  return a.partition == b.partition && a.policy == b.policy && a.start == b.start &&
         std::ranges::equal(a.steps, b.steps, [](const Step& x, const Step& y) { return same(x, y); });
}

JournalEntry entry_of(Partition partition, std::uint8_t sources, std::uint64_t first,
                      const std::vector<std::vector<std::int64_t>>& moves,
                      const std::vector<std::optional<std::int64_t>>& clocks) {
  JournalEntry entry{.partition = partition, .policy = {0x0123'4567'89ab'cdef}, .start = {}, .steps = {}};
  entry.start.sources = sources;
  for (std::uint8_t s = 0; s < sources; ++s) entry.start.next[s] = Offset{100 * (s + 1)};
  Positions at = entry.start;
  for (std::size_t i = 0; i < moves.size(); ++i) {
    for (std::uint8_t s = 0; s < sources; ++s) at.next[s].value += moves[i][s];
    entry.steps.push_back(
        {.number = first + i, .end = at, .clock = clocks[i] ? Timestamp{*clocks[i]} : before_all_time});
  }
  return entry;
}

// The bytes in the topics and directories of those who run it: a change here needs a new version.
TEST(Journal, AnEntryHasTheBytesThatTheFormatSays) {
  JournalEntry entry = entry_of({3}, 2, 300, {{5, 0}, {0, 1}, {0, 0}}, {std::nullopt, 1'000, 1'001});
  entry.steps.back().timers = 4096;
  entry.steps[1].swap = std::make_shared<const ModelSwap>(ModelSwap{"{}", Timestamp{-2}});
  const std::string body = from_hex(
      "02"
      "03"
      "efcdab8967452301"
      "02"
      "c801"
      "9003"
      "ac02"
      "03"
      "0500"
      "00"
      "0001"
      "05"
      "d00f"
      "03"
      "02"
      "7b7d"
      "0000"
      "02"
      "02"
      "8020");
  const std::string bytes = encode_journal_entry(entry);
  ASSERT_EQ(bytes.size(), body.size() + 8);
  EXPECT_EQ(to_hex(bytes.substr(0, body.size())), to_hex(body));
  std::string check;
  wire::put_u64(check, fingerprint(body));
  EXPECT_EQ(to_hex(bytes.substr(body.size())), to_hex(check));
}

TEST(Marker, HasTheBytesThatTheFormatSays) {
  Marker marker{
      .partition = {1},
      .policy = {2},
      .topics = 3,
      .partitions = 6,
      .record_format = 1,
      .step = 200,
      .position = {.next = {}, .sources = 1},
      .stream_time = Timestamp{-1},
      .customers = 5,
      .taken_at = Timestamp{64},
      .changelog = Offset{-1},
      .models = {{"{}", Timestamp{1}, Duration{2}, {-0.5, 2}}, {"[]", Timestamp{3}, ModelGeneration::not_begun}},
      .calibration = CalibrationState{.horizon = Duration{10},
                                      .since = Timestamp{-2},
                                      .reviewed = Timestamp{-3},
                                      .next_review = Timestamp{4},
                                      .past = {{Timestamp{-3}, {-0.5, 2}}}}};
  marker.calibration->bins[0] = {1, 2, 0.5, 4};
  marker.position.next[0] = Offset{7};
  const std::string body = from_hex(
      "04"
      "01"
      "0200000000000000"
      "0300000000000000"
      "01"
      "c801"
      "01"
      "0e"
      "01"
      "05"
      "8001"
      "06"
      "01"
      "02"
      "02027b7d04000000000000e0bf0000000000000040"
      "06025b5d010000000000000000000000000000f03f"
      "01"
      "14030508"
      "000000000000f03f0000000000000040000000000000e03f0000000000001040" +
      std::string(62 * 4 * 16, '0') +
      "01"
      "05000000000000e0bf0000000000000040");
  const std::string bytes = encode_marker(marker);
  EXPECT_EQ(to_hex(bytes.substr(0, bytes.size() - 8)), to_hex(body));
  std::string check;
  wire::put_u64(check, fingerprint(body));
  EXPECT_EQ(to_hex(bytes.substr(body.size())), to_hex(check));
}

TEST(Fingerprint, IsXxh3) {
  // Of the library's own sanity tables: XXH3_64bits with no seed of no bytes.
  EXPECT_EQ(fingerprint(""), 0x2d06'8005'38d3'94c2ULL);
  EXPECT_NE(fingerprint("a"), fingerprint("b"));
}

rc::Gen<JournalEntry> any_entry() {
  return rc::gen::exec([] {
    const auto sources = static_cast<std::uint8_t>(*rc::gen::inRange(0, static_cast<int>(limits::sources_max) + 1));
    const auto steps = *rc::gen::inRange<std::size_t>(1, 30);
    std::vector<std::vector<std::int64_t>> moves;
    std::vector<std::optional<std::int64_t>> clocks;
    for (std::size_t i = 0; i < steps; ++i) {
      moves.push_back(*rc::gen::container<std::vector<std::int64_t>>(
          sources, rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, 5),
                                  rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 40))));
      const bool has_clock = *rc::gen::arbitrary<bool>();
      const std::int64_t clock = *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(-5, 5),
                                                 rc::gen::inRange<std::int64_t>(1'700'000'000'000, 1'800'000'000'000));
      clocks.push_back(has_clock ? std::optional(clock) : std::nullopt);
    }
    const std::uint64_t first = *rc::gen::inRange<std::uint64_t>(1, std::uint64_t{1} << 40);
    JournalEntry entry = entry_of({*rc::gen::inRange(0, 100'000)}, sources, first, moves, clocks);
    for (Step& step : entry.steps) {
      if (*rc::gen::inRange(0, 8) != 0) continue;
      const Timestamp from{
          *rc::gen::oneOf(rc::gen::just(before_all_time.ms), rc::gen::inRange<std::int64_t>(-5, 1'800'000'000'000))};
      step.swap = std::make_shared<const ModelSwap>(ModelSwap{*rc::gen::arbitrary<std::string>(), from});
    }
    return entry;
  });
}

TEST(Journal, AnyEntryComesBack) {
  EXPECT_TRUE(rc::check("encode and decode", [] {
    const JournalEntry entry = *any_entry();
    const auto back = decode_journal_entry(encode_journal_entry(entry));
    RC_ASSERT(back.has_value());
    RC_ASSERT(same(*back, entry));
  }));
}

TEST(Journal, WhatIsCutShortOrFlippedIsRefused) {
  EXPECT_TRUE(rc::check("damage", [] {
    const std::string bytes = encode_journal_entry(*any_entry());
    const std::string cut = bytes.substr(0, *rc::gen::inRange<std::size_t>(0, bytes.size()));
    RC_ASSERT(!decode_journal_entry(cut).has_value());
    std::string flipped = bytes;
    flipped[*rc::gen::inRange<std::size_t>(0, bytes.size())] ^= static_cast<char>(1 << *rc::gen::inRange(0, 8));
    RC_ASSERT(!decode_journal_entry(flipped).has_value());
  }));
}

// A right checksum around wrong content: written by a faulty release, or made by hand.
TEST(Journal, NonsenseWithARightChecksumDoesNoHarm) {
  EXPECT_TRUE(rc::check("rubbish", [] {
    std::string bytes =
        *rc::gen::oneOf(rc::gen::arbitrary<std::string>(), rc::gen::map(any_entry(), [](const JournalEntry& entry) {
                          const std::string whole = encode_journal_entry(entry);
                          return whole.substr(0, whole.size() - 8);
                        }));
    if (!bytes.empty()) bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
    std::string check;
    wire::put_u64(check, fingerprint(bytes));
    const auto journal = decode_journal_entry(bytes + check);
    if (journal) RC_ASSERT(journal->start.sources <= limits::sources_max);
    const auto marker = decode_marker(bytes + check);
    if (marker) RC_ASSERT(marker->position.sources <= limits::sources_max);
  }));
}

std::string with_check(std::string bytes) {
  wire::put_u64(bytes, fingerprint(bytes));
  return bytes;
}

/// An entry of one source, up to its steps.
std::string head_of_entry(std::uint64_t partition, std::int64_t start, std::uint64_t first, std::uint64_t steps) {
  std::string out;
  wire::put_varint(out, 1);
  wire::put_varint(out, partition);
  wire::put_u64(out, 42);
  wire::put_varint(out, 1);
  wire::put_signed(out, start);
  wire::put_varint(out, first);
  wire::put_varint(out, steps);
  return out;
}

std::string step_bytes(std::uint64_t moves, std::optional<std::int64_t> clock = std::nullopt,
                       std::optional<std::uint64_t> timers = std::nullopt) {
  std::string out;
  wire::put_varint(out, moves);
  wire::put_varint(out, timers ? 2 : clock ? 1 : 0);
  if (clock) wire::put_signed(out, *clock);
  if (timers) wire::put_varint(out, *timers);
  return out;
}

// The checksum is right, and the numbers are none that a task can have: recovery would count with them.
TEST(Journal, NumbersThatCannotBeAreRefused) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  constexpr std::uint64_t all_ones = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t partitions = std::uint64_t{1} << 31;
  const auto refused = [](const std::string& bytes) {
    const auto entry = decode_journal_entry(with_check(bytes));
    return !entry && entry.error().kind == ErrorKind::corrupt;
  };
  ASSERT_TRUE(decode_journal_entry(with_check(head_of_entry(partitions - 1, 5, 1, 1) + step_bytes(1, 7, 9))));
  EXPECT_TRUE(refused(head_of_entry(3, 5, 1, 0))) << "no step";
  EXPECT_TRUE(refused(head_of_entry(partitions, 5, 1, 1) + step_bytes(1))) << "partition";
  EXPECT_TRUE(refused(head_of_entry(3, -1, 1, 1) + step_bytes(1))) << "offset before the log";
  EXPECT_TRUE(refused(head_of_entry(3, most, 1, 1) + step_bytes(0))) << "no offset lies behind this one";
  EXPECT_TRUE(refused(head_of_entry(3, most - 1, 1, 1) + step_bytes(1))) << "nor behind the one it comes to";
  EXPECT_TRUE(refused(head_of_entry(3, most - 1, 1, 1) + step_bytes(2))) << "offset behind every log";
  EXPECT_TRUE(refused(head_of_entry(3, 5, 1, 1) + step_bytes(all_ones))) << "a step back";
  EXPECT_TRUE(refused(head_of_entry(3, 5, 0, 1) + step_bytes(1))) << "steps begin with 1";
  EXPECT_TRUE(refused(head_of_entry(3, 5, all_ones, 2) + step_bytes(1) + step_bytes(1))) << "number of a step";
  EXPECT_TRUE(refused(head_of_entry(3, 5, 1, 2) + step_bytes(1, most) + step_bytes(1, 1))) << "clock";
  EXPECT_TRUE(refused(head_of_entry(3, 5, 1, 1) + step_bytes(1, least))) << "no time at all";
  EXPECT_TRUE(refused(head_of_entry(3, 5, 1, 1) + step_bytes(1, 7, std::uint64_t{1} << 32))) << "timers";
}

TEST(Journal, AModelOfTheLargestSizeComesBackAndNoLargerOne) {
  JournalEntry entry = entry_of({0}, 1, 1, {{1}}, {std::nullopt});
  const std::string largest(limits::model_bytes_max, 'm');
  entry.steps[0].swap = std::make_shared<const ModelSwap>(ModelSwap{largest, last_event_time});
  const auto back = decode_journal_entry(encode_journal_entry(entry));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(same(*back, entry));
  entry.steps[0].swap = std::make_shared<const ModelSwap>(ModelSwap{largest + 'm', last_event_time});
  EXPECT_EQ(decode_journal_entry(encode_journal_entry(entry)).error().kind, ErrorKind::corrupt);
  entry.steps[0].swap = std::make_shared<const ModelSwap>(ModelSwap{"m", last_event_time + Duration{1}});
  EXPECT_EQ(decode_journal_entry(encode_journal_entry(entry)).error().kind, ErrorKind::corrupt);
}

TEST(Journal, AnEntryOfTheFirstVersionHasNoModels) {
  const auto entry = decode_journal_entry(with_check(head_of_entry(3, 5, 1, 1) + step_bytes(1, 7)));
  ASSERT_TRUE(entry) << entry.error().message;
  EXPECT_EQ(entry->steps[0].swap, nullptr);
  std::string with_model = head_of_entry(3, 5, 1, 1);
  wire::put_varint(with_model, 1);
  wire::put_varint(with_model, 4);
  wire::put_signed(with_model, 0);
  wire::put_varint(with_model, 0);
  EXPECT_FALSE(decode_journal_entry(with_check(with_model)));
  with_model[0] = 2;
  EXPECT_TRUE(decode_journal_entry(with_check(with_model)));
}

TEST(Marker, NumbersThatCannotBeAreRefused) {
  const auto refused = [](const Marker& marker) {
    const auto back = decode_marker(encode_marker(marker));
    return !back && back.error().kind == ErrorKind::corrupt;
  };
  Marker marker;
  marker.position.sources = 1;
  ASSERT_FALSE(refused(marker));
  marker.position.next[0] = Offset{-1};
  EXPECT_TRUE(refused(marker));
  marker.position.next[0] = Offset{std::numeric_limits<std::int64_t>::max()};
  EXPECT_TRUE(refused(marker));
  marker.position.next[0] = Offset{0};
  marker.partition = Partition{-1};
  EXPECT_TRUE(refused(marker));
  marker.partition = Partition{0};
  for (const Timestamp t : {before_all_time, first_event_time, last_event_time}) {
    marker.stream_time = t;
    EXPECT_FALSE(refused(marker)) << t.ms;
  }
  for (const Timestamp t :
       {before_all_time + Duration{1}, first_event_time - Duration{1}, last_event_time + Duration{1}, after_all_time}) {
    marker.stream_time = t;
    EXPECT_TRUE(refused(marker)) << t.ms;
  }
  marker.stream_time = Timestamp{0};
  marker.models = {{"m", before_all_time, Duration{0}}, {"m", Timestamp{0}, ModelGeneration::not_begun}};
  ASSERT_FALSE(refused(marker));
  marker.models.push_back({"m", Timestamp{1}, Duration{5}});
  EXPECT_TRUE(refused(marker)) << "begun behind one that has not";
  marker.models = {{"m", Timestamp{0}, ModelGeneration::not_begun}};
  EXPECT_TRUE(refused(marker)) << "nobody is under any";
  marker.models = {{"m", before_all_time, Duration{0}}, {"m", before_all_time, Duration{0}}};
  EXPECT_TRUE(refused(marker)) << "two from the beginning";
  marker.models = {{"m", Timestamp{0}, Duration{-2}}};
  EXPECT_TRUE(refused(marker)) << "a spread that is none";
  marker.models = {{"m", Timestamp{0}, Duration{std::int64_t{1} << 50}}};
  EXPECT_TRUE(refused(marker)) << "a spread of ages";
  marker.models.assign(limits::generations_max + 2, {"m", Timestamp{0}, Duration{0}});
  EXPECT_TRUE(refused(marker)) << "too many";
  marker.models.assign(limits::generations_max + 1,
                       {std::string(limits::model_bytes_max, 'm'), Timestamp{0}, Duration{0}});
  EXPECT_FALSE(refused(marker));
  EXPECT_LT(encode_marker(marker).size(), std::size_t{1'000'000}) << "of what a topic takes by default";
}

TEST(Journal, ANewerVersionIsSaidToBeOne) {
  std::string bytes = encode_journal_entry(entry_of({0}, 1, 1, {{1}}, {std::nullopt}));
  bytes[0] = 3;
  EXPECT_EQ(decode_journal_entry(bytes).error().kind, ErrorKind::incompatible);
  std::string marker = encode_marker({});
  marker[0] = 5;
  EXPECT_EQ(decode_marker(marker).error().kind, ErrorKind::incompatible);
}

TEST(Marker, OneOfTheFirstVersionKnowsNoChangelog) {
  std::string bytes = from_hex(
      "01"
      "01"
      "0200000000000000"
      "0300000000000000"
      "01"
      "c801"
      "01"
      "0e"
      "01"
      "05"
      "8001");
  wire::put_u64(bytes, fingerprint(bytes));
  const auto marker = decode_marker(bytes);
  ASSERT_TRUE(marker) << marker.error().message;
  EXPECT_EQ(marker->step, 200U);
  EXPECT_EQ(marker->partitions, 0);
  EXPECT_EQ(marker->changelog, Offset{-1});
  EXPECT_TRUE(marker->models.empty());
}

TEST(Marker, OneOfTheSecondVersionKnowsNoModels) {
  std::string bytes = from_hex(
      "02"
      "01"
      "0200000000000000"
      "0300000000000000"
      "01"
      "c801"
      "01"
      "0e"
      "01"
      "05"
      "8001"
      "06"
      "01");
  wire::put_u64(bytes, fingerprint(bytes));
  const auto marker = decode_marker(bytes);
  ASSERT_TRUE(marker) << marker.error().message;
  EXPECT_EQ(marker->partitions, 6);
  EXPECT_EQ(marker->changelog, Offset{-1});
  EXPECT_TRUE(marker->models.empty());
}

TEST(Marker, OneOfTheThirdVersionKnowsNoCorrections) {
  Marker marker;
  marker.stream_time = Timestamp{5};
  marker.models = {{"{}", before_all_time, Duration{0}}};
  std::string bytes = encode_marker(marker);
  bytes.resize(bytes.size() - 8 - 1 - 16);
  bytes[0] = 3;
  wire::put_u64(bytes, fingerprint(bytes));
  const auto back = decode_marker(bytes);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->models.size(), 1U);
  EXPECT_EQ(back->models[0].correction, Correction{});
  EXPECT_FALSE(back->calibration);
}

TEST(Marker, CalibrationThatNoTaskCanHaveIsRefused) {
  const CalibrationState sound{.horizon = Duration{10},
                               .since = Timestamp{7},
                               .reviewed = Timestamp{1},
                               .next_review = Timestamp{6},
                               .past = {{Timestamp{1}, {1, 1}}, {Timestamp{5}, {0, 2}}}};
  const auto refused = [&](auto change) {
    Marker marker;
    marker.stream_time = Timestamp{5};
    marker.calibration = sound;
    EXPECT_TRUE(decode_marker(encode_marker(marker)));
    change(*marker.calibration);
    return !decode_marker(encode_marker(marker)).has_value();
  };
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(refused([](CalibrationState& c) { c.horizon = Duration{0}; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.horizon = Duration{limits::horizon_max.ms + 1}; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.reviewed = Timestamp{6}; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.next_review = Timestamp{5}; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.bins[62].told = -1; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.bins[3].left = not_a_number; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.bins[3].asked = 1e16; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.past[0].from = Timestamp{6}; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.past[1].from = Timestamp{0}; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.past[1].correction.slope = 0.2; }));
  EXPECT_TRUE(refused([](CalibrationState& c) { c.past[1].correction.intercept = not_a_number; }));
}

TEST(Marker, AnyComesBackAndNoneThatIsDamaged) {
  EXPECT_TRUE(rc::check("encode, decode, damage", [] {
    Marker marker{.partition = {*rc::gen::inRange(0, 1 << 30)},
                  .policy = {*rc::gen::arbitrary<std::uint64_t>()},
                  .partitions = *rc::gen::inRange(0, 1 << 30),
                  .record_format = *rc::gen::arbitrary<std::uint32_t>(),
                  .step = *rc::gen::arbitrary<std::uint64_t>(),
                  .position = (*any_entry()).start,
                  .stream_time = {*rc::gen::inRange(first_event_time.ms, last_event_time.ms + 1)},
                  .customers = *rc::gen::arbitrary<std::uint64_t>(),
                  .taken_at = {*rc::gen::arbitrary<std::int64_t>()},
                  .changelog = {*rc::gen::arbitrary<std::int64_t>()}};
    const std::string bytes = encode_marker(marker);
    const auto back = decode_marker(bytes);
    RC_ASSERT(back.has_value());
    RC_ASSERT(encode_marker(*back) == bytes);
    RC_ASSERT(back->stream_time == marker.stream_time);
    RC_ASSERT(back->partitions == marker.partitions);
    RC_ASSERT(back->changelog == marker.changelog);
    RC_ASSERT(!decode_marker(bytes.substr(0, *rc::gen::inRange<std::size_t>(0, bytes.size()))).has_value());
  }));
}

}  // namespace
}  // namespace holdfast
