#include <optional>
#include <regex>
#include <set>

#include "tests/structure/rules.hpp"

namespace holdfast::structure {
namespace {

constexpr std::size_t lines_max = 600;

/// Which folders a layer may include besides itself. Those not named here (tests, bench) may include all.
const std::map<std::string, std::set<std::string>> layers{
    {"domain", {}},
    {"ingest", {"domain"}},
    {"engine", {"domain"}},
    {"state", {"domain"}},
    {"learn", {"domain", "engine"}},
    {"console", {"domain"}},
    {"app", {"domain", "ingest", "engine", "state", "learn", "console"}},
};
const std::set<std::string> roots{"domain", "ingest", "engine", "state", "learn", "console", "app", "bench", "tests"};

/// The layers, or single files, that may include a library's headers.
const std::map<std::string, std::set<std::string>> vendors{
    {"librdkafka/", {"ingest"}},
    {"simdjson.h", {"ingest"}},
    {"rocksdb/", {"state"}},
    {"boost/", {"console"}},
    {"boost/math/", {"learn"}},
    {"Eigen/", {"learn"}},
    {"nlopt.hpp", {"learn"}},
    {"prometheus/", {"console"}},
    {"CLI/", {"app"}},
    {"nlohmann/", {"app"}},
    {"spdlog/", {"app"}},
    {"yaml-cpp/", {"app"}},
    {"fmt/", {"ingest", "state", "console", "learn", "app"}},
    {"xxhash.h", {"domain/ids.cpp", "ingest", "app"}},
};
const std::set<std::string> pure{"domain", "engine"};

struct Include {
  std::size_t line = 0;
  std::string target;
  bool quoted = false;
};

std::vector<Include> includes_of(const File& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> found;
  for (std::size_t i = 0; i < file.uncommented.size(); ++i) {
    std::smatch match;
    if (std::regex_search(file.uncommented[i], match, pattern)) {
      found.push_back({.line = i + 1, .target = match[2], .quoted = match[1] == "\""});
    }
  }
  return found;
}

/// The one with the longest name, where several fit.
std::optional<std::string> vendor_of(const std::string& header) {
  std::optional<std::string> vendor;
  for (const auto& [prefix, users] : vendors) {
    if (header.starts_with(prefix) && (!vendor || prefix.size() > vendor->size())) vendor = prefix;
  }
  return vendor;
}

/// <unistd.h>, <sys/epoll.h>: the system's own, as opposed to <vector>.
bool is_system_header(const std::string& header) {
  static const std::set<std::string> folders{"arpa", "linux", "net", "netinet", "sys"};
  const std::size_t slash = header.find('/');
  return header.ends_with(".h") && (slash == std::string::npos || folders.contains(header.substr(0, slash)));
}

bool is_standard_header(const std::string& header) { return header.find_first_of("./") == std::string::npos; }

void find_in_code(const File& file, const std::regex& pattern, const std::string& what, Violations& violations) {
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    std::smatch match;
    if (std::regex_search(file.code[i], match, pattern)) {
      violations.push_back({file.path, i + 1, "'" + match.str() + "': " + what});
    }
  }
}

}  // namespace

Violations check_layers(const Tree& tree) {
  Violations violations;
  for (const File& file : tree.files()) {
    const std::string from = file.folder();
    const auto layer = layers.find(from);
    for (const Include& include : includes_of(file)) {
      const std::string to = include.target.substr(0, include.target.find('/'));
      if (include.target.ends_with(".cpp")) {
        violations.push_back({file.path, include.line, include.target + ": a source is linked, never included"});
      }
      if (!include.quoted) continue;
      if (!roots.contains(to)) {
        violations.push_back({file.path, include.line, include.target + ": includes start at the root of the tree"});
      } else if (layer != layers.end() && to != from && !layer->second.contains(to)) {
        violations.push_back({file.path, include.line, include.target + ": " + from + "/ must not know " + to + "/"});
      }
    }
  }
  return violations;
}

Violations check_vendors(const Tree& tree) {
  Violations violations;
  for (const File& file : tree.files()) {
    if (!layers.contains(file.folder())) continue;
    for (const Include& include : includes_of(file)) {
      if (include.quoted || is_standard_header(include.target)) continue;
      const auto vendor = vendor_of(include.target);
      if (vendor) {
        const auto& users = vendors.at(*vendor);
        if (!users.contains(file.folder()) && !users.contains(file.path)) {
          violations.push_back({file.path, include.line, include.target + ": not one of this layer's libraries"});
        }
      } else if (!is_system_header(include.target)) {
        violations.push_back(
            {file.path, include.line,
             include.target + ": a library without a rule; tests/structure/source_rules.cpp has them"});
      }
    }
  }
  return violations;
}

Violations check_purity(const Tree& tree) {
  static const std::regex clock(
      R"(\b\w+_clock\s*::\s*now\b|\b(std::)?time\s*\(\s*(nullptr|NULL|0|&)|\b(gettimeofday|clock_gettime|timespec_get)\b)"
      R"(|\bclock\s*\(\s*\))");
  static const std::regex chance(R"(\brandom_device\b|\bs?rand\s*\()");
  static const std::regex clock_port(R"(\bClock\b)");
  static const std::regex lock(
      R"(\b(recursive_|shared_|timed_)*mutex\b|\b(lock_guard|unique_lock|scoped_lock|shared_lock|call_once)\b)"
      R"(|\bcondition_variable|\bpthread_\w+)");
  static const std::set<std::string> threading{"barrier",   "condition_variable", "future",     "latch", "mutex",
                                               "semaphore", "shared_mutex",       "stop_token", "thread"};
  Violations violations;
  for (const File& file : tree.files()) {
    const std::string folder = file.folder();
    if (!pure.contains(folder) || !file.is_cpp()) continue;
    find_in_code(file, clock, folder + "/ reads no clock: time comes with records and steps", violations);
    find_in_code(file, chance, folder + "/ leaves nothing to chance: the same log gives the same alerts", violations);
    if (folder == "engine") {
      find_in_code(file, clock_port, "the engine knows no clock: its time is that of records and steps", violations);
      find_in_code(file, lock, "the engine has no lock: a task belongs to one thread", violations);
    }
    for (const Include& include : includes_of(file)) {
      if (include.quoted) continue;
      if (is_system_header(include.target) && !vendor_of(include.target)) {
        violations.push_back({file.path, include.line, include.target + ": " + folder + "/ knows no system"});
      } else if (threading.contains(include.target)) {
        violations.push_back({file.path, include.line, include.target + ": " + folder + "/ knows no threads"});
      }
    }
  }
  return violations;
}

Violations check_headers(const Tree& tree) {
  static const std::regex once(R"(^#pragma once$)");
  Violations violations;
  for (const File& file : tree.files()) {
    if (!file.is(".hpp")) continue;
    bool found = false;
    for (const std::string& line : file.code) found = found || std::regex_match(line, once);
    if (!found) violations.push_back({file.path, 1, "a header begins with #pragma once"});
  }
  return violations;
}

Violations check_length(const Tree& tree) {
  Violations violations;
  for (const File& file : tree.files()) {
    if (!file.is_cpp() && !file.is(".js") && !file.is(".py")) continue;
    if (file.lines.size() > lines_max) {
      violations.push_back({file.path, 0,
                            std::to_string(file.lines.size()) + " lines, more than " + std::to_string(lines_max) +
                                ": cut it where a second subject begins"});
    }
  }
  return violations;
}

Violations check_leftovers(const Tree& tree) {
  // In halves, so that this file passes its own rule.
  static const std::regex words(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  Violations violations;
  for (const File& file : tree.files()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      std::smatch match;
      if (std::regex_search(file.lines[i], match, words)) {
        violations.push_back({file.path, i + 1, match.str() + ": do it, or leave it and do not say so"});
      }
    }
  }
  return violations;
}

}  // namespace holdfast::structure
