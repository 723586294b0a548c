#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "app/settings.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// Settings as values: what the last layer says, or the default of the table of keys, checked against what the table
/// allows. A value that is wrong is a fault, and what reads it gets nothing or what is out of range.
class Values {
 public:
  /// Later settings beat earlier ones. `file` is the configuration's path; paths in it are relative to its folder.
  Values(const std::vector<Setting>& settings, std::string file, Faults& faults);

  [[nodiscard]] std::string text(const std::string& key);
  [[nodiscard]] std::string path(const std::string& key);
  [[nodiscard]] std::uint64_t count(const std::string& key);
  [[nodiscard]] double number(const std::string& key);
  [[nodiscard]] Duration duration(const std::string& key);
  [[nodiscard]] std::uint64_t size(const std::string& key);
  /// The value's place in the list of those allowed.
  [[nodiscard]] std::size_t choice(const std::string& key);

  [[nodiscard]] bool has(const std::string& key) const { return settings_.contains(key); }
  [[nodiscard]] const Setting* find(const std::string& key) const;
  /// The settings below a group, by key.
  [[nodiscard]] std::vector<const Setting*> below(const std::string& group) const;
  /// The names of the sources, in the order in which they first stand somewhere; they may have no settings.
  [[nodiscard]] const std::vector<std::string>& sources() const { return sources_; }

  /// A fault of a key's value, wherever it was set. Only the first one of a key counts: others follow from it.
  void fault(const std::string& key, std::string_view message);
  /// Whether there is no fault of the key, here or where it was read.
  [[nodiscard]] bool is_sound(const std::string& key) const { return !faults_.has(key); }
  /// Where a key was set; if it was not, where the innermost group that it belongs to begins, or the file as a whole.
  [[nodiscard]] Origin origin_of(const std::string& key) const;

 private:
  void take(const Setting& setting);
  void note_source(const Setting& setting);
  /// A property of Kafka and its `.file` are two ways to set one value: the higher layer's counts.
  void settle_twins(const std::string& key);
  template <class T, class Parse>
  T parsed(const std::string& key, Parse parse);
  [[nodiscard]] std::string raw(const std::string& key);
  [[nodiscard]] std::string absolute(const Setting& setting) const;

  std::map<std::string, Setting> settings_;
  std::map<std::string, Origin> groups_;  ///< Where groups begin; for a source, where it is first named.
  std::vector<std::string> sources_;
  std::set<std::string> faulty_;
  std::string file_;
  Faults& faults_;
};

}  // namespace holdfast::app
