#include "app/history.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/shop.hpp"
#include "app/shop_json.hpp"
#include "tests/support/config_fixture.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using testing::days;
using testing::new_year;

const std::string three_sources =
    "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
    "  complaints: {topic: complaints, kind: complaint}\n  visits: {topic: visits, kind: visit}\n";

const HistoryProgress nobody_watches = [](std::string_view, std::uint64_t, Timestamp) {};

TEST(ActionNames, HaveNumbersThatDoNotDependOnTheirOrder) {
  ActionNames names;
  for (const char* name : {"voucher", "call", "voucher", "letter"}) names.add(name);
  EXPECT_EQ(names.number_of("call"), 1);
  EXPECT_EQ(names.number_of("letter"), 2);
  EXPECT_EQ(names.name_of(3), "voucher");
  EXPECT_EQ(names.name_of(0), "");
}

TEST(ActionNames, AreBounded) {
  ActionNames names;
  for (int i = 999; i >= 100; --i) names.add(std::to_string(i));
  EXPECT_EQ(names.name_of(names.number_of("100")), "100");
  EXPECT_EQ(names.name_of(names.number_of("349")), "349") << "the 250th";
  EXPECT_EQ(names.name_of(names.number_of("350")), "other");
  EXPECT_EQ(names.name_of(names.number_of("999")), "other");
}

class HistoryTest : public testing::ConfigFixture {
 protected:
  HistoryTest() {
    auto loaded = load(three_sources);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    config_ = std::move(*loaded);
    Shop shop({.events = 6'000, .customers = 400, .seed = 11, .from = new_year, .length = days(365)});
    while (const auto event = shop.next()) events_.push_back(*event);
  }

  /// Files of the events that happen before `end`.
  std::vector<std::pair<std::string, std::string>> files_until(Timestamp end) {
    std::map<EventKind, std::string> lines;
    std::map<EventKind, ShopJson> writers;
    for (const auto& source : config_.sources) writers.emplace(source.kind, ShopJson(source, {{'E', 'U', 'R'}}));
    for (const ShopEvent& event : events_) {
      if (event.time < end) lines[event.kind] += writers.at(event.kind).event(event) + "\n";
    }
    std::vector<std::pair<std::string, std::string>> sources;
    for (const auto& source : config_.sources)
      sources.emplace_back(source.name, write(source.name + std::to_string(end.ms) + ".ndjson", lines[source.kind]));
    return sources;
  }

  std::vector<learn::Example> examples(std::span<const std::pair<std::string, std::string>> files,
                                       const learn::Cutoffs& cutoffs) {
    const auto history = History::open(config_, files);
    EXPECT_TRUE(history) << history.error().message;
    const auto span = history->span(nobody_watches);
    EXPECT_TRUE(span) << span.error().message;
    ExamplesObserver observer(*history, cutoffs, span->erasures, span->actions, 1'000'000, {}, ExampleRisk::by_model);
    const auto replayed = history->replay(config_.model, config_.policy, cutoffs.moments(), observer, nobody_watches);
    EXPECT_TRUE(replayed) << replayed.error().message;
    return observer.take();
  }

  Config config_;
  std::vector<ShopEvent> events_;
};

TEST_F(HistoryTest, SaysWhatThereIsAndFromWhenToWhen) {
  const auto files = files_until(after_all_time);
  const auto span = History::open(config_, files)->span(nobody_watches);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->total(), events_.size());
  EXPECT_EQ(span->first, events_.front().time);
  EXPECT_EQ(span->last, events_.back().time);
  const auto purchases = std::ranges::count(events_, EventKind::purchase, &ShopEvent::kind);
  EXPECT_EQ(span->events[static_cast<std::size_t>(EventKind::purchase)], static_cast<std::uint64_t>(purchases));
  EXPECT_EQ(span->with_amount, static_cast<std::uint64_t>(purchases));
}

// Counted anew from the events themselves.
TEST_F(HistoryTest, OutcomesAreWhatTheEventsSay) {
  const learn::Cutoffs cutoffs = learn::rolling_cutoffs(new_year + days(60), events_.back().time, days(60), days(40));
  ASSERT_GE(cutoffs.at.size(), 5u);
  std::size_t expected = 0;
  std::size_t left = 0;
  for (const Timestamp cutoff : cutoffs.at) {
    std::set<std::uint32_t> known;
    std::set<std::uint32_t> bought;
    for (const ShopEvent& event : events_) {
      if (event.kind != EventKind::purchase) continue;
      if (event.time <= cutoff) known.insert(event.customer);
      if (event.time > cutoff && event.time <= cutoff + days(60)) bought.insert(event.customer);
    }
    expected += known.size();
    left += static_cast<std::size_t>(
        std::ranges::count_if(known, [&](std::uint32_t customer) { return !bought.contains(customer); }));
  }
  const auto files = files_until(after_all_time);
  const auto taken = examples(files, cutoffs);
  EXPECT_EQ(taken.size(), expected);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(taken, true, &learn::Example::left)), left);
  EXPECT_GT(left, 100u);
}

// What is known at a cut-off is what would be known if nothing had happened since.
TEST_F(HistoryTest, NothingOfTheFutureGetsIntoAnExample) {
  const learn::Cutoffs cutoffs{.at = {new_year + days(150)}, .horizon = days(60)};
  const auto all = files_until(after_all_time);
  const auto past = files_until(cutoffs.at[0] + Duration{1});
  const auto with_future = examples(all, cutoffs);
  const auto without = examples(past, cutoffs);
  ASSERT_EQ(with_future.size(), without.size());
  std::size_t differ_in_outcome = 0;
  for (std::size_t i = 0; i < without.size(); ++i) {
    ASSERT_EQ(with_future[i].customer, without[i].customer);
    EXPECT_EQ(with_future[i].risk, without[i].risk);
    EXPECT_EQ(with_future[i].repeats, without[i].repeats);
    EXPECT_EQ(with_future[i].age_days, without[i].age_days);
    for (std::size_t f = 0; f < features; ++f) {
      if (!std::isnan(without[i].values[f])) {
        EXPECT_EQ(with_future[i].values[f], without[i].values[f]) << name(static_cast<Feature>(f));
      } else {
        EXPECT_TRUE(std::isnan(with_future[i].values[f])) << name(static_cast<Feature>(f));
      }
    }
    differ_in_outcome += with_future[i].left != without[i].left ? 1 : 0;
  }
  EXPECT_GT(differ_in_outcome, 50u) << "without a future all have left";
}

// Of two who are given a voucher one had bought already.
TEST_F(HistoryTest, WhatIsDoneForAPurchaseIsNoTreatment) {
  ingest::SourceFormat actions = config_.sources[0];
  actions.name = actions.topic = "actions";
  actions.kind = EventKind::action;
  config_.sources.push_back(actions);
  const auto line = [](const std::string& customer, int day, const std::string& more) {
    return R"({"customer_id":")" + customer + R"(","time":")" + to_rfc3339(new_year + days(day)) + '"' + more + "}\n";
  };
  const std::string bought = R"(,"amount":5)";
  const std::string done = R"(,"action":"voucher")";
  const std::vector<std::pair<std::string, std::string>> files{
      {"purchases", write("bought.ndjson", line("thanked", 0, bought) + line("asked", 0, bought) +
                                               line("thanked", 33, bought) + line("asked", 45, bought))},
      {"actions", write("done.ndjson", line("thanked", 40, done) + line("asked", 40, done))}};
  const auto taken = examples(files, {.at = {new_year + days(30)}, .horizon = days(20)});
  ASSERT_EQ(taken.size(), 2u);
  for (const learn::Example& example : taken) {
    const bool is_asked = example.customer == make_customer_key("asked").hash;
    EXPECT_EQ(example.treatment, is_asked ? 1 : 0);
    EXPECT_FALSE(example.left);
  }
}

TEST_F(HistoryTest, StandardInputCanBeReadOnceOnly) {
  const std::vector<std::pair<std::string, std::string>> stdin_source{{"purchases", "-"}};
  const auto history = History::open(config_, stdin_source);
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().kind, ErrorKind::invalid_argument);
  EXPECT_NE(history.error().message.find("name a file"), std::string::npos);
}

TEST_F(HistoryTest, WhatIsNotInOrderOfTimeIsRefused) {
  auto files = files_until(after_all_time);
  // By customer, as exports often are.
  std::istringstream lines(testing::read_file(files[0].second));
  std::vector<std::string> sorted;
  for (std::string line; std::getline(lines, line);) sorted.push_back(line);
  std::ranges::sort(sorted);
  std::string content;
  for (const std::string& line : sorted) content += line + "\n";
  files[0].second = write("by-customer.ndjson", content);
  const auto span = History::open(config_, files)->span(nobody_watches);
  ASSERT_FALSE(span);
  EXPECT_NE(span.error().message.find("sort them by time"), std::string::npos) << span.error().message;
}

TEST_F(HistoryTest, OutcomesEndWithThePurchases) {
  const HistorySpan span{.last = new_year + days(300), .last_purchase = new_year + days(200)};
  EXPECT_EQ(known_until(span, std::nullopt, days(91)), new_year + days(200));
  EXPECT_EQ(known_until(span, new_year + days(150), days(91)), new_year + days(150));
  EXPECT_FALSE(known_until(span, new_year + days(300), days(91))) << "nobody who is missing in the data has left";
  EXPECT_FALSE(known_until(HistorySpan{}, std::nullopt, days(91)));
  EXPECT_FALSE(bounded_cutoffs(new_year, new_year + days(300), days(91), Duration{1}));
}

}  // namespace
}  // namespace holdfast::app
