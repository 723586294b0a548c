#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "app/evaluation_report.hpp"
#include "tests/support/made_up_evaluation.hpp"

namespace holdfast::app {
namespace {

std::string text_of(std::uint32_t customers) {
  const auto evaluation = learn::evaluate(support::made_up_rows(customers, 4),
                                          {.bootstrap = {.replicates = 50}, .profit = {}, .least_of_each = 10});
  return evaluation_text(evaluation, support::made_up_facts());
}

std::string line_with(const std::string& text, std::string_view begin) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(begin)) return line;
  }
  return {};
}

TEST(EvaluationText, TellsTheFactsTheFiguresAndTheVerdict) {
  const std::string text = text_of(600);
  EXPECT_EQ(line_with(text, "model "), "model               onlineretail-logistic (9f0c2f5b7a1e4d3c8b6a5f4e3d2c1b0a)");
  EXPECT_NE(line_with(text, "cut-offs").find("2011-06-10, 2011-09-09"), std::string::npos);
  EXPECT_NE(line_with(text, "judged").find("1200 rows of 600 customers"), std::string::npos);
  EXPECT_NE(text.find("The model ranks those who leave better than the best simple rule, “MBG/NBD”"),
            std::string::npos);
  EXPECT_NE(line_with(text, "AUC").find("against MBG/NBD"), std::string::npos);
  EXPECT_FALSE(line_with(text, "Cut-off 2011-09-09").empty());
  EXPECT_NE(line_with(text, "Flagged who really left").find("95% interval"), std::string::npos);
  EXPECT_NE(line_with(text, "Brier score").find("-  "), std::string::npos);  // Rules without probabilities.
}

TEST(EvaluationText, SaysWhatThereIsTooLittleFor) {
  const std::string few = text_of(8);
  EXPECT_NE(few.find("There is too little to judge the model by."), std::string::npos);
  EXPECT_NE(few.find("! Too little to judge by"), std::string::npos);
  for (const std::string& text : {few, text_of(0)}) EXPECT_EQ(text.find("nan"), std::string::npos);
}

TEST(EvaluationText, OfNobodyNoShareLeft) {
  auto evaluation = learn::evaluate(support::made_up_rows(600, 4),
                                    {.bootstrap = {.replicates = 50}, .profit = {}, .least_of_each = 10});
  evaluation.comparisons.resize(1);
  evaluation.comparisons[0].first = {.rows = 100, .customers = 90, .left = 0};
  const std::string text = evaluation_text(evaluation, support::made_up_facts());
  EXPECT_NE(line_with(text, "Treatment arm").find("0.0%"), std::string::npos);
  EXPECT_FALSE(line_with(text, "Control arm").empty());
  EXPECT_EQ(line_with(text, "Control arm").find('%'), std::string::npos);
}

// Columns are aligned by bytes.
TEST(EvaluationText, TablesHoldPlainCharactersOnly) {
  const std::string text = text_of(600);
  for (const char* begin : {"AUC", "Brier", "Log loss", "Loyal", "Lead over"}) {
    for (const char c : line_with(text, begin)) EXPECT_GE(c, 0) << begin;
  }
}

}  // namespace
}  // namespace holdfast::app
