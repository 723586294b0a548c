#include "ingest/reason_text.hpp"

#include <cctype>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace holdfast::ingest {
namespace {

using nlohmann::json;

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const Reason& reason, Language language = Language::en, const char (&currency)[4] = "\0\0\0") {
  TextArena text;
  append_reason_text(text, reason, words_of(language), Currency{{currency[0], currency[1], currency[2]}});
  return std::string(text.finish());
}

std::string in_chinese(const Reason& reason) { return text_of(reason, Language::zh); }

/// Every sentence that a language has, in all its forms.
std::set<std::string> all_of(Language language, Feature feature) {
  std::set<std::string> texts;
  const std::vector<double> values{0, 1e-3, 0.3, 0.69314718055994530942, 1, 3, 9.96, 61.04, 650, 1e15};
  std::vector<double> usual = values;
  usual.push_back(absent);
  for (const double value : values) {
    for (const double typical : usual) {
      for (const double alike : usual) {
        for (const double contribution : {-1234.5, 1234.5})
          texts.insert(text_of({feature, value, typical, contribution, alike}, language, "GBP"));
      }
    }
  }
  return texts;
}

class ReasonTextIn : public ::testing::TestWithParam<Language> {};

TEST_P(ReasonTextIn, IsASentenceForEveryFeatureInAllItsForms) {
  const ReasonWords& words = words_of(GetParam());
  for (std::size_t i = 0; i < features; ++i) {
    const auto feature = static_cast<Feature>(i);
    const auto texts = all_of(GetParam(), feature);
    const bool yes_or_no = feature == Feature::seen_since_purchase;
    EXPECT_GE(texts.size(), feature == Feature::mbg_logit ? 2u : yes_or_no ? 12u : 20u) << name(feature);
    for (const std::string& text : texts) {
      ASSERT_GT(text.size(), words.stop.size()) << name(feature);
      EXPECT_TRUE(text.ends_with(words.stop)) << text;
      EXPECT_FALSE(text.ends_with(std::string(words.stop) + std::string(words.stop))) << text;
      EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
      EXPECT_EQ(text.find("1234"), std::string::npos) << "log-odds: " << text;
      EXPECT_EQ(text.find("nan"), std::string::npos) << text;
      EXPECT_NO_THROW((void)json(text).dump()) << "no UTF-8: " << text;
      EXPECT_EQ(json::parse('"' + text + '"'), text) << "nothing in it has to be escaped";
    }
  }
}

TEST_P(ReasonTextIn, SaysWhatItIsComparedWith) {
  for (std::size_t i = 0; i < features; ++i) {
    const auto feature = static_cast<Feature>(i);
    if (feature == Feature::mbg_logit) continue;  // Never a reason by itself.
    const std::string alone = text_of({feature, 3, absent, 1}, GetParam());
    EXPECT_NE(text_of({feature, 3, absent, 1, 4}, GetParam()), alone) << name(feature);
    const double other = feature == Feature::seen_since_purchase ? 0 : 5;
    EXPECT_NE(text_of({feature, 3, absent, 1, 4}, GetParam()), text_of({feature, 3, absent, 1, other}, GetParam()))
        << name(feature);
    const bool has_habit = feature == Feature::days_since_purchase || feature == Feature::log_days_since_purchase ||
                           feature == Feature::log_days_since_seen || feature == Feature::purchases_30d ||
                           feature == Feature::purchases_90d;
    if (has_habit) {
      EXPECT_NE(text_of({feature, 3, 4, 1}, GetParam()), alone) << name(feature);
      EXPECT_NE(text_of({feature, 3, 4, 1}, GetParam()), text_of({feature, 3, absent, 1, 4}, GetParam()))
          << name(feature);
    }
  }
}

TEST_P(ReasonTextIn, SaysTheDirectionWhereItDoesNotGoWithoutSaying) {
  for (std::size_t i = 0; i < features; ++i) {
    const auto feature = static_cast<Feature>(i);
    EXPECT_NE(text_of({feature, 3, absent, -1}, GetParam()), text_of({feature, 3, absent, 1}, GetParam()))
        << name(feature);
  }
}

INSTANTIATE_TEST_SUITE_P(Languages, ReasonTextIn, ::testing::Values(Language::en, Language::zh),
                         [](const auto& test) { return std::string(words_of(test.param).code); });

TEST(ReasonText, OfEnglishBeginsWithACapitalOrANumber) {
  for (std::size_t i = 0; i < features; ++i) {
    for (const std::string& text : all_of(Language::en, static_cast<Feature>(i))) {
      const auto first = static_cast<unsigned char>(text.front());
      EXPECT_TRUE(std::isupper(first) != 0 || std::isdigit(first) != 0) << text;
      for (const char c : text) ASSERT_LT(static_cast<unsigned char>(c), 0x80) << text;
    }
  }
}

TEST(ReasonText, OfChineseHasFullWidthPunctuation) {
  for (std::size_t i = 0; i < features; ++i) {
    for (const std::string& text : all_of(Language::zh, static_cast<Feature>(i))) {
      EXPECT_EQ(text.find_first_of(",;:()!? "), std::string::npos) << text;
      for (std::size_t at = text.find('.'); at != std::string::npos; at = text.find('.', at + 1)) {
        ASSERT_GT(at, 0u);
        EXPECT_TRUE(std::isdigit(text[at - 1]) != 0 && std::isdigit(text[at + 1]) != 0) << text;
      }
      for (const char c : text) EXPECT_FALSE(std::isalpha(static_cast<unsigned char>(c)) != 0) << text;
    }
  }
}

TEST(ReasonText, SpeaksOfDaysAsPeopleDo) {
  const auto after = [](double value, double typical, double alike = absent) {
    return text_of({Feature::days_since_purchase, value, typical, 1, alike});
  };
  EXPECT_EQ(after(61.9, absent), "No purchase for 61 days.");
  EXPECT_EQ(after(1.2, absent), "No purchase for 1 day.");
  EXPECT_EQ(after(0.9, absent), "The latest purchase was less than a day ago.");
  EXPECT_EQ(after(-3, absent), "The latest purchase was less than a day ago.");
  EXPECT_EQ(after(30, 14.2), "No purchase for 30 days; this customer usually buys every 14 days.");
  EXPECT_EQ(after(30, 2.25), "No purchase for 30 days; this customer usually buys every 2 days.");
  EXPECT_EQ(after(30, 1.2), "No purchase for 30 days; this customer usually buys every day.");
  EXPECT_EQ(after(30, 0.2), "No purchase for 30 days; this customer usually buys every day.");
  EXPECT_EQ(after(30, 14.2, 40.4),
            "No purchase for 30 days; this customer usually buys every 14 days; customers alike usually bought 40 days "
            "ago.");
  EXPECT_EQ(text_of({Feature::days_since_purchase, 30, absent, -1}),
            "No purchase for 30 days. Here a longer silence lowers the risk.");
}

TEST(ReasonText, SpeaksOfWhatALogarithmIsOf) {
  for (const int days : {1, 2, 60, 1000}) {
    EXPECT_EQ(text_of({Feature::log_days_since_purchase, std::log1p(days), std::log1p(14), 1}),
              text_of({Feature::days_since_purchase, static_cast<double>(days), 14, 1}))
        << "a full day stays one";
  }
  EXPECT_EQ(text_of({Feature::log_repeat_purchases, std::log1p(7), absent, -1, std::log1p(2.5)}),
            "Came back to buy on 7 days; customers alike usually on 2.5 days. This lowers the risk.");
  EXPECT_EQ(text_of({Feature::log_mean_spend, std::log1p(19.95), absent, 1, std::log1p(5.25)}, Language::en, "EUR"),
            "Spends about 20 EUR on a day with purchases; customers alike usually about 5.2 EUR. This raises the "
            "risk.");
  EXPECT_EQ(text_of({Feature::log_mean_spend, std::log1p(20), absent, 1}),
            "Spends about 20 on a day with purchases. Higher spending raises the risk.");
}

TEST(ReasonText, SpeaksOfDecayedCountersAsOfRecentWeeks) {
  EXPECT_EQ(text_of({Feature::purchases_30d, 1.42, 3.96, -0.5, 2}),
            "About 1.4 purchases in the last six weeks; for this customer usually about 4; for customers alike usually "
            "about 2. This lowers the risk.");
  EXPECT_EQ(text_of({Feature::purchases_90d, 0.97, absent, 0.5}),
            "About 1 purchase in the last four months. Recent purchases raise the risk.");
  EXPECT_EQ(text_of({Feature::visits_30d, 0.4, absent, -0.5, 0.1}),
            "Hardly any visits in the last six weeks; for customers alike usually hardly any. This lowers the "
            "risk.");
  EXPECT_EQ(text_of({Feature::complaints_opened_60d, 12.6, absent, 0.5}),
            "About 13 complaints in the last three months. Recent complaints raise the risk.");
  EXPECT_EQ(text_of({Feature::returns_60d, 1, absent, -0.5}),
            "About 1 return in the last three months. Recent returns lower the risk.");
}

TEST(ReasonText, SpeaksOfBeingSeen) {
  EXPECT_EQ(text_of({Feature::log_days_since_seen, std::log1p(61), std::log1p(3), 1}),
            "Not seen for 61 days; this customer usually shows up every 3 days.");
  EXPECT_EQ(text_of({Feature::seen_since_purchase, 1, absent, -1, 0}),
            "Has been seen since the latest purchase; customers alike usually have not. This lowers the risk.");
  EXPECT_EQ(text_of({Feature::seen_since_purchase, 0, absent, 1, 1}),
            "Has not been seen since the latest purchase; customers alike usually have. This raises the risk.");
  EXPECT_EQ(
      text_of({Feature::log_activity, std::log(7.0 / 30 * 8), absent, -1, std::log(7.0 / 30)}),
      "Buys, visits or complains about 8 times a month; customers alike usually about once. This lowers the risk.");
  EXPECT_EQ(
      text_of({Feature::missed_events, 6.04, absent, 1, 0.2}),
      "Not seen since the latest purchase, while this customer usually shows up about 6 times in so long; customers "
      "alike have not been away for unusually long. This raises the risk.");
  EXPECT_EQ(text_of({Feature::missed_purchases, 12.2, absent, 1, 1}),
            "This silence is long enough for about 12 purchases, as this customer usually buys; for customers alike "
            "usually for about 1. This raises the risk.");
  EXPECT_EQ(in_chinese({Feature::log_days_since_seen, std::log1p(61), std::log1p(3), 1}),
            "已有61天没有任何往来；该客户平时每3天往来一次。");
}

TEST(ReasonText, SpeaksOfShapesAndCounts) {
  EXPECT_EQ(text_of({Feature::recency_ratio, 4.31, 1, 1, 1.24}),
            "The silence is 4.3 times as long as this customer's usual gap between purchases; with customers alike "
            "usually 1.2 times as long. This raises the risk.");
  EXPECT_EQ(text_of({Feature::recency_ratio, 0.98, 1, 1}),
            "The silence is as long as this customer's usual gap between purchases.");
  EXPECT_EQ(text_of({Feature::gap_variation, 0.343, absent, 1, 0.8}),
            "The gaps between purchases vary by about 34 percent; with customers alike usually by about 80 percent. "
            "This raises the risk.");
  EXPECT_EQ(text_of({Feature::open_complaints, 1, absent, 1, 0}),
            "1 complaint is open; customers alike usually have none. This raises the risk.");
  EXPECT_EQ(text_of({Feature::purchase_history, 5, absent, -1, 8}),
            "5 purchase days so far; customers alike usually have 8. Such customers leave less often than new ones.");
  EXPECT_EQ(text_of({Feature::customer_age_days, 400.7, absent, -1}),
            "A customer for 400 days. The longer somebody is a customer, the lower the risk.");
}

TEST(ReasonText, SpeaksChinese) {
  EXPECT_EQ(in_chinese({Feature::days_since_purchase, 61.9, 14.2, 1}), "已有61天没有购买；该客户平时每14天购买一次。");
  EXPECT_EQ(in_chinese({Feature::days_since_purchase, 0.5, 1.2, 1}), "距上次购买不到1天；该客户平时每天都会购买。");
  EXPECT_EQ(in_chinese({Feature::log_days_since_purchase, std::log1p(60), absent, 1, std::log1p(20)}),
            "已有60天没有购买；同类客户距上次购买一般为20天。该客户的流失风险因此升高。");
  EXPECT_EQ(in_chinese({Feature::purchases_30d, 1.42, 3.96, -0.5, 2}),
            "最近六周购买约1.4次；该客户平时约4次；同类客户一般约2次。该客户的流失风险因此降低。");
  EXPECT_EQ(in_chinese({Feature::visits_30d, 0.4, absent, -0.5, 3}),
            "最近六周几乎没有访问；同类客户一般约3次。该客户的流失风险因此降低。");
  EXPECT_EQ(in_chinese({Feature::complaints_resolved_60d, 2, absent, -0.5}),
            "最近三个月有约2次投诉得到解决。近期得到解决的投诉越多，流失风险越低。");
  EXPECT_EQ(in_chinese({Feature::recency_ratio, 4.31, 1, 1, 1.24}),
            "距上次购买的时间是该客户平时购买间隔的4.3倍；同类客户一般为1.2倍。该客户的流失风险因此升高。");
  EXPECT_EQ(in_chinese({Feature::open_complaints, 2, absent, 1, 0}),
            "目前有2起投诉尚未解决；同类客户一般没有。该客户的流失风险因此升高。");
  EXPECT_EQ(in_chinese({Feature::purchase_history, 5, absent, -1, 8}),
            "至今共有5天有购买记录；同类客户一般为8天。这类客户比新客户更不容易流失。");
  EXPECT_EQ(text_of({Feature::log_mean_spend, std::log1p(20), absent, -1}, Language::zh, "GBP"),
            "平均每个购买日消费约20英镑。消费金额越高，流失风险越低。");
  EXPECT_EQ(text_of({Feature::log_mean_spend, std::log1p(20), absent, -1}, Language::zh, "SEK"),
            "平均每个购买日消费约20 SEK。消费金额越高，流失风险越低。");
}

}  // namespace
}  // namespace holdfast::ingest
