#include "app/evaluation_run.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/config_fixture.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using testing::days;
using testing::new_year;

using EvaluationRunTest = testing::ConfigFixture;

const HistoryProgress nobody_watches = [](std::string_view, std::uint64_t, Timestamp) {};

TEST_F(EvaluationRunTest, AtWatchAreThoseWhomAlertsAreMadeFor) {
  const auto config = load(
      "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
      "risk: {horizon: 30d, expire_after: 20d, hysteresis: 0.001,\n"
      "  levels: {watch: 0.002, high: 0.98, critical: 0.99}}\n");
  ASSERT_TRUE(config) << config.error().message;
  const std::vector<std::pair<std::string, int>> bought{
      {"once", 0}, {"expired", 0}, {"alerted on", 0}, {"expired", 5}, {"alerted on", 50}};
  std::string lines;
  for (const auto& [customer, day] : bought)
    lines += fmt::format("{{\"customer_id\":\"{}\",\"time\":\"{}\",\"amount\":5}}\n", customer,
                         to_rfc3339(new_year + days(day)));
  const std::vector<std::pair<std::string, std::string>> files{{"purchases", write("purchases.ndjson", lines)}};

  const auto history = History::open(*config, files);
  ASSERT_TRUE(history) << history.error().message;
  PurchaseTimes purchases;
  const auto span = history->span(nobody_watches, [&](const Event& event) { purchases.add(event); });
  ASSERT_TRUE(span) << span.error().message;
  const learn::Cutoffs cutoffs{.at = {new_year + days(60)}, .horizon = days(30)};
  purchases.settle(cutoffs.end(0), span->erasures);
  const auto run = run_evaluation(*config, *history, *span, purchases, cutoffs, cutoffs.end(0), 1'000, nobody_watches);
  ASSERT_TRUE(run) << run.error().message;

  std::map<std::uint64_t, bool> at_watch;
  ASSERT_EQ(run->examples.size(), 3u);
  for (std::size_t i = 0; i < run->examples.size(); ++i) {
    EXPECT_GT(run->input.rows[i].risk, 0.002);
    at_watch[run->examples[i].customer] = run->input.rows[i].at_watch;
  }
  EXPECT_TRUE(at_watch.at(make_customer_key("alerted on").hash));
  EXPECT_FALSE(at_watch.at(make_customer_key("once").hash)) << "below risk.min_purchases";
  EXPECT_FALSE(at_watch.at(make_customer_key("expired").hash)) << "nothing comes until the next purchase";
}

}  // namespace
}  // namespace holdfast::app
