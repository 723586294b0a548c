#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/text_file.hpp"
#include "console/server.hpp"
#include "domain/error.hpp"
#include "domain/step.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"
#include "ingest/reason_words.hpp"
#include "ingest/source_format.hpp"

namespace holdfast::app {

enum class Guarantee : std::uint8_t { exactly_once, at_least_once };
enum class TimeClock : std::uint8_t { wall, event };
enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { automatic, text, json };

struct StateSettings {
  std::string directory;
  std::uint64_t memory_bytes = 0;
  Duration checkpoint_interval;
  bool changelog = true;  ///< Checkpoints also go to Config::changelog_topic.
  int standbys = 0;       ///< Of each partition, on other instances.
};

struct LogSettings {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;
};

/// A key with the value that is in force, defaults included; secrets are masked.
struct EffectiveSetting {
  std::string key;
  std::string value;
  std::string origin;  ///< "default", "shop.yaml:3:8", "environment variable HOLDFAST_…", "flag --set …".
};

/// All that can be configured, read once and checked as a whole. docs/reference/configuration.md describes each key.
struct Config {
  std::string application_id;
  std::string instance_id;
  std::map<std::string, std::string> kafka;  ///< librdkafka's properties; what stood in secret files is filled in.
  Guarantee guarantee{};
  Duration commit_interval;
  std::uint64_t max_rate = 0;  ///< Events/s; 0: no limit.
  int shards = 0;              ///< 0: automatic, one less than there are cores, but at least one.
  std::vector<ingest::SourceFormat> sources;
  ingest::Partitioner partitioner{};
  std::string alerts_topic;
  std::string dead_letters_topic;
  std::string journal_topic;
  std::string changelog_topic;
  std::string models_topic;  ///< Empty: none.
  TimeClock clock{};
  Duration max_ahead;
  StateSettings state;
  std::string model_path;
  engine::Model model;
  engine::RiskPolicy policy;
  double ece_max = 0;           ///< Calibration error that raises the alarm.
  ingest::Language language{};  ///< Of the sentences in alerts.
  console::ServerSettings http;
  LogSettings log;

  std::vector<EffectiveSetting> effective;  ///< In the order of the table of keys.
  std::vector<std::string> warnings;        ///< What is no fault and yet hardly meant: a line each.

  /// Of all that alerts depend on besides the log and the models, which steps carry: risk settings, sources in their
  /// order, max_ahead.
  [[nodiscard]] PolicyId policy_id() const;
  /// What earlier releases had in its place, with the model.
  [[nodiscard]] PolicyId former_policy_id() const;
  /// Where the value that is in force comes from; "default" if nobody set one.
  [[nodiscard]] std::string origin_of(std::string_view key) const;
};

/// `--set risk.horizon=30d` on the command line.
struct Override {
  std::string key;
  std::string value;
};

using Environment = std::map<std::string, std::string>;

/// The variables of this process.
[[nodiscard]] Environment process_environment();

/// Whether risk.model has to be there: not for who makes one.
enum class ModelUse : std::uint8_t { required, none };

/// Reads and checks a configuration: flags beat environment variables (HOLDFAST_RISK__HORIZON) beat the file. Paths in
/// the file are relative to its folder, other paths to the working directory. `files` reads it and what it names.
///
/// invalid_argument: the message has one line for each fault, all of them in one go:
/// "shop.yaml:12:3: risk.horizon: what is wrong; how to mend it".
[[nodiscard]] Expected<Config> load_config(const std::string& path, std::span<const Override> overrides,
                                           const Environment& environment = process_environment(),
                                           const FileReader& files = text_files(), ModelUse model = ModelUse::required);

/// invalid_argument: http.token_file names no token that can be read. Apart from load_config(), since only who serves
/// needs the right to read it.
[[nodiscard]] Status check_token_file(const Config& config);

}  // namespace holdfast::app
