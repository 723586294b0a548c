#include "learn/fit.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/purchase_histories.hpp"

namespace holdfast::learn {
namespace {

using namespace testing;
using enum PurchaseFamily;

/// 2011-06-10T00:00:00Z, to which the demo's model was fitted.
constexpr Timestamp demo_end{1'307'664'000'000};

/// The usual prior of docs/models/README.md, times in weeks.
const std::vector<LogNormal> demo_prior{
    {.centre = 1, .sd = 1}, {.centre = 8, .sd = 1}, {.centre = 0.5, .sd = 0.5}, {.centre = 10, .sd = 0.5}};

bool warns_of(const std::vector<std::string>& warnings, std::string_view what) {
  return std::ranges::any_of(warnings, [&](const std::string& text) { return text.find(what) != std::string::npos; });
}

std::string all(const std::vector<std::string>& warnings) {
  std::string text;
  for (const std::string& warning : warnings) text += warning + '\n';
  return text;
}

void expect_within_one_percent(const PurchaseModel& model, const std::array<double, 4>& published) {
  for (std::size_t i = 0; i < published.size(); ++i)
    EXPECT_NEAR(model.parameters[i] / published[i], 1, 0.01) << parameter_names(model.family)[i];
}

TEST(Fit, FindsThePublishedBgNbdOfCdnow) {
  const auto fit = fit_purchases(cdnow_histories().customers, bg_nbd, 1, {});
  ASSERT_TRUE(fit) << fit.error().message;
  expect_within_one_percent(fit->model, {.2426, 4.4136, .7929, 2.4259});
  EXPECT_NEAR(fit->log_likelihood, -9582.429, 0.01);
  EXPECT_EQ(fit->customers, 2'357u);
  EXPECT_EQ(fit->customers_used, 2'357u);
  EXPECT_TRUE(fit->warnings.empty()) << all(fit->warnings);
}

TEST(Fit, FindsThePublishedMbgNbdOfCdnow) {
  const auto fit = fit_purchases(cdnow_histories().customers, mbg_nbd, 1, {});
  ASSERT_TRUE(fit) << fit.error().message;
  expect_within_one_percent(fit->model, {.525, 6.183, .891, 1.614});
  EXPECT_NEAR(fit->log_likelihood, -9582.1328, 0.01);
  EXPECT_GT(fit->drop_out_gain, 10);
  EXPECT_TRUE(fit->warnings.empty()) << all(fit->warnings);
}

TEST(Fit, FindsThePublishedParetoNbdOfCdnow) {
  const auto fit = fit_purchases(cdnow_histories().customers, pareto_nbd, 1, {});
  ASSERT_TRUE(fit) << fit.error().message;
  expect_within_one_percent(fit->model, {.5532, 10.576, .6063, 11.672});
  EXPECT_NEAR(fit->log_likelihood, -9594.976, 0.01);
  EXPECT_TRUE(fit->warnings.empty()) << all(fit->warnings);
}

TEST(Fit, FindsThePublishedGammaGammaOfCdnow) {
  const auto fit = fit_gamma_gamma(cdnow_histories().spend, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_NEAR(fit->parameters.p / 6.25, 1, 0.01);
  EXPECT_NEAR(fit->parameters.q / 3.74, 1, 0.01);
  EXPECT_NEAR(fit->parameters.v / 15.44, 1, 0.01);
  EXPECT_NEAR(fit->log_likelihood, -4055.9177, 0.01);
  EXPECT_EQ(fit->customers, 946u);
  EXPECT_TRUE(fit->warnings.empty()) << all(fit->warnings);
}

TEST(Fit, NoticesThatTheDemosDataDoNotSayHowCustomersLeave) {
  const auto fit = fit_purchases(online_retail_histories(demo_end).customers, mbg_nbd, 1, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(fit->customers, 2'800u);
  EXPECT_NEAR(fit->log_likelihood, -13273.90, 0.05);
  EXPECT_NEAR(fit->model.parameters[0], 0.7408, 0.005);
  EXPECT_TRUE(warns_of(fit->warnings, "as good as nobody ever drops out")) << all(fit->warnings);
  EXPECT_TRUE(warns_of(fit->warnings, "the data do not show that customers drop out")) << all(fit->warnings);
  EXPECT_TRUE(fit->standard_errors.empty());
}

TEST(Fit, FindsTheDemosModelWithItsPrior) {
  const auto fit = fit_purchases(online_retail_histories(demo_end).customers, mbg_nbd, 1, {.prior = demo_prior});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_TRUE(fit->with_prior);
  const std::array<double, 4> shipped{.7449, 8.728, .1414, 28.84};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(fit->model.parameters[i] / shipped[i], 1, 5e-4) << i;
  EXPECT_NEAR(fit->log_likelihood, -13278.85, 0.006);
  EXPECT_EQ(fit->standard_errors.size(), 4u);
  // It is no degenerate fit, but what it says of drop-out is the prior's word.
  ASSERT_EQ(fit->warnings.size(), 1u) << all(fit->warnings);
  EXPECT_TRUE(warns_of(fit->warnings, "changes by -4.95")) << all(fit->warnings);
  EXPECT_TRUE(warns_of(fit->warnings, "comes from the prior")) << all(fit->warnings);
}

// Erlang-2 gaps explain the demo's data better by far, and with them a silence does tell who left.
TEST(Fit, FindsThatTheDemosCustomersAreRegular) {
  const auto fit = fit_regularity(online_retail_histories(demo_end).customers, 3, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(fit->best.model.k, 2);
  EXPECT_NEAR(fit->gain, 308.6, 0.1);
  EXPECT_NEAR(fit->best.drop_out_gain, 26.65, 0.05);
  EXPECT_TRUE(fit->best.warnings.empty()) << all(fit->best.warnings);
}

TEST(Fit, FindsTheDemosGammaGamma) {
  const auto fit = fit_gamma_gamma(online_retail_histories(demo_end).spend, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_NEAR(fit->parameters.p / 3.128, 1, 1e-3);
  EXPECT_NEAR(fit->parameters.q / 3.114, 1, 1e-3);
  EXPECT_NEAR(fit->parameters.v / 284.3, 1, 1e-3);
  EXPECT_TRUE(fit->warnings.empty()) << all(fit->warnings);
}

/// Each parameter within four of its standard errors, and these of a size that says something.
void expect_found(const PurchaseFit& fit, const PurchaseModel& truth) {
  ASSERT_EQ(fit.standard_errors.size(), 4u) << all(fit.warnings);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(std::log(fit.model.parameters[i] / truth.parameters[i]), 0, 4 * fit.standard_errors[i]) << i;
    EXPECT_LT(fit.standard_errors[i], 0.3);
    EXPECT_GT(fit.standard_errors[i], 0.005);
  }
}

TEST(Fit, FindsRegularCustomersAndTheirNumberOfPhases) {
  const PurchaseModel truth{.family = mbg_cnbd, .parameters = {2, 3, 0.8, 4}, .k = 3};
  const auto customers = simulated_histories({.model = truth, .customers = 3'000, .least = 20, .most = 60, .seed = 17});
  const auto fit = fit_regularity(customers, 5, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(fit->best.model.k, 3);
  ASSERT_EQ(fit->log_likelihoods.size(), 5u);
  EXPECT_EQ(fit->log_likelihoods[2], fit->best.log_likelihood);
  EXPECT_EQ(fit->gain, fit->best.log_likelihood - fit->log_likelihoods[0]);
  EXPECT_GT(fit->gain, 500);
  expect_found(fit->best, truth);
  EXPECT_TRUE(fit->best.warnings.empty()) << all(fit->best.warnings);
}

TEST(Fit, FindsNoRegularityWhereThereIsNone) {
  const PurchaseModel truth{.family = mbg_cnbd, .parameters = {1.2, 5, 0.8, 4}, .k = 1};
  const auto customers = simulated_histories({.model = truth, .customers = 3'000, .least = 20, .most = 60, .seed = 5});
  const auto fit = fit_regularity(customers, 3, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(fit->best.model.k, 1);
  EXPECT_EQ(fit->gain, 0);
  EXPECT_LT(fit->log_likelihoods[1], fit->log_likelihoods[0] - 100);
  expect_found(fit->best, truth);
}

// alpha's prior speaks of purchases, whatever the number of phases that make one.
TEST(Fit, APriorOfAlphaIsThatOfPurchases) {
  const PurchaseModel truth{.family = mbg_cnbd, .parameters = {2, 3, 0.8, 4}, .k = 3};
  const auto customers = simulated_histories({.model = truth, .customers = 400, .least = 20, .most = 60, .seed = 3});
  const FitSettings settings{.prior = {{.centre = 2, .sd = 1e-3}, {.centre = 9, .sd = 1e-3}, {0.8, 1}, {4, 1}}};
  const auto fit = fit_purchases(customers, mbg_cnbd, 3, settings);
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_NEAR(fit->model.parameters[1], 3, 0.03);
}

TEST(Fit, OfManyCustomersEveryNthIsUsedAndAllAreJudged) {
  const PurchaseHistories histories = cdnow_histories();
  const auto fit = fit_purchases(histories.customers, mbg_nbd, 1, {.prior = {}, .customers_max = 1'000});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(fit->customers, 2'357u);
  EXPECT_EQ(fit->customers_used, 786u);  // Every third.
  double sum = 0;
  for (const CustomerSummary& customer : histories.customers) sum += log_likelihood(fit->model, customer);
  EXPECT_EQ(fit->log_likelihood, sum);
  EXPECT_LT(sum, -9582.1);
  EXPECT_GT(sum, -9592);
}

TEST(Fit, TheSameCustomersGiveTheSameBits) {
  const PurchaseHistories histories = cdnow_histories();
  const auto a = fit_purchases(histories.customers, mbg_nbd, 1, {});
  const auto b = fit_purchases(histories.customers, mbg_nbd, 1, {});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->model.parameters, b->model.parameters);
  EXPECT_EQ(a->standard_errors, b->standard_errors);
}

// Time units are a matter of taste.
TEST(Fit, DaysAndYearsGiveTheSameModel) {
  std::vector<CustomerSummary> customers = cdnow_histories().customers;
  for (CustomerSummary& customer : customers) {
    customer.t_x /= 52;
    customer.age /= 52;
  }
  const auto fit = fit_purchases(customers, mbg_nbd, 1, {});
  ASSERT_TRUE(fit) << fit.error().message;
  expect_within_one_percent(fit->model, {.525, 6.183 / 52, .891, 1.614});
}

TEST(Fit, NoticesThatAllCustomersAreAlike) {
  // All buy at the same rate: r and alpha grow together.
  const auto customers = simulated_histories({.model = {.family = mbg_cnbd, .parameters = {1e6, 3e6, 0.8, 4}},
                                              .customers = 1'000,
                                              .least = 20,
                                              .most = 40,
                                              .seed = 2});
  const auto fit = fit_purchases(customers, mbg_nbd, 1, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_TRUE(warns_of(fit->warnings, "buy at the same rate") || warns_of(fit->warnings, "flat")) << all(fit->warnings);
}

TEST(Fit, NoticesThatEverybodyDropsOutAtOnce) {
  std::vector<CustomerSummary> customers(5'000, {.x = 0, .t_x = 0, .age = 50});
  customers[7] = {.x = 1, .t_x = 2, .age = 50, .log_gaps = std::numbers::ln2};
  const auto fit = fit_purchases(customers, mbg_nbd, 1, {});
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_TRUE(warns_of(fit->warnings, "only 1 of 5000 customers bought on a second day")) << all(fit->warnings);
  EXPECT_GT(fit->warnings.size(), 1u) << all(fit->warnings);
}

TEST(Fit, WithoutARepeatPurchaseThereIsNothingToLearn) {
  const std::vector<CustomerSummary> customers(30, {.x = 0, .t_x = 0, .age = 50});
  for (const PurchaseFamily family : {cnbd, bg_nbd, mbg_nbd, mbg_cnbd, pareto_nbd}) {
    const auto fit = fit_purchases(customers, family, 1, {});
    ASSERT_FALSE(fit);
    EXPECT_EQ(fit.error().kind, ErrorKind::invalid_argument);
    EXPECT_NE(fit.error().message.find("none of the 30 customers bought on a second day"), std::string::npos);
  }
  EXPECT_FALSE(fit_regularity(customers, 3, {}));
  EXPECT_FALSE(fit_purchases({}, mbg_nbd, 1, {}));
  const std::vector<SpendSummary> spend{{.x = 0, .mean = 0}, {.x = 2, .mean = 0}};
  const auto gamma_gamma = fit_gamma_gamma(spend, {});
  ASSERT_FALSE(gamma_gamma);
  EXPECT_EQ(gamma_gamma.error().kind, ErrorKind::invalid_argument);
}

TEST(Fit, SaysWhichSummaryIsNone) {
  std::vector<CustomerSummary> customers = cdnow_histories().customers;
  customers[41] = {.x = 1, .t_x = 12, .age = 11};
  const auto fit = fit_purchases(customers, mbg_nbd, 1, {});
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().kind, ErrorKind::invalid_argument);
  EXPECT_NE(fit.error().message.find("customer 42 of 2357"), std::string::npos) << fit.error().message;
}

TEST(Fit, APriorHasOneDistributionAParameter) {
  const PurchaseHistories histories = cdnow_histories();
  EXPECT_FALSE(fit_purchases(histories.customers, mbg_nbd, 1, {.prior = {{1, 1}}}));
  EXPECT_FALSE(fit_gamma_gamma(histories.spend, {.prior = {{1, 1}, {1, 0}, {1, 1}}}));
}

}  // namespace
}  // namespace holdfast::learn
