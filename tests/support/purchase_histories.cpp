#include "tests/support/purchase_histories.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>

namespace holdfast::testing {
namespace {

constexpr double week_ms = 7 * 86'400'000.0;

/// The fields of each line but the first. None of the files has quoted fields.
std::vector<std::vector<std::string>> rows_of(const std::string& path) {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/" + path);
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::string>& row = rows.emplace_back();
    for (std::string field; std::getline(fields, field, ',');) row.push_back(field);
  }
  return rows;
}

struct Purchase {
  Timestamp time;
  double amount = 0;
  friend bool operator<(const Purchase& a, const Purchase& b) { return a.time < b.time; }
};

}  // namespace

PurchaseHistories cdnow_histories() {
  PurchaseHistories histories;
  for (const auto& row : rows_of("tests/data/cdnow_summary.csv")) {
    const double x = std::stod(row.at(1));
    histories.customers.push_back({.x = x, .t_x = std::stod(row.at(2)), .age = std::stod(row.at(3)), .log_gaps = 0});
    histories.spend.push_back({.x = x, .mean = std::stod(row.at(4))});
  }
  return histories;
}

PurchaseHistories online_retail_histories(Timestamp end) {
  std::map<std::string, std::vector<Purchase>> customers;
  for (const auto& row : rows_of("deploy/data/onlineretail_events.csv")) {
    const Timestamp time = parse_rfc3339(row.at(0)).value();
    if (row.at(2) == "purchase" && time < end)
      customers[row.at(1)].push_back({.time = time, .amount = std::stod(row.at(3))});
  }
  PurchaseHistories histories;
  for (auto& [id, purchases] : customers) {
    std::ranges::stable_sort(purchases, {}, &Purchase::time);
    const Timestamp first = purchases.front().time;
    learn::CustomerSummary customer;
    double spent = 0;
    Timestamp day_start = first;
    for (const auto& [time, amount] : purchases) {
      if (time.utc_day() != day_start.utc_day()) {
        customer.x += 1;
        customer.log_gaps += std::log(static_cast<double>((time - day_start).ms) / week_ms);
        day_start = time;
      }
      if (time.utc_day() != first.utc_day()) spent += amount;
    }
    customer.age = static_cast<double>((end - first).ms) / week_ms;
    customer.t_x = customer.x > 0 ? static_cast<double>((purchases.back().time - first).ms) / week_ms : 0;
    histories.customers.push_back(customer);
    histories.spend.push_back({.x = customer.x, .mean = customer.x > 0 ? spent / customer.x : 0});
  }
  return histories;
}

std::vector<learn::CustomerSummary> simulated_histories(const Simulated& plan) {
  const auto [r, alpha, a, b] = learn::mbg_parameters(plan.model);
  std::mt19937_64 random(plan.seed);
  const auto gamma = [&](double shape, double rate) { return std::gamma_distribution(shape, 1 / rate)(random); };
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::vector<learn::CustomerSummary> customers;
  for (std::size_t i = 0; i < plan.customers; ++i) {
    learn::CustomerSummary customer{.age = plan.least + uniform() * (plan.most - plan.least)};
    const double rate = gamma(r, alpha);
    const double to_leave = gamma(a, 1);
    const double drop_out = to_leave / (to_leave + gamma(b, 1));
    while (uniform() >= drop_out) {
      const double gap = gamma(plan.model.k, rate);
      if (!(customer.t_x + gap < customer.age) || gap <= 0) break;
      customer.t_x += gap;
      customer.x += 1;
      customer.log_gaps += std::log(gap);
    }
    customers.push_back(customer);
  }
  return customers;
}

}  // namespace holdfast::testing
