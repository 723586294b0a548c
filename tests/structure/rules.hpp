#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// The rules that hold the tree together (docs/architecture.md, "Folders"), each a function of the files alone.
namespace holdfast::structure {

struct Violation {
  std::string file;      ///< Relative to the root of the tree.
  std::size_t line = 0;  ///< From 1; 0: the file as a whole.
  std::string what;      ///< What is wrong, and the rule that says so.
};
using Violations = std::vector<Violation>;

struct File {
  std::string path;                      ///< Relative to the root, with '/'.
  std::vector<std::string> lines;        ///< As they are.
  std::vector<std::string> uncommented;  ///< C++ only: comments are blanks.
  std::vector<std::string> code;         ///< C++ only: what string literals hold is blanks as well.

  [[nodiscard]] std::string folder() const { return path.substr(0, path.find('/')); }
  [[nodiscard]] bool is(const std::string& extension) const { return path.ends_with(extension); }
  [[nodiscard]] bool is_cpp() const { return is(".hpp") || is(".cpp"); }
};

/// All that belongs to the product, in order of path; what was built and hidden folders left out.
class Tree {
 public:
  explicit Tree(std::filesystem::path root);
  [[nodiscard]] const std::vector<File>& files() const { return files_; }
  [[nodiscard]] bool has(const std::string& path) const { return std::filesystem::exists(root_ / path); }
  [[nodiscard]] const File* find(const std::string& path) const;

 private:
  std::filesystem::path root_;
  std::vector<File> files_;
};

/// A folder includes only the folders that it may know, from the root, and never a source.
[[nodiscard]] Violations check_layers(const Tree& tree);
/// Each library's headers stand behind one layer; one without a rule is refused.
[[nodiscard]] Violations check_vendors(const Tree& tree);
/// domain/ and engine/ know neither the system nor its clocks, nor chance; the engine has no lock and no thread.
[[nodiscard]] Violations check_purity(const Tree& tree);
/// Every header can be included twice.
[[nodiscard]] Violations check_headers(const Tree& tree);
/// A source is a chapter, not a book.
[[nodiscard]] Violations check_length(const Tree& tree);
/// Nothing is left for later.
[[nodiscard]] Violations check_leftovers(const Tree& tree);
/// Relative links in documents lead somewhere, headings included; documents that sources name exist.
[[nodiscard]] Violations check_links(const Tree& tree);
/// What users can type or see by name (flags, configuration keys, metrics, codes) is described, and nothing else is.
[[nodiscard]] Violations check_references(const Tree& tree);
/// The documents that others rely on are there.
[[nodiscard]] Violations check_documents(const Tree& tree);

/// "path:line: what", a line each.
[[nodiscard]] std::string to_text(const Violations& violations);

}  // namespace holdfast::structure
