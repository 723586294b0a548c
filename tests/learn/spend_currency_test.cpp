#include "learn/spend_currency.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/scoring.hpp"

namespace holdfast::learn {
namespace {

using testing::days;
using testing::new_year;

const Cutoffs two_cutoffs{.at = {new_year, new_year + days(10)}, .horizon = days(30)};

Currency currency(std::string_view code) { return Currency::from(code).value_or(Currency{}); }

float& log_spend(Example& example) { return example.values[static_cast<std::size_t>(Feature::log_mean_spend)]; }

/// At both cut-offs.
void add(std::vector<Example>& examples, std::size_t customers, std::string_view code) {
  for (std::size_t i = 0; i < customers; ++i) {
    for (const std::uint32_t cutoff : {0u, 1u}) {
      Example example{.cutoff = cutoff, .mean_repeat_spend = 50, .values = {}, .currency = currency(code)};
      log_spend(example) = 4;
      examples.push_back(example);
    }
  }
}

std::size_t with_spend(std::vector<Example>& examples) {
  return static_cast<std::size_t>(std::ranges::count_if(examples, [](Example& example) {
    EXPECT_EQ(std::isnan(log_spend(example)), example.mean_repeat_spend == 0);
    return example.mean_repeat_spend > 0;
  }));
}

TEST(SpendCurrency, OneAloneIsLeftAsItIs) {
  for (const char* code : {"GBP", ""}) {
    std::vector<Example> examples;
    add(examples, 10, code);
    const SpendCurrencies found = keep_one_currency(examples, two_cutoffs);
    EXPECT_EQ(found.taken, currency(code));
    EXPECT_EQ(found.warning(), "");
    EXPECT_EQ(with_spend(examples), 20u);
  }
}

TEST(SpendCurrency, OfNearlyAllIsTheOneThatIsLearntFrom) {
  std::vector<Example> examples;
  add(examples, 5, "EUR");
  add(examples, 95, "GBP");
  const SpendCurrencies found = keep_one_currency(examples, two_cutoffs);
  EXPECT_EQ(found.taken, currency("GBP"));
  EXPECT_EQ(with_spend(examples), 190u);
  EXPECT_NE(found.warning().find(
                "spend counts in GBP alone: it is not known of customers who spend otherwise, 5 (5.0 %) in EUR"),
            std::string::npos)
      << found.warning();
}

TEST(SpendCurrency, WithoutOneOfNearlyAllSpendIsLeftOut) {
  std::vector<Example> examples;
  add(examples, 6, "");
  add(examples, 94, "GBP");
  const SpendCurrencies found = keep_one_currency(examples, two_cutoffs);
  EXPECT_EQ(found.taken, std::nullopt);
  EXPECT_EQ(with_spend(examples), 0u);
  EXPECT_NE(
      found.warning().find("94 (94.0 %) in GBP, 6 (6.0 %) in amounts without a currency: amounts cannot be compared"),
      std::string::npos)
      << found.warning();
}

TEST(SpendCurrency, ThatAModelNamesIsTheOnlyOneThatCounts) {
  std::vector<Example> examples;
  add(examples, 3, "EUR");
  EXPECT_EQ(keep_currency(examples, two_cutoffs, currency("EUR")).warning(), "");
  EXPECT_EQ(with_spend(examples), 6u);
  EXPECT_EQ(keep_currency(examples, two_cutoffs, currency("GBP")).warning(),
            "spend counts in GBP alone: it is not known of customers who spend otherwise, 3 (100.0 %) in EUR; convert "
            "amounts to one currency");
  EXPECT_EQ(with_spend(examples), 0u);
}

TEST(SpendCurrency, OfEarlierCutoffsAloneDoesNotCount) {
  std::vector<Example> examples;
  add(examples, 9, "GBP");
  add(examples, 9, "EUR");
  for (Example& example : examples) {
    if (example.cutoff == 0) continue;
    log_spend(example) = std::numeric_limits<float>::quiet_NaN();
    example.mean_repeat_spend = 0;
  }
  EXPECT_EQ(keep_one_currency(examples, two_cutoffs).taken, std::nullopt);
  EXPECT_EQ(with_spend(examples), 0u);
}

TEST(SpendCurrency, OfWhomNothingIsKnownDoesNotCount) {
  std::vector<Example> examples;
  add(examples, 10, "GBP");
  add(examples, 10, "EUR");
  for (std::size_t i = 20; i < examples.size(); ++i) {
    log_spend(examples[i]) = std::numeric_limits<float>::quiet_NaN();
    examples[i].mean_repeat_spend = 0;
  }
  EXPECT_EQ(keep_one_currency(examples, two_cutoffs).taken, currency("GBP"));
  EXPECT_EQ(with_spend(examples), 20u);
  std::vector<Example> none;
  EXPECT_TRUE(keep_one_currency(none, two_cutoffs).shares.empty());
}

}  // namespace
}  // namespace holdfast::learn
