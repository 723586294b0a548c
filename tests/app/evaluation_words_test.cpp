#include "app/evaluation_words.hpp"

#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::app {
namespace {

std::set<std::string> places(std::string_view text) {
  static const std::regex place(R"(\{(\d)\})");
  const std::string copy(text);
  std::set<std::string> found;
  for (std::sregex_iterator match(copy.begin(), copy.end(), place), end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

TEST(EvaluationWords, BothLanguagesHaveTheSamePlaces) {
  for (std::size_t i = 0; i < text_count; ++i) {
    const auto which = static_cast<Text>(i);
    const auto english = places(text(which, Language::en));
    EXPECT_EQ(english, places(text(which, Language::zh))) << text(which, Language::en);
    // From 0 without a gap.
    for (std::size_t place = 0; place < english.size(); ++place) EXPECT_TRUE(english.contains(std::to_string(place)));
  }
}

TEST(EvaluationWords, OtherEnumerationsFindTheirTexts) {
  const auto english = [](Text which) { return text(which, Language::en); };
  EXPECT_EQ(english(text_of(learn::Scorer::mbg)), "MBG/NBD");
  EXPECT_EQ(english(text_of(learn::Metric::auc)), "AUC");
  EXPECT_EQ(english(text_of(learn::Metric::target_share)), "Share to contact");
  EXPECT_EQ(english(meaning_of(learn::Metric::target_share)), "The share of customers which that campaign contacts.");
  EXPECT_EQ(english(text_of(CustomerState::won_back)), "Won back");
  EXPECT_EQ(english(text_of(learn::Shortage::no_rows)), "nobody to judge");
  EXPECT_EQ(english(text_of(learn::Shortage::few_stayed)), "too few stayed");
}

TEST(EvaluationWords, SayWhoseRiskACurveShows) {
  const RiskCurve once{.purchases = 1, .days = {}, .risk = {}};
  const RiskCurve often{.purchases = 11, .gap_days = 29.6, .days = {}, .risk = {}};
  EXPECT_EQ(curve_text(once, Language::en), "1 purchase");
  EXPECT_EQ(curve_text(often, Language::en), "11 purchases, one in 30 days");
  EXPECT_EQ(curve_text(once, Language::zh), "购买 1 次");
  EXPECT_EQ(curve_text(often, Language::zh), "购买 11 次，约每 30 天一次");
}

TEST(EvaluationWords, EveryFeatureHasWords) {
  for (std::size_t f = 0; f < features; ++f) {
    const std::string_view feature = name(static_cast<Feature>(f));
    EXPECT_NE(feature_text(feature, Language::en), feature);
    EXPECT_NE(feature_text(feature, Language::zh), feature_text(feature, Language::en));
  }
  EXPECT_EQ(feature_text("of another release", Language::zh), "of another release");
}

}  // namespace
}  // namespace holdfast::app
