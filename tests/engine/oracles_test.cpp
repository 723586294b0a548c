#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/risk.hpp"
#include "tests/support/scoring.hpp"

/// Published figures of the models on CDNOW, and the log-likelihoods that belong to them, written out here on their
/// own.
namespace holdfast::engine {
namespace {

using namespace testing;

struct Row {
  std::uint32_t x = 0;
  double t_x = 0;  ///< Weeks, as T.
  double t = 0;
  double mean_spend = 0;
};

std::vector<Row> cdnow() {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/data/cdnow_summary.csv");
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    for (char& c : line) c = c == ',' ? ' ' : c;
    std::istringstream fields(line);
    Row row;
    int id = 0;
    fields >> id >> row.x >> row.t_x >> row.t >> row.mean_spend;
    rows.push_back(row);
  }
  return rows;
}

Duration weeks(double count) { return {std::llround(count * static_cast<double>(days(7).ms))}; }

/// The customer of a row, and the end of its observation.
struct Observed {
  Customer customer;
  Timestamp end;
};
Observed observed(const Row& row) { return {buyer(row.x, weeks(row.t_x)), new_year + weeks(row.t)}; }

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

/// The likelihood of a row as the sum of two: that the customer is still active, and that it dropped out at t_x; logs.
struct LogLikelihoods {
  double active;
  double dropped_out;
  [[nodiscard]] double sum() const {
    const double greater = std::max(active, dropped_out);
    return greater + std::log(std::exp(active - greater) + std::exp(dropped_out - greater));
  }
};
LogLikelihoods mbg_log_likelihoods(const Row& row, const MbgParameters& parameters) {
  const auto& [r, alpha, a, b] = parameters;
  const double common = std::lgamma(r + row.x) - std::lgamma(r) + r * std::log(alpha) - log_beta(a, b);
  return {.active = common + log_beta(a, b + row.x + 1) - (r + row.x) * std::log(alpha + row.t),
          .dropped_out = common + log_beta(a + 1, b + row.x) - (r + row.x) * std::log(alpha + row.t_x)};
}

double gamma_gamma_log_likelihood(const Row& row, const GammaGammaParameters& parameters) {
  const auto& [p, q, v] = parameters;
  const double px = p * row.x;
  return std::lgamma(px + q) - std::lgamma(px) - std::lgamma(q) + q * std::log(v) +
         (px - 1) * std::log(row.mean_spend) + px * std::log(row.x) - (px + q) * std::log(v + row.x * row.mean_spend);
}

TEST(Oracles, CdnowIsComplete) {
  const std::vector<Row> rows = cdnow();
  ASSERT_EQ(rows.size(), 2'357u);
  EXPECT_EQ(rows[0].x, 2u);
  EXPECT_EQ(rows[0].t_x, 30.43);
  EXPECT_EQ(rows[0].t, 38.86);
}

TEST(Oracles, MbgLogLikelihoodOfCdnow) {
  double sum = 0;
  for (const Row& row : cdnow()) sum += mbg_log_likelihoods(row, cdnow_model().mbg).sum();
  EXPECT_NEAR(sum, -9582.1328, 5e-5);
}

TEST(Oracles, PAliveIsTheShareOfTheLikelihood) {
  const Model model = cdnow_model();
  for (const Row& row : cdnow()) {
    const LogLikelihoods likelihoods = mbg_log_likelihoods(row, model.mbg);
    const auto [customer, end] = observed(row);
    ASSERT_NEAR(p_alive_at(customer, model, end), std::exp(likelihoods.active - likelihoods.sum()), 1e-12);
  }
}

TEST(Oracles, MeanPAliveOfCdnow) {
  double sum = 0;
  const std::vector<Row> rows = cdnow();
  for (const Row& row : rows) {
    const auto [customer, end] = observed(row);
    sum += p_alive_at(customer, cdnow_model(), end);
  }
  EXPECT_NEAR(sum / static_cast<double>(rows.size()), 0.449, 5e-4);
}

TEST(Oracles, RiskIsAnIntegralOverWhatIsNotKnown) {
  // Given drop-out or not, and a purchase rate from its posterior Gamma(r + x, alpha + T), no purchase within h has the
  // probability e^(-rate h): averaged by Simpson's rule instead of in closed form.
  const Model model = cdnow_model();
  for (const Row& row : {Row{2, 30.43, 38.86, 0}, Row{0, 0, 38.86, 0}, Row{11, 20.0, 30.0, 0}}) {
    const auto [customer, end] = observed(row);
    const double shape = model.mbg.r + row.x;
    const double age = model.mbg.alpha + row.t;
    // Over u = rate^(1/4), which takes the singularity at rate 0 away.
    const auto density = [&](double u) {
      const double rate = std::pow(u, 4);
      return 4 * std::pow(u, 4 * shape - 1) * std::exp(shape * std::log(age) - rate * age - std::lgamma(shape));
    };
    const double upper = std::pow(60 / age * (1 + shape), 0.25);
    const int pieces = 20'000;
    double stays_away = 0;
    for (int i = 0; i <= pieces; ++i) {
      const double u = upper * i / pieces;
      const double weight = i == 0 || i == pieces ? 1 : i % 2 == 1 ? 4 : 2;
      stays_away += weight * density(u) * std::exp(-std::pow(u, 4) * 13);
    }
    stays_away *= upper / pieces / 3;
    const double p_alive = p_alive_at(customer, model, end);
    EXPECT_NEAR(risk_at(customer, model, days(91), end), 1 - p_alive + p_alive * stays_away, 1e-7);
  }
}

TEST(Oracles, GammaGammaLogLikelihoodOfCdnow) {
  double sum = 0;
  int customers = 0;
  for (const Row& row : cdnow()) {
    if (row.x == 0 || row.mean_spend <= 0) continue;
    sum += gamma_gamma_log_likelihood(row, *cdnow_model().gamma_gamma);
    ++customers;
  }
  EXPECT_EQ(customers, 946);
  EXPECT_NEAR(sum, -4055.9247, 5e-5);
}

}  // namespace
}  // namespace holdfast::engine
