// docs/formats/asyncapi.yaml says what the code does: the fields of events, the headers of what is written.

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "domain/event.hpp"
#include "ingest/alert_json.hpp"
#include "ingest/dead_letter.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::ingest {
namespace {

class AsyncApi : public ::testing::Test {
 protected:
  const YAML::Node components_ = YAML::LoadFile(HOLDFAST_SOURCE_DIR "/docs/formats/asyncapi.yaml")["components"];

  static std::set<std::string> keys_of(const YAML::Node& map) {
    std::set<std::string> keys;
    for (const auto& member : map) keys.insert(member.first.as<std::string>());
    return keys;
  }
  static std::set<std::string> texts_of(const YAML::Node& list) {
    const auto texts = list.as<std::vector<std::string>>();
    return {texts.begin(), texts.end()};
  }
  static std::set<std::string> names_of(const std::vector<Header>& headers) {
    std::set<std::string> names;
    for (const Header& header : headers) names.insert(header.name);
    return names;
  }
  /// Members, or with "required" the required ones, of an event's schema and of the one that all share.
  [[nodiscard]] std::set<std::string> members_of(const std::string& kind, const std::string& which) const {
    const YAML::Node own = components_["schemas"][kind]["allOf"][1][which];
    const YAML::Node common = components_["schemas"]["event"][which];
    const auto list = [&](const YAML::Node& node) {
      if (!node) return std::set<std::string>{};
      return which == "required" ? texts_of(node) : keys_of(node);
    };
    std::set<std::string> all = list(own);
    all.merge(list(common));
    return all;
  }
};

TEST_F(AsyncApi, NamesTheFieldsOfEveryKindOfEvent) {
  const std::map<std::string, EventKind> kinds{{"purchase", EventKind::purchase},
                                               {"complaint", EventKind::complaint},
                                               {"visit", EventKind::visit},
                                               {"action", EventKind::action}};
  for (const auto& [kind, value] : kinds) {
    const auto fields = known_fields(value);
    EXPECT_EQ(members_of(kind, "properties"), std::set<std::string>(fields.begin(), fields.end())) << kind;
    std::set<std::string> required{"customer_id", "time"};
    if (const auto own = required_field(value); !own.empty()) required.emplace(own);
    EXPECT_EQ(members_of(kind, "required"), required) << kind;
  }
}

TEST_F(AsyncApi, NamesTheHeadersOfAlerts) {
  AlertEncoder encoder("shop", {"visits"}, Duration{86'400'000});
  Alert alert;
  alert.customer = make_customer_key("C1");
  alert.arm = Arm::treatment;
  TextArena text;
  const auto encoded = encoder.encode(alert, Partition{0}, text);
  const std::vector<Header> headers(encoded.headers().begin(), encoded.headers().end());
  const YAML::Node documented = components_["messages"]["alert"]["headers"];
  EXPECT_EQ(keys_of(documented["properties"]), names_of(headers));
  std::set<std::string> always = names_of(headers);
  always.erase("ce_arm");
  EXPECT_EQ(texts_of(documented["required"]), always);
  EXPECT_EQ(texts_of(documented["properties"]["ce_arm"]["enum"]), (std::set<std::string>{"treatment", "control"}));
  for (const Header& header : headers) {
    const YAML::Node fixed = documented["properties"][header.name]["const"];
    EXPECT_EQ(fixed ? fixed.as<std::string>() : header.value, header.value) << header.name;
  }
}

TEST_F(AsyncApi, NamesTheHeadersAndCodesOfDeadLetters) {
  const std::vector<Header> headers = dead_letter_headers({}, "visits", "visits", Partition{0});
  const YAML::Node documented = components_["messages"]["deadLetter"]["headers"];
  EXPECT_EQ(texts_of(documented["required"]), names_of(headers));
  std::set<std::string> known = names_of(headers);
  known.insert({"__holdfast.errors.omitted", "__holdfast.errors.timestamp"});
  EXPECT_EQ(keys_of(documented["properties"]), known);

  std::set<std::string> codes;
  for (std::size_t i = 0; i < rejection_codes; ++i) codes.emplace(code_name(static_cast<RejectionCode>(i)));
  EXPECT_EQ(texts_of(documented["properties"]["__holdfast.errors.code"]["enum"]), codes);
}

}  // namespace
}  // namespace holdfast::ingest
