#include "app/settings.hpp"

#include <string>
#include <vector>

#include "tests/support/config_fixture.hpp"

namespace holdfast::app {
namespace {

using testing::minimal_config;

/// What the layers make of one another, seen from the configuration that they give.
class SettingsTest : public testing::ConfigFixture {};

TEST_F(SettingsTest, FlagsBeatEnvironmentBeatFile) {
  const std::string text = std::string(minimal_config) + "max_rate: 1\nshards: 1\ncommit_interval: 1ms\n";
  const auto config = load(text, {{"max_rate", "3"}}, {{"HOLDFAST_MAX_RATE", "2"}, {"HOLDFAST_SHARDS", "2"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->max_rate, 3u);
  EXPECT_EQ(config->shards, 2);
  EXPECT_EQ(config->commit_interval, Duration{1});
}

TEST_F(SettingsTest, TheEnvironmentReachesEveryKindOfKey) {
  const auto config = load("application_id: shop\nsources:\n  Web-Shop: {topic: w, kind: visit}\n", {},
                           {{"HOLDFAST_KAFKA__BOOTSTRAP_SERVERS", "b:1"},
                            {"HOLDFAST_KAFKA__SASL_PASSWORD", "secret"},
                            {"HOLDFAST_RISK__LEVELS__WATCH", "0.3"},
                            {"HOLDFAST_SOURCES__WEB_SHOP__TOPIC", "other"},
                            {"HOLDFAST_SOURCES__WEB_SHOP__FIELDS__CUSTOMER_ID", "/id"},
                            {"HOLDFAST_SOURCES__MORE__TOPIC", "more"},
                            {"HOLDFAST_SOURCES__MORE__KIND", "complaint"},
                            {"PATH", "/bin"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kafka.at("bootstrap.servers"), "b:1");
  EXPECT_EQ(config->kafka.at("sasl.password"), "secret");
  EXPECT_EQ(config->policy.thresholds[0], 0.3);
  ASSERT_EQ(config->sources.size(), 2u);
  EXPECT_EQ(config->sources[0].topic, "other");
  EXPECT_EQ(config->sources[0].fields.at("customer_id"), "/id");
  EXPECT_EQ(config->sources[1].name, "more");
}

TEST_F(SettingsTest, FaultsOfVariablesAndFlagsNameThem) {
  EXPECT_EQ(
      faults(minimal_config,
             {{"risk.horizn", "1d"}, {"max_rate", "many"}, {"kafka.sasl.password", "x"}, {"shards", ""}},
             {{"HOLDFAST_RISK__HORIZON", "91"}, {"HOLDFAST_GUARANTE", "x"}, {"HOLDFAST_LOG__LEVEL", ""}}),
      "environment variable HOLDFAST_GUARANTE: guarante: unknown key; did you mean guarantee?\n"
      "environment variable HOLDFAST_LOG__LEVEL: log.level: has no value; give one or unset the variable\n"
      "environment variable HOLDFAST_RISK__HORIZON: risk.horizon: '91' has no unit: add one of ms, s, m, h, d, as in "
      "30s\n"
      "flag --set risk.horizn: unknown key; did you mean risk.horizon?\n"
      "flag --set kafka.sasl.password: a secret in a flag can be read by every user of the machine; put it into a file "
      "and name that with kafka.sasl.password.file, or into an environment variable\n"
      "flag --set shards: has no value; write KEY=VALUE\n"
      "flag --set max_rate: 'many' is no whole number: write digits only, such as 1000");
}

TEST_F(SettingsTest, ServiceLinksOfKubernetesAreNoSettings) {
  EXPECT_EQ(faults(minimal_config, {},
                   {{"HOLDFAST_PORT", "tcp://10.0.0.1:8480"},
                    {"HOLDFAST_PORT_8480_TCP", "tcp://10.0.0.1:8480"},
                    {"HOLDFAST_PORT_8480_TCP_ADDR", "10.0.0.1"},
                    {"HOLDFAST_SERVICE_HOST", "10.0.0.1"},
                    {"HOLDFAST_SERVICE_PORT_HTTP", "8480"},
                    {"HOLDFAST_METRICS_SERVICE_HOST", "10.0.0.2"}}),
            "none");
}

TEST_F(SettingsTest, TwoUnderscoresMakeASettingOfAnyVariable) {
  EXPECT_EQ(faults(minimal_config, {}, {{"HOLDFAST_HTTP__PORT", "9"}, {"HOLDFAST_RISK__SERVICE_HOST", "x"}}),
            "environment variable HOLDFAST_HTTP__PORT: http.port: unknown key; did you mean http.listen?\n"
            "environment variable HOLDFAST_RISK__SERVICE_HOST: risk.service_host: unknown key; did you mean "
            "risk.levels?");
}

TEST_F(SettingsTest, NoLayerTakesAKeyWithAnEmptyPart) {
  constexpr const char* remedy =
      "a part of the key is empty; name the whole of it, such as risk.horizon, as a variable HOLDFAST_RISK__HORIZON\n";
  std::string expected;
  for (const char* variable : {"HOLDFAST_: ", "HOLDFAST_KAFKA__: kafka.: ", "HOLDFAST_RISK__: risk.: ",
                               "HOLDFAST_SOURCES____TOPIC: sources..topic: "})
    expected += std::string("environment variable ") + variable + remedy;
  for (const char* flag : {"risk.", ".horizon", "sources..topic"})
    expected += std::string("flag --set ") + flag + ": " + remedy;
  EXPECT_EQ(faults(minimal_config, {{"risk.", "4"}, {".horizon", "4"}, {"sources..topic", "x"}},
                   {{"HOLDFAST_", "1"},
                    {"HOLDFAST_KAFKA__", "1"},
                    {"HOLDFAST_RISK__", "4"},
                    {"HOLDFAST_SOURCES____TOPIC", "x"}}) +
                "\n",
            expected);
}

TEST_F(SettingsTest, NoLayerGivesASourceAnImpossibleName) {
  EXPECT_EQ(faults(minimal_config, {{"sources.a\"b.topic", "x"}, {"sources.a\"b.kind", "visit"}},
                   {{"HOLDFAST_SOURCES__A B__TOPIC", "x"}}),
            "environment variable HOLDFAST_SOURCES__A B__TOPIC: sources.a b: the name of a source labels metrics: "
            "rename it with letters, digits, '-' and '_', at most 64 of them\n"
            "flag --set sources.a\"b.topic: sources.a\"b: the name of a source labels metrics: rename it with letters, "
            "digits, '-' and '_', at most 64 of them");
}

TEST_F(SettingsTest, ASourceOfVariablesIsNamedByThemWhereItIsIncomplete) {
  EXPECT_EQ(faults(minimal_config, {}, {{"HOLDFAST_SOURCES__VISITS__TOPIC", "v"}}),
            "environment variable HOLDFAST_SOURCES__VISITS__TOPIC: sources.visits.kind: is missing; set it to purchase "
            "| complaint | visit | action");
  const auto completed = load(std::string(minimal_config) + "  visits:\n", {},
                              {{"HOLDFAST_SOURCES__VISITS__TOPIC", "v"}, {"HOLDFAST_SOURCES__VISITS__KIND", "visit"}});
  ASSERT_TRUE(completed) << completed.error().message;
  EXPECT_EQ(completed->sources.at(1).topic, "v");
}

TEST_F(SettingsTest, OfAPropertyAndItsFileTheHigherLayerWins) {
  write("password", "from file");
  /// The password, and the keys that are in force for it.
  const auto password = [&](const std::string& more, std::vector<Override> flags, Environment environment) {
    const auto config = load(std::string(minimal_config) + more, std::move(flags), std::move(environment));
    if (!config) return config.error().message;
    std::string found = config->kafka.at("sasl.password");
    for (const EffectiveSetting& setting : config->effective) {
      if (setting.key.starts_with("kafka.sasl.")) found += " by " + setting.key;
    }
    return found;
  };
  EXPECT_EQ(password("kafka: {sasl.password.file: nowhere}\n", {}, {{"HOLDFAST_KAFKA__SASL_PASSWORD", "variable"}}),
            "variable by kafka.sasl.password");
  EXPECT_EQ(
      password("kafka: {sasl.password: old}\n", {}, {{"HOLDFAST_KAFKA__SASL_PASSWORD_FILE", in_folder("password")}}),
      "from file by kafka.sasl.password.file");
  EXPECT_EQ(password("", {{"kafka.sasl.password.file", in_folder("password")}},
                     {{"HOLDFAST_KAFKA__SASL_PASSWORD", "variable"}}),
            "from file by kafka.sasl.password.file");
  EXPECT_EQ(
      faults(minimal_config, {},
             {{"HOLDFAST_KAFKA__SASL_PASSWORD", "a"}, {"HOLDFAST_KAFKA__SASL_PASSWORD_FILE", in_folder("password")}}),
      "environment variable HOLDFAST_KAFKA__SASL_PASSWORD_FILE: kafka.sasl.password.file: kafka.sasl.password is "
      "set as well; remove one of them");
}

TEST_F(SettingsTest, PathsOfVariablesAndFlagsStartAtTheWorkingDirectory) {
  const auto config = load(minimal_config, {{"state.directory", "here/state"}}, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->state.directory, "here/state");
}

}  // namespace
}  // namespace holdfast::app
