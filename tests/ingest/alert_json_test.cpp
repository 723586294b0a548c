#include "ingest/alert_json.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/event.hpp"
#include "tests/support/process.hpp"

namespace holdfast::ingest {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::FieldsAre;

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

AlertEncoder encoder() { return {"holdfast-demo", {"web", "shop"}, Duration{91LL * 86'400'000}}; }

Alert least() {
  Alert alert;
  alert.customer = make_customer_key("17850");
  alert.seq = 1;
  alert.change = Change::resolved;
  alert.previous_level = Level::watch;
  alert.trigger.type = TriggerType::silence;
  alert.model_id = "0123456789abcdef";
  alert.model_name = "onlineretail \"mbg\"";
  return alert;
}

struct Encoded {
  std::string json;
  std::vector<Header> headers;
};
Encoded encoded(const Alert& alert) {
  TextArena text;
  text.append("left over");
  (void)text.finish();
  AlertEncoder used = encoder();
  const auto made = used.encode(alert, Partition{3}, text);
  return {std::string(made.json), {made.headers().begin(), made.headers().end()}};
}

TEST(AlertJson, WritesEveryMemberInAFixedOrder) {
  const Reason reasons[] = {{Feature::days_since_purchase, 61.04, 14.2, 1.9234567, 20.5},
                            {Feature::visits_30d, 0.1, absent, -1e-9}};
  Alert alert = least();
  alert.customer = make_customer_key("C\"17\\850\n€");
  alert.seq = 3;
  alert.episode = 2;
  alert.change = Change::escalated;
  alert.level = Level::high;
  alert.time = Timestamp{1'317'377'700'007};
  alert.risk = 0.8123456789;
  alert.p_alive = 1;
  alert.base = -0.0000001;
  alert.reasons = reasons;
  alert.trigger = {TriggerType::complaint, SourceIndex{1}, Offset{9'000'000'000}, "e-1"};
  alert.state = CustomerState::won_back;
  alert.purchases = 23;
  alert.first_purchase = Timestamp{0};
  alert.last_purchase = Timestamp{951'782'400'000};
  alert.open_complaints = 1;
  alert.has_value = true;
  alert.has_expected = true;
  alert.currency = Currency{{'G', 'B', 'P'}};
  alert.spent = 5391.205;
  alert.expected = 412.5;
  alert.at_risk = 1e15;
  EXPECT_EQ(
      encoded(alert).json,
      R"({"schema":1,"alert_id":")" + alert_id("holdfast-demo", alert.customer.id, 3) +
          R"(","seq":3,"episode":2,"customer_id":"C\"17\\850\u000a€","change":"escalated","level":"high",)"
          R"("previous_level":"watch","risk":0.812346,"p_alive":1,"horizon_days":91,"time":"2011-09-30T10:15:00.007Z",)"
          R"("trigger":{"type":"complaint","source":"shop","partition":3,"offset":9000000000,"event_id":"e-1"},)"
          R"("base":0,"reasons":[{"feature":"days_since_purchase","value":61.04,"typical":14.2,)"
          R"("alike":20.5,"contribution":1.923457,)"
          R"("text":"No purchase for 61 days; this customer usually buys every 14 days; )"
          R"(customers alike usually bought 20 days ago."},)"
          R"({"feature":"visits_30d","value":0.1,"contribution":0,)"
          R"("text":"Hardly any visits in the last six weeks. Recent visits lower the risk."}],)"
          R"("customer":{"state":"won_back","purchases":23,"first_purchase":"1970-01-01T00:00:00.000Z",)"
          R"("last_purchase":"2000-02-29T00:00:00.000Z","open_complaints":1},"value":{"currency":"GBP",)"
          R"("spent":5391.2,"expected":412.5,"at_risk":1000000000000000},)"
          R"("model":{"id":"0123456789abcdef","name":"onlineretail \"mbg\""}})");
}

TEST(AlertJson, SaysTheArmTwiceWhereThereIsATrial) {
  const Encoded without = encoded(least());
  EXPECT_FALSE(json::parse(without.json).contains("arm"));
  EXPECT_EQ(without.headers.size(), 7u);
  for (const Arm arm : {Arm::treatment, Arm::control}) {
    Alert alert = least();
    alert.arm = arm;
    const Encoded with = encoded(alert);
    EXPECT_EQ(json::parse(with.json)["arm"], name(arm));
    ASSERT_EQ(with.headers.size(), 8u);
    EXPECT_THAT(with.headers.back(), FieldsAre("ce_arm", name(arm), true));
    EXPECT_EQ(std::vector(with.headers.begin(), with.headers.end() - 1).back().name, "content-type");
  }
}

TEST(AlertJson, LeavesOutWhatIsNotKnown) {
  Alert alert = least();
  const json plain = json::parse(encoded(alert).json);
  EXPECT_FALSE(plain.contains("value"));
  EXPECT_EQ(plain["trigger"], json({{"type", "silence"}}));
  EXPECT_EQ(plain["reasons"], json::array());
  alert.has_value = true;
  alert.trigger.type = TriggerType::visit;
  const json valued = json::parse(encoded(alert).json);
  EXPECT_EQ(valued["value"], json({{"spent", 0}}));
  EXPECT_EQ(valued["trigger"], json({{"type", "visit"}, {"source", "web"}, {"partition", 3}, {"offset", 0}}));
  alert.trigger.type = TriggerType::action;
  EXPECT_EQ(json::parse(encoded(alert).json)["trigger"],
            json({{"type", "action"}, {"source", "web"}, {"partition", 3}, {"offset", 0}}));
}

TEST(AlertJson, SaysHowTheModelWasCorrected) {
  Alert alert = least();
  EXPECT_FALSE(json::parse(encoded(alert).json)["model"].contains("correction"));
  alert.correction = {.intercept = -0.25, .slope = 1.5};
  EXPECT_EQ(json::parse(encoded(alert).json)["model"]["correction"], json({{"intercept", -0.25}, {"slope", 1.5}}));
}

TEST(AlertJson, HeadersAreThoseOfCloudEvents) {
  Alert alert = least();
  alert.time = Timestamp{1'317'377'700'007};
  const Encoded out = encoded(alert);
  EXPECT_THAT(out.headers,
              ElementsAre(FieldsAre("ce_specversion", "1.0", true),
                          FieldsAre("ce_id", "5231cf18faef5f3cc3ddb8171d162cf9", true),
                          FieldsAre("ce_source", "/holdfast/holdfast-demo", true),
                          FieldsAre("ce_type", "holdfast.alert.v1", true),
                          FieldsAre("ce_time", "2011-09-30T10:15:00.007Z", true),
                          FieldsAre("ce_subject", "17850", true), FieldsAre("content-type", "application/json", true)));
}

// Computed by another binding of the same hash. Consumers keep these ids: they must never change.
TEST(AlertJson, IdsAreThoseOfEveryRelease) {
  EXPECT_EQ(alert_id("holdfast-demo", "17850", 1), "5231cf18faef5f3cc3ddb8171d162cf9");
  EXPECT_EQ(alert_id("a", "bé", 4'294'967'295), "2e7177e5dd6d19069260a450aa76cf2b");
}

class AlertSchema : public ::testing::Test {
 protected:
  const json schema_ = json::parse(testing::read_file(HOLDFAST_SOURCE_DIR "/docs/formats/alert-v1.schema.json"));

  static std::set<std::string> names_of(const json& object) {
    std::set<std::string> names;
    for (const auto& [name, value] : object.items()) names.insert(name);
    return names;
  }
  static std::set<std::string> texts_of(const json& array) { return array.get<std::set<std::string>>(); }
};

TEST_F(AlertSchema, NamesEveryValueThatAnAlertCanHave) {
  const auto all = [](auto... values) { return std::set<std::string>{std::string(name(values))...}; };
  const json& properties = schema_["properties"];
  EXPECT_EQ(texts_of(schema_["$defs"]["level"]["enum"]), all(Level::none, Level::watch, Level::high, Level::critical));
  EXPECT_EQ(texts_of(properties["change"]["enum"]),
            all(Change::raised, Change::escalated, Change::eased, Change::resolved, Change::expired, Change::erased));
  EXPECT_EQ(texts_of(properties["trigger"]["properties"]["type"]["enum"]),
            all(TriggerType::silence, TriggerType::purchase, TriggerType::complaint, TriggerType::visit,
                TriggerType::action, TriggerType::model));
  EXPECT_EQ(texts_of(properties["arm"]["enum"]), all(Arm::treatment, Arm::control));
  EXPECT_EQ(texts_of(properties["customer"]["properties"]["state"]["enum"]),
            all(CustomerState::potential, CustomerState::first_time, CustomerState::repeat, CustomerState::loyal,
                CustomerState::lost, CustomerState::won_back));
  std::set<std::string> feature_names;
  for (std::size_t i = 0; i < features; ++i) feature_names.emplace(name(static_cast<Feature>(i)));
  EXPECT_EQ(texts_of(properties["reasons"]["items"]["properties"]["feature"]["enum"]), feature_names);
  EXPECT_EQ(feature_names.size(), features);
}

TEST_F(AlertSchema, NamesEveryMember) {
  const Reason reason{Feature::days_since_purchase, 61, 14, 1, 20};
  Alert alert = least();
  alert.trigger = {TriggerType::visit, SourceIndex{0}, Offset{1}, "e"};
  alert.arm = Arm::control;
  alert.reasons = {&reason, 1};
  alert.has_value = true;
  alert.has_expected = true;
  alert.currency = Currency{{'G', 'B', 'P'}};
  alert.correction = {.intercept = 0.5, .slope = 1};
  const json full = json::parse(encoded(alert).json);
  const json& properties = schema_["properties"];
  EXPECT_EQ(names_of(full), names_of(properties));
  EXPECT_EQ(names_of(full["reasons"][0]), names_of(properties["reasons"]["items"]["properties"]));
  for (const char* const object : {"trigger", "customer", "value", "model"})
    EXPECT_EQ(names_of(full[object]), names_of(properties[object]["properties"])) << object;

  const json plain = json::parse(encoded(least()).json);
  EXPECT_EQ(names_of(plain), texts_of(schema_["required"]));
  for (const char* const object : {"trigger", "customer", "model"})
    EXPECT_EQ(names_of(plain[object]), texts_of(properties[object]["required"])) << object;
}

TEST(AlertJson, SpeaksTheLanguageThatIsAskedFor) {
  const Reason reasons[] = {{Feature::days_since_purchase, 61.04, 14.2, 1.9, 20},
                            {Feature::log_mean_spend, std::log1p(25.0), absent, -0.5}};
  Alert alert = least();
  alert.reasons = reasons;
  alert.currency = Currency{{'C', 'N', 'Y'}};
  TextArena text;
  AlertEncoder chinese_encoder("shop", {}, Duration{86'400'000}, Language::zh);
  const json out = json::parse(chinese_encoder.encode(alert, Partition{0}, text).json);
  EXPECT_EQ(out["reasons"][0]["text"], "已有61天没有购买；该客户平时每14天购买一次；同类客户距上次购买一般为20天。");
  EXPECT_EQ(out["reasons"][1]["text"], "平均每个购买日消费约25元。消费金额越高，流失风险越低。");
  const json english_out = json::parse(encoded(alert).json);
  EXPECT_EQ(english_out["reasons"][1]["text"],
            "Spends about 25 CNY on a day with purchases. Higher spending lowers the risk.");
  for (const json& one : {out, english_out}) EXPECT_EQ(one["reasons"][0]["alike"], 20);
  EXPECT_FALSE(out["reasons"][1].contains("alike"));
}

}  // namespace
}  // namespace holdfast::ingest
