#include "engine/inbox.hpp"

#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

constexpr SourceIndex first{0};
constexpr SourceIndex second{1};

Positions two_sources() { return {.next = {}, .sources = 2}; }

/// A batch with events at these times, offsets from `from` on; a negative time is a rejection.
EventBatch batch(std::int64_t from, const std::vector<std::int64_t>& times) {
  EventBatch out;
  out.reset(0);
  for (const std::int64_t time : times) {
    Event event;
    event.offset = Offset{from++};
    event.time = Timestamp{time};
    if (time < 0) event.rejection = out.keep(Rejection{});
    out.events.push_back(event);
  }
  return out;
}

/// "0:10" for the event at 10 of the first source, and so on, until the inbox waits.
std::string take_all(Inbox& inbox) {
  std::string out;
  while (const auto head = inbox.next()) {
    out += std::to_string(head->source.value) + ":" +
           (head->event->rejection != nullptr ? "x" : std::to_string(head->event->time.ms)) + " ";
    inbox.pop(head->source);
  }
  return out;
}

TEST(Inbox, MergesByTimeAndBySourceWhereTimesTie) {
  Inbox inbox(two_sources());
  inbox.push(second, batch(0, {5, 20}));
  inbox.push(first, batch(0, {5, 10, 30}));
  inbox.reached_end(first, Offset{3});
  inbox.reached_end(second, Offset{2});
  EXPECT_EQ(take_all(inbox), "0:5 1:5 0:10 1:20 0:30 ");
  EXPECT_TRUE(inbox.exhausted());
  EXPECT_EQ(inbox.position()[first], Offset{3});
}

TEST(Inbox, WaitsForASourceThatHasMore) {
  Inbox inbox(two_sources());
  inbox.push(first, batch(0, {10, 20}));
  EXPECT_EQ(take_all(inbox), "") << "nothing is known of the second source yet";
  inbox.reached_end(second, Offset{0});
  EXPECT_EQ(take_all(inbox), "0:10 0:20 ");
  EXPECT_FALSE(inbox.exhausted()) << "the first source may have more";

  inbox.push(second, batch(0, {15}));
  EXPECT_EQ(take_all(inbox), "") << "the first source may have something earlier";
  inbox.reached_end(first, Offset{2});
  EXPECT_EQ(take_all(inbox), "1:15 ") << "late across sources, but never lost";
}

TEST(Inbox, AnEndThatTheRecordsHaveOutrunIsNoEnd) {
  Inbox inbox(two_sources());
  inbox.reached_end(second, Offset{0});
  inbox.reached_end(first, Offset{0});
  inbox.push(first, batch(0, {10, 20, 30}));
  EXPECT_EQ(take_all(inbox), "0:10 0:20 0:30 ");
  EXPECT_FALSE(inbox.exhausted());
  inbox.reached_end(first, Offset{4});  // The log's own records may follow the last event.
  EXPECT_TRUE(inbox.exhausted());
}

TEST(Inbox, SkipsOffsetsWithoutRecordsOnceTheEndBehindThemIsReached) {
  Inbox inbox(two_sources());
  inbox.push(first, batch(0, {10}));
  EXPECT_FALSE(inbox.skip_gaps()) << "a record waits";
  inbox.reached_end(first, Offset{3});
  EXPECT_FALSE(inbox.skip_gaps()) << "a record waits before the gap";
  inbox.reached_end(second, Offset{0});
  EXPECT_EQ(take_all(inbox), "0:10 ");
  EXPECT_EQ(inbox.position()[first], Offset{1});
  EXPECT_TRUE(inbox.skip_gaps());
  EXPECT_EQ(inbox.position()[first], Offset{3});
  EXPECT_FALSE(inbox.skip_gaps());
  Positions behind_the_gap = two_sources();
  behind_the_gap[first] = Offset{3};
  EXPECT_TRUE(inbox.holds(behind_the_gap));
}

TEST(Inbox, NeverReordersWithinASource) {
  Inbox inbox(two_sources());
  inbox.push(first, batch(0, {50, 10}));
  inbox.push(second, batch(0, {40, 45}));
  inbox.reached_end(first, Offset{2});
  inbox.reached_end(second, Offset{2});
  EXPECT_EQ(take_all(inbox), "1:40 1:45 0:50 0:10 ");
}

TEST(Inbox, TakesWhatIsNoEventAsSoonAsItIsNext) {
  Inbox inbox(two_sources());
  inbox.push(first, batch(0, {50}));
  inbox.push(second, batch(0, {-1, 60, -1}));
  inbox.reached_end(first, Offset{1});
  inbox.reached_end(second, Offset{3});
  EXPECT_EQ(take_all(inbox), "1:x 0:50 1:60 1:x ");
}

TEST(Inbox, TakesOnlyWhatAStepCovers) {
  Inbox inbox(two_sources());
  inbox.push(first, batch(0, {10, 30}));
  inbox.push(second, batch(4, {20, 25}));  // A gap: the log's own records.
  Positions end = two_sources();
  end[first] = Offset{1};
  end[second] = Offset{5};
  EXPECT_TRUE(inbox.holds(end));
  std::string taken;
  while (const auto head = inbox.next_before(end)) {
    taken += std::to_string(head->event->time.ms) + " ";
    inbox.pop(head->source);
  }
  EXPECT_EQ(taken, "10 20 ");
  EXPECT_EQ(inbox.position(), end);
  end[second] = Offset{7};
  EXPECT_FALSE(inbox.holds(end));
}

TEST(Inbox, HandsBatchesBackWhenTheyAreUsedUp) {
  Inbox inbox(two_sources());
  inbox.reached_end(second, Offset{0});
  inbox.push(first, batch(0, {1, 2}));
  EXPECT_EQ(inbox.batches(first), 1U);
  inbox.pop(first);
  EXPECT_FALSE(inbox.take_used());
  inbox.pop(first);
  EXPECT_EQ(inbox.batches(first), 0U);
  EXPECT_TRUE(inbox.take_used());
  EXPECT_FALSE(inbox.take_used());
}

TEST(Inbox, LooksAheadAtEachEventOnceAndNotTooFar) {
  constexpr std::size_t distance = 5;
  Inbox inbox({.next = {}, .sources = 1});
  std::mt19937_64 random(1);
  std::int64_t pushed = 0;
  std::int64_t seen = 0;
  std::int64_t popped = 0;
  const auto look = [&] {
    for (const Event& event : inbox.look_ahead(first, distance)) {
      EXPECT_EQ(event.offset, Offset{seen++});
      EXPECT_LT(event.offset, Offset{popped + 2 * std::int64_t{distance}});
    }
  };
  for (int move = 0; move < 10'000; ++move) {
    if (random() % 8 == 0) {
      std::vector<std::int64_t> times(random() % 14);
      inbox.push(first, batch(pushed, times));
      pushed += std::ssize(times);
      look();
    } else if (inbox.next()) {
      look();
      EXPECT_GT(seen, popped) << "it was seen before its turn came";
      inbox.pop(first);
      ++popped;
      while (inbox.take_used()) {
      }
    }
  }
  EXPECT_GT(popped, 4'000);
}

}  // namespace
}  // namespace holdfast::engine
