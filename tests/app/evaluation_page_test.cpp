#include <algorithm>
#include <limits>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "app/evaluation_report.hpp"
#include "tests/support/made_up_evaluation.hpp"
#include "tests/support/xml_check.hpp"

namespace holdfast::app {
namespace {

using support::check_xml;
using support::made_up_facts;
using support::made_up_rows;

learn::Evaluation evaluation_of(std::uint32_t customers) {
  return learn::evaluate(made_up_rows(customers, 4),
                         {.bootstrap = {.replicates = 50}, .profit = {}, .least_of_each = 10});
}

std::string page(std::uint32_t customers, Language language = Language::en) {
  return evaluation_page(evaluation_of(customers), made_up_facts(), language);
}

bool contains(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

// The checker itself finds what it is there for.
TEST(XmlCheck, FindsWhatIsNotWellFormed) {
  EXPECT_EQ(check_xml("<a b=\"c &amp; d\"><e/>f &#39;</a>").fault, "");
  for (const char* bad : {"<a>", "<a></b>", "<a b=c></a>", "<a b=\"1\" b=\"2\"/>", "<a>&nbsp;</a>", "<a>1 & 2</a>",
                          "<a b=\"<\"/>", "<a/><b/>", "<a/>text", "<a>\x01</a>", "<a><b></a></b>", ""})
    EXPECT_NE(check_xml(bad).fault, "") << bad;
}

TEST(EvaluationPage, IsWellFormedInEitherLanguage) {
  for (const Language language : {Language::en, Language::zh}) {
    for (const std::uint32_t customers : {600U, 8U, 0U}) {
      const auto findings = check_xml(page(customers, language));
      EXPECT_EQ(findings.fault, "") << customers;
      const std::set<std::string> ids(findings.ids.begin(), findings.ids.end());
      EXPECT_EQ(ids.size(), findings.ids.size()) << "an id occurs twice";
    }
  }
}

TEST(EvaluationPage, NeedsNothingButItself) {
  const std::string text = page(600);
  const auto findings = check_xml(text);
  for (const char* element : {"script", "link", "img", "iframe", "object", "embed", "image", "use", "base", "form"})
    EXPECT_FALSE(findings.elements.contains(element)) << element;
  for (const std::string& attribute : findings.attributes) {
    EXPECT_FALSE(std::regex_search(attribute, std::regex(R"(^(src|href|xlink:href|srcset|action|on\w+|style)=)")))
        << attribute;
  }
  EXPECT_FALSE(contains(text, "http://"));
  EXPECT_FALSE(contains(text, "https://"));
  EXPECT_FALSE(contains(text, "url("));
  EXPECT_FALSE(contains(text, "@import"));
  EXPECT_TRUE(contains(text, "default-src 'none'"));
}

TEST(EvaluationPage, EscapesWhatComesFromOutside) {
  EvaluationFacts facts = made_up_facts();
  const std::string evil = "<script>alert('x')</script>\" onload=\"y\" &amp; \x01\xff";
  facts.model_name = evil;
  facts.model_id = evil;
  facts.parameters = {{evil, evil}};
  facts.levels = {{evil, 0.5}};
  facts.contributions[0].feature = evil;
  const std::string text = evaluation_page(evaluation_of(600), facts, Language::en);
  const auto findings = check_xml(text);
  EXPECT_EQ(findings.fault, "");
  EXPECT_FALSE(findings.elements.contains("script"));
  EXPECT_FALSE(contains(text, "<script"));
  for (const std::string& attribute : findings.attributes) EXPECT_FALSE(attribute.starts_with("onload=")) << attribute;
  EXPECT_TRUE(contains(text,
                       "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;y&quot; &amp;amp; "
                       "\xef\xbf\xbd\xef\xbf\xbd"));
}

TEST(EvaluationPage, PlotsHaveWordsForThoseWhoCannotSeeThem) {
  const std::string text = page(600);
  const std::regex plot(
      R"re(<svg viewBox="[^"]*" role="img" aria-labelledby="(\S+) (\S+)">\s*<title id="(\S+)">([^<]+)</title>\s*<desc id="(\S+)">([^<]+)</desc>)re");
  std::set<std::string> plots;
  for (std::sregex_iterator match(text.begin(), text.end(), plot), end; match != end; ++match) {
    EXPECT_EQ((*match)[1], (*match)[3]);
    EXPECT_EQ((*match)[2], (*match)[5]);
    EXPECT_GT((*match)[6].length(), 20);
    plots.insert((*match)[1]);
  }
  EXPECT_EQ(plots, (std::set<std::string>{"auc-title", "roc-title", "gain-title", "reliability-title",
                                          "histogram-title", "silence-title", "contributions-title"}));
}

TEST(EvaluationPage, SaysWhatThereIsTooLittleFor) {
  const std::string text = page(8);
  EXPECT_TRUE(contains(text, "There is too little to judge the model by."));
  EXPECT_TRUE(contains(text, "at least 10 of each are needed"));
  EXPECT_FALSE(contains(text, "roc-title"));
  const std::string nothing = page(0);
  EXPECT_TRUE(contains(nothing, "nobody to judge"));
  for (const std::string& one : {text, nothing, page(600)}) {
    for (const char* bad : {">nan", "nan%", ">inf", "-nan", "[nan"}) EXPECT_FALSE(contains(one, bad)) << bad;
  }
}

TEST(EvaluationPage, DrawsNothingThatIsNotFinite) {
  EvaluationFacts facts = made_up_facts();
  facts.curves[1].risk[3] = std::numeric_limits<double>::quiet_NaN();
  const std::string text = evaluation_page(evaluation_of(600), facts, Language::en);
  EXPECT_FALSE(contains(text, "nan \x22"));
  EXPECT_FALSE(std::regex_search(text, std::regex(R"re( d="[^"]*nan)re")));
}

TEST(EvaluationPage, IsInChineseIfAskedFor) {
  const std::string text = page(600, Language::zh);
  EXPECT_TRUE(contains(text, "<html lang=\"zh-CN\">"));
  EXPECT_TRUE(contains(text, "客户流失模型评估"));
  for (const char* english : {"1 purchase", "one in", "Customers", "interval", "Read with care", "leavers", "Share of"})
    EXPECT_FALSE(contains(text, english)) << english;
  EXPECT_EQ(language_named("zh"), Language::zh);
  EXPECT_EQ(language_named("en"), Language::en);
  EXPECT_FALSE(language_named("fr"));
}

TEST(EvaluationPage, TheSameJudgementGivesTheSameBytes) { EXPECT_EQ(page(300), page(300)); }

}  // namespace
}  // namespace holdfast::app
