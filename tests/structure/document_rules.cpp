#include <array>
#include <cctype>
#include <filesystem>
#include <regex>
#include <set>

#include "tests/structure/rules.hpp"

namespace holdfast::structure {
namespace {

constexpr std::array documents{"README.md",
                               "CHANGELOG.md",
                               "LICENSE",
                               "docs/README.md",
                               "docs/architecture.md",
                               "docs/operations.md",
                               "docs/semantics.md",
                               "docs/formats/alert-v1.schema.json",
                               "docs/formats/asyncapi.yaml",
                               "docs/formats/checkpoint.md",
                               "docs/formats/journal.md",
                               "docs/reference/cli.md",
                               "docs/reference/configuration.md",
                               "docs/reference/metrics.md"};

/// The lines of a document that are prose: code blocks are blank, and so is code within a line.
std::vector<std::string> prose_of(const File& file) {
  static const std::regex code(R"(`[^`]*`)");
  std::vector<std::string> prose;
  bool in_block = false;
  for (const std::string& line : file.lines) {
    const bool fence =
        line.find_first_not_of(' ') != std::string::npos && line.substr(line.find_first_not_of(' ')).starts_with("```");
    prose.push_back(in_block || fence ? std::string() : std::regex_replace(line, code, "`"));
    if (fence) in_block = !in_block;
  }
  return prose;
}

/// The name under which a heading can be linked to: lower case, blanks as hyphens, punctuation dropped.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 0x80)
      anchor += static_cast<char>(std::tolower(byte));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

std::set<std::string> anchors_of(const File& file) {
  static const std::regex heading(R"(^#{1,6} +(.*?) *$)");
  std::set<std::string> anchors;
  bool in_block = false;
  for (const std::string& line : file.lines) {
    if (line.starts_with("```")) in_block = !in_block;
    std::smatch match;
    if (!in_block && std::regex_match(line, match, heading)) anchors.insert(anchor_of(match[1]));
  }
  return anchors;
}

/// What is wrong with a link that stands in `from`; empty: nothing.
std::string fault_of_link(const Tree& tree, const File& from, const std::string& link) {
  namespace fs = std::filesystem;
  static const std::regex elsewhere(R"(^[a-z][a-z0-9+.-]*:)");
  if (std::regex_search(link, elsewhere)) return {};
  const std::size_t hash = link.find('#');
  const std::string path = link.substr(0, hash);
  const std::string target =
      path.empty() ? from.path : (fs::path(from.path).parent_path() / path).lexically_normal().generic_string();
  if (!tree.has(target)) return "leads to " + target + ", which is not there";
  if (hash == std::string::npos) return {};
  const File* document = tree.find(target);
  if (document == nullptr || !document->is(".md")) return {};
  const std::string anchor = link.substr(hash + 1);
  return anchors_of(*document).contains(anchor) ? "" : target + " has no heading for #" + anchor;
}

void check_prose(const Tree& tree, const File& file, Violations& violations) {
  static const std::regex link(R"(\]\(<?([^)\s>]+)[^)]*\)|^\[[^\]]+\]:\s+(\S+))");
  const std::vector<std::string> prose = prose_of(file);
  for (std::size_t i = 0; i < prose.size(); ++i) {
    for (std::sregex_iterator match(prose[i].begin(), prose[i].end(), link), end; match != end; ++match) {
      const std::string target = (*match)[1].matched ? (*match)[1] : (*match)[2];
      const std::string fault = fault_of_link(tree, file, target);
      if (!fault.empty()) violations.push_back({file.path, i + 1, "the link to " + target + " " + fault});
    }
  }
}

void check_mentions(const Tree& tree, const File& file, Violations& violations) {
  static const std::regex mention(R"(\bdocs/[A-Za-z0-9_./-]+\.(md|json|yaml))");
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    for (std::sregex_iterator match(file.lines[i].begin(), file.lines[i].end(), mention), end; match != end; ++match) {
      if (!tree.has(match->str())) violations.push_back({file.path, i + 1, match->str() + " is not there"});
    }
  }
}

}  // namespace

Violations check_links(const Tree& tree) {
  Violations violations;
  for (const File& file : tree.files()) {
    if (file.is(".md")) check_prose(tree, file, violations);
    if (file.is_cpp() && file.folder() != "tests") check_mentions(tree, file, violations);
  }
  return violations;
}

Violations check_documents(const Tree& tree) {
  Violations violations;
  for (const char* path : documents) {
    if (!tree.has(path)) violations.push_back({path, 0, "is not there, and others rely on it"});
  }
  return violations;
}

}  // namespace holdfast::structure
