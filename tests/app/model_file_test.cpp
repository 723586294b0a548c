#include "app/model_file.hpp"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "app/model_writer.hpp"
#include "tests/support/process.hpp"

namespace holdfast::app {
namespace {

constexpr std::string_view least =
    R"({"name":"cdnow-mbg","time_unit":"7d","horizon":"91d","mbg":{"r":0.525,"alpha":6.183,"a":0.891,"b":1.614}})";

/// The least model with something before its closing brace.
std::string with(std::string_view more) {
  return std::string(least.substr(0, least.size() - 1)) + "," + std::string(more) + "}";
}

std::string faults(std::string_view text) {
  const auto model = parse_model(text, "m.json");
  if (model) return "none";
  EXPECT_EQ(model.error().kind, ErrorKind::invalid_argument);
  return model.error().message;
}

TEST(ModelFile, TheLeastThatEveryReleaseReads) {
  const auto model = parse_model(least, "m.json");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "cdnow-mbg");
  EXPECT_EQ(model->time_unit.days(), 7);
  EXPECT_EQ(model->horizon.days(), 91);
  EXPECT_EQ(model->mbg.r, 0.525);
  EXPECT_EQ(model->mbg.alpha, 6.183);
  EXPECT_EQ(model->mbg.a, 0.891);
  EXPECT_EQ(model->mbg.b, 1.614);
  EXPECT_FALSE(model->gamma_gamma);
  EXPECT_FALSE(model->logistic);
}

// Their products with weights, of which the greatest count as 1e100, have to stay finite.
TEST(ModelFile, RangesAndUsualValuesAreOfASizeThatCanBeReckonedWith) {
  EXPECT_EQ(
      faults(with(R"("logistic":{"intercept":0,"weights":{"visits_30d":1},"ranges":{"visits_30d":[-1e101,2e200]}})")),
      "m.json: logistic.ranges.visits_30d: is -1e+101, and must lie within 1e+100 of 0\n"
      "m.json: logistic.ranges.visits_30d: is 2e+200, and must lie within 1e+100 of 0");
  EXPECT_EQ(faults(with(R"("alike":{"loyal":{"visits_30d":1e300}})")),
            "m.json: alike.loyal.visits_30d: is 1e+300, and must lie within 1e+100 of 0");
  EXPECT_EQ(faults(with(R"("logistic":{"intercept":1e308,"weights":{"visits_30d":-1e308},)"
                        R"("ranges":{"visits_30d":[-1e100,1e100]}},"alike":{"loyal":{"visits_30d":-1e100}})")),
            "none");
}

TEST(ModelFile, AllParts) {
  const auto model = parse_model(
      with(R"("format":1,"about":{"trained_on":"x"},"gamma_gamma":{"p":6.25,"q":3.74,"v":15.44},)"
           R"("logistic":{"intercept":-0.5,"weights":{"returns_60d":0.3,"mbg_logit":1.0,"log_mean_spend":0},)"
           R"("ranges":{"returns_60d":[0,2.5],"mbg_logit":[null,4]}})"),
      "m.json");
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_TRUE(model->gamma_gamma);
  EXPECT_EQ(model->gamma_gamma->p, 6.25);
  EXPECT_EQ(model->gamma_gamma->q, 3.74);
  EXPECT_EQ(model->gamma_gamma->v, 15.44);
  ASSERT_TRUE(model->logistic);
  EXPECT_EQ(model->logistic->intercept, -0.5);
  ASSERT_EQ(model->logistic->terms.size(), 3u);
  EXPECT_EQ(model->logistic->terms[0].feature, Feature::mbg_logit);
  EXPECT_EQ(model->logistic->terms[0].weight, 1.0);
  EXPECT_EQ(model->logistic->terms[1].feature, Feature::returns_60d);
  EXPECT_EQ(model->logistic->terms[2].feature, Feature::log_mean_spend);
  EXPECT_EQ(model->logistic->terms[0].least, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(model->logistic->terms[0].most, 4);
  EXPECT_EQ(model->logistic->terms[1].least, 0);
  EXPECT_EQ(model->logistic->terms[1].most, 2.5);
  EXPECT_FALSE(model->logistic->terms[2].has_range());
}

TEST(ModelFile, TheCurrencyOfItsAmounts) {
  const auto model = parse_model(with(R"("currency":"EUR")"), "m.json");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->currency, Currency::from("EUR"));
  EXPECT_FALSE(parse_model(least, "m.json")->currency);
  EXPECT_EQ(parse_model(write_model(*model, {}), "m.json")->currency, Currency::from("EUR"));
  EXPECT_EQ(parse_model(with(R"("currency":"")"), "m.json")->currency, Currency{}) << "that of amounts that name none";
  for (const char* bad : {R"("currency":"eur")", R"("currency":"EURO")", R"("currency":7)"})
    EXPECT_EQ(faults(with(bad)),
              "m.json: currency: must be an ISO 4217 code of three capital letters in quotes, or \"\" for amounts that "
              "name none");
}

TEST(ModelFile, WhatIsUsualAmongCustomersAlike) {
  const auto model = parse_model(
      with(
          R"("alike":{"loyal":{"visits_30d":3.5,"purchase_history":9},"first_time":{"log_mean_spend":-0.5},"repeat":{}})"),
      "m.json");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->alike.of(CustomerState::loyal, Feature::visits_30d), 3.5);
  EXPECT_EQ(model->alike.of(CustomerState::loyal, Feature::purchase_history), 9);
  EXPECT_EQ(model->alike.of(CustomerState::first_time, Feature::log_mean_spend), -0.5);
  EXPECT_TRUE(std::isnan(model->alike.of(CustomerState::repeat, Feature::visits_30d)));
  EXPECT_TRUE(std::isnan(model->alike.of(CustomerState::loyal, Feature::log_mean_spend)));

  EXPECT_EQ(faults(with(R"("alike":[1])")), "m.json: alike: must be an object");
  EXPECT_EQ(faults(with(R"("alike":{"loyal":3,"repeats":{"visits_30d":1},"won_back":{}})")),
            "m.json: alike.loyal: must be an object\n"
            "m.json: alike.repeats: unknown key; did you mean alike.repeat?\n"
            "m.json: alike.won_back: unknown key; did you mean alike.loyal?");
  EXPECT_EQ(faults(with(R"("alike":{"loyal":{"visit_30d":3,"returns_60d":"1","open_complaints":null}})")),
            "m.json: alike.loyal.returns_60d: must be a number\n"
            "m.json: alike.loyal.open_complaints: must be a number\n"
            "m.json: alike.loyal.visit_30d: unknown key; did you mean alike.loyal.visits_30d?");
  EXPECT_EQ(faults(with(R"("alike":{"loyal":{"visits_30d":1e999}})")).substr(0, 40),
            "m.json: is no JSON: number overflow pars");
}

TEST(ModelFile, WhatItWasTrainedWith) {
  const auto model = parse_model(with(R"("trained_with":["visit","purchase"])"), "m.json");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->trained_with.count(), 2u);
  EXPECT_TRUE(has(model->trained_with, engine::Evidence::purchase));
  EXPECT_TRUE(has(model->trained_with, engine::Evidence::visit));
  EXPECT_TRUE(parse_model(least, "m.json")->trained_with.none()) << "it does not say";

  const std::string list = "must be a list of purchase, complaint, visit, amount";
  EXPECT_EQ(faults(with(R"("trained_with":"purchase")")), "m.json: trained_with: " + list);
  EXPECT_EQ(faults(with(R"("trained_with":[1])")), "m.json: trained_with: " + list + ", each in quotes");
  EXPECT_EQ(faults(with(R"("trained_with":["purchases","visit"])")),
            "m.json: trained_with: 'purchases' is unknown; did you mean purchase?");
  EXPECT_EQ(faults(with(R"("trained_with":[])")),
            "m.json: trained_with: lacks purchase; every model is fitted to purchases");
  EXPECT_EQ(faults(with(R"("trained_with":["purchase","visit"],"logistic":{"intercept":0,)"
                        R"("weights":{"visits_30d":1,"returns_60d":0.1,"open_complaints":0,"log_mean_spend":1}})")),
            "m.json: logistic.weights.returns_60d: needs complaint, which trained_with does not name; add it there, or "
            "remove the weight\n"
            "m.json: logistic.weights.log_mean_spend: needs amount, which trained_with does not name; add it there, or "
            "remove the weight");
}

TEST(ModelFile, TheIdIsTheHashOfTheBytes) {
  const auto one = parse_model(least, "m.json");
  const auto same = parse_model(least, "elsewhere.json");
  const auto other = parse_model(std::string(least) + "\n", "m.json");
  ASSERT_TRUE(one && same && other);
  EXPECT_EQ(one->id, "27ebd9232a7b1a4c6b0e05edd4834ee0");
  EXPECT_EQ(same->id, one->id);
  EXPECT_NE(other->id, one->id);
}

TEST(ModelFile, FaultsNameThePlaceAndTheRemedy) {
  EXPECT_EQ(faults("[]"), "m.json: the file must be a JSON object");
  EXPECT_EQ(faults("{"),
            "m.json: is no JSON: parse error at line 1, column 2: syntax error while parsing object key - "
            "unexpected end of input; expected string literal");
  EXPECT_EQ(faults("{}"),
            "m.json: name: is missing\nm.json: time_unit: is missing\nm.json: horizon: is missing\n"
            "m.json: mbg: is missing; every model needs it");
  EXPECT_EQ(
      faults(with(R"("format":2,"future":[])")),
      "m.json: format: is 2, and this release reads up to 1; update Holdfast or train the model with this release");
  EXPECT_EQ(faults(with(R"("format":"1")")), "m.json: format: must be a whole number from 1");
  EXPECT_EQ(faults(with(R"("logistics":{})")), "m.json: logistics: unknown key; did you mean logistic?");
  EXPECT_EQ(faults(R"({"name":"","time_unit":7,"horizon":"0d","mbg":{"r":0,"alpha":-1,"a":"x","c":1}})"),
            "m.json: name: must be a text in quotes\n"
            "m.json: time_unit: must be a text in quotes\n"
            "m.json: horizon: '0d' must be more than nothing and at most 3650d\n"
            "m.json: mbg.c: unknown key; did you mean mbg.r?\n"
            "m.json: mbg.r: is 0, and must be greater than 0\n"
            "m.json: mbg.alpha: is -1, and must be greater than 0\n"
            "m.json: mbg.a: must be a number\n"
            "m.json: mbg.b: is missing");
  EXPECT_EQ(faults(with(R"("gamma_gamma":{"p":1,"q":1,"v":1})")),
            "m.json: gamma_gamma.q: is 1, and must be greater than 1");
  EXPECT_EQ(faults(with(R"("gamma_gamma":7)")), "m.json: gamma_gamma: must be an object");
  EXPECT_EQ(faults(with(R"("logistic":{"weights":{"mbg_logi":1,"purchase_history":1,"returns_60d":null}})")),
            "m.json: logistic.intercept: is missing\n"
            "m.json: logistic.weights.returns_60d: must be a number\n"
            "m.json: logistic.weights.mbg_logi: unknown key; did you mean logistic.weights.mbg_logit?\n"
            "m.json: logistic.weights.purchase_history: unknown key; did you mean logistic.weights.purchases_30d?");
  EXPECT_EQ(
      faults(with(R"("logistic":{"intercept":0,"weights":{"mbg_logit":1,"returns_60d":2,"open_complaints":1},)"
                  R"("ranges":{"mbg_logit":[1],"returns_60d":[2,1],"visits_30d":[0,1],"open_complaints":["0",1]}})")),
      "m.json: logistic.ranges.mbg_logit: must be [least, most], two numbers, or null for no bound\n"
      "m.json: logistic.ranges.returns_60d: 2 is more than 1\n"
      "m.json: logistic.ranges.open_complaints: must be [least, most], two numbers, or null for no bound\n"
      "m.json: logistic.ranges.visits_30d: has no weight in logistic.weights: give it one, or leave out its range");
  EXPECT_EQ(faults(with(R"("logistic":{"intercept":1e999,"weights":{}})")).substr(0, 40),
            "m.json: is no JSON: number overflow pars");
}

TEST(ModelFile, FilesThatCannotBeReadAreNamed) {
  testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "none.json").string();
  const auto missing = read_model(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            path + ": cannot be read: No such file or directory; name a model file in risk.model");
  testing::write_file(path, std::string(2 << 20, ' '));
  const auto large = read_model(path);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().message,
            path + ": is larger than 1048576 bytes, so it is the wrong file; name a model file in risk.model");
  testing::write_file(path, std::string(least));
  EXPECT_TRUE(read_model(path));
}

}  // namespace
}  // namespace holdfast::app
