#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/command_line.hpp"
#include "app/config_keys.hpp"
#include "console/metrics_text.hpp"
#include "domain/event.hpp"
#include "tests/support/process.hpp"

/// The reference documents and the tables in the code say the same: a row each, no more and no less.
namespace holdfast::app {
namespace {

std::string document(const std::string& name) {
  return testing::read_file(std::string(HOLDFAST_SOURCE_DIR) + "/docs/reference/" + name);
}

/// The lines of a document's tables whose first cell is code.
std::set<std::string> rows_of(const std::string& text) {
  std::set<std::string> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `")) rows.insert(line);
  }
  return rows;
}

std::string text_of(const std::set<std::string>& rows) {
  std::string text;
  for (const std::string& row : rows) text += row + "\n";
  return text;
}

std::string code(std::string_view text) { return text.empty() ? "" : "`" + std::string(text) + "`"; }

std::string type_cell(const Key& key) {
  if (key.allowed.empty()) return std::string(name(key.type));
  if (key.type != KeyType::choice) return std::string(name(key.type)) + ", " + std::string(key.allowed);
  return std::regex_replace("`" + std::string(key.allowed) + "`", std::regex(R"( \| )"), "`, `");
}

TEST(ReferenceDocs, EveryConfigurationKeyHasItsRow) {
  std::set<std::string> expected;
  for (const Key& key : config_keys()) {
    expected.insert("| `" + std::string(key.name) + "` | " + type_cell(key) + " | " +
                    (key.required ? "required" : code(key.fallback)) + " | " + std::string(key.description) + " |");
  }
  EXPECT_EQ(text_of(rows_of(document("configuration.md"))), text_of(expected));
}

TEST(ReferenceDocs, EveryMetricHasItsRow) {
  const std::map<console::MetricType, std::string> types{{console::MetricType::counter, "counter"},
                                                         {console::MetricType::gauge, "gauge"},
                                                         {console::MetricType::histogram, "histogram"}};
  std::set<std::string> expected;
  for (const console::MetricInfo& metric : console::metric_table()) {
    expected.insert("| `" + std::string(metric.name) + "` | " + types.at(metric.type) + " | " +
                    std::string(metric.labels) + " | " + std::string(metric.help) + " |");
  }
  const std::string text = document("metrics.md");
  EXPECT_EQ(text_of(rows_of(text.substr(0, text.find("\n## Dead-letter codes")))), text_of(expected));
}

TEST(ReferenceDocs, EveryDeadLetterCodeHasItsRow) {
  std::set<std::string> expected;
  for (std::size_t i = 0; i < rejection_codes; ++i)
    expected.insert(std::string(code_name(static_cast<RejectionCode>(i))));
  const std::string text = document("metrics.md");
  const std::size_t begin = text.find("\n## Dead-letter codes");
  ASSERT_NE(begin, std::string::npos);
  std::set<std::string> found;
  for (const std::string& row : rows_of(text.substr(begin))) found.insert(row.substr(3, row.find('`', 3) - 3));
  EXPECT_EQ(found, expected);
}

/// By command, the flags and arguments that the document names: in the table below "## holdfast COMMAND".
std::map<std::string, std::set<std::string>> documented_flags() {
  std::map<std::string, std::set<std::string>> flags;
  std::string command;
  std::istringstream lines(document("cli.md"));
  for (std::string line; std::getline(lines, line);) {
    static const std::regex heading(R"(^## `holdfast( ([a-z]+))?`$)");
    static const std::regex row(R"(^\| `(?:-[a-z], )?(--[a-z-]+|[A-Z]+)[^`]*` \|.*)");
    std::smatch match;
    if (std::regex_match(line, match, heading)) {
      command = match[2];
      flags[command];
    } else if (std::regex_match(line, match, row)) {
      flags[command].insert(match[1]);
    }
  }
  return flags;
}

TEST(ReferenceDocs, EveryCommandLineFlagHasItsRow) {
  // Those of every command stand once, below the program itself.
  const std::set<std::string> common{"--help", "--config", "--set"};
  std::map<std::string, std::set<std::string>> expected;
  for (const FlagInfo& flag : command_line_flags()) {
    auto& flags = expected[flag.command];
    if (flag.command.empty() || !common.contains(flag.name)) flags.insert(flag.name);
  }
  expected[""].insert(common.begin(), common.end());
  EXPECT_EQ(documented_flags(), expected);
}

}  // namespace
}  // namespace holdfast::app
