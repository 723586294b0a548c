#include <cmath>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/evaluation_report.hpp"
#include "tests/support/made_up_evaluation.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::ordered_json;

learn::Evaluation evaluation_of(std::uint32_t customers) {
  return learn::evaluate(support::made_up_rows(customers, 4),
                         {.bootstrap = {.replicates = 50}, .profit = {}, .least_of_each = 10});
}

void expect_finite(const Json& json, const std::string& path) {
  EXPECT_FALSE(json.is_null()) << path;
  if (json.is_number_float()) {
    EXPECT_TRUE(std::isfinite(json.get<double>())) << path;
  }
  if (!json.is_structured()) return;
  for (const auto& item : json.items()) expect_finite(item.value(), path + "/" + item.key());
}

TEST(EvaluationJson, ComesBackAsItWas) {
  const learn::Evaluation evaluation = evaluation_of(600);
  const Json json = evaluation_json(evaluation, support::made_up_facts());
  const Json back = Json::parse(json.dump());
  EXPECT_EQ(back, json);
  EXPECT_EQ(back.dump(), json.dump());

  const auto& auc = *evaluation.scorers[0][0];
  EXPECT_EQ(back["scorers"]["model"]["auc"]["value"], auc.value);
  EXPECT_EQ(back["scorers"]["model"]["auc"]["interval"][1], auc.interval->high);
  EXPECT_EQ(back["sample"]["left"], evaluation.sample.left);
  EXPECT_EQ(back["states"].size(), evaluation.states.size());
  EXPECT_EQ(back["by_cutoff"][1]["metrics"]["ece"]["value"],
            evaluation.cutoffs[1].model[static_cast<std::size_t>(learn::Metric::ece)]->value);
  EXPECT_EQ(back["alerts"]["left_of_flagged"]["count"], evaluation.alerts.left_of_flagged.count);
  EXPECT_EQ(back["curves"]["recency"].size(), evaluation.curves[1].size());
  EXPECT_EQ(back["cutoffs"][0], "2011-06-10T00:00:00.000Z");
  EXPECT_EQ(back["horizon_days"], 91);
  EXPECT_EQ(back["parameters"]["mbg.r"], "0.525");
}

TEST(EvaluationJson, HoldsNumbersOnly) {
  for (const std::uint32_t customers : {600U, 8U, 0U})
    expect_finite(evaluation_json(evaluation_of(customers), support::made_up_facts()), "");
}

TEST(EvaluationJson, LeavesOutWhatHasNoValue) {
  const Json few = evaluation_json(evaluation_of(8), support::made_up_facts());
  EXPECT_EQ(few["sample"]["shortage"], "few_left");
  EXPECT_TRUE(few["scorers"]["model"].empty());
  EXPECT_FALSE(few.contains("ece_by_chance"));
  const Json none = evaluation_json(evaluation_of(0), support::made_up_facts());
  EXPECT_EQ(none["sample"]["shortage"], "no_rows");
  EXPECT_FALSE(none["sample"].contains("left_share"));
  EXPECT_FALSE(none["alerts"]["left_of_flagged"].contains("share"));
  const Json enough = evaluation_json(evaluation_of(600), support::made_up_facts());
  EXPECT_FALSE(enough["sample"].contains("shortage"));
  EXPECT_FALSE(enough["scorers"]["recency"].contains("brier"));
}

TEST(EvaluationJson, TheSameJudgementGivesTheSameBytes) {
  EXPECT_EQ(evaluation_json(evaluation_of(300), support::made_up_facts()).dump(),
            evaluation_json(evaluation_of(300), support::made_up_facts()).dump());
}

}  // namespace
}  // namespace holdfast::app
