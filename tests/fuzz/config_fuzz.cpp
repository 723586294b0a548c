#include <algorithm>
#include <map>
#include <vector>

#include "app/config.hpp"
#include "ingest/source_format.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/minimal_config.hpp"

namespace holdfast::fuzz {
namespace {

struct Given {
  std::string text;
  std::vector<app::Override> flags;
  app::Environment environment;
};

/// Behind the text and a form feed: lines KEY=VALUE, variables or flags.
Given take_apart(Input input) {
  Given given{.text = std::string(input.until('\f')), .flags = {}, .environment = {}};
  while (!input.empty()) {
    const std::string_view line = input.line();
    const std::string_view key = line.substr(0, line.find('='));
    const std::string value(line.substr(std::min(line.size(), key.size() + 1)));
    if (key.starts_with("HOLDFAST_")) {
      given.environment.emplace(key, value);
    } else {
      given.flags.push_back({std::string(key), value});
    }
  }
  return given;
}

/// A file system that has the configuration, a model, and a secret.
app::FileReader files_with(const std::string& text) {
  return [&text](const std::string& path) -> Expected<std::string> {
    if (path == "/etc/shop/shop.yaml") return text;
    if (path == "/etc/shop/model.json") return std::string(testing::minimal_model);
    if (path == "/etc/shop/secret") return std::string("word\n");
    return fail(ErrorKind::invalid_argument, path + ": cannot be read: No such file or directory");
  };
}

Expected<app::Config> load(const Given& given) {
  return app::load_config("/etc/shop/shop.yaml", given.flags, given.environment, files_with(given.text));
}

void check_faults(std::string_view message) {
  require(!message.empty(), "what is refused says why");
  while (!message.empty()) {
    const std::string_view line = message.substr(0, message.find('\n'));
    require(line.starts_with("/etc/shop/shop.yaml") || line.starts_with("environment variable HOLDFAST_") ||
                line.starts_with("flag --set"),
            "each line says where");
    require(std::ranges::none_of(line, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }),
            "a terminal can show it");
    message.remove_prefix(std::min(message.size(), line.size() + 1));
  }
}

void check(const app::Config& config) {
  require(!config.application_id.empty() && config.application_id.size() <= 200, "an application has a name");
  require(!config.sources.empty() && config.sources.size() <= limits::sources_max,
          "there are as many sources as can be");
  std::map<std::string, int> topics{{config.alerts_topic, 1}, {config.journal_topic, 1}};
  ++topics[config.dead_letters_topic];
  for (const ingest::SourceFormat& source : config.sources) {
    require(!source.name.empty() && !source.topic.empty(), "a source has a name and a topic");
    require(!ingest::field_mapping_problem(source), "a source can be read");
    ++topics[source.topic];
  }
  for (const auto& [topic, uses] : topics) require(!topic.empty() && uses == 1, "every topic has one use");
  require(config.commit_interval.ms > 0 && config.state.checkpoint_interval.ms > 0, "time passes between commits");
  require(config.policy.horizon.ms > 0 && config.policy.expire_after.ms > 0, "the risk has a horizon");
  const auto& levels = config.policy.thresholds;
  require(0 < levels[0] && levels[0] < levels[1] && levels[1] < levels[2] && levels[2] < 1, "levels are in order");
  require(config.policy.hysteresis >= 0 && config.policy.hysteresis < levels[0], "every level can be left");
  require(!config.http.host.empty(), "there is an address");
  for (const app::EffectiveSetting& setting : config.effective)
    require(!setting.key.empty() && !setting.value.empty() && !setting.origin.empty(),
            "a setting says where it is from");
}

}  // namespace
}  // namespace holdfast::fuzz

/// A configuration file; behind a form feed, what the environment and the command line set.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const fuzz::Given given = fuzz::take_apart(fuzz::Input(data, size));
  // librdkafka loads such libraries at once.
  if (fuzz::Input(data, size).rest().find("plugin") != std::string_view::npos) return 0;
  const auto config = fuzz::load(given);
  if (!config) {
    fuzz::require(config.error().kind == ErrorKind::invalid_argument, "a wrong configuration is a wrong argument");
    fuzz::check_faults(config.error().message);
    return 0;
  }
  fuzz::check(*config);
  const auto again = fuzz::load(given);
  fuzz::require(again && again->policy_id() == config->policy_id(), "the same text is the same policy");
  return 0;
}
