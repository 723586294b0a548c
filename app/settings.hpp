#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"
#include "app/text_file.hpp"
#include "domain/error.hpp"

/// Settings as texts, before they mean anything: from the file, from the environment, from flags.
namespace holdfast::app {

/// The text with control characters as escapes, \x0a: a message has its line, and a terminal only shows it.
[[nodiscard]] std::string in_one_line(std::string_view text);

/// Where a setting was made.
struct Origin {
  enum class Layer { file, environment, flag } layer{};
  std::string text;  ///< "shop.yaml:12:3", "environment variable HOLDFAST_RISK__HORIZON", "flag --set risk.horizon"
  int line = 0;      ///< In a file, from 1; 0: the file as a whole.
};

struct Setting {
  std::string key;
  std::string value;
  Origin origin;
  bool heading = false;  ///< It only begins a group of keys in a file, `risk:`, and has no value.
};

/// Collects what is wrong with a configuration, so that all of it can be mended in one go.
class Faults {
 public:
  void add(const Origin& origin, std::string_view key, std::string_view message);
  [[nodiscard]] bool empty() const { return faults_.empty(); }
  [[nodiscard]] bool has(const std::string& key) const { return keys_.contains(key); }
  /// Whether there is a fault of the group itself or of a key in it.
  [[nodiscard]] bool has_within(const std::string& group) const;
  /// invalid_argument: a line each, "origin: key: message", in the order of the file, environment and flags last.
  [[nodiscard]] Error error() const;

 private:
  struct Fault {
    Origin origin;
    std::string text;
  };
  std::vector<Fault> faults_;
  std::set<std::string> keys_;
};

/// The settings of a YAML file in its order, headings among them. Keys that are unknown, doubled, of the wrong shape or
/// without a value are faults and left out. The error is that of a file that cannot be read or is no YAML.
[[nodiscard]] Expected<std::vector<Setting>> read_yaml(const std::string& path, const FileReader& files,
                                                       Faults& faults);

/// The settings of variables that begin with HOLDFAST_: `__` separates groups, in kafka's properties `_` stands for a
/// dot. `from_file` names the sources, whose names a variable cannot always spell.
[[nodiscard]] std::vector<Setting> read_environment(const Environment& environment, std::span<const Setting> from_file,
                                                    Faults& faults);

[[nodiscard]] std::vector<Setting> read_flags(std::span<const Override> overrides, Faults& faults);

/// Whether a source can have this name, which stands in metrics and alerts.
[[nodiscard]] bool is_source_name(std::string_view name);
[[nodiscard]] std::string source_name_message();

/// "unknown key; did you mean risk.horizon?", or that a segment of it is empty.
[[nodiscard]] std::string unknown_key_message(std::string_view key);

}  // namespace holdfast::app
