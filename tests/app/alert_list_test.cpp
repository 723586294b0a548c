#include "app/alert_list.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace holdfast::app {
namespace {

using ::testing::ElementsAre;

std::string alert(const std::string& customer, int minute, const std::string& level, double at_risk = 0) {
  return nlohmann::json{
      {"customer_id", customer},
      {"change", level == "none" ? "resolved" : "raised"},
      {"level", level},
      {"risk", 0.5},
      {"time", "2011-01-01T00:" + std::string(minute < 10 ? "0" : "") + std::to_string(minute) + ":00Z"},
      {"value", {{"at_risk", at_risk}, {"currency", "EUR"}}}}
      .dump();
}

/// Who is shown, in order.
std::vector<std::string> customers(const AlertList& list) {
  std::vector<std::string> out;
  for (const auto& shown : list.shown()) out.push_back(shown.line.customer);
  return out;
}

TEST(AlertList, SaysWhoIsToBeLeftAlone) {
  auto control = nlohmann::json::parse(alert("C1", 1, "high"));
  control["arm"] = "control";
  auto treated = nlohmann::json::parse(alert("C2", 1, "high"));
  treated["arm"] = "treatment";
  EXPECT_NE(table_of({*read_alert(control.dump())}, false).find("high, control"), std::string::npos);
  EXPECT_EQ(table_of({*read_alert(treated.dump())}, false).find("high,"), std::string::npos);
}

TEST(AlertList, ShowsTheNewestWhateverTheirOrderOfArrival) {
  for (const std::size_t limit : {0U, 3U, 2U}) {
    AlertList list({.flagged = false, .limit = limit, .texts = false});
    for (const int minute : {5, 1, 9, 3}) EXPECT_TRUE(list.add(alert("C" + std::to_string(minute), minute, "high")));
    EXPECT_TRUE(list.add(alert("same time", 9, "high")));
    std::vector<std::string> expected{"C1", "C3", "C5", "C9", "same time"};
    if (limit > 0) expected.erase(expected.begin(), expected.end() - static_cast<std::ptrdiff_t>(limit));
    EXPECT_EQ(customers(list), expected) << limit;
    EXPECT_EQ(list.summary(), "5 alerts of 5 customers, 5 raised; 5 customers are flagged now");
  }
}

TEST(AlertList, ShowsWhoIsFlaggedNowByValueAtRisk) {
  AlertList list({.flagged = true, .limit = 2, .texts = false});
  list.add(alert("A", 1, "high", 900));
  list.add(alert("B", 2, "watch", 10));
  list.add(alert("C", 3, "high", 50));
  list.add(alert("A", 4, "none"));
  list.add(alert("D", 5, "watch", 20));
  list.add(alert("B", 6, "critical", 30));
  EXPECT_THAT(customers(list), ElementsAre("C", "B"));
  EXPECT_EQ(list.summary(), "6 alerts of 4 customers, 5 raised, 1 resolved; 3 customers are flagged now");
}

TEST(AlertList, TextsAreThoseOfTheTopic) {
  AlertList list({.flagged = false, .limit = 1, .texts = true});
  const std::string text = "  " + alert("A", 1, "high") + " ";
  list.add(text);
  ASSERT_EQ(list.shown().size(), 1U);
  EXPECT_EQ(list.shown()[0].text, text);
}

TEST(AlertList, WhatIsNoAlertIsNotTaken) {
  const nlohmann::json good = nlohmann::json::parse(alert("A", 1, "high"));
  AlertList list({.flagged = false, .limit = 20, .texts = false});
  for (const std::string foreign : {"", "no JSON", "[]", "5", "{}", "\"text\""})
    EXPECT_FALSE(list.add(foreign)) << foreign;
  EXPECT_FALSE(list.add(std::string_view()));
  for (const char* const name : {"customer_id", "change", "level", "risk", "time"}) {
    nlohmann::json other = good;
    other[name] = name == std::string("risk") ? nlohmann::json("0.5") : nlohmann::json(7);
    EXPECT_FALSE(list.add(other.dump())) << other;
    other.erase(name);
    EXPECT_FALSE(list.add(other.dump())) << other;
  }
  EXPECT_EQ(list.summary(), "0 alerts of 0 customers; 0 customers are flagged now");

  // What is merely decoration may be anything.
  nlohmann::json odd = good;
  odd["value"] = "much";
  odd["reasons"] = {1, {{"contribution", "x"}, {"text", 2}}, {{"contribution", 1}, {"text", "Silent."}}};
  const auto line = read_alert(odd.dump());
  ASSERT_TRUE(line);
  EXPECT_EQ(line->at_risk, std::nullopt);
  EXPECT_EQ(line->reason, "Silent.");
  odd["value"] = {{"at_risk", "x"}, {"currency", 1}};
  odd["reasons"] = "many";
  EXPECT_TRUE(read_alert(odd.dump()));
}

TEST(AlertList, ALineSaysWhatCountsMost) {
  nlohmann::json alert_json = nlohmann::json::parse(alert("A", 1, "high", 12.345));
  alert_json["reasons"] = {{{"contribution", -2.0}, {"text", "Loyal."}}, {{"contribution", 1.0}, {"text", "Silent."}}};
  EXPECT_EQ(table_of({*read_alert(alert_json.dump())}, true),
            "TIME              CUSTOMER  CHANGE  LEVEL  RISK  AT RISK    WHY\n"
            "2011-01-01 00:01  A         raised  high   50 %  12.35 EUR  Silent.\n");
  alert_json["change"] = "eased";
  EXPECT_EQ(read_alert(alert_json.dump())->reason, "Loyal.");
}

}  // namespace
}  // namespace holdfast::app
