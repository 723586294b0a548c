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

const HistoryProgress nobody_watches = [](std::string_view, std::uint64_t, Timestamp) {};

class EvaluationRunTest : public testing::ConfigFixture {
 protected:
  /// Judges the model of a configuration at one moment, by a file of purchases.
  Expected<EvaluationRun> evaluate(const std::string& configuration, const std::string& file, int cutoff_day) {
    const auto config = load(configuration);
    if (!config) return std::unexpected(config.error());
    const std::vector<std::pair<std::string, std::string>> files{{"purchases", write("purchases.ndjson", file)}};
    const auto history = History::open(*config, files);
    if (!history) return std::unexpected(history.error());
    PurchaseTimes purchases;
    const auto span = history->span(nobody_watches, [&](const Event& event) { purchases.add(event); });
    if (!span) return std::unexpected(span.error());
    const learn::Cutoffs cutoffs{.at = {new_year + days(cutoff_day)}, .horizon = days(30)};
    purchases.settle(cutoffs.end(0), span->erasures);
    return run_evaluation(*config, *history, *span, purchases, cutoffs, cutoffs.end(0), 1'000, nobody_watches);
  }
};

TEST_F(EvaluationRunTest, AtWatchAreThoseWhomAlertsAreMadeFor) {
  const std::vector<std::pair<std::string, int>> bought{
      {"once", 0}, {"expired", 0}, {"alerted on", 0}, {"expired", 5}, {"alerted on", 50}};
  std::string lines;
  for (const auto& [customer, day] : bought)
    lines += fmt::format("{{\"customer_id\":\"{}\",\"time\":\"{}\",\"amount\":5}}\n", customer,
                         to_rfc3339(new_year + days(day)));
  const auto run = evaluate(
      "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
      "risk: {horizon: 30d, expire_after: 20d, hysteresis: 0.001,\n"
      "  levels: {watch: 0.002, high: 0.98, critical: 0.99}}\n",
      lines, 60);
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

TEST_F(EvaluationRunTest, CurvesAreOfCustomersWhoPayInTheCurrencyOfTheModel) {
  const auto risk_after_a_purchase = [&](const std::string& currency) {
    write("spend.json", R"({"name":"m","time_unit":"7d","horizon":"30d","mbg":{"r":0.5,"alpha":6,"a":0.9,"b":1.6},
                            "logistic":{"intercept":0,"weights":{"mbg_logit":1,"log_mean_spend":-0.2}})" +
                            currency + "}");
    const auto run = evaluate(
        "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
        "risk: {model: spend.json, horizon: 30d}\n",
        fmt::format(R"({{"customer_id":"a","time":"{}","amount":5000,"currency":"JPY"}})", to_rfc3339(new_year)) +
            "\n" +
            fmt::format(R"({{"customer_id":"b","time":"{}","amount":1,"currency":"JPY"}})",
                        to_rfc3339(new_year + days(75))) +
            "\n",
        40);
    EXPECT_TRUE(run) << run.error().message;
    return run ? run->facts.curves.front().risk.front() : 0;
  };
  const double any = risk_after_a_purchase("");
  EXPECT_GT(any, 0);
  EXPECT_EQ(risk_after_a_purchase(R"(,"currency":"JPY")"), any);
  EXPECT_GT(risk_after_a_purchase(R"(,"currency":"GBP")"), any) << "what is spent in yen is not known";
}

}  // namespace
}  // namespace holdfast::app
