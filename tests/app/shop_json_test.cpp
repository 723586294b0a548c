#include "app/shop_json.hpp"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace holdfast::app {
namespace {

using Json = nlohmann::json;

ingest::SourceFormat purchases(std::map<std::string, std::string> fields) {
  return {.name = "shop",
          .topic = "topic",
          .kind = EventKind::purchase,
          .fields = std::move(fields),
          .time_format = ingest::TimeFormat::any,
          .defaults = {},
          .max_ahead = Duration{0}};
}

std::string json_of(const ingest::SourceFormat& format) {
  return ShopJson(format, {{'E', 'U', 'R'}})
      .event({.number = 7, .time = Timestamp{1'000}, .customer = 3, .amount = 12.5});
}

TEST(ShopJson, IsTheEventOfTheContract) {
  EXPECT_EQ(json_of(purchases({})),
            R"({"customer_id":"C0000003","time":"1970-01-01T00:00:01.000Z","event_id":"e0000000007","channel":"app",)"
            R"("amount":12.5,"currency":"EUR","category":"kitchen","order_id":"o0000000007"})");
}

TEST(ShopJson, FieldsStandWhereTheMappingPutsThem) {
  const Json event = Json::parse(json_of(purchases({{"customer_id", "/customer/id"},
                                                    {"time", "/a~1b"},
                                                    {"amount", "/t\"x"},
                                                    {"currency", "/customer/m~0oney"},
                                                    {"channel", "/items/0"}})));
  EXPECT_EQ(event["customer"], (Json{{"id", "C0000003"}, {"m~oney", "EUR"}}));
  EXPECT_EQ(event["a/b"], "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(event["t\"x"], 12.5);
  EXPECT_EQ(event["items"], (Json{{"0", "app"}}));
  EXPECT_EQ(event["category"], "kitchen");
}

TEST(ShopJson, WhatAnEventNeedsComesBeforeTheRest) {
  const Json event = Json::parse(json_of(purchases({{"channel", "/total"}, {"amount", "/total/value"}})));
  EXPECT_EQ(event["total"], (Json{{"value", 12.5}}));
  const std::string shared = json_of(purchases({{"event_id", "/order"}, {"order_id", "/order"}}));
  EXPECT_EQ(shared.find("order"), shared.rfind("order")) << "one place, one value: " << shared;
}

}  // namespace
}  // namespace holdfast::app
