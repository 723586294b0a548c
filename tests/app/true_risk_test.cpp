#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/shop.hpp"
#include "learn/metrics.hpp"
#include "tests/support/process.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t shop_events = 160'000;
constexpr std::uint32_t shop_customers = 8'000;
constexpr std::uint64_t shop_seed = 11;
constexpr Timestamp new_year_2025{1'735'689'600'000};
constexpr Timestamp cutoff{1'759'276'800'000};  // 2025-10-01
constexpr double horizon_days = 60;

/// What is known of a customer of the shop at the cut-off, and what became of it.
struct Life {
  Timestamp first;
  Timestamp latest;
  bool latest_is_purchase = false;
  double events = 0;
  double purchases = 0;
  bool left = true;
};

/// Shares and distributions by which app/shop.cpp makes its customers, and the mean pace of those that it made.
struct Makers {
  static constexpr double purchase_share = 0.30;
  static constexpr double rate_shape = 1.2;
  static constexpr double drop_out_shape = 1.5;
  double events_per_day = 0;
  double drop_out = 0;
};

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

/// The probability of no purchase within the horizon for who knows how the shop makes its customers, and saw all of
/// this one's events, but neither its rate nor its drop-out. With k = shape + events and u = scale + time since the
/// first one, who is alive does nothing of n days with the density u^-k, and buys nothing in h days with the
/// probability (u / (u + share h))^k. Nobody drops out but with a purchase.
double true_risk(const Life& life, const Makers& makers) {
  const double scale = Makers::rate_shape / makers.events_per_day;
  const double k = Makers::rate_shape + life.events - 1;
  const double a = Makers::drop_out_shape;
  const double b = a * (1 - makers.drop_out) / makers.drop_out;
  const double now = scale + (cutoff - life.first).days();
  const double stays_away = std::pow(now / (now + Makers::purchase_share * horizon_days), k);
  if (!life.latest_is_purchase) return stays_away;
  const double at_latest = scale + (life.latest - life.first).days();
  const double alive = -k * std::log(now) + log_beta(a, b + life.purchases);
  const double dropped = -k * std::log(at_latest) + log_beta(a + 1, b + life.purchases - 1);
  const double p_alive = 1 / (1 + std::exp(dropped - alive));
  return 1 - p_alive * (1 - stays_away);
}

struct Quality {
  double auc = 0;
  double brier = 0;
};

/// Of the true risk, over the customers who had bought by the cut-off.
Quality best_possible() {
  Shop shop({.events = shop_events,
             .customers = shop_customers,
             .seed = shop_seed,
             .from = new_year_2025,
             .length = Duration{std::int64_t{365} * 86'400'000}});
  std::vector<std::optional<Life>> lives(shop_customers);
  const Timestamp end = cutoff + Duration{static_cast<std::int64_t>(horizon_days) * 86'400'000};
  while (const auto event = shop.next()) {
    const bool purchase = event->kind == EventKind::purchase;
    auto& life = lives[event->customer];
    if (event->time > cutoff) {
      if (life && purchase && event->time <= end) life->left = false;
      continue;
    }
    if (!life) life = Life{.first = event->time, .latest = {}};
    life->latest = event->time;
    life->latest_is_purchase = purchase;
    ++life->events;
    life->purchases += purchase ? 1 : 0;
  }
  Makers makers{.drop_out = 1 / (Makers::purchase_share * (1.5 * shop_events / shop_customers))};
  for (std::uint32_t c = 0; c < shop_customers; ++c)
    makers.events_per_day += shop.truth(c).events_per_day / shop_customers;
  std::vector<double> scores;
  std::vector<std::uint8_t> left;
  for (const auto& life : lives) {
    if (!life) continue;
    scores.push_back(true_risk(*life, makers));
    left.push_back(life->left ? 1 : 0);
  }
  const learn::Ranking ranking(scores, left, learn::Scale::probability);
  const learn::MetricValues values = learn::measure(ranking, ranking.tally(), {});
  return {*values[static_cast<std::size_t>(learn::Metric::auc)],
          *values[static_cast<std::size_t>(learn::Metric::brier)]};
}

/// The commands of the documentation over a made-up shop, whose true risks are known.
TEST(TrueRisk, IsNearlyFoundByATrainedModel) {
  const testing::TemporaryFolder folder;
  const auto path = [&](const std::string& name) { return (folder.path() / name).string(); };
  const auto run = [&](std::vector<std::string> arguments, bool reads) {
    arguments.insert(arguments.begin() + 1, {"-c", path("shop.yaml")});
    for (const std::string source : {"purchases", "complaints", "visits"}) {
      if (!reads) break;
      arguments.insert(arguments.end(), {"--source", source + "=" + path("data/" + source + ".ndjson")});
    }
    const auto done = testing::run_holdfast(arguments);
    EXPECT_EQ(done.status, 0) << done.err;
    return done.out;
  };
  testing::write_file(path("shop.yaml"),
                      "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
                      "  complaints: {topic: complaints, kind: complaint}\n  visits: {topic: visits, kind: visit}\n"
                      "risk: {model: model.json, horizon: 60d}\n");
  testing::write_file(path("model.json"),
                      R"({"name":"m","time_unit":"7d","horizon":"60d","mbg":{"r":0.9,"alpha":6.0,"a":0.9,"b":8}})");
  run({"generate", "--events", std::to_string(shop_events), "--customers", std::to_string(shop_customers), "--seed",
       std::to_string(shop_seed), "--out", path("data")},
      false);
  run({"train", "--until", "2025-10-01", "--every", "14d", "--horizon", "60d", "--out", path("model.json")}, true);
  const Json judged = Json::parse(
      run({"evaluate", "--from", "2025-10-01", "--until", "2025-11-30", "--replicates", "20", "--json"}, true));
  const Json& found = judged["scorers"]["model"];
  const Quality model{found["auc"]["value"], found["brier"]["value"]};
  const Quality best = best_possible();
  EXPECT_GT(best.auc, 0.9);
  EXPECT_LT(model.auc, best.auc + 0.005) << "nobody knows more";
  EXPECT_GT(model.auc, best.auc - 0.01);
  EXPECT_LT(model.brier, best.brier + 0.01);
}

}  // namespace
}  // namespace holdfast::app
