#include "ingest/flat_json.hpp"

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

namespace holdfast::ingest {
namespace {

/// Own memory of just the text's size, so that a sanitizer sees a look beyond it.
struct Read {
  explicit Read(std::string_view json) : text(json.begin(), json.end()), taken(flat.read({text.data(), text.size()})) {}
  std::vector<char> text;
  FlatJson flat;
  bool taken;
};

TEST(FlatJson, ReadsTheMembersOfAnEvent) {
  const Read read(
      R"({"customer_id":"C1", "time" : "2024-01-01T00:00:00Z","amount":12.50,"n":-7,"yes":true,"no":false,"none":null})");
  ASSERT_TRUE(read.taken);
  const auto members = read.flat.members();
  ASSERT_EQ(members.size(), 7U);
  EXPECT_EQ(members[0].name, "customer_id");
  EXPECT_EQ(members[0].text, "C1");
  EXPECT_EQ(members[1].text, "2024-01-01T00:00:00Z");
  EXPECT_EQ(members[2].number, 12.5);
  EXPECT_FALSE(members[2].is_integer);
  EXPECT_EQ(members[3].number, -7);
  EXPECT_TRUE(members[3].is_integer);
  EXPECT_EQ(members[4].kind, FlatJson::Kind::boolean);
  EXPECT_EQ(members[5].kind, FlatJson::Kind::boolean);
  EXPECT_EQ(members[6].kind, FlatJson::Kind::null);
}

TEST(FlatJson, LeavesTheRestToOthers) {
  for (const char* json : {"",
                           "{",
                           "}",
                           "{}",
                           "[]",
                           "{\"a\":1",
                           "{\"a\":1}x",
                           "{\"a\":1,}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "{\"a\":01}",
                           "{\"a\":.5}",
                           "{\"a\":5.}",
                           "{\"a\":-}",
                           "{\"a\":1e3}",
                           "{\"a\":1234567890123456}",
                           "{\"a\":1.234567890123456}",
                           "{\"a\":99999.123456789012345}",
                           "{\"a\":99999999999999999999999999.5}",
                           "{\"a\":0.0000000000000001}",
                           "{\"a\":tru}",
                           "{\"a\":nul}",
                           "{\"a\":truex}",
                           "{\"a\":{}}",
                           "{\"a\":[]}",
                           "{\"a\":\"\\n\"}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"}",
                           "{\"a}",
                           "{\"a\":\"b\"\"c\":1}",
                           "{\"a\":\"\xff\"}",
                           "{\"a\":\"\xed\xa0\x80\"}"}) {
    EXPECT_FALSE(Read(json).taken) << json;
  }
}

TEST(FlatJson, TakesTextsOfAllLengthsAndInAllScripts) {
  for (std::size_t length = 0; length < 300; ++length) {
    const std::string text(length, 'x');
    const Read read("{\"" + text + "\":\"" + text + "\"}");
    ASSERT_TRUE(read.taken) << length;
    EXPECT_EQ(read.flat.members()[0].name, text);
    EXPECT_EQ(read.flat.members()[0].text, text);
  }
  const Read read(R"({"name":"客户"})");
  ASSERT_TRUE(read.taken);
  EXPECT_EQ(read.flat.members()[0].text, "客户");
}

TEST(FlatJson, TakesSoManyMembersAndNoMore) {
  const auto object = [](std::size_t members) {
    std::string json = "{\"m\":0";
    for (std::size_t i = 1; i < members; ++i) json += ",\"m\":0";
    return json + "}";
  };
  EXPECT_TRUE(Read(object(FlatJson::members_max)).taken);
  EXPECT_FALSE(Read(object(FlatJson::members_max + 1)).taken);
}

/// What is taken has to be JSON, with the members that a whole parser finds.
void check_against_a_parser(const std::string& json) {
  const Read read(json);
  if (!read.taken) return;
  std::vector<std::string> names;
  const auto keep_names = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    if (event == nlohmann::json::parse_event_t::key && depth == 1) names.push_back(value.get<std::string>());
    return true;
  };
  const auto parsed = nlohmann::json::parse(json, keep_names, false);
  RC_ASSERT(!parsed.is_discarded());
  RC_ASSERT(names.size() == read.flat.members().size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& member = read.flat.members()[i];
    RC_ASSERT(names[i] == member.name);
    if (std::ranges::count(names, names[i]) > 1) continue;  // The parser keeps one of them.
    const auto& value = parsed.at(names[i]);
    switch (member.kind) {
      case FlatJson::Kind::text: RC_ASSERT(value.get<std::string>() == member.text); break;
      case FlatJson::Kind::number:
        RC_ASSERT(std::bit_cast<std::uint64_t>(value.get<double>()) == std::bit_cast<std::uint64_t>(member.number) ||
                  (value == 0 && member.number == 0));
        RC_ASSERT(value.is_number_integer() == member.is_integer);
        break;
      case FlatJson::Kind::boolean: RC_ASSERT(value.is_boolean()); break;
      case FlatJson::Kind::null: RC_ASSERT(value.is_null()); break;
    }
  }
}

std::string any_number() {
  std::string digits = std::to_string(*rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'000));
  if (*rc::gen::inRange(0, 4) == 0) digits += digits;
  digits.resize(static_cast<std::size_t>(*rc::gen::inRange(1, static_cast<int>(digits.size()) + 1)));
  if (*rc::gen::arbitrary<bool>())
    digits.insert(static_cast<std::size_t>(*rc::gen::inRange(0, 3)) % digits.size(), ".");
  return (*rc::gen::arbitrary<bool>() ? "-" : "") + digits;
}

TEST(FlatJson, TakesNothingButWhatAParserReadsTheSameWay) {
  int taken = 0;
  const bool ok = rc::check("objects with a byte changed", [&] {
    std::string json = "{";
    const int members = *rc::gen::inRange(1, 6);
    for (int i = 0; i < members; ++i) {
      if (i > 0) json += *rc::gen::element<std::string>(",", ", ", " ,");
      json += "\"" + *rc::gen::element<std::string>("a", "bc", "customer_id", "名", "\\u0041") + "\":";
      json += *rc::gen::element<std::string>("\"x\"", "\"a longer text, with 'marks' {in} it: \"", "\"é\"", "true",
                                             "false", "null", "[1]", "{\"a\":1}", "\"\\t\"", any_number(), any_number(),
                                             any_number());
    }
    json += "}";
    taken += Read(json).taken ? 1 : 0;
    check_against_a_parser(json);
    json[static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(json.size())))] =
        *rc::gen::element('"', '\\', ',', ':', '{', '}', ' ', '0', '.', '-', 'e', '\n', '\x80', 'x');
    check_against_a_parser(json);
  });
  EXPECT_TRUE(ok);
  EXPECT_GT(taken, 10);
}

}  // namespace
}  // namespace holdfast::ingest
