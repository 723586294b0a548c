#include "app/config_values.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "app/config_keys.hpp"
#include "app/units.hpp"

namespace holdfast::app {
namespace {

constexpr std::string_view sources_group = "sources.";
constexpr std::string_view kafka_group = "kafka.";
constexpr std::string_view file_suffix = ".file";

std::pair<std::string_view, std::string_view> split_range(std::string_view allowed) {
  constexpr std::string_view separator = " .. ";
  const std::size_t at = allowed.find(separator);
  return {allowed.substr(0, at), allowed.substr(at + separator.size())};
}

std::vector<std::string_view> split_choices(std::string_view allowed) {
  constexpr std::string_view separator = " | ";
  std::vector<std::string_view> choices;
  for (std::size_t at = 0;;) {
    const std::size_t end = allowed.find(separator, at);
    choices.push_back(allowed.substr(at, end - at));
    if (end == std::string_view::npos) return choices;
    at = end + separator.size();
  }
}

}  // namespace

Values::Values(const std::vector<Setting>& settings, std::string file, Faults& faults)
    : file_(std::move(file)), faults_(faults) {
  for (const Setting& setting : settings) take(setting);
}

void Values::take(const Setting& setting) {
  if (setting.key.starts_with(sources_group)) note_source(setting);
  if (setting.heading) {
    groups_.emplace(setting.key, setting.origin);
    return;
  }
  settings_[setting.key] = setting;
  if (setting.key.starts_with(kafka_group)) settle_twins(setting.key);
}

void Values::note_source(const Setting& setting) {
  const std::string key = setting.key.substr(0, setting.key.find('.', sources_group.size()));
  const std::string name = key.substr(sources_group.size());
  groups_.emplace(key, setting.origin);
  if (!is_source_name(name)) {
    fault(key, source_name_message());
  } else if (std::find(sources_.begin(), sources_.end(), name) == sources_.end()) {
    sources_.push_back(name);
  }
}

void Values::settle_twins(const std::string& key) {
  const std::string twin =
      key.ends_with(file_suffix) ? key.substr(0, key.size() - file_suffix.size()) : key + std::string(file_suffix);
  const auto other = settings_.find(twin);
  if (other == settings_.end()) return;
  if (other->second.origin.layer == settings_.at(key).origin.layer) {
    fault(key, fmt::format("{} is set as well; remove one of them", twin));
  } else {
    settings_.erase(other);
  }
}

const Setting* Values::find(const std::string& key) const {
  const auto found = settings_.find(key);
  return found == settings_.end() ? nullptr : &found->second;
}

std::vector<const Setting*> Values::below(const std::string& group) const {
  std::vector<const Setting*> found;
  const std::string prefix = group + ".";
  for (auto it = settings_.lower_bound(prefix); it != settings_.end() && it->first.starts_with(prefix); ++it) {
    found.push_back(&it->second);
  }
  return found;
}

Origin Values::origin_of(const std::string& key) const {
  if (const Setting* setting = find(key)) return setting->origin;
  for (std::string group = key; !group.empty();) {
    if (const auto found = groups_.find(group); found != groups_.end()) return found->second;
    const std::size_t dot = group.rfind('.');
    group.resize(dot == std::string::npos ? 0 : dot);
  }
  return {Origin::Layer::file, file_};
}

void Values::fault(const std::string& key, std::string_view message) {
  if (faulty_.insert(key).second) faults_.add(origin_of(key), key, message);
}

std::string Values::raw(const std::string& key) {
  if (const Setting* setting = find(key)) return setting->value;
  const Key* known = find_key(key);
  if (known->required && is_sound(key)) {
    fault(key, fmt::format("is missing; set it to {}", known->allowed.empty() ? "a text" : known->allowed));
  }
  return std::string(known->fallback);
}

std::string Values::text(const std::string& key) { return raw(key); }

std::string Values::path(const std::string& key) {
  if (const Setting* setting = find(key)) return absolute(*setting);
  const std::string fallback = raw(key);
  return fallback.empty() ? fallback : absolute({key, fallback, {Origin::Layer::file, file_}});
}

std::string Values::absolute(const Setting& setting) const {
  namespace fs = std::filesystem;
  const fs::path value(setting.value);
  if (value.is_absolute() || setting.origin.layer != Origin::Layer::file) return value.string();
  return (fs::path(file_).parent_path() / value).lexically_normal().string();
}

template <class T, class Parse>
T Values::parsed(const std::string& key, Parse parse) {
  const Key* known = find_key(key);
  const std::string written = raw(key);
  if (written.empty()) return T{};
  const auto value = parse(written);
  if (!value) {
    fault(key, value.error());
    return T{};
  }
  if (known->allowed.empty()) return *value;
  const auto [least, most] = split_range(known->allowed);
  if (*value < *parse(least) || *value > *parse(most)) {
    fault(key, fmt::format("'{}' is out of range; use {} to {}", written, least, most));
  }
  return *value;
}

std::uint64_t Values::count(const std::string& key) { return parsed<std::uint64_t>(key, parse_count); }
double Values::number(const std::string& key) { return parsed<double>(key, parse_number); }
Duration Values::duration(const std::string& key) { return parsed<Duration>(key, parse_duration); }
std::uint64_t Values::size(const std::string& key) { return parsed<std::uint64_t>(key, parse_size); }

std::size_t Values::choice(const std::string& key) {
  const std::vector<std::string_view> choices = split_choices(find_key(key)->allowed);
  const std::string written = raw(key);
  const auto found = std::find(choices.begin(), choices.end(), written);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  if (!written.empty()) {
    fault(key, fmt::format("'{}' is not possible; use {}", written, fmt::join(choices, " or ")));
  }
  return 0;
}

}  // namespace holdfast::app
