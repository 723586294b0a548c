#pragma once

#include <cstddef>
#include <vector>

#include "domain/time.hpp"
#include "learn/purchase_models.hpp"

/// Customers to fit purchase models to.
namespace holdfast::testing {

/// Customers and, one for each, what they spend; a mean of 0 where nothing is known.
struct PurchaseHistories {
  std::vector<learn::CustomerSummary> customers;
  std::vector<learn::SpendSummary> spend;
};

/// The customers of tests/data/cdnow_summary.csv, in weeks. No gaps are known of them.
[[nodiscard]] PurchaseHistories cdnow_histories();

/// Those of deploy/data/onlineretail_events.csv who bought before `end`, in weeks; repeats by UTC day, spend that of
/// the repeat days.
[[nodiscard]] PurchaseHistories online_retail_histories(Timestamp end);

/// Customers of a known model of the family mbg_cnbd, each observed for a time between `least` and `most`.
struct Simulated {
  learn::PurchaseModel model;
  std::size_t customers = 0;
  double least = 0;
  double most = 0;
  unsigned seed = 1;
};
[[nodiscard]] std::vector<learn::CustomerSummary> simulated_histories(const Simulated& plan);

}  // namespace holdfast::testing
