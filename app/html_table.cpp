#include "app/html_table.hpp"

#include <cassert>
#include <cstddef>

#include "app/markup.hpp"

namespace holdfast::app {

void HtmlTable::add(const std::vector<std::string>& cells) {
  assert(cells.size() == headings_.size());
  rows_.push_back(cells);
}

std::string HtmlTable::html(const Look& look) const {
  std::string out = "<div class=\"table\"><table" + std::string(look.stacks ? " class=\"stack\"" : "") + ">\n";
  if (!look.caption.empty()) out += "<caption>" + escaped(look.caption) + "</caption>\n";
  out += "<thead><tr>";
  for (const std::string& heading : headings_) out += "<th scope=\"col\">" + escaped(heading) + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  const std::string cell_class = look.words ? " class=\"words\"" : "";
  for (const auto& row : rows_) {
    out += "<tr><th scope=\"row\">" + row[0] + "</th>";
    for (std::size_t i = 1; i < row.size(); ++i) {
      const std::string label = look.stacks ? " data-label=\"" + escaped(headings_[i]) + "\"" : "";
      // One element in each cell, so that narrow screens set it against its label.
      out += "<td" + cell_class + label + "><div>" + row[i] + "</div></td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

}  // namespace holdfast::app
