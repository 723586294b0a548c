#pragma once

#include <string>
#include <utility>
#include <vector>

namespace holdfast::app {

/// A table of a page. The first cell of each row names the row.
class HtmlTable {
 public:
  struct Look {
    std::string caption{};
    bool stacks = false;  ///< On narrow screens each row becomes a list of headings and cells.
    bool words = false;   ///< Cells are text and not figures.
  };

  /// Headings are texts; they are escaped here.
  explicit HtmlTable(std::vector<std::string> headings) : headings_(std::move(headings)) {}

  /// Cells are HTML: whoever makes them escapes. REQUIRES: as many as headings.
  void add(const std::vector<std::string>& cells);

  [[nodiscard]] std::string html(const Look& look) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace holdfast::app
