#include "app/config.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/config_keys.hpp"
#include "domain/limits.hpp"
#include "ingest/reason_words.hpp"
#include "tests/support/config_fixture.hpp"

namespace holdfast::app {
namespace {

using testing::minimal_config;
using testing::minimal_model;

constexpr std::string_view logistic_text =
    R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6},)"
    R"("logistic":{"intercept":0.1,"weights":{"mbg_logit":1.0}}})";

class ConfigTest : public testing::ConfigFixture {};

TEST_F(ConfigTest, DefaultsAreThoseOfTheReference) {
  const auto config = load(minimal_config);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->application_id, "shop");
  EXPECT_FALSE(config->instance_id.empty());
  EXPECT_EQ(config->kafka, (std::map<std::string, std::string>{{"bootstrap.servers", "localhost:9092"}}));
  EXPECT_EQ(config->guarantee, Guarantee::exactly_once);
  EXPECT_EQ(config->commit_interval, Duration{100});
  EXPECT_EQ(config->max_rate, 0u);
  EXPECT_EQ(config->shards, 0);
  EXPECT_EQ(config->partitioner, ingest::Partitioner::murmur2);
  EXPECT_EQ(config->alerts_topic, "alerts");
  EXPECT_EQ(config->dead_letters_topic, "dead-letters");
  EXPECT_EQ(config->journal_topic, "shop-holdfast-journal");
  EXPECT_EQ(config->clock, TimeClock::wall);
  EXPECT_EQ(config->max_ahead, Duration{3'600'000});
  EXPECT_EQ(config->state.directory, in_folder("state"));
  EXPECT_EQ(config->state.memory_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(config->state.checkpoint_interval, Duration{30'000});
  EXPECT_EQ(config->policy.horizon.days(), 91);
  EXPECT_EQ(config->policy.thresholds, (std::array<double, 3>{0.60, 0.75, 0.90}));
  EXPECT_EQ(config->policy.hysteresis, 0.05);
  EXPECT_EQ(config->policy.min_purchases, 2u);
  EXPECT_EQ(config->policy.expire_after.days(), 180);
  EXPECT_EQ(config->model.name, "m");
  EXPECT_EQ(config->language, ingest::Language::en);
  EXPECT_EQ(config->warnings, std::vector<std::string>{});
  EXPECT_EQ(config->http.host, "127.0.0.1");
  EXPECT_EQ(config->http.port, 8480);
  EXPECT_EQ(config->http.token_file, "");
  EXPECT_EQ(config->log.level, LogLevel::info);
  EXPECT_EQ(config->log.format, LogFormat::automatic);
}

TEST_F(ConfigTest, ReadsEveryKey) {
  write("password", "pass word\r\n");
  write("other.json", minimal_model);
  const auto config = load(R"(application_id: eu.shop_1
instance_id: a-1
kafka:
  bootstrap.servers: "b1:9092,b2:9092"
  sasl.password.file: password
  linger.ms: 5
guarantee: at_least_once
commit_interval: 1s
max_rate: 5000
shards: 3
sources:
  visits: {topic: v, kind: visit, time_format: epoch_s}
  orders_eu:
    topic: eu.orders
    kind: purchase
    fields: {customer_id: /customer/id, time: /created_at, amount: /total/value}
    defaults: {currency: EUR}
  complaints: {topic: c, kind: complaint, time_format: rfc3339}
partitioner: none
topics: {alerts: a, dead_letters: d}
time: {clock: event, max_ahead: 2d}
state: {directory: /var/lib/holdfast, memory: 512MiB, checkpoint_interval: 5m}
risk:
  model: other.json
  horizon: 30d
  levels: {watch: 0.5, high: 0.7, critical: 0.8}
  hysteresis: 0
  min_purchases: 1
  expire_after: 100d
alerts: {language: zh, control_share: 0.1, control_seed: 4}
http: {listen: "[::]:0", token_file: token}
log: {level: debug, format: json}
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->application_id, "eu.shop_1");
  EXPECT_EQ(config->instance_id, "a-1");
  EXPECT_EQ(config->kafka,
            (std::map<std::string, std::string>{
                {"bootstrap.servers", "b1:9092,b2:9092"}, {"linger.ms", "5"}, {"sasl.password", "pass word"}}));
  EXPECT_EQ(config->guarantee, Guarantee::at_least_once);
  EXPECT_EQ(config->commit_interval, Duration{1000});
  EXPECT_EQ(config->max_rate, 5000u);
  EXPECT_EQ(config->shards, 3);
  EXPECT_EQ(config->partitioner, ingest::Partitioner::none);
  ASSERT_EQ(config->sources.size(), 3u);
  EXPECT_EQ(config->sources[0].name, "visits");
  EXPECT_EQ(config->sources[0].kind, EventKind::visit);
  EXPECT_EQ(config->sources[0].time_format, ingest::TimeFormat::epoch_s);
  EXPECT_EQ(config->sources[1].name, "orders_eu");
  EXPECT_EQ(config->sources[1].topic, "eu.orders");
  EXPECT_EQ(config->sources[1].kind, EventKind::purchase);
  EXPECT_EQ(config->sources[1].time_format, ingest::TimeFormat::any);
  EXPECT_EQ(config->sources[1].fields.at("amount"), "/total/value");
  EXPECT_EQ(config->sources[1].fields.size(), 3u);
  EXPECT_EQ(config->sources[1].defaults.at("currency"), "EUR");
  EXPECT_EQ(config->sources[1].max_ahead.days(), 2);
  EXPECT_EQ(config->sources[2].kind, EventKind::complaint);
  EXPECT_EQ(config->sources[2].time_format, ingest::TimeFormat::rfc3339);
  EXPECT_EQ(config->language, ingest::Language::zh);
  EXPECT_EQ(config->alerts_topic, "a");
  EXPECT_EQ(config->dead_letters_topic, "d");
  EXPECT_EQ(config->journal_topic, "eu.shop_1-holdfast-journal");
  EXPECT_EQ(config->clock, TimeClock::event);
  EXPECT_EQ(config->state.directory, "/var/lib/holdfast");
  EXPECT_EQ(config->state.memory_bytes, std::uint64_t{512} << 20);
  EXPECT_EQ(config->state.checkpoint_interval, Duration{300'000});
  EXPECT_EQ(config->model_path, in_folder("other.json"));
  EXPECT_EQ(config->policy.horizon.days(), 30);
  EXPECT_EQ(config->policy.thresholds, (std::array<double, 3>{0.5, 0.7, 0.8}));
  EXPECT_EQ(config->policy.hysteresis, 0);
  EXPECT_EQ(config->policy.min_purchases, 1u);
  EXPECT_EQ(config->policy.expire_after.days(), 100);
  EXPECT_EQ(config->policy.control.share, 0.1);
  EXPECT_EQ(config->policy.control.seed, 4u);
  EXPECT_EQ(config->http.host, "::");
  EXPECT_EQ(config->http.port, 0);
  EXPECT_EQ(config->http.token_file, in_folder("token"));
  EXPECT_EQ(config->log.level, LogLevel::debug);
  EXPECT_EQ(config->log.format, LogFormat::json);
}

TEST_F(ConfigTest, ALanguageIsAllowedIfThereAreWordsForIt) {
  std::string codes;
  for (std::size_t i = 0; i < ingest::languages; ++i)
    codes += (i == 0 ? "" : " | ") + std::string(words_of(static_cast<ingest::Language>(i)).code);
  EXPECT_EQ(find_key("alerts.language")->allowed, codes);
  EXPECT_EQ(load(minimal_config, {{"alerts.language", "zh"}})->policy_id(), load(minimal_config)->policy_id())
      << "a language changes no alert but its sentences";
}

constexpr std::string_view wide_model =
    R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6},)"
    R"("logistic":{"intercept":0.1,"weights":{"mbg_logit":1.0,"visits_30d":-0.5,"open_complaints":0.4,)"
    R"("returns_60d":0,"log_mean_spend":-0.1}}})";

TEST_F(ConfigTest, ACurrencyThatTheModelDoesNotKnowIsWarnedOf) {
  const auto warnings = [&](const std::string& of_model, const std::string& of_source) {
    write("model.json",
          std::string(R"({"name":"m","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6},)") +
              R"("gamma_gamma":{"p":6.2,"q":3.7,"v":15.4})" + of_model + "}");
    const auto config = load(std::string(minimal_config) +
                             "  more: {topic: more, kind: purchase, defaults: {currency: " + of_source + "}}\n");
    EXPECT_TRUE(config) << config.error().message;
    return config->warnings;
  };
  EXPECT_EQ(
      warnings(R"(,"currency":"GBP")", "EUR"),
      (std::vector<std::string>{in_folder("model.json") +
                                ": currency: is 'GBP', and source more has 'EUR' where a record names none: spend "
                                "in it is not known to the model, and risks lack what it usually adds; train a "
                                "model on amounts in the currency of the topics"}));
  EXPECT_TRUE(warnings(R"(,"currency":"EUR")", "EUR").empty());
  EXPECT_TRUE(warnings("", "EUR").empty());
}

TEST_F(ConfigTest, AWeightForWhatNoSourceTellsOfIsWarnedOf) {
  write("model.json", wide_model);
  const auto config = load(std::string(minimal_config) + "  visits: {topic: visits, kind: visit}\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->warnings,
            (std::vector<std::string>{
                in_folder("model.json") +
                ": logistic.weights.open_complaints: no source has kind complaint, so the feature is absent and adds "
                "nothing, and risks lack what it usually adds; add a source of kind complaint, or train a model "
                "without"}));
  EXPECT_EQ(config->model.logistic->terms.size(), 3u) << "what is absent is left out";
  EXPECT_EQ(load(std::string(minimal_config) + "  visits: {topic: v, kind: visit}\n  c: {topic: c, kind: complaint}\n")
                ->warnings,
            std::vector<std::string>{});
}

TEST_F(ConfigTest, WithoutASourceOfPurchasesThereIsOneWarning) {
  write("model.json", wide_model);
  const auto config = load("application_id: shop\nsources:\n  visits: {topic: visits, kind: visit}\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->warnings,
            (std::vector<std::string>{"sources: none has kind purchase, and without purchases nobody has a risk; add "
                                      "one, or there are no alerts"}));
}

TEST_F(ConfigTest, AllFaultsAreReportedTogetherInTheOrderOfTheFile) {
  EXPECT_EQ(
      faults("application_id: \"my shop\"\n"
             "commit_interval: 5\n"
             "risk: {horizon: 0d, levels: {watch: 2}, hysteresis: 3}\n"
             "colour: red\n"),
      "shop.yaml: sources: is missing; name at least one, such as `purchases: {topic: purchases, kind: purchase}`\n"
      "shop.yaml:1:1: application_id: 'my shop' is not possible: Kafka takes letters, digits, '.', '_' and '-' only, "
      "here at most 200 of them\n"
      "shop.yaml:2:1: commit_interval: '5' has no unit: add one of ms, s, m, h, d, as in 30s\n"
      "shop.yaml:3:8: risk.horizon: '0d' is out of range; use 1ms to 3650d\n"
      "shop.yaml:3:30: risk.levels.watch: is 2, and must lie between 0 and 1, both excluded\n"
      "shop.yaml:4:1: colour: unknown key; did you mean log?");
}

TEST_F(ConfigTest, AnEmptyFileSaysWhatIsMissing) {
  EXPECT_EQ(
      faults(""),
      "shop.yaml: application_id: is missing; set it to a text\n"
      "shop.yaml: sources: is missing; name at least one, such as `purchases: {topic: purchases, kind: purchase}`");
}

TEST_F(ConfigTest, AFileThatIsNoGroupIsRefused) {
  EXPECT_EQ(
      faults("just words\n"),
      "shop.yaml: application_id: is missing; set it to a text\n"
      "shop.yaml: sources: is missing; name at least one, such as `purchases: {topic: purchases, kind: purchase}`\n"
      "shop.yaml:1:1: the file must be a group of keys, such as `application_id: shop`");
}

TEST_F(ConfigTest, BrokenYamlIsNamedByPlace) {
  EXPECT_EQ(
      faults("application_id: [shop\nrisk: 2\n"),
      "shop.yaml:2:5: is no YAML: end of sequence flow not found; look at the indentation, brackets and quotes here "
      "and above");
}

// Without bounds yaml-cpp finds empty documents here until there is no memory left.
TEST_F(ConfigTest, ACommaAtTheBeginningIsNamedAndComesToAnEnd) {
  const std::string message = faults(",application_id: shop\n");
  EXPECT_NE(message.find("shop.yaml:1:1: a second document begins here; keep one, without '---'"), std::string::npos)
      << message;
}

TEST_F(ConfigTest, AFaultIsOneLineWhateverTheText) {
  EXPECT_EQ(faults_with("shards: \"1\\n\\e[2J\"\n"),
            "shop.yaml:4:1: shards: '1\\x0a\\x1b[2J' is no whole number: write digits only, such as 1000");
  EXPECT_EQ(faults_with("\"no\\nsuch\": 1\n"), "shop.yaml:4:1: no\\x0asuch: unknown key; did you mean topics?");
  // yaml-cpp takes a zero byte for what begins an escape, and says so with the byte behind it.
  EXPECT_EQ(faults(std::string_view("- a\n- \0\n", 8)),
            "shop.yaml:3:1: is no YAML: unknown escape character: \\x0a; look at the indentation, brackets and quotes "
            "here and above");
}

// JSON is UTF-8: such a field would never be found, and nobody would be told why.
TEST_F(ConfigTest, AFieldWhosePlaceIsNoUtf8IsRefused) {
  constexpr std::string_view begin = "application_id: shop\nsources:\n  v: {topic: v, kind: visit, fields: {time: ";
  EXPECT_EQ(faults(std::string(begin) + "/caf\xc3\xa9}}\n"), "none");
  EXPECT_EQ(faults(std::string(begin) + "/caf\xe9}}\n"),
            "shop.yaml:3:39: sources.v.fields.time: the place of field time is no UTF-8, and so it is in no JSON; save "
            "the configuration as UTF-8");
}

TEST_F(ConfigTest, AFileThatIsNotThereIsNamed) {
  const auto config = load_config(in_folder("none.yaml"), {}, Environment{});
  ASSERT_FALSE(config);
  EXPECT_EQ(
      config.error().message,
      in_folder("none.yaml") + ": cannot be read: No such file or directory; name the configuration with -c FILE");
  const auto folder = load_config(in_folder(""), {}, Environment{});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message,
            in_folder("") + ": cannot be read: Is a directory; name the configuration with -c FILE");
}

TEST_F(ConfigTest, AliasesCannotMakeAFileEndless) {
  std::string bomb = "kafka:\n  a0: &a0 {x: 1, y: 2, z: 3}\n";
  for (int i = 1; i < 20; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " {x: " + last + ", y: " + last + ", z: " + last +
            "}\n";
  }
  const std::string message = faults_with(bomb);
  EXPECT_NE(message.find("more than 10000 keys in one file"), std::string::npos) << message;
}

TEST_F(ConfigTest, NoMoreSourcesThanAStepHolds) {
  std::string text = "application_id: shop\nsources:\n";
  for (std::size_t i = 0; i <= limits::sources_max; ++i) {
    text += "  s" + std::to_string(i) + ": {topic: t" + std::to_string(i) + ", kind: visit}\n";
  }
  EXPECT_EQ(faults(text),
            "shop.yaml:19:3: sources.s16: is source number 17, and 16 are possible; remove some, or merge topics of "
            "one kind");
}

TEST_F(ConfigTest, ALogisticModelHasOnlyItsOwnHorizon) {
  write("model.json", logistic_text);
  EXPECT_EQ(
      faults_with("risk: {horizon: 30d}\n"),
      "shop.yaml:4:8: risk.horizon: the model was trained for 91d and has a `logistic` part, which holds for no other "
      "horizon; remove the key, or train a model for 30d");
  EXPECT_TRUE(load(std::string(minimal_config) + "risk: {horizon: 91d}\n"));
  EXPECT_TRUE(load(minimal_config));
}

TEST_F(ConfigTest, FaultsOfTheModelStandAtItsKey) {
  write("model.json", R"({"name":"m","time_unit":"7","horizon":"91d","mbg":{"r":0,"alpha":6.0,"a":0.9,"b":1.6}})");
  EXPECT_EQ(faults(minimal_config),
            "shop.yaml: risk.model: model.json: time_unit: '7' has no unit: add one of ms, s, m, h, d, as in 30s\n"
            "shop.yaml: risk.model: model.json: mbg.r: is 0, and must be greater than 0");
}

TEST_F(ConfigTest, ARequiredKeyThatIsIllTypedIsNotAlsoMissing) {
  EXPECT_EQ(faults("application_id:\nsources: {p: {topic: p, kind: purchase}}\n"),
            "shop.yaml:1:1: application_id: has no value; give one or remove the key");
  EXPECT_EQ(faults("application_id: {}\nsources: purchases\n"),
            "shop.yaml:1:1: application_id: takes a single value, not a list or a group of keys\n"
            "shop.yaml:2:1: sources: is a group of keys, not a single value; indent its keys below it");
  EXPECT_EQ(faults("application_id: shop\nsources: {eu.orders: {topic: o, kind: purchase}}\n"),
            "shop.yaml:2:11: sources.eu.orders: the name of a source labels metrics: rename it with letters, digits, "
            "'-' and '_', at most 64 of them");
  EXPECT_EQ(faults("sources: {p: {topic: p, kind: purchase}}\n", {}, {{"HOLDFAST_APPLICATION_ID", ""}}),
            "environment variable HOLDFAST_APPLICATION_ID: application_id: has no value; give one or unset the "
            "variable");
  EXPECT_EQ(faults("application_id: shop\nsources:\n"),
            "shop.yaml:2:1: sources: is missing; name at least one, such as `purchases: {topic: purchases, kind: "
            "purchase}`");
}

TEST_F(ConfigTest, EachPropertyThatLibrdkafkaRefusesIsNamedByPlace) {
  const std::string message = faults_with(
      "kafka:\n"
      "  bogus.prop: 1\n"
      "  security.protocol: nope\n"
      "  message.max.bytes: abc\n"
      "  bootstrap.server: b:1\n");
  for (const char* part :
       {"shop.yaml:5:3: kafka.bogus.prop: librdkafka ", "shop.yaml:6:3: kafka.security.protocol: Invalid value",
        "shop.yaml:7:3: kafka.message.max.bytes: ", "shop.yaml:8:3: kafka.bootstrap.server: librdkafka ",
        " has no such property; did you mean kafka.bootstrap.servers?"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in\n" << message;
  }
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 3) << message;
}

TEST_F(ConfigTest, PropertiesThatAreWrongOnlyTogetherAreLeftToTheClients) {
  EXPECT_EQ(faults_with("kafka: {security.protocol: sasl_ssl, sasl.mechanism: PLAIN, ssl.ca.location: /nowhere}\n"),
            "none");
}

TEST_F(ConfigTest, NoFaultRepeatsASecret) {
  write("secret", "s3cret");
  const std::string message = faults_with(
      "kafka: {sasl.jaas.config: s3cret, security.protocol.file: secret, sasl.pasword: s3cret, group.id.file: "
      "secret}\n");
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 3) << message;
  EXPECT_EQ(message.find("s3cret"), std::string::npos) << message;
}

TEST_F(ConfigTest, ATokenFileThatCannotBeReadIsNamedByPlace) {
  const auto config = load(std::string(minimal_config) + "http: {token_file: nowhere}\n");
  ASSERT_TRUE(config) << config.error().message << ": who only replays needs no token";
  const Status checked = check_token_file(*config);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, in_folder("shop.yaml") + ":4:8: http.token_file: " + in_folder("nowhere") +
                                         " cannot be read, or is no token");
  EXPECT_TRUE(check_token_file(*load(std::string(minimal_config) + "http: {token_file: token}\n")));
  EXPECT_TRUE(check_token_file(*load(minimal_config)));
}

TEST_F(ConfigTest, TheEffectiveSettingsHideSecretsAndSayWhereEachComesFrom) {
  const auto config = load(std::string(minimal_config) + "kafka: {sasl.username: me, sasl.password: s3cret}\n",
                           {{"max_rate", "3"}}, {{"HOLDFAST_SHARDS", "2"}});
  ASSERT_TRUE(config) << config.error().message;
  std::string text;
  for (const EffectiveSetting& setting : config->effective) {
    EXPECT_EQ(setting.value.find("s3cret"), std::string::npos) << setting.key;
    text += setting.key + "=" + setting.value + " (" + setting.origin.substr(setting.origin.rfind('/') + 1) + ")\n";
  }
  for (const char* line :
       {"application_id=shop (shop.yaml:1:1)\n", "kafka.bootstrap.servers=localhost:9092 (default)\n",
        "kafka.sasl.password=******** (shop.yaml:4:28)\n", "max_rate=3 (flag --set max_rate)\n",
        "shards=2 (environment variable HOLDFAST_SHARDS)\n", "risk.horizon=91d (default)\n",
        "sources.purchases.topic=purchases (shop.yaml:3:15)\n", "risk.levels.watch=0.60 (default)\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
  }
}

TEST_F(ConfigTest, ThePolicyIdChangesWithAllThatAlertsDependOn) {
  const std::string base = std::string(minimal_config) + "  visits: {topic: visits, kind: visit}\n";
  const auto id = [&](const std::string& text, std::vector<Override> flags = {}) {
    const auto config = load(text, std::move(flags));
    EXPECT_TRUE(config) << config.error().message;
    return config ? config->policy_id() : PolicyId{};
  };
  const PolicyId original = id(base);
  EXPECT_EQ(id(base), original);
  for (const Override& flag : std::vector<Override>{{"instance_id", "other"},
                                                    {"kafka.bootstrap.servers", "other:1"},
                                                    {"commit_interval", "1s"},
                                                    {"state.directory", "/elsewhere"},
                                                    {"state.checkpoint_interval", "1s"},
                                                    {"shards", "4"},
                                                    {"calibration.half_life", "100d"},  // Of nothing.
                                                    {"calibration.ece_max", "0.1"},
                                                    {"log.level", "debug"}}) {
    EXPECT_EQ(id(base, {flag}), original) << flag.key;
  }
  for (const Override& flag : std::vector<Override>{{"risk.horizon", "90d"},
                                                    {"risk.levels.watch", "0.61"},
                                                    {"risk.levels.high", "0.76"},
                                                    {"risk.levels.critical", "0.91"},
                                                    {"risk.hysteresis", "0.06"},
                                                    {"risk.min_purchases", "3"},
                                                    {"risk.expire_after", "181d"},
                                                    {"time.max_ahead", "2h"},
                                                    {"calibration.mode", "watch"},
                                                    {"sources.purchases.topic", "p"},
                                                    {"sources.purchases.kind", "complaint"},
                                                    {"sources.purchases.time_format", "epoch_s"},
                                                    {"sources.purchases.fields.amount", "/a"},
                                                    {"sources.purchases.defaults.currency", "EUR"}}) {
    EXPECT_NE(id(base, {flag}), original) << flag.key;
  }
  EXPECT_NE(id("application_id: shop\nsources:\n  visits: {topic: visits, kind: visit}\n"
               "  purchases: {topic: purchases, kind: purchase}\n"),
            original);
}

}  // namespace
}  // namespace holdfast::app
