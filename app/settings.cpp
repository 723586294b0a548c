#include "app/settings.hpp"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "app/config_keys.hpp"

namespace holdfast::app {
namespace {

constexpr std::string_view variable_prefix = "HOLDFAST_";
constexpr std::size_t source_name_max = 64;

/// Kubernetes puts the address of every service of the namespace into the environment; for one that is named
/// `holdfast` these look like ours. Two underscores in a row make a setting: HOLDFAST_HTTP__PORT is a misspelt one.
bool is_service_link(const std::string& variable) {
  if (variable.find("__") != std::string::npos) return false;
  static const std::regex pattern(
      R"(HOLDFAST_([A-Z0-9_]*_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?))");
  return std::regex_match(variable, pattern);
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// The source of the file whose name a variable spells as `segment`: capitals and hyphens are lost in variables.
std::string source_name(const std::string& segment, std::span<const Setting> from_file) {
  constexpr std::string_view group = "sources.";
  for (const Setting& setting : from_file) {
    if (!setting.key.starts_with(group)) continue;
    const std::string name = setting.key.substr(group.size(), setting.key.find('.', group.size()) - group.size());
    std::string spelled = lower(name);
    std::replace(spelled.begin(), spelled.end(), '-', '_');
    if (spelled == segment) return name;
  }
  return segment;
}

std::string key_of_variable(std::string_view variable, std::span<const Setting> from_file) {
  std::vector<std::string> segments;
  for (std::string_view rest = variable.substr(variable_prefix.size());;) {
    const std::size_t end = rest.find("__");
    segments.push_back(lower(std::string(rest.substr(0, end))));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 2);
  }
  if (segments.size() > 1 && segments[0] == "sources") segments[1] = source_name(segments[1], from_file);
  if (segments[0] == "kafka") {
    for (std::string& segment : segments) std::replace(segment.begin(), segment.end(), '_', '.');
  }
  return fmt::format("{}", fmt::join(segments, "."));
}

}  // namespace

std::string in_one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

void Faults::add(const Origin& origin, std::string_view key, std::string_view message) {
  keys_.emplace(key);
  // A flag is called by its key already.
  const bool is_named =
      key.empty() || (origin.layer == Origin::Layer::flag && origin.text.ends_with(fmt::format(" {}", key)));
  faults_.push_back({origin, in_one_line(is_named ? fmt::format("{}: {}", origin.text, message)
                                                  : fmt::format("{}: {}: {}", origin.text, key, message))});
}

bool Faults::has_within(const std::string& group) const {
  const auto below = keys_.lower_bound(group + ".");
  return has(group) || (below != keys_.end() && below->starts_with(group + "."));
}

Error Faults::error() const {
  std::vector<Fault> sorted = faults_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Fault& a, const Fault& b) {
    return std::pair(a.origin.layer, a.origin.line) < std::pair(b.origin.layer, b.origin.line);
  });
  std::string message;
  for (const Fault& fault : sorted) message += (message.empty() ? "" : "\n") + fault.text;
  return {ErrorKind::invalid_argument, message};
}

std::vector<Setting> read_environment(const Environment& environment, std::span<const Setting> from_file,
                                      Faults& faults) {
  std::vector<Setting> settings;
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(variable_prefix) || is_service_link(variable)) continue;
    Setting setting{
        key_of_variable(variable, from_file), value, {Origin::Layer::environment, "environment variable " + variable}};
    if (find_key(setting.key) == nullptr) {
      faults.add(setting.origin, setting.key, unknown_key_message(setting.key));
    } else if (value.empty()) {
      faults.add(setting.origin, setting.key, "has no value; give one or unset the variable");
    } else {
      settings.push_back(std::move(setting));
    }
  }
  return settings;
}

std::vector<Setting> read_flags(std::span<const Override> overrides, Faults& faults) {
  std::vector<Setting> settings;
  for (const Override& flag : overrides) {
    Setting setting{flag.key, flag.value, {Origin::Layer::flag, "flag --set " + flag.key}};
    if (find_key(flag.key) == nullptr) {
      faults.add(setting.origin, flag.key, unknown_key_message(flag.key));
    } else if (is_secret(flag.key)) {
      faults.add(setting.origin, flag.key,
                 fmt::format("a secret in a flag can be read by every user of the machine; put it into a file and name "
                             "that with {}.file, or into an environment variable",
                             flag.key));
    } else if (flag.value.empty()) {
      faults.add(setting.origin, flag.key, "has no value; write KEY=VALUE");
    } else {
      settings.push_back(std::move(setting));
    }
  }
  return settings;
}

bool is_source_name(std::string_view name) {
  return !name.empty() && name.size() <= source_name_max && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::string source_name_message() {
  return fmt::format(
      "the name of a source labels metrics: rename it with letters, digits, '-' and '_', at most {} of them",
      source_name_max);
}

std::string unknown_key_message(std::string_view key) {
  if (has_empty_segment(key)) {
    return "a part of the key is empty; name the whole of it, such as risk.horizon, as a variable "
           "HOLDFAST_RISK__HORIZON";
  }
  return fmt::format("unknown key; did you mean {}?", nearest_key(key));
}

}  // namespace holdfast::app
