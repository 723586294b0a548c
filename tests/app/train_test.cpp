#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/model_file.hpp"
#include "domain/ids.hpp"
#include "engine/evidence.hpp"
#include "tests/support/process.hpp"
#include "tests/support/shop_files.hpp"

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

/// `holdfast train` over a made-up shop.
class TrainTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return shop_.path(name); }
  [[nodiscard]] testing::Finished train(const std::vector<std::string>& flags) const {
    return shop_.run("train", flags);
  }

  /// Some customers, and a hundred times as much.
  void pay_in_yen(const std::function<bool(const std::string& customer)>& who) const {
    shop_.keep([&](Json& event) {
      if (event.contains("amount") && who(event["customer_id"])) {
        event["currency"] = "JPY";
        event["amount"] = 100 * event["amount"].get<double>();
      }
      return true;
    });
  }

  const testing::ShopFiles shop_{20'000, 2'000, 5};
};

TEST_F(TrainTest, WritesAModelThatTheEngineReadsAndACardThatTellsOfIt) {
  const auto run = train({"--out", path("shop.json"), "--horizon", "60d", "--every", "20d", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto model = read_model(path("shop.json"));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "shop");
  EXPECT_EQ(model->horizon.days(), 60);
  EXPECT_TRUE(model->gamma_gamma);
  EXPECT_TRUE(model->trained_with.all());
  EXPECT_GT(model->alike.of(CustomerState::first_time, Feature::days_since_purchase),
            model->alike.of(CustomerState::loyal, Feature::days_since_purchase));
  EXPECT_EQ(model->alike.of(CustomerState::first_time, Feature::purchase_history), 1);
  const Json facts = Json::parse(run.out);
  EXPECT_EQ(facts["id"], model->id);
  // The last outcome is known with the last purchase.
  std::size_t events = 0;
  const std::string last_purchase = shop_.last_purchase();
  shop_.keep([&](const Json& event) {
    events += event["time"].get<std::string>() <= last_purchase ? 1 : 0;
    return true;
  });
  EXPECT_EQ(facts["events"], events);
  EXPECT_GT(facts["examples"], 5000);
  const std::string card = testing::read_file(path("shop.md"));
  for (const std::string told : {"# Model card: shop", model->id.c_str(), "## Trained on", "| MBG/NBD", "| Pareto/NBD",
                                 "## What speaks against it", "--horizon 60d"})
    EXPECT_NE(card.find(told), std::string::npos) << told;
}

TEST_F(TrainTest, WhatOnlyVisitsTellOfIsNotFittedWithoutAny) {
  const auto weighs = [&] {
    const auto run = train({"--out", path("shop.json"), "--horizon", "60d", "--every", "20d"});
    EXPECT_EQ(run.status, 0) << run.err;
    const auto model = read_model(path("shop.json"));
    std::vector<Feature> features;
    for (const auto& term : model->logistic->terms) {
      if (engine::evidence_of(term.feature) == engine::Evidence::visit) features.push_back(term.feature);
    }
    return features;
  };
  EXPECT_GT(weighs().size(), 2u);
  testing::write_file(path("data/visits.ndjson"), "");
  EXPECT_EQ(weighs(), std::vector<Feature>{});
}

TEST_F(TrainTest, TheSameHistoryGivesTheSameBytes) {
  for (const char* out : {"a.json", "b.json"}) {
    const auto run = train({"--out", path(out), "--name", "m", "--card", path("card.md"), "--every", "30d"});
    ASSERT_EQ(run.status, 0) << run.err;
  }
  EXPECT_EQ(testing::read_file(path("a.json")), testing::read_file(path("b.json")));
}

TEST_F(TrainTest, WhatIsDoneAsOutcomesArriveMakesNoDifference) {
  for (const char* mode : {"off", "correct"}) {
    const auto run = train({"--out", path("m-") + mode, "--name", "m", "--card", path("card.md"), "--every", "30d",
                            "--set", std::string("calibration.mode=") + mode});
    ASSERT_EQ(run.status, 0) << run.err;
  }
  EXPECT_EQ(testing::read_file(path("m-off")), testing::read_file(path("m-correct")));
}

TEST_F(TrainTest, NothingAfterUntilIsLookedAt) {
  ASSERT_EQ(train({"--out", path("all.json"), "--name", "m", "--card", path("card.md"), "--from", "2025-03-01",
                   "--until", "2025-09-01"})
                .status,
            0);
  // The same without what came later.
  shop_.keep([](const Json& event) { return event["time"].get<std::string>() <= "2025-09-01T00:00:00.000Z"; });
  ASSERT_EQ(train({"--out", path("past.json"), "--name", "m", "--card", path("card.md"), "--from", "2025-03-01",
                   "--until", "2025-09-01"})
                .status,
            0);
  EXPECT_EQ(testing::read_file(path("all.json")), testing::read_file(path("past.json")));
}

// Also by an erasure that comes later than all that is looked at.
TEST_F(TrainTest, WhoWasErasedLeavesNoTrace) {
  const std::vector<std::string> flags{"--name", "m",       "--card",     path("card.md"), "--every",
                                       "20d",    "--until", "2025-10-01", "--horizon",     "60d"};
  const auto trained = [&](const std::string& out) {
    auto all = flags;
    all.insert(all.end(), {"--out", path(out)});
    const auto run = train(all);
    EXPECT_EQ(run.status, 0) << run.err;
    return testing::read_file(path(out));
  };
  const std::string with_all = trained("all.json");
  const auto erased_at = testing::erase_some(shop_);
  const std::string with_erasures = trained("erased.json");
  EXPECT_NE(with_all, with_erasures);
  shop_.keep([&](const Json& event) { return !testing::is_erased(event, erased_at); });
  EXPECT_EQ(trained("without.json"), with_erasures);
}

TEST_F(TrainTest, TheCardCountsWhatWasUsed) {
  const auto first_line_of = [&](const std::string& section) {
    const std::string card = testing::read_file(path("card.md"));
    const auto at = card.find("## " + section);
    return at == std::string::npos ? card : card.substr(at, card.find("examples: ", at) - at);
  };
  const std::vector<std::string> flags{"--out",      path("m.json"), "--card",     path("card.md"), "--from",
                                       "2025-03-01", "--until",      "2025-09-01", "--horizon",     "60d"};
  ASSERT_EQ(train(flags).status, 0);
  const std::string all = first_line_of("Trained on");
  shop_.keep([](const Json& event) { return event["time"].get<std::string>() <= "2025-09-01T00:00:00.000Z"; });
  ASSERT_EQ(train(flags).status, 0);
  EXPECT_EQ(all, first_line_of("Trained on"));
}

// What began later was not learnt from.
TEST_F(TrainTest, AKindOfEventsThatBeganLaterIsNotWhatTheModelWasTrainedWith) {
  shop_.keep([](const Json& event) {
    return event.contains("amount") || event.contains("status") || event["time"].get<std::string>() > "2025-10";
  });
  ASSERT_EQ(train({"--out", path("m.json"), "--until", "2025-09-01", "--horizon", "60d"}).status, 0);
  const auto model = read_model(path("m.json"));
  ASSERT_TRUE(model);
  EXPECT_TRUE(has(model->trained_with, engine::Evidence::complaint));
  EXPECT_FALSE(has(model->trained_with, engine::Evidence::visit));
}

TEST_F(TrainTest, AmountsInDifferentCurrenciesAreNotMixed) {
  pay_in_yen([](const std::string& customer) { return customer.back() % 2 == 0; });
  const auto mixed = train({"--out", path("m.json"), "--horizon", "60d", "--every", "20d"});
  ASSERT_EQ(mixed.status, 0) << mixed.err;
  const auto model = read_model(path("m.json"));
  ASSERT_TRUE(model);
  EXPECT_FALSE(model->gamma_gamma);
  EXPECT_FALSE(model->logistic && std::ranges::any_of(model->logistic->terms, [](const auto& term) {
                 return term.feature == Feature::log_mean_spend;
               }));
  for (const std::string& told : {mixed.out, testing::read_file(path("m.md"))})
    EXPECT_NE(told.find("customers spend in different currencies, "), std::string::npos) << told;
}

TEST_F(TrainTest, AFewWhoSpendInAnotherCurrencyHaveNoSpend) {
  pay_in_yen([](const std::string& customer) { return customer.ends_with("77"); });
  const auto few = train({"--out", path("m.json"), "--horizon", "60d", "--every", "20d"});
  ASSERT_EQ(few.status, 0) << few.err;
  const auto model = read_model(path("m.json"));
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->gamma_gamma);
  EXPECT_EQ(model->currency, Currency::from("EUR"));
  const std::string card = testing::read_file(path("m.md"));
  for (const std::string told :
       {"spend counts in EUR alone: it is not known of customers who spend otherwise, ", "Spend in EUR (Gamma-Gamma"})
    EXPECT_NE(card.find(told), std::string::npos) << card;

  const auto judged = shop_.run("evaluate", {"--set", "risk.model=" + path("m.json"), "--set", "risk.horizon=60d",
                                             "--replicates", "20", "--examples", path("rows.csv")});
  EXPECT_EQ(judged.status, 0) << judged.err;
  EXPECT_NE(judged.err.find("warning: spend counts in EUR alone"), std::string::npos) << judged.err;
  std::istringstream rows(testing::read_file(path("rows.csv")));
  std::string line;
  std::getline(rows, line);
  const auto column = std::ranges::count(line.substr(0, line.find("log_mean_spend")), ',');
  std::size_t known = 0;
  std::size_t unknown = 0;
  while (std::getline(rows, line)) {
    std::istringstream row(line);
    std::string cell;
    for (std::ptrdiff_t i = 0; i <= column; ++i) std::getline(row, cell, ',');
    ++(cell.empty() ? unknown : known);
  }
  EXPECT_GT(unknown, 5);
  EXPECT_GT(known, 20 * unknown);
}

TEST_F(TrainTest, ExamplesAreARowEachWithAbsentFeaturesEmpty) {
  ASSERT_EQ(train({"--out", path("m.json"), "--examples", path("examples.csv"), "--every", "60d"}).status, 0);
  std::istringstream lines(testing::read_file(path("examples.csv")));
  std::string header;
  std::getline(lines, header);
  EXPECT_EQ(header.substr(0, 40), "cutoff,customer,left,x,t_x_days,T_days,d");
  const auto columns = std::ranges::count(header, ',');
  std::size_t rows = 0;
  std::size_t with_empty = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    EXPECT_EQ(std::ranges::count(line, ','), columns);
    ASSERT_TRUE(line.ends_with(",,,")) << "nothing was done for anybody";
    line.resize(line.size() - 3);
    with_empty += line.find(",,") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(rows, 1000u);
  EXPECT_GT(with_empty, 100u);
  EXPECT_LT(with_empty, rows);
}

TEST_F(TrainTest, ExamplesHaveWhatWasDoneAndTheArm) {
  testing::write_file(path("shop.yaml"),
                      "application_id: shop\nsources:\n  purchases: {topic: purchases, kind: purchase}\n"
                      "  complaints: {topic: complaints, kind: complaint}\n  visits: {topic: visits, kind: visit}\n"
                      "  actions: {topic: actions, kind: action}\nrisk: {model: none-yet.json}\n"
                      "alerts: {control_share: 0.25}\n");
  // Of customers who bought early, some were called a day before a cut-off or two days behind it.
  std::vector<std::string> early;
  std::istringstream purchases(testing::read_file(path("data/purchases.ndjson")));
  for (std::string line; std::getline(purchases, line) && early.size() < 3;) {
    const auto id = Json::parse(line)["customer_id"].get<std::string>();
    if (std::ranges::find(early, id) == early.end()) early.push_back(id);
  }
  const auto action = [](const std::string& id, const char* time, const char* what) {
    return Json{{"customer_id", id}, {"time", time}, {"action", what}}.dump() + "\n";
  };
  testing::write_file(path("actions.ndjson"), action(early[0], "2025-06-30T00:00:00Z", "call, again") +
                                                  action(early[1], "2025-07-03T00:00:00Z", "voucher") +
                                                  action(early[1], "2025-07-04T00:00:00Z", "call, again") +
                                                  action(early[2], "2025-07-05T00:00:00Z", "erase"));
  ASSERT_EQ(train({"--source", "actions=" + path("actions.ndjson"), "--out", path("m.json"), "--examples",
                   path("examples.csv"), "--from", "2025-07-01", "--until", "2025-08-30", "--horizon", "60d"})
                .status,
            0);
  std::istringstream lines(testing::read_file(path("examples.csv")));
  std::string line;
  std::getline(lines, line);
  EXPECT_TRUE(line.ends_with(",treatment,treatment_days,days_since_action,arm")) << line;
  std::size_t control = 0;
  std::size_t rows = 0;
  std::map<std::string, std::string> told;
  for (; std::getline(lines, line); ++rows) {
    control += line.ends_with(",control") ? 1 : 0;
    for (const std::string& id : early) {
      if (line.find(fmt::format(",{:016x},", make_customer_key(id).hash)) == std::string::npos) continue;
      std::string tail = line.substr(0, line.rfind(','));
      for (int i = 0; i < 2; ++i) tail[tail.rfind(',')] = ';';
      told[id] = tail.substr(tail.rfind(',') + 1);
    }
  }
  EXPECT_EQ(told[early[0]], ";;1");
  EXPECT_EQ(told[early[1]], "voucher;2;");
  EXPECT_FALSE(told.contains(early[2])) << "who was erased is no example";
  EXPECT_GT(rows, 500u);
  EXPECT_NEAR(static_cast<double>(control) / static_cast<double>(rows), 0.25, 0.06);
}

TEST_F(TrainTest, WhatCannotBeLearntFromIsSaidWithARemedy) {
  const auto brief = train({"--out", path("m.json"), "--horizon", "400d"});
  EXPECT_EQ(brief.status, 2);
  EXPECT_NE(brief.err.find("take a longer history, or a shorter horizon (--horizon)"), std::string::npos) << brief.err;
  const auto late = train({"--out", path("m.json"), "--from", "2026-01-01"});
  EXPECT_EQ(late.status, 2);
  EXPECT_NE(late.err.find("no cut-off lies between"), std::string::npos) << late.err;
  const auto over = train({"--out", path("data/purchases.ndjson")});
  EXPECT_EQ(over.status, 2);
  const auto nowhere = train({"--out", path("no/such/folder/m.json")});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_NE(nowhere.err.find("cannot write"), std::string::npos) << nowhere.err;
  EXPECT_FALSE(std::filesystem::exists(path("m.json")));
}

}  // namespace
}  // namespace holdfast::app
