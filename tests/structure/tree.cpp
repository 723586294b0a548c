#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "tests/structure/cpp_text.hpp"
#include "tests/structure/rules.hpp"

namespace holdfast::structure {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool is_text_of_ours(const std::filesystem::path& path) {
  static const std::set<std::string> extensions{".hpp", ".cpp", ".md",   ".txt",  ".cmake", ".sh",  ".py",
                                                ".js",  ".css", ".html", ".yaml", ".yml",   ".json"};
  // Scripts have no extension; a large data file has nothing to say to the rules.
  return (path.extension().empty() || extensions.contains(path.extension())) &&
         std::filesystem::file_size(path) < 1'000'000;
}

}  // namespace

Tree::Tree(std::filesystem::path root) : root_(std::move(root)) {
  namespace fs = std::filesystem;
  for (fs::recursive_directory_iterator entry(root_), end; entry != end; ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name.starts_with(".") || name == "build")) entry.disable_recursion_pending();
    if (!entry->is_regular_file() || name.starts_with(".") || !is_text_of_ours(entry->path())) continue;

    std::ifstream in(entry->path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    File file;
    file.path = fs::relative(entry->path(), root_).generic_string();
    file.lines = split(text);
    if (file.is_cpp()) {
      file.uncommented = split(without_comments(text, Literals::keep));
      file.code = split(without_comments(text, Literals::blank));
    }
    files_.push_back(std::move(file));
  }
  std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.path < b.path; });
}

const File* Tree::find(const std::string& path) const {
  const auto found = std::find_if(files_.begin(), files_.end(), [&](const File& file) { return file.path == path; });
  return found == files_.end() ? nullptr : &*found;
}

std::string to_text(const Violations& violations) {
  std::string out;
  for (const Violation& violation : violations) {
    out += "\n  " + violation.file;
    if (violation.line > 0) out += ":" + std::to_string(violation.line);
    out += ": " + violation.what;
  }
  return out;
}

}  // namespace holdfast::structure
