#include <string>

#include <gtest/gtest.h>

#include "app/config.hpp"
#include "tests/support/config_fixture.hpp"

namespace holdfast::app {
namespace {

struct Case {
  const char* name;
  const char* more;   ///< Appended to minimal_config, so it begins in line 4.
  const char* fault;  ///< The whole message.
};
class ConfigFaultTest : public testing::ConfigFixture, public ::testing::WithParamInterface<Case> {};

TEST_P(ConfigFaultTest, SaysWhatWhereAndHowToMendIt) { EXPECT_EQ(faults_with(GetParam().more), GetParam().fault); }

INSTANTIATE_TEST_SUITE_P(
    All, ConfigFaultTest,
    ::testing::Values(
        Case{"unknown", "guarante: exactly_once\n", "shop.yaml:4:1: guarante: unknown key; did you mean guarantee?"},
        Case{"unknown_in_group", "risk:\n  horizn: 30d\n",
             "shop.yaml:5:3: risk.horizn: unknown key; did you mean risk.horizon?"},
        Case{"unknown_in_source", "  visits: {topic: v, knid: visit, kind: visit}\n",
             "shop.yaml:4:22: sources.visits.knid: unknown key; did you mean sources.visits.kind?"},
        Case{"unknown_group", "rsik: {horizon: 30d}\n", "shop.yaml:4:1: rsik: unknown key; did you mean risk?"},
        Case{"right_key_wrong_group", "horizon: 30d\n",
             "shop.yaml:4:1: horizon: unknown key; did you mean risk.horizon?"},
        Case{"twice", "max_rate: 1\nmax_rate: 2\n",
             "shop.yaml:5:1: max_rate: stands here a second time, first in line 4; remove one"},
        Case{"twice_dotted", "risk: {hysteresis: 0.1}\nrisk.hysteresis: 0.2\n",
             "shop.yaml:5:1: risk.hysteresis: stands here a second time, first in line 4; remove one"},
        Case{"no_value", "guarantee:\n", "shop.yaml:4:1: guarantee: has no value; give one or remove the key"},
        Case{"list", "guarantee: [exactly_once]\n",
             "shop.yaml:4:1: guarantee: takes a single value, not a list or a group of keys"},
        Case{"group_for_value", "max_rate: {a: 1}\n",
             "shop.yaml:4:1: max_rate: takes a single value, not a list or a group of keys"},
        Case{"value_for_group", "risk: high\n",
             "shop.yaml:4:1: risk: is a group of keys, not a single value; indent its keys below it"},
        Case{"list_for_group", "risk: [high]\n",
             "shop.yaml:4:1: risk: is a group of keys, not a single value; indent its keys below it"},
        Case{"second_document", "---\nmax_rate: 1\n",
             "shop.yaml:5:1: a second document begins here; keep one, without '---'"},
        Case{"choice", "guarantee: exactly-once\n",
             "shop.yaml:4:1: guarantee: 'exactly-once' is not possible; use exactly_once or at_least_once"},
        Case{"count", "max_rate: 1e6\n",
             "shop.yaml:4:1: max_rate: '1e6' is no whole number: write digits only, such as 1000"},
        Case{"negative", "max_rate: -1\n",
             "shop.yaml:4:1: max_rate: '-1' is no whole number: write digits only, such as 1000"},
        Case{"count_range", "shards: 1000\n", "shop.yaml:4:1: shards: '1000' is out of range; use 0 to 256"},
        Case{"number", "risk: {hysteresis: small}\n",
             "shop.yaml:4:8: risk.hysteresis: 'small' is no number: write digits with a decimal point, such as 0.75"},
        Case{"not_finite", "risk: {hysteresis: inf}\n",
             "shop.yaml:4:8: risk.hysteresis: 'inf' is no number: write digits with a decimal point, such as 0.75"},
        Case{"no_unit", "commit_interval: 100\n",
             "shop.yaml:4:1: commit_interval: '100' has no unit: add one of ms, s, m, h, d, as in 30s"},
        Case{"unknown_unit", "commit_interval: 100 sec\n",
             "shop.yaml:4:1: commit_interval: '100 sec' has the unknown unit 'sec': use one of ms, s, m, h, d"},
        Case{"no_duration", "commit_interval: soon\n",
             "shop.yaml:4:1: commit_interval: 'soon' is no duration: write a whole number and a unit, such as 30s"},
        Case{"zero_interval", "commit_interval: 0s\n",
             "shop.yaml:4:1: commit_interval: '0s' is out of range; use 1ms to 30s"},
        Case{"zero_horizon", "risk: {horizon: 0d}\n",
             "shop.yaml:4:8: risk.horizon: '0d' is out of range; use 1ms to 3650d"},
        Case{"zero_checkpoints", "state: {checkpoint_interval: 0ms}\n",
             "shop.yaml:4:9: state.checkpoint_interval: '0ms' is out of range; use 10ms to 1d"},
        Case{"size_no_unit", "state: {memory: 2000000000}\n",
             "shop.yaml:4:9: state.memory: '2000000000' has no unit: add one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, "
             "as in 2GiB"},
        Case{"size_range", "state: {memory: 10kB}\n",
             "shop.yaml:4:9: state.memory: '10kB' is out of range; use 1MiB to 16TiB"},
        Case{"level_range", "risk:\n  levels: {critical: 1.0}\n",
             "shop.yaml:5:12: risk.levels.critical: is 1, and must lie between 0 and 1, both excluded"},
        Case{"level_order", "risk:\n  levels:\n    high: 0.5\n",
             "shop.yaml:6:5: risk.levels.high: is 0.5, and must be greater than risk.levels.watch, which is 0.6"},
        Case{"ece_max", "calibration: {ece_max: 1}\n",
             "shop.yaml:4:15: calibration.ece_max: is 1, and must lie between 0 and 1, both excluded"},
        Case{"corrected_hysteresis", "risk: {hysteresis: 0}\ncalibration: {mode: correct}\n",
             "shop.yaml:4:8: risk.hysteresis: is 0, and must be at least 0.001 for calibration.mode correct"},
        Case{"hysteresis", "risk: {hysteresis: 0.6}\n",
             "shop.yaml:4:8: risk.hysteresis: is 0.6, and must be at least 0 and less than risk.levels.watch, which is "
             "0.6: otherwise no level could ever be left"},
        Case{
            "hysteresis_negative", "risk: {hysteresis: -0.1}\n",
            "shop.yaml:4:8: risk.hysteresis: is -0.1, and must be at least 0 and less than risk.levels.watch, which is "
            "0.6: otherwise no level could ever be left"},
        Case{"min_purchases", "risk: {min_purchases: 0}\n",
             "shop.yaml:4:8: risk.min_purchases: '0' is out of range; use 1 to 1000000"},
        Case{
            "one_topic_twice", "  orders: {topic: purchases, kind: purchase}\n",
            "shop.yaml:4:12: sources.orders.topic: topic 'purchases' is that of sources.purchases.topic already; every "
            "source and output needs its own"},
        Case{
            "output_is_source", "topics: {alerts: purchases}\n",
            "shop.yaml:4:10: topics.alerts: topic 'purchases' is that of sources.purchases.topic already; every source "
            "and output needs its own"},
        Case{"outputs_alike", "topics: {dead_letters: alerts}\n",
             "shop.yaml:4:10: topics.dead_letters: topic 'alerts' is that of topics.alerts already; every source and "
             "output needs its own"},
        Case{"journal_taken", "topics: {alerts: shop-holdfast-journal}\n",
             "shop.yaml:4:10: topics.alerts: topic 'shop-holdfast-journal' is that of the journal of the application "
             "already; every source and output needs its own"},
        Case{"topic_name", "topics: {alerts: my alerts}\n",
             "shop.yaml:4:10: topics.alerts: 'my alerts' is no topic name: Kafka takes letters, digits, '.', '_' and "
             "'-' "
             "only, at most 249 of them"},
        Case{"source_name", "  eu.orders: {topic: o, kind: purchase}\n",
             "shop.yaml:4:3: sources.eu.orders: the name of a source labels metrics: rename it with letters, digits, "
             "'-' "
             "and '_', at most 64 of them"},
        Case{"source_incomplete", "  visits: {topic: visits}\n",
             "shop.yaml:4:3: sources.visits.kind: is missing; set it to purchase | complaint | visit | action"},
        Case{"source_null", "  visits:\n  c: {}\n",
             "shop.yaml:4:3: sources.visits: is empty; give it a topic and a kind, such as {topic: visits, kind: "
             "visit}, or remove it\n"
             "shop.yaml:5:3: sources.c: is empty; give it a topic and a kind, such as {topic: visits, kind: visit}, or "
             "remove it"},
        Case{"source_of_empty_groups", "  visits: {fields: , defaults: {}}\n",
             "shop.yaml:4:3: sources.visits: is empty; give it a topic and a kind, such as {topic: visits, kind: "
             "visit}, or remove it"},
        Case{"source_list", "  visits: [visits]\n",
             "shop.yaml:4:3: sources.visits: is a group of keys, not a single value; indent its keys below it"},
        Case{"source_dotted_name", "sources.a b\"c.topic: x\nsources.a b\"c.kind: visit\n",
             "shop.yaml:4:1: sources.a b\"c: the name of a source labels metrics: rename it with letters, digits, '-' "
             "and '_', at most 64 of them"},
        Case{"required_ill_typed", "  visits: {topic: [v], kind: }\n",
             "shop.yaml:4:12: sources.visits.topic: takes a single value, not a list or a group of keys\n"
             "shop.yaml:4:24: sources.visits.kind: has no value; give one or remove the key"},
        Case{"empty_key", "\"\": x\n",
             "shop.yaml:4:1: a part of the key is empty; name the whole of it, such as risk.horizon, as a variable "
             "HOLDFAST_RISK__HORIZON"},
        Case{"empty_key_in_group", "risk: {\"\": 0.3}\n",
             "shop.yaml:4:8: risk.: a part of the key is empty; name the whole of it, such as risk.horizon, as a "
             "variable HOLDFAST_RISK__HORIZON"},
        Case{"empty_key_between", "risk..horizon: 30d\n",
             "shop.yaml:4:1: risk..horizon: a part of the key is empty; name the whole of it, such as risk.horizon, as "
             "a variable HOLDFAST_RISK__HORIZON"},
        Case{"empty_key_first", ".risk: {horizon: 30d}\n",
             "shop.yaml:4:1: .risk: a part of the key is empty; name the whole of it, such as risk.horizon, as a "
             "variable HOLDFAST_RISK__HORIZON"},
        Case{"empty_key_of_kafka", "kafka: {\"\": x}\n",
             "shop.yaml:4:9: kafka.: a part of the key is empty; name the whole of it, such as risk.horizon, as a "
             "variable HOLDFAST_RISK__HORIZON"},
        Case{"kind", "  visits: {topic: visits, kind: click}\n",
             "shop.yaml:4:27: sources.visits.kind: 'click' is not possible; use purchase or complaint or visit or "
             "action"},
        Case{"field", "  visits: {topic: v, kind: visit, fields: {amount: /a}}\n",
             "shop.yaml:4:44: sources.visits.fields.amount: there is no field 'amount' here; there are customer_id, "
             "time, "
             "event_id, channel, page, topic, duration_s, session_id"},
        Case{"pointers", "  visits: {topic: v, kind: visit, fields: {page: page, time: at}}\n",
             "shop.yaml:4:44: sources.visits.fields.page: 'page' of field page is no JSON Pointer; write it like "
             "/customer/id\n"
             "shop.yaml:4:56: sources.visits.fields.time: 'at' of field time is no JSON Pointer; write it like "
             "/customer/id"},
        Case{"default", "  orders: {topic: o, kind: purchase, defaults: {currency: Euro}}\n",
             "shop.yaml:4:49: sources.orders.defaults.currency: the default of currency is 'Euro'; give an ISO 4217 "
             "code of "
             "three capital letters"},
        Case{"reserved", "kafka: {group.id: mine}\n",
             "shop.yaml:4:9: kafka.group.id: kafka property 'group.id' belongs to Holdfast: it is the application_id. "
             "Remove it from the configuration"},
        Case{"reserved_file", "kafka: {group.id.file: model.json}\n",
             "shop.yaml:4:9: kafka.group.id.file: kafka property 'group.id' belongs to Holdfast: it is the "
             "application_id. Remove it from the configuration"},
        Case{"property_value", "kafka:\n  security.protocol: nope\n",
             "shop.yaml:5:3: kafka.security.protocol: Invalid value \"nope\" for configuration property "
             "\"security.protocol\"; give a value that librdkafka's CONFIGURATION.md allows, or remove the key"},
        Case{"property_value_in_file", "kafka: {debug.file: token}\n",
             "shop.yaml:4:9: kafka.debug.file: librdkafka does not take the value; give a value that librdkafka's "
             "CONFIGURATION.md allows, or remove the key"},
        Case{"secret_file", "kafka: {sasl.password.file: nowhere}\n",
             "shop.yaml:4:9: kafka.sasl.password.file: nowhere: cannot be read: No such file or directory; name a file "
             "with the value that can be read"},
        Case{"secret_twice_turned", "kafka: {sasl.password.file: model.json, sasl.password: a}\n",
             "shop.yaml:4:41: kafka.sasl.password: kafka.sasl.password.file is set as well; remove one of them"},
        Case{"secret_twice", "kafka: {sasl.password: a, sasl.password.file: model.json}\n",
             "shop.yaml:4:27: kafka.sasl.password.file: kafka.sasl.password is set as well; remove one of them"},
        Case{"no_model", "risk: {model: nowhere.json}\n",
             "shop.yaml:4:8: risk.model: nowhere.json: cannot be read: No such file or directory; name a model file in "
             "risk.model"},
        Case{"bad_model", "risk: {model: shop.yaml}\n",
             "shop.yaml:4:8: risk.model: shop.yaml: is no JSON: parse error at line 1, column 1: syntax error while "
             "parsing "
             "value - invalid literal; last read: 'a'"},
        Case{"no_address", "http: {listen: 8480}\n",
             "shop.yaml:4:8: http.listen: '8480' is no address: write IP:PORT, such as 127.0.0.1:8480, 0.0.0.0:8480 or "
             "[::1]:8480"},
        Case{"port", "http: {listen: \"127.0.0.1:65536\"}\n",
             "shop.yaml:4:8: http.listen: '127.0.0.1:65536' is no address: write IP:PORT, such as 127.0.0.1:8480, "
             "0.0.0.0:8480 or [::1]:8480"},
        Case{"open_to_all", "http: {listen: \"0.0.0.0:8480\"}\n",
             "shop.yaml:4:8: http.listen: '0.0.0.0:8480' can be reached by others: name a file with a token in "
             "http.token_file, or listen on 127.0.0.1"},
        Case{"language", "alerts: {language: de}\n",
             "shop.yaml:4:10: alerts.language: 'de' is not possible; use en or zh"},
        Case{"control_share", "alerts: {control_share: 10}\n",
             "shop.yaml:4:10: alerts.control_share: is 10, and must lie between 0 and 1: a tenth of the customers is "
             "0.1"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace holdfast::app
