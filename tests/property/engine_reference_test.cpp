// The engine agrees with the naive implementation of docs/semantics.md on random histories.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

#include <gtest/gtest.h>

#include "engine/task.hpp"
#include "state/hot_table.hpp"
#include "tests/reference/naive_engine.hpp"
#include "tests/support/history.hpp"

namespace holdfast::testing {
namespace {

constexpr std::uint64_t histories = 3000;

AlertList run_engine(const History& history) {
  state::HotTable table(sizeof(engine::Customer));
  const Positions start{.next = {}, .sources = static_cast<std::uint8_t>(history.sources.size())};
  engine::Task task(Partition{0}, history.model, history.policy, table, start);
  for (std::uint8_t s = 0; s < start.sources; ++s) {
    task.push(SourceIndex{s}, batch_of(history.sources[s], 0, history.sources[s].size()));
    task.reached_end(SourceIndex{s}, Offset{static_cast<std::int64_t>(history.sources[s].size())});
  }
  AlertList alerts;
  while (task.advance(before_all_time, 1'000'000, alerts)) {
  }
  return alerts;
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)}); }

/// Contributions by feature; those that are nothing but rounding are left out, as each side may write them or not.
std::map<Feature, double> contributions(const reference::NaiveAlert& alert) {
  std::map<Feature, double> out;
  for (const auto& reason : alert.reasons) {
    if (std::abs(reason.contribution) > 1e-12) out[reason.feature] = reason.contribution;
  }
  return out;
}

void expect_equal(const reference::NaiveAlert& got, const reference::NaiveAlert& want) {
  EXPECT_EQ(got.customer, want.customer);
  EXPECT_EQ(got.seq, want.seq);
  EXPECT_EQ(got.episode, want.episode);
  EXPECT_EQ(name(got.change), name(want.change));
  EXPECT_EQ(name(got.level), name(want.level));
  EXPECT_EQ(name(got.previous_level), name(want.previous_level));
  EXPECT_EQ(name(got.trigger), name(want.trigger));
  EXPECT_EQ(got.event_id, want.event_id);
  EXPECT_EQ(name(got.state), name(want.state));
  EXPECT_EQ(got.purchases, want.purchases);
  EXPECT_EQ(got.first, want.first);
  EXPECT_EQ(got.last, want.last);
  EXPECT_EQ(got.open_complaints, want.open_complaints);
  EXPECT_TRUE(close(got.risk, want.risk)) << got.risk << " " << want.risk;
  EXPECT_TRUE(close(got.p_alive, want.p_alive)) << got.p_alive << " " << want.p_alive;
  EXPECT_TRUE(close(got.base, want.base)) << got.base << " " << want.base;
  EXPECT_TRUE(close(got.spent, want.spent));
  EXPECT_TRUE(close(got.expected, want.expected)) << got.expected << " " << want.expected;
  const auto got_parts = contributions(got);
  const auto want_parts = contributions(want);
  EXPECT_EQ(got_parts.size(), want_parts.size());
  for (const auto& [feature, part] : want_parts)
    EXPECT_TRUE(got_parts.contains(feature) && close(got_parts.at(feature), part)) << name(feature);
}

TEST(EngineAndReference, AgreeOnRandomHistories) {
  std::size_t alerts = 0;
  std::size_t off_by_rounding = 0;
  std::map<Change, int> changes;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    const History history = random_history(seed);
    const AlertList got = run_engine(history);
    reference::NaiveEngine naive(history.model, history.policy, history.sources);
    naive.run();
    const auto& want = naive.alerts();
    ASSERT_EQ(got.items.size(), want.size()) << "seed " << seed;
    for (std::size_t i = 0; i < want.size(); ++i) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", alert " + std::to_string(i));
      expect_equal(got.items[i].alert, want[i]);
      // Two ways to compute a risk differ in the last bits, and so may the millisecond at which it is reached.
      const std::int64_t apart = std::abs(got.items[i].alert.time.ms - want[i].time.ms);
      EXPECT_LE(apart, 1);
      off_by_rounding += apart == 0 ? 0 : 1;
      EXPECT_TRUE(close(1 / (1 + std::exp(-got.items[i].score)), want[i].risk)) << "the reasons do not add up";
      ++changes[want[i].change];
      if (HasFailure()) return;
    }
    alerts += want.size();
  }
  std::cout << alerts << " alerts of " << histories << " histories, " << off_by_rounding << " a millisecond apart;";
  for (const auto& [change, count] : changes) std::cout << ' ' << count << ' ' << name(change);
  std::cout << '\n';
  EXPECT_LE(off_by_rounding * 100, alerts);
  for (const Change change : {Change::raised, Change::escalated, Change::eased, Change::resolved, Change::expired})
    EXPECT_GT(changes[change], 20) << name(change);
}

}  // namespace
}  // namespace holdfast::testing
