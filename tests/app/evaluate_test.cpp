#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/shop_files.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

/// `holdfast evaluate` over a made-up shop.
class EvaluateTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return shop_.path(name); }
  [[nodiscard]] testing::Finished run(const std::string& command, const std::vector<std::string>& flags) const {
    return shop_.run(command, flags);
  }

  const testing::ShopFiles shop_{30'000, 2'000, 8};
};

struct Row {
  bool left = false;
  double silence = 0;
};

/// Of pairs of one who left and one who stayed, those in which the former was silent for longer.
double auc_of_recency(const std::vector<Row>& rows) {
  double right = 0;
  double pairs = 0;
  for (const Row& a : rows) {
    if (!a.left) continue;
    for (const Row& b : rows) {
      if (b.left) continue;
      ++pairs;
      right += a.silence > b.silence ? 1 : a.silence == b.silence ? 0.5 : 0;
    }
  }
  return right / pairs;
}

TEST_F(EvaluateTest, JudgesTheCustomersThatTrainingSees) {
  const std::vector<std::string> time{"--from", "2025-09-01", "--until", "2025-11-30", "--every", "20d"};
  auto exported = time;
  exported.insert(exported.end(), {"--horizon", "60d", "--out", path("other.json"), "--examples", path("rows.csv")});
  ASSERT_EQ(run("train", exported).status, 0);
  std::vector<Row> rows;
  std::istringstream lines(testing::read_file(path("rows.csv")));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    // In float, as they were learnt from; judged are doubles.
    rows.push_back({.left = cells[2] == "1", .silence = std::stod(cells[5]) - std::stod(cells[4])});
  }

  auto judged = time;
  judged.insert(judged.end(), {"--json", "--replicates", "50"});
  const auto evaluated = run("evaluate", judged);
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  const Json facts = Json::parse(evaluated.out);
  EXPECT_EQ(facts["cutoffs"].size(), 2u);
  EXPECT_EQ(facts["sample"]["rows"], rows.size());
  EXPECT_EQ(facts["sample"]["left"], std::ranges::count(rows, true, &Row::left));
  EXPECT_NEAR(facts["scorers"]["recency"]["auc"]["value"].get<double>(), auc_of_recency(rows), 1e-6);
  EXPECT_GT(facts["scorers"]["model"]["auc"]["value"], 0.6);
  const auto& interval = facts["scorers"]["model"]["auc"]["interval"];
  EXPECT_LT(interval[0], facts["scorers"]["model"]["auc"]["value"]);
  EXPECT_GT(interval[1], facts["scorers"]["model"]["auc"]["value"]);
}

TEST_F(EvaluateTest, WritesWhatItJudged) {
  const std::vector<std::string> time{"--from", "2025-09-01", "--until", "2025-11-30", "--every", "20d"};
  auto exported = time;
  exported.insert(exported.end(), {"--horizon", "60d", "--out", path("other.json"), "--examples", path("learnt.csv")});
  ASSERT_EQ(run("train", exported).status, 0);
  auto judged = time;
  judged.insert(judged.end(), {"--json", "--replicates", "50", "--examples", path("judged.csv")});
  const auto evaluated = run("evaluate", judged);
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  std::istringstream learnt(testing::read_file(path("learnt.csv")));
  std::istringstream with_risk(testing::read_file(path("judged.csv")));
  std::string one;
  std::string other;
  double sum = 0;
  double rows = -1;
  for (; std::getline(learnt, one) && std::getline(with_risk, other); ++rows) {
    // Cut-off, customer, outcome and purchases; counters are rounded when a timer fires, and training has none.
    std::size_t same = 0;
    for (int column = 0; column < 6; ++column) same = one.find(',', same) + 1;
    ASSERT_EQ(one.substr(0, same), other.substr(0, same)) << "the same customers as training has";
    if (rows >= 0) sum += std::stod(other.substr(other.rfind(',') + 1));
  }
  EXPECT_GT(rows, 500);
  EXPECT_NEAR(Json::parse(evaluated.out)["sample"]["mean_risk"].get<double>(), sum / rows, 1e-9);
}

TEST_F(EvaluateTest, HoldsArmsAgainstEachOtherOnceThereIsATrial) {
  const auto plain = run("evaluate", {"--json", "--replicates", "50"});
  ASSERT_EQ(plain.status, 0) << plain.err;
  EXPECT_EQ(Json::parse(plain.out)["comparisons"].size(), 0u);
  const auto trial = run(
      "evaluate", {"--json", "--replicates", "50", "--set", "alerts.control_share=0.3", "--html", path("page.html")});
  ASSERT_EQ(trial.status, 0) << trial.err;
  const Json facts = Json::parse(trial.out);
  ASSERT_EQ(facts["comparisons"].size(), 2u);
  const Json& all = facts["comparisons"][0];
  EXPECT_EQ(all["groups"], "arms");
  const double control = all["control"]["rows"];
  EXPECT_EQ(control + all["treatment"]["rows"].get<double>(), facts["sample"]["rows"]);
  EXPECT_NEAR(control / facts["sample"]["rows"].get<double>(), 0.3, 0.06);
  // Nobody was acted on.
  EXPECT_LE(all["interval"][0], 0);
  EXPECT_GE(all["interval"][1], 0);
  EXPECT_NE(testing::read_file(path("page.html")).find("Control arm, at watch or above"), std::string::npos);
}

TEST_F(EvaluateTest, TheSameHistoryAndSeedGiveTheSameBytes) {
  const std::vector<std::string> flags{"--json", "--replicates", "50", "--seed", "3"};
  const auto once = run("evaluate", flags);
  const auto again = run("evaluate", flags);
  ASSERT_EQ(once.status, 0) << once.err;
  EXPECT_EQ(once.out, again.out);
}

TEST_F(EvaluateTest, WhoWasErasedLeavesNoTrace) {
  const auto judged = [&] {
    const auto evaluated = run("evaluate", {"--json", "--replicates", "20", "--from", "2025-06-01", "--until",
                                            "2025-10-01", "--every", "20d"});
    EXPECT_EQ(evaluated.status, 0) << evaluated.err;
    return evaluated.out;
  };
  const std::string with_all = judged();
  const auto erased_at = testing::erase_some(shop_);
  const std::string with_erasures = judged();
  EXPECT_NE(with_all, with_erasures);
  shop_.keep([&](const Json& event) { return !testing::is_erased(event, erased_at); });
  EXPECT_EQ(judged(), with_erasures);
}

TEST_F(EvaluateTest, OutcomesThatAreKnownMendAModelThatIsOff) {
  // It hopes for too much, and is too sure of itself.
  testing::write_file(path("model.json"),
                      R"({"name":"m","time_unit":"7d","horizon":"45d","mbg":{"r":0.9,"alpha":6.0,"a":0.9,"b":8},)"
                      R"("logistic":{"intercept":-1,"weights":{"mbg_logit":1.5}}})");
  const auto judged = [&](const std::string& mode) {
    const auto evaluated = run("evaluate", {"--json", "--replicates", "20", "--set", "calibration.mode=" + mode});
    EXPECT_EQ(evaluated.status, 0) << evaluated.err;
    return Json::parse(evaluated.out);
  };
  const Json off = judged("off");
  const Json correct = judged("correct");
  const auto of = [](const Json& facts, const char* metric) {
    return facts["scorers"]["model"][metric]["value"].get<double>();
  };
  EXPECT_EQ(judged("watch")["scorers"], off["scorers"]);
  EXPECT_GT(of(off, "ece"), 0.05);
  EXPECT_LT(of(correct, "ece"), of(off, "ece") / 2);
  EXPECT_LT(of(correct, "brier"), of(off, "brier"));
  EXPECT_NEAR(of(correct, "auc"), of(off, "auc"), 0.001) << "a correction leaves the ranking as it is";
  EXPECT_TRUE(correct.dump().find("corrections by outcomes") != std::string::npos);
}

TEST_F(EvaluateTest, PrintsATableAndWritesAPageInEitherLanguage) {
  for (const char* language : {"en", "zh"}) {
    const auto evaluated = run("evaluate", {"--html", path("page.html"), "--language", language, "--replicates", "50"});
    ASSERT_EQ(evaluated.status, 0) << evaluated.err;
    EXPECT_NE(evaluated.out.find("AUC"), std::string::npos);
    EXPECT_NE(evaluated.out.find("Recency"), std::string::npos);
    const std::string page = testing::read_file(path("page.html"));
    EXPECT_NE(page.find(std::string("lang=\"") + (language[0] == 'e' ? "en" : "zh")), std::string::npos);
    EXPECT_NE(page.find("<svg"), std::string::npos);
  }
}

TEST_F(EvaluateTest, WhatTheHistoryLacksIsAbsentAndSaid) {
  testing::write_file(path("model.json"),
                      R"({"name":"m","time_unit":"7d","horizon":"60d","mbg":{"r":0.9,"alpha":6.0,"a":0.9,"b":8},)"
                      R"("logistic":{"intercept":0,"weights":{"mbg_logit":1,"visits_30d":-0.5}}})");
  const auto evaluated = testing::run_holdfast({"evaluate", "-c", path("shop.yaml"), "--source",
                                                "purchases=" + path("data/purchases.ndjson"), "--replicates", "50"});
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_NE(evaluated.err.find("nothing that visits_30d is made of"), std::string::npos) << evaluated.err;
}

TEST_F(EvaluateTest, WhatCannotBeJudgedIsSaidWithARemedy) {
  const auto brief = run("evaluate", {"--until", "2025-02-01"});
  EXPECT_EQ(brief.status, 2);
  EXPECT_NE(brief.err.find("take a longer history"), std::string::npos) << brief.err;
  const auto language = run("evaluate", {"--language", "fr"});
  EXPECT_EQ(language.status, 2);
  EXPECT_NE(language.err.find("en or zh"), std::string::npos);
  const auto model = run("evaluate", {"--set", "risk.model=" + path("none.json")});
  EXPECT_EQ(model.status, 2);
  EXPECT_NE(model.err.find("none.json"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::app
