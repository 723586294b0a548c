#include <array>
#include <map>
#include <regex>
#include <string>

#include "tests/structure/rules.hpp"

namespace holdfast::structure {
namespace {

/// Names that users see: where the code has them, and the document that has to list them.
struct Vocabulary {
  const char* what;
  const char* code;     ///< A file, or all below a folder.
  const char* in_code;  ///< Group 1 is the name.
  const char* document;
  const char* in_document;  ///< Group 1 is the name.
  bool complete = true;     ///< The document names nothing else in this way.
};

constexpr std::array vocabularies{
    Vocabulary{.what = "command line flag",
               .code = "app/",
               .in_code = R"re("(?:-[a-z],)?(--[a-z][a-z-]*))re",
               .document = "docs/reference/cli.md",
               .in_document = R"((?:^|[^-\w])(--[a-z][a-z-]*))"},
    Vocabulary{.what = "configuration key",
               .code = "app/config_keys.cpp",
               .in_code = R"re(\.name = "([^"]+)")re",
               .document = "docs/reference/configuration.md",
               .in_document = R"(^\| *`([^`]+)`)"},
    Vocabulary{.what = "metric",
               .code = "console/",
               .in_code = R"re("(holdfast_[a-z_]+)")re",
               .document = "docs/reference/metrics.md",
               .in_document = R"(^\| *`(holdfast_[a-z_]+))"},
    Vocabulary{.what = "dead-letter code",
               .code = "domain/event.cpp",
               .in_code = R"re(RejectionCode::\w+: return "(\w+)")re",
               .document = "docs/operations.md",
               .in_document = R"(`([a-z_]+)`)",
               .complete = false},
};

struct Place {
  std::string file;
  std::size_t line = 0;
};
using Names = std::map<std::string, Place>;

void collect(const File& file, const std::vector<std::string>& lines, const std::regex& pattern, Names& names) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::sregex_iterator match(lines[i].begin(), lines[i].end(), pattern), end; match != end; ++match) {
      names.try_emplace((*match)[1], file.path, i + 1);
    }
  }
}

void check(const Vocabulary& vocabulary, const Tree& tree, Violations& violations) {
  const File* document = tree.find(vocabulary.document);
  if (document == nullptr) return;  // check_documents says so.
  Names documented;
  collect(*document, document->lines, std::regex(vocabulary.in_document), documented);
  Names coded;
  const std::regex in_code(vocabulary.in_code);
  for (const File& file : tree.files()) {
    if (file.is_cpp() && file.path.starts_with(vocabulary.code)) collect(file, file.uncommented, in_code, coded);
  }

  const std::string what = vocabulary.what;
  for (const auto& [name, place] : coded) {
    if (documented.contains(name)) continue;
    violations.push_back({place.file, place.line, what + " " + name + " is not described in " + vocabulary.document});
  }
  if (!vocabulary.complete) return;
  for (const auto& [name, place] : documented) {
    if (coded.contains(name)) continue;
    violations.push_back({place.file, place.line, what + " " + name + " is unknown to " + vocabulary.code});
  }
}

}  // namespace

Violations check_references(const Tree& tree) {
  Violations violations;
  for (const Vocabulary& vocabulary : vocabularies) check(vocabulary, tree, violations);
  return violations;
}

}  // namespace holdfast::structure
