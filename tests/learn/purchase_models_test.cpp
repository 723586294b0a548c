#include "learn/purchase_models.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/mbg.hpp"
#include "tests/support/purchase_histories.hpp"
#include "tests/support/scoring.hpp"

namespace holdfast::learn {
namespace {

using namespace testing;
using enum PurchaseFamily;

const PurchaseModel cdnow_bg{.family = bg_nbd, .parameters = {.2425945, 4.4136019, .7929199, 2.4258881}};
const PurchaseModel cdnow_mbg{.family = mbg_nbd, .parameters = {.525, 6.183, .891, 1.614}};
const PurchaseModel cdnow_pareto{.family = pareto_nbd, .parameters = {.55315, 10.57633, .60625, 11.67150}};

/// As published in Fader, Hardie and Lee's note on the BG/NBD in a spreadsheet.
const PurchaseModel note_bg{.family = bg_nbd, .parameters = {.243, 4.414, .793, 2.426}};

double sum_of_log_likelihoods(const PurchaseModel& model) {
  double sum = 0;
  for (const CustomerSummary& customer : cdnow_histories().customers) sum += log_likelihood(model, customer);
  return sum;
}

double mean_p_alive(const PurchaseModel& model) {
  double sum = 0;
  const PurchaseHistories histories = cdnow_histories();
  for (const CustomerSummary& customer : histories.customers) sum += p_alive(model, customer);
  return sum / static_cast<double>(histories.customers.size());
}

/// Simpson's rule.
template <class F>
double integral(const F& f, double from, double to, int pieces) {
  double sum = 0;
  for (int i = 0; i <= pieces; ++i)
    sum += (i == 0 || i == pieces ? 1 : i % 2 == 1 ? 4 : 2) * f(from + (to - from) * i / pieces);
  return sum * (to - from) / pieces / 3;
}

/// Of a Gamma(shape, rate) variable, as a function of its logarithm.
double log_gamma_density(double shape, double rate, double log_value) {
  return shape * (std::log(rate) + log_value) - rate * std::exp(log_value) - std::lgamma(shape);
}

/// The expectation of f over a Gamma(shape, rate) variable.
template <class F>
double gamma_expectation(double shape, double rate, const F& f, int pieces) {
  const double mode = std::log(shape / rate);
  return integral([&](double z) { return std::exp(log_gamma_density(shape, rate, z)) * f(std::exp(z)); },
                  mode - 40 / std::min(shape, 1.0), mode + 6, pieces);
}

CustomerSummary any_summary() {
  CustomerSummary customer;
  customer.x = *rc::gen::inRange(0, 60);
  customer.t_x = customer.x == 0 ? 0 : any_magnitude(1e-2, 1e3);
  customer.age = customer.t_x + any_magnitude(1e-3, 1e3);
  customer.log_gaps = customer.x == 0 ? 0 : customer.x * std::log(customer.t_x / customer.x) - any_magnitude(1e-2, 10);
  return customer;
}

PurchaseModel any_model(PurchaseFamily family, int k = 1) {
  return {.family = family,
          .parameters = {any_magnitude(1e-2, 1e2), any_magnitude(1e-2, 1e3), any_magnitude(1e-2, 1e2),
                         any_magnitude(1e-2, 1e3)},
          .k = k};
}

std::array<PurchaseModel, 6> models_of_all_families() {
  return {any_model(cnbd),    any_model(cnbd, 3),     any_model(bg_nbd),
          any_model(mbg_nbd), any_model(mbg_cnbd, 4), any_model(pareto_nbd)};
}

TEST(PurchaseModels, HaveThePublishedLikelihoodsOfCdnow) {
  EXPECT_NEAR(sum_of_log_likelihoods(cdnow_bg), -9582.429, 0.01);
  EXPECT_NEAR(sum_of_log_likelihoods(cdnow_bg), -9582.4256, 1e-4);
  EXPECT_NEAR(sum_of_log_likelihoods(cdnow_mbg), -9582.1328, 1e-4);
  EXPECT_NEAR(sum_of_log_likelihoods(cdnow_pareto), -9594.976, 0.01);
  EXPECT_NEAR(sum_of_log_likelihoods(cdnow_pareto), -9594.9739, 1e-4);
}

TEST(PurchaseModels, HaveTheKnownMeanPAliveOfCdnow) {
  EXPECT_NEAR(mean_p_alive(cdnow_bg), .813, 5e-4);
  EXPECT_NEAR(mean_p_alive(cdnow_mbg), .449, 5e-4);
  EXPECT_NEAR(mean_p_alive(cdnow_pareto), .446, 5e-4);
}

TEST(PurchaseModels, OneTimeBuyersNeverDropOutOfBgNbd) {
  EXPECT_EQ(p_alive(cdnow_bg, {.x = 0, .t_x = 0, .age = 500}), 1);
  EXPECT_LT(p_alive(cdnow_mbg, {.x = 0, .t_x = 0, .age = 500}), .2);
}

TEST(PurchaseModels, ParetoHasThePublishedPAliveAndPurchases) {
  const PurchaseModel model{.family = pareto_nbd, .parameters = {.5534, 10.5802, .6061, 11.6562}};
  const CustomerSummary customer{.x = 26, .t_x = 30.86, .age = 31};
  EXPECT_NEAR(p_alive(model, customer), .99791777, 1e-8);
  EXPECT_NEAR(*expected_purchases(model, customer, 52), 25.46, 0.01);
}

// Arguments for which hypergeometric functions gave NaN or infinities in other implementations.
TEST(PurchaseModels, ParetoStandsWhereHypergeometricFunctionsFall) {
  const PurchaseModel cancels{.family = pareto_nbd, .parameters = {.5143, 2.8845, .2856, 14.1087}};
  EXPECT_NEAR(p_alive(cancels, {.x = 221, .t_x = 103.42857, .age = 103.57143}), .999596, 5e-7);
  EXPECT_NEAR(p_alive(cancels, {.x = 254, .t_x = 97.14286, .age = 97.28571}), .999558, 5e-7);
  EXPECT_NEAR(p_alive(cancels, {.x = 161, .t_x = 94.71429, .age = 98}), .749488, 5e-7);
  EXPECT_NEAR(p_alive(cancels, {.x = 204, .t_x = 98.57143, .age = 99.42857}), .994255, 5e-7);
  const PurchaseModel overflows{.family = pareto_nbd, .parameters = {10.465, .00798565181, 3.0516, 2.820}};
  EXPECT_NEAR(p_alive(overflows, {.x = 40, .t_x = 5, .age = 6}) / 1.885e-3, 1, 1e-3);
  EXPECT_NEAR(p_alive(overflows, {.x = 50, .t_x = 1, .age = 37}) / 1.417e-96, 1, 1e-3);
  EXPECT_NEAR(p_alive(overflows, {.x = 50, .t_x = 4, .age = 37}) / 6.73e-60, 1, 1e-3);
}

TEST(PurchaseModels, BgNbdHasThePublishedExpectations) {
  EXPECT_NEAR(*expected_purchases(note_bg, {.x = 2, .t_x = 30.43, .age = 38.86}, 39), 1.226, 5e-4);
  const std::array<std::array<double, 2>, 5> from_the_first{
      {{.1429, .0078}, {1, .0532}, {3, .1506}, {31.8571, 1.0405}, {32, 1.0437}}};
  for (const auto& [weeks, purchases] : from_the_first)
    EXPECT_NEAR(*expected_purchases(cdnow_bg, {}, weeks), purchases, 5e-5) << weeks;
  // 1.8576 is published, which is the hypergeometric series cut off after 150 terms; this is the whole of it.
  EXPECT_NEAR(*expected_purchases(cdnow_bg, {}, 78), 1.857956009, 5e-10);
  EXPECT_NEAR(no_purchase(note_bg, {}, 39), .5737864, 5e-8);
}

// Erlang-1 gaps are exponential: against MBG/NBD as it is usually written, and as the engine has it.
TEST(PurchaseModels, ErlangGapsOfOnePhaseAreMbgNbd) {
  const bool ok = rc::check("k = 1", [] {
    const PurchaseModel one = any_model(mbg_cnbd, 1);
    const CustomerSummary customer = any_summary();
    const auto& [r, alpha, a, b] = one.parameters;
    const double n = r + customer.x;
    const auto log_beta = [](double p, double q) { return std::lgamma(p) + std::lgamma(q) - std::lgamma(p + q); };
    const double active = log_beta(a, b + customer.x + 1) - n * std::log(alpha + customer.age);
    const double dropped_out = log_beta(a + 1, b + customer.x) - n * std::log(alpha + customer.t_x);
    const double greater = std::max(active, dropped_out);
    const double expected = std::lgamma(n) - std::lgamma(r) + r * std::log(alpha) - log_beta(a, b) + greater +
                            std::log(std::exp(active - greater) + std::exp(dropped_out - greater));
    RC_ASSERT(std::abs(log_likelihood(one, customer) - expected) <= 1e-11 * (1 + std::abs(expected) + n * 10));
    const PurchaseModel plain{.family = mbg_nbd, .parameters = one.parameters};
    RC_ASSERT(log_likelihood(plain, customer) == log_likelihood(one, customer));
    const double horizon = any_magnitude(1e-2, 1e3);
    const engine::Mbg mbg(mbg_parameters(one), customer.x, customer.t_x, horizon);
    const double silence = customer.age - customer.t_x;
    const double rounding = 1e-13 * (1 + n);
    RC_ASSERT(std::abs(p_alive(one, customer) - mbg.p_alive(silence)) <= rounding);
    RC_ASSERT(std::abs(no_purchase(one, customer, horizon) - mbg.risk(silence)) <= rounding);
    RC_ASSERT(p_alive(plain, customer) == mbg.p_alive(silence));
    RC_ASSERT(no_purchase(plain, customer, horizon) == mbg.risk(silence));
  });
  EXPECT_TRUE(ok);
}

// Given its rate and its probability of drop-out a customer's likelihood is elementary: averaged over the rate by a
// sum.
TEST(PurchaseModels, ErlangGapsAreThoseOfTheirPhases) {
  const PurchaseModel model{.family = mbg_cnbd, .parameters = {.8, 5, .6, 4.5}, .k = 3};
  const auto& [r, alpha, a, b] = model.parameters;
  constexpr double horizon = 6;
  const std::array<std::array<double, 3>, 3> gaps{{{2, 3.5, 2.5}, {1, 1, 9}, {.1, 20, .3}}};
  for (const auto& of : gaps) {
    CustomerSummary customer{.x = 3, .t_x = 0, .age = 22.5};
    for (const double gap : of) {
      customer.t_x += gap;
      customer.log_gaps += std::log(gap);
    }
    const double silence = customer.age - customer.t_x;
    // Of the gaps, with no purchase in what follows; without the drop-out.
    const auto gap_likelihood = [&](double rate, double u) {
      double likelihood = 1;
      for (const double gap : of) likelihood *= std::pow(rate, 3) * gap * gap / 2 * std::exp(-rate * gap);
      return likelihood * std::exp(-rate * u) * (1 + rate * u + rate * rate * u * u / 2);
    };
    const auto averaged = [&](double u) {
      return gamma_expectation(r, alpha, [&](double rate) { return gap_likelihood(rate, u); }, 20'000);
    };
    const auto beta = [](double p, double q) { return std::exp(std::lgamma(p) + std::lgamma(q) - std::lgamma(p + q)); };
    const double outlasts = beta(a, b + 4) / beta(a, b);
    const double drops_out = beta(a + 1, b + 3) / beta(a, b) * averaged(0);
    const double active = outlasts * averaged(silence);
    EXPECT_NEAR(log_likelihood(model, customer), std::log(active + drops_out), 1e-8);
    EXPECT_NEAR(p_alive(model, customer), active / (active + drops_out), 1e-8);
    EXPECT_NEAR(no_purchase(model, customer, horizon),
                (drops_out + outlasts * averaged(silence + horizon)) / (active + drops_out), 1e-8);
    const PurchaseModel staying{.family = cnbd, .parameters = model.parameters, .k = 3};
    EXPECT_NEAR(log_likelihood(staying, customer), std::log(averaged(silence)), 1e-8);
    EXPECT_NEAR(no_purchase(staying, customer, horizon), averaged(silence + horizon) / averaged(silence), 1e-8);
  }
}

// The moment of drop-out is summed over by Simpson's rule in ln(alpha + y), with far more pieces than are needed.
TEST(PurchaseModels, ParetosIntegralIsThatOfASlowSum) {
  const bool ok = rc::check("Simpson", [] {
    const PurchaseModel model = any_model(pareto_nbd);
    const CustomerSummary customer = any_summary();
    const auto& [r, alpha, s, beta] = model.parameters;
    const double n = r + customer.x;
    const double from = alpha + customer.t_x;
    const double least = std::min(from, beta + customer.t_x);
    const auto log_integrand = [&](double z) {  // z = ln(least + y - t_x)
      const double since = std::exp(z) - least;
      return z - n * std::log1p(since / from) - (s + 1) * std::log1p(since / (beta + customer.t_x));
    };
    const double silence = customer.age - customer.t_x;
    const double sum = integral([&](double z) { return std::exp(log_integrand(z) - std::log(least)); }, std::log(least),
                                std::log(least) + std::log1p(silence / least), 40'000);
    const double dropped_out = s * sum * least / (beta + customer.t_x);
    const double active = std::exp(-n * std::log1p(silence / from) - s * std::log1p(silence / (beta + customer.t_x)));
    const double log_common = std::lgamma(n) - std::lgamma(r) + r * std::log(alpha) - n * std::log(from) +
                              s * std::log(beta / (beta + customer.t_x));
    const double expected = log_common + std::log(active + dropped_out);
    RC_ASSERT(std::abs(log_likelihood(model, customer) - expected) <= 1e-8 + 1e-11 * std::abs(expected));
    const double alive = active / (active + dropped_out);
    RC_ASSERT(std::abs(p_alive(model, customer) - alive) <= 1e-8);
  });
  EXPECT_TRUE(ok);
}

// The rates of an active customer are Gamma(r + x, alpha + T) and Gamma(s, beta + T): whether it leaves or buys first,
// averaged over both.
TEST(PurchaseModels, NoPurchaseUnderParetoIsEitherLeavingOrStayingAway) {
  constexpr double horizon = 13;
  const auto& [r, alpha, s, beta] = cdnow_pareto.parameters;
  for (const CustomerSummary& customer :
       {CustomerSummary{.x = 2, .t_x = 30.43, .age = 38.86}, CustomerSummary{.x = 0, .t_x = 0, .age = 38.86},
        CustomerSummary{.x = 11, .t_x = 20, .age = 30}}) {
    const double stays_away = gamma_expectation(
        r + customer.x, alpha + customer.age,
        [&](double buys) {
          return gamma_expectation(
              s, beta + customer.age,
              [&](double leaves) {
                const double either = buys + leaves;
                return (leaves + buys * std::exp(-either * horizon)) / either;
              },
              600);
        },
        600);
    const double alive = p_alive(cdnow_pareto, customer);
    EXPECT_NEAR(no_purchase(cdnow_pareto, customer, horizon), 1 - alive + alive * stays_away, 1e-6);
  }
}

// Of BG/NBD the horizon's closed form is known: who is active buys within it or not, at the posterior's rate.
TEST(PurchaseModels, NoPurchaseUnderBgNbdIsItsClosedForm) {
  const CustomerSummary customer{.x = 2, .t_x = 30.43, .age = 38.86};
  const double alive = p_alive(note_bg, customer);
  const double age = 4.414 + 38.86;
  EXPECT_NEAR(no_purchase(note_bg, customer, 39), 1 - alive + alive * std::pow(age / (age + 39), 2.243), 1e-12);
}

// Of n purchases before a drop-out, (1 - (1 + p h / (alpha + T))^-n) / p are expected given its probability p.
TEST(PurchaseModels, ExpectedPurchasesAreAveragesOverTheProbabilityOfDropOut) {
  for (const PurchaseFamily family : {bg_nbd, mbg_nbd}) {
    const PurchaseModel model{.family = family, .parameters = {1.3, 7, 2.5, 6}};
    for (const CustomerSummary& customer : {CustomerSummary{}, CustomerSummary{.x = 5, .t_x = 30, .age = 32},
                                            CustomerSummary{.x = 900, .t_x = 50, .age = 50.1}}) {
      for (const double horizon : {1e-9, 13.0, 400.0}) {
        const double n = 1.3 + customer.x;
        const double b = 6 + customer.x + (family == mbg_nbd ? 1 : 0);
        const auto weight = [&](double p) { return std::pow(p, 1.5) * std::exp((b - 1) * std::log1p(-p)); };
        const auto purchases = [&](double p) {
          return p == 0 ? 0 : -std::expm1(-n * std::log1p(p * horizon / (7 + customer.age))) / p;
        };
        constexpr double most = 1 - 1e-15;
        const double mean = integral([&](double p) { return weight(p) * purchases(p); }, 0, most, 200'000) /
                            integral(weight, 0, most, 200'000);
        const double expected = p_alive(model, customer) * mean;
        EXPECT_NEAR(*expected_purchases(model, customer, horizon) / expected, 1, 1e-6);
      }
    }
  }
  EXPECT_EQ(expected_purchases({.family = mbg_cnbd, .parameters = {1, 1, 1, 1}, .k = 2}, {}, 1), std::nullopt);
  EXPECT_NEAR(*expected_purchases({.family = cnbd, .parameters = {.5, 7.5}}, {.x = 2, .t_x = 10, .age = 12.5}, 4), .5,
              1e-14);
}

// What rounding leaves of P(N > m) hardly shrinks where nearly nobody drops out: the sum must not wait for that.
TEST(PurchaseModels, ExpectedPurchasesOfAShortHorizonCostNoMoreThanTheirTerms) {
  const PurchaseModel model{.family = bg_nbd, .parameters = {.082756940636023194, 60.7187, .0373538, 108.667}};
  EXPECT_NEAR(*expected_purchases(model, {}, .0402315) / (.082756940636 / 60.7187 * .0402315), 1, 1e-4);
  const PurchaseModel lasting{.family = mbg_nbd, .parameters = {.0157, 755.327, .0134, .226}};
  EXPECT_NEAR(*expected_purchases(lasting, {.x = 0, .t_x = 0, .age = 1e-9}, .939) / (.0157 / 755.327 * .939),
              p_alive(lasting, {.x = 0, .t_x = 0, .age = 1e-9}), 1e-4);
}

// With drop-out as good as impossible all families are the same.
TEST(PurchaseModels, WithoutDropOutAllFamiliesAreNbd) {
  const bool ok = rc::check("a and s towards 0", [] {
    const CustomerSummary customer = any_summary();
    const double r = any_magnitude(1e-1, 1e1);
    const double alpha = any_magnitude(1e-1, 1e2);
    const double expected = log_likelihood({.family = cnbd, .parameters = {r, alpha}}, customer);
    for (const PurchaseFamily family : {bg_nbd, mbg_nbd, pareto_nbd}) {
      // What silence then says of drop-out is less than one in 1e-60 ever explains.
      const PurchaseModel model{.family = family, .parameters = {r, alpha, 1e-60, 1}};
      RC_PRE((r + customer.x) * std::log1p((customer.age - customer.t_x) / (alpha + customer.t_x)) < 80);
      RC_ASSERT(std::abs(log_likelihood(model, customer) - expected) <= 1e-10 * (1 + std::abs(expected)));
    }
  });
  EXPECT_TRUE(ok);
}

TEST(PurchaseModels, SilenceSpeaksAgainstACustomerAndForALongerOne) {
  const bool ok = rc::check("over silence and horizon", [] {
    const CustomerSummary customer = any_summary();
    CustomerSummary later = customer;
    later.age += any_magnitude(1e-3, 1e3);
    const double horizon = any_magnitude(1e-2, 1e3);
    constexpr double rounding = 1e-9;
    for (const PurchaseModel& model : models_of_all_families()) {
      const double alive = p_alive(model, customer);
      const double risk = no_purchase(model, customer, horizon);
      RC_ASSERT(alive >= 0 && alive <= 1 && risk >= 0 && risk <= 1);
      RC_ASSERT(p_alive(model, later) <= alive + rounding);
      RC_ASSERT(risk >= 1 - alive - rounding);
      RC_ASSERT(no_purchase(model, customer, 2 * horizon) <= risk + rounding);
      RC_ASSERT(log_likelihood(model, later) <= log_likelihood(model, customer) + rounding);
      if (model.k == 1) RC_ASSERT(no_purchase(model, later, horizon) >= risk - rounding);
      if ((model.parameters[0] + customer.x) * horizon > 1e5 * (model.parameters[1] + customer.age)) continue;
      const std::optional<double> purchases = expected_purchases(model, customer, horizon);
      if (purchases) RC_ASSERT(*purchases >= (1 - risk) * (1 - rounding) - rounding);
    }
  });
  EXPECT_TRUE(ok);
}

TEST(PurchaseModels, ExtremeArgumentsHaveFiniteLikelihoods) {
  for (const PurchaseFamily family : {cnbd, bg_nbd, mbg_nbd, mbg_cnbd, pareto_nbd}) {
    for (const int k : {1, 6}) {
      if (k > 1 && family != cnbd && family != mbg_cnbd) continue;
      for (const double r : {1e-3, 1.0, 1e3}) {
        for (const double alpha : {1e-4, 1.0, 1e8}) {
          for (const double third : {1e-6, 1.0, 1e4}) {
            for (const double fourth : {1e-4, 1.0, 1e8}) {
              const PurchaseModel model{.family = family, .parameters = {r, alpha, third, fourth}, .k = k};
              for (const CustomerSummary& customer :
                   {CustomerSummary{}, CustomerSummary{.x = 0, .t_x = 0, .age = 1e4},
                    CustomerSummary{.x = 1, .t_x = 1e-3, .age = 1e4, .log_gaps = -7},
                    CustomerSummary{.x = 1e5, .t_x = 1e3, .age = 1e3, .log_gaps = -5e5},
                    CustomerSummary{.x = 1e5, .t_x = 1e3, .age = 1e5, .log_gaps = -5e5}}) {
                const double likelihood = log_likelihood(model, customer);
                const double risk = no_purchase(model, customer, 13);
                ASSERT_TRUE(std::isfinite(likelihood)) << static_cast<int>(family) << ' ' << k << ' ' << r << ' '
                                                       << alpha << ' ' << third << ' ' << fourth << ' ' << customer.x;
                ASSERT_TRUE(risk >= 0 && risk <= 1);
                ASSERT_TRUE(p_alive(model, customer) >= 0 && p_alive(model, customer) <= 1);
              }
            }
          }
        }
      }
    }
  }
}

TEST(PurchaseModels, GammaGammaHasThePublishedLikelihoodOfCdnow) {
  double sum = 0;
  int customers = 0;
  for (const SpendSummary& customer : cdnow_histories().spend) {
    if (customer.x == 0 || customer.mean <= 0) continue;
    sum += log_likelihood({.p = 6.25, .q = 3.74, .v = 15.44}, customer);
    ++customers;
  }
  EXPECT_EQ(customers, 946);
  EXPECT_NEAR(sum, -4055.9177, 0.01);
  EXPECT_NEAR(sum, -4055.9247, 1e-4);
}

TEST(PurchaseModels, GammaGammaIsADensityOfTheMeanSpend) {
  const auto density = [](double log_mean) {
    return std::exp(log_likelihood({.p = 3.1, .q = 3.1, .v = 280}, {.x = 4, .mean = std::exp(log_mean)}) + log_mean);
  };
  EXPECT_NEAR(integral(density, -10, 25, 20'000), 1, 1e-9);
}

}  // namespace
}  // namespace holdfast::learn
