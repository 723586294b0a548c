#include "app/config.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include "app/config_keys.hpp"
#include "app/config_values.hpp"
#include "app/model_file.hpp"
#include "app/settings.hpp"
#include "app/units.hpp"
#include "console/token.hpp"
#include "domain/wire.hpp"
#include "ingest/kafka_properties.hpp"

namespace holdfast::app {
namespace {

// Kafka's own limit for topic names is 249; suffixes are added to ids.
constexpr std::size_t topic_bytes_max = 249;
constexpr std::size_t id_bytes_max = 200;
constexpr std::string_view default_brokers = "localhost:9092";

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "holdfast";
  return name.data();
}

/// What Kafka allows in the names of topics; ids become part of them.
bool is_kafka_name(std::string_view name, std::size_t bytes_max) {
  return !name.empty() && name.size() <= bytes_max && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

/// "127.0.0.1:8480", "[::1]:8480", "localhost:8480".
std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  Address address{.host = std::string(host)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  std::array<std::uint8_t, 16> ignored{};
  const bool v4 = inet_pton(AF_INET, address.host.c_str(), ignored.data()) == 1;
  const bool v6 = inet_pton(AF_INET6, address.host.c_str(), ignored.data()) == 1;
  if (bracketed ? !v6 : !v4 && host != "localhost") return std::nullopt;
  return address;
}

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

/// Makes a Config out of values; each function reads one part of it and reports what is wrong there.
class Builder {
 public:
  Builder(Values& values, const FileReader& files, Faults& faults, ModelUse model)
      : values_(values), files_(files), faults_(faults), model_use_(model) {}

  Config build() {
    read_identity();
    read_kafka();
    read_pace();
    read_sources();
    read_topics();
    read_model();
    read_policy();
    read_http();
    config_.state = {.directory = values_.path("state.directory"),
                     .memory_bytes = values_.size("state.memory"),
                     .checkpoint_interval = values_.duration("state.checkpoint_interval"),
                     .changelog = values_.choice("state.changelog") == 0,
                     .standbys = static_cast<int>(values_.count("state.standbys"))};
    if (config_.state.standbys > 0 && (config_.guarantee != Guarantee::exactly_once || !config_.state.changelog))
      values_.fault("state.standbys",
                    "standbys follow what was committed, and begin with the changelog: use `guarantee: exactly_once` "
                    "and `state.changelog: on`, or no standbys");
    config_.language = static_cast<ingest::Language>(values_.choice("alerts.language"));
    config_.log = {.level = static_cast<LogLevel>(values_.choice("log.level")),
                   .format = static_cast<LogFormat>(values_.choice("log.format"))};
    list_effective();
    return std::move(config_);
  }

 private:
  void read_identity() {
    config_.application_id = read_id("application_id");
    config_.instance_id = values_.has("instance_id") ? read_id("instance_id") : host_name();
  }

  std::string read_id(const std::string& key) {
    std::string id = values_.text(key);
    if (values_.has(key) && !is_kafka_name(id, id_bytes_max)) {
      values_.fault(key,
                    fmt::format("'{}' is not possible: Kafka takes letters, digits, '.', '_' and '-' only, here at "
                                "most {} of them",
                                id, id_bytes_max));
    }
    return id;
  }

  void read_kafka() {
    constexpr std::size_t group_size = std::string_view("kafka.").size();
    constexpr std::string_view file_suffix = ".file";
    config_.kafka["bootstrap.servers"] = default_brokers;
    std::map<std::string, std::string> keys;  // By property, the key that sets it.
    for (const Setting* setting : values_.below("kafka")) {
      std::string property = setting->key.substr(group_size);
      if (property.ends_with(file_suffix)) {
        property.resize(property.size() - file_suffix.size());
        if (auto secret = read_secret(setting->key)) config_.kafka[property] = std::move(*secret);
      } else {
        config_.kafka[property] = setting->value;
      }
      keys.emplace(property, setting->key);
    }
    for (const auto& [property, fault] : ingest::property_faults(config_.kafka)) {
      values_.fault(keys.at(property), property_message(property, keys.at(property), fault));
    }
  }

  std::optional<std::string> read_secret(const std::string& key) {
    auto secret = files_(values_.path(key));
    if (!secret) {
      values_.fault(key, secret.error().message + "; name a file with the value that can be read");
      return std::nullopt;
    }
    while (secret->ends_with('\n') || secret->ends_with('\r')) secret->pop_back();
    if (secret->empty()) values_.fault(key, "the file is empty; write the value into it");
    return std::move(*secret);
  }

  static std::string property_message(const std::string& property, const std::string& key,
                                      const ingest::PropertyFault& fault) {
    switch (fault.why) {
      case ingest::PropertyFault::Why::reserved: return fault.text;
      case ingest::PropertyFault::Why::unknown:
        return fmt::format("{}; did you mean {}?", fault.text, nearest_property(property));
      case ingest::PropertyFault::Why::bad_value: break;
    }
    // What stands in a file is a secret, and librdkafka's sentence may repeat it.
    const bool secret = is_secret(key) || key.ends_with(".file");
    return fmt::format("{}; give a value that librdkafka's CONFIGURATION.md allows, or remove the key",
                       secret ? "librdkafka does not take the value" : fault.text);
  }

  static std::string nearest_property(const std::string& property) {
    static const std::vector<std::string> names = ingest::property_names();
    std::string_view best;
    std::size_t best_distance = std::numeric_limits<std::size_t>::max();
    for (const std::string& name : names) {
      const std::size_t longer = std::max(name.size(), property.size()) - std::min(name.size(), property.size());
      if (longer >= best_distance) continue;  // Nor can it be nearer.
      const std::size_t distance = edit_distance(name, property);
      if (distance >= best_distance) continue;
      best_distance = distance;
      best = name;
    }
    return fmt::format("kafka.{}", best);
  }

  void read_pace() {
    config_.guarantee = static_cast<Guarantee>(values_.choice("guarantee"));
    config_.commit_interval = values_.duration("commit_interval");
    config_.max_rate = values_.count("max_rate");
    config_.shards = static_cast<int>(values_.count("shards"));
    config_.partitioner = static_cast<ingest::Partitioner>(values_.choice("partitioner"));
    config_.clock = static_cast<TimeClock>(values_.choice("time.clock"));
    config_.max_ahead = values_.duration("time.max_ahead");
  }

  void read_sources() {
    if (values_.sources().empty() && !faults_.has_within("sources")) {
      values_.fault("sources",
                    "is missing; name at least one, such as `purchases: {topic: purchases, kind: purchase}`");
    }
    if (values_.sources().size() > limits::sources_max) {
      values_.fault("sources." + values_.sources()[limits::sources_max],
                    fmt::format("is source number {}, and {} are possible; remove some, or merge topics of one kind",
                                limits::sources_max + 1, limits::sources_max));
      return;
    }
    for (const std::string& source : values_.sources()) config_.sources.push_back(read_source(source));
  }

  ingest::SourceFormat read_source(const std::string& source) {
    const std::string group = "sources." + source;
    ingest::SourceFormat format;
    format.name = source;
    if (values_.below(group).empty() && !faults_.has_within(group)) {
      values_.fault(group, "is empty; give it a topic and a kind, such as {topic: visits, kind: visit}, or remove it");
      return format;
    }
    format.topic = values_.text(group + ".topic");
    format.kind = static_cast<EventKind>(values_.choice(group + ".kind"));
    format.time_format = static_cast<ingest::TimeFormat>(values_.choice(group + ".time_format"));
    format.max_ahead = config_.max_ahead;
    read_fields(group + ".fields", format, format.fields);
    read_fields(group + ".defaults", format, format.defaults);
    return format;
  }

  /// Reads a map of fields. Each is checked on its own, so that every fault is named with its place.
  void read_fields(const std::string& group, const ingest::SourceFormat& source,
                   std::map<std::string, std::string>& fields) {
    const bool is_default = &fields == &source.defaults;
    for (const Setting* setting : values_.below(group)) {
      const std::string field = setting->key.substr(group.size() + 1);
      fields[field] = setting->value;
      ingest::SourceFormat probe;
      probe.kind = source.kind;
      (is_default ? probe.defaults : probe.fields)[field] = setting->value;
      const auto problem = ingest::field_mapping_problem(probe);
      if (problem && values_.is_sound("sources." + source.name + ".kind")) values_.fault(setting->key, *problem);
    }
  }

  void read_topics() {
    config_.alerts_topic = values_.text("topics.alerts");
    config_.dead_letters_topic = values_.text("topics.dead_letters");
    config_.journal_topic = config_.application_id + "-holdfast-journal";
    config_.changelog_topic = config_.application_id + "-holdfast-changelog";
    // By topic: the key that named it first.
    std::map<std::string, std::string> users{{config_.journal_topic, "the journal of the application"},
                                             {config_.changelog_topic, "the changelog of the application"}};
    for (const ingest::SourceFormat& source : config_.sources) {
      check_topic("sources." + source.name + ".topic", source.topic, users);
    }
    check_topic("topics.alerts", config_.alerts_topic, users);
    check_topic("topics.dead_letters", config_.dead_letters_topic, users);
    config_.models_topic = values_.text("topics.models");
    check_topic("topics.models", config_.models_topic, users);
  }

  void check_topic(const std::string& key, const std::string& topic, std::map<std::string, std::string>& users) {
    if (topic.empty()) return;
    if (!is_kafka_name(topic, topic_bytes_max)) {
      values_.fault(key,
                    fmt::format("'{}' is no topic name: Kafka takes letters, digits, '.', '_' and '-' only, at most "
                                "{} of them",
                                topic, topic_bytes_max));
    }
    if (const auto [user, added] = users.emplace(topic, key); !added) {
      values_.fault(key, fmt::format("topic '{}' is that of {} already; every source and output needs its own", topic,
                                     user->second));
    }
  }

  void read_model() {
    config_.model_path = values_.path("risk.model");
    if (model_use_ == ModelUse::none) return;
    auto model = app::read_model(config_.model_path, files_);
    if (model) {
      config_.model = std::move(*model);
      config_.warnings = fit_to_sources(config_.model, config_.sources, config_.model_path);
      return;
    }
    std::string_view faults = model.error().message;
    while (!faults.empty()) {
      const std::size_t end = faults.find('\n');
      faults_.add(values_.origin_of("risk.model"), "risk.model", faults.substr(0, end));
      faults = end == std::string_view::npos ? std::string_view() : faults.substr(end + 1);
    }
  }

  void read_policy() {
    engine::RiskPolicy& policy = config_.policy;
    policy.horizon = config_.model.horizon;
    if (values_.has("risk.horizon")) policy.horizon = values_.duration("risk.horizon");
    policy.thresholds = {values_.number("risk.levels.watch"), values_.number("risk.levels.high"),
                         values_.number("risk.levels.critical")};
    policy.hysteresis = values_.number("risk.hysteresis");
    policy.min_purchases = static_cast<std::uint32_t>(values_.count("risk.min_purchases"));
    policy.expire_after = values_.duration("risk.expire_after");
    policy.control = {.share = values_.number("alerts.control_share"), .seed = values_.count("alerts.control_seed")};
    policy.calibration = static_cast<engine::CalibrationUse>(values_.choice("calibration.mode"));
    policy.calibration_half_life = values_.duration("calibration.half_life");
    config_.ece_max = values_.number("calibration.ece_max");
    if (!(config_.ece_max > 0 && config_.ece_max < 1))
      values_.fault("calibration.ece_max",
                    fmt::format("is {}, and must lie between 0 and 1, both excluded", config_.ece_max));
    check_thresholds();
    if (values_.is_sound("alerts.control_share") && !(policy.control.share >= 0 && policy.control.share <= 1))
      values_.fault(
          "alerts.control_share",
          fmt::format("is {}, and must lie between 0 and 1: a tenth of the customers is 0.1", policy.control.share));
    if (config_.model.logistic && values_.is_sound("risk.horizon") && policy.horizon != config_.model.horizon) {
      values_.fault("risk.horizon",
                    fmt::format("the model was trained for {} and has a `logistic` part, which holds for no "
                                "other horizon; remove the key, or train a model for {}",
                                to_text(config_.model.horizon), to_text(policy.horizon)));
    }
    const bool is_logistic = config_.model.logistic || policy.calibration == engine::CalibrationUse::correct;
    if (is_logistic && policy.hysteresis >= 0 && policy.hysteresis < logistic_hysteresis_min)
      values_.fault(
          "risk.hysteresis",
          fmt::format("is {}, and must be at least {} for {}", policy.hysteresis, logistic_hysteresis_min,
                      config_.model.logistic ? "a model with a `logistic` part" : "calibration.mode correct"));
  }

  void check_thresholds() {
    constexpr std::array<const char*, 3> keys{"risk.levels.watch", "risk.levels.high", "risk.levels.critical"};
    const auto& thresholds = config_.policy.thresholds;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!(thresholds[i] > 0 && thresholds[i] < 1)) {
        values_.fault(keys[i], fmt::format("is {}, and must lie between 0 and 1, both excluded", thresholds[i]));
      } else if (i > 0 && values_.is_sound(keys[i - 1]) && thresholds[i] <= thresholds[i - 1]) {
        values_.fault(keys[i], fmt::format("is {}, and must be greater than {}, which is {}", thresholds[i],
                                           keys[i - 1], thresholds[i - 1]));
      }
    }
    const double hysteresis = config_.policy.hysteresis;
    if (values_.is_sound(keys[0]) && !(hysteresis >= 0 && hysteresis < thresholds[0])) {
      values_.fault("risk.hysteresis",
                    fmt::format("is {}, and must be at least 0 and less than risk.levels.watch, which is "
                                "{}: otherwise no level could ever be left",
                                hysteresis, thresholds[0]));
    }
  }

  void read_http() {
    const std::string listen = values_.text("http.listen");
    config_.http.token_file = values_.path("http.token_file");
    const auto address = parse_address(listen);
    if (!address) {
      values_.fault("http.listen",
                    fmt::format("'{}' is no address: write IP:PORT, such as 127.0.0.1:8480, 0.0.0.0:8480 or "
                                "[::1]:8480",
                                listen));
      return;
    }
    config_.http.host = address->host;
    config_.http.port = address->port;
    if (!is_loopback(address->host) && config_.http.token_file.empty()) {
      values_.fault("http.listen", fmt::format("'{}' can be reached by others: name a file with a token in "
                                               "http.token_file, or listen on 127.0.0.1",
                                               listen));
    }
  }

  void list_effective() {
    for (const Key& key : config_keys()) {
      const std::string pattern(key.name);
      if (pattern == "kafka.*") {
        if (!values_.has("kafka.bootstrap.servers")) list("kafka.bootstrap.servers", std::string(default_brokers));
        for (const Setting* setting : values_.below("kafka")) list(setting->key, "");
      } else if (pattern == "sources.*.topic") {
        for (const std::string& source : values_.sources()) {
          for (const Setting* setting : values_.below("sources." + source)) list(setting->key, "");
        }
      } else if (pattern == "instance_id") {
        list(pattern, config_.instance_id);
      } else if (pattern == "risk.horizon") {
        list(pattern, to_text(config_.policy.horizon));
      } else if (pattern.find('*') == std::string::npos) {
        list(pattern, std::string(key.fallback));
      }
    }
  }

  void list(const std::string& key, const std::string& fallback) {
    const Setting* setting = values_.find(key);
    if (setting == nullptr && fallback.empty()) return;
    config_.effective.push_back({.key = key,
                                 .value = setting == nullptr ? fallback
                                          : is_secret(key)   ? "********"
                                                             : setting->value,
                                 .origin = setting == nullptr ? "default" : setting->origin.text});
  }

  Values& values_;
  const FileReader& files_;
  Faults& faults_;
  const ModelUse model_use_;
  Config config_;
};

void put_text(std::string& out, std::string_view text) {
  wire::put_varint(out, text.size());
  out += text;
}

void put_pairs(std::string& out, const std::map<std::string, std::string>& pairs) {
  wire::put_varint(out, pairs.size());
  for (const auto& [name, value] : pairs) {
    put_text(out, name);
    put_text(out, value);
  }
}

void put_policy(std::string& bytes, const Config& config) {
  wire::put_signed(bytes, config.policy.horizon.ms);
  for (const double threshold : config.policy.thresholds) wire::put_u64(bytes, std::bit_cast<std::uint64_t>(threshold));
  wire::put_u64(bytes, std::bit_cast<std::uint64_t>(config.policy.hysteresis));
  wire::put_varint(bytes, config.policy.min_purchases);
  wire::put_signed(bytes, config.policy.expire_after.ms);
  wire::put_varint(bytes, config.sources.size());
  for (const ingest::SourceFormat& source : config.sources) {
    put_text(bytes, source.name);
    put_text(bytes, source.topic);
    wire::put_varint(bytes, static_cast<std::uint64_t>(source.kind));
    put_pairs(bytes, source.fields);
    put_pairs(bytes, source.defaults);
    wire::put_varint(bytes, static_cast<std::uint64_t>(source.time_format));
  }
  wire::put_signed(bytes, config.max_ahead.ms);
  // Without a trial the policy is what it was before there were any, and so it is without calibration.
  if (config.policy.control.share > 0) {
    wire::put_u64(bytes, std::bit_cast<std::uint64_t>(config.policy.control.share));
    wire::put_u64(bytes, config.policy.control.seed);
  }
  if (config.policy.calibration != engine::CalibrationUse::off) {
    wire::put_varint(bytes, static_cast<std::uint64_t>(config.policy.calibration));
    wire::put_signed(bytes, config.policy.calibration_half_life.ms);
  }
}

}  // namespace

PolicyId Config::policy_id() const {
  std::string bytes;
  put_policy(bytes, *this);
  return {fingerprint(bytes)};
}

PolicyId Config::former_policy_id() const {
  std::string bytes;
  put_text(bytes, model.id);
  put_policy(bytes, *this);
  return {fingerprint(bytes)};
}

std::string Config::origin_of(std::string_view key) const {
  const auto found = std::find_if(effective.begin(), effective.end(), [&](const auto& s) { return s.key == key; });
  return found == effective.end() ? "default" : found->origin;
}

Status check_token_file(const Config& config) {
  if (config.http.token_file.empty()) return {};
  const auto token = console::read_token(config.http.token_file);
  if (token) return {};
  return fail(ErrorKind::invalid_argument,
              fmt::format("{}: {}", config.origin_of("http.token_file"), token.error().message));
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

Expected<Config> load_config(const std::string& path, std::span<const Override> overrides,
                             const Environment& environment, const FileReader& files, ModelUse model) {
  Faults faults;
  auto settings = read_yaml(path, files, faults);
  if (!settings) return std::unexpected(settings.error());
  const auto from_environment = read_environment(environment, *settings, faults);
  const auto from_flags = read_flags(overrides, faults);
  settings->insert(settings->end(), from_environment.begin(), from_environment.end());
  settings->insert(settings->end(), from_flags.begin(), from_flags.end());
  Values values(*settings, path, faults);
  Config config = Builder(values, files, faults, model).build();
  if (!faults.empty()) return std::unexpected(faults.error());
  return config;
}

}  // namespace holdfast::app
