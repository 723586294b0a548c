#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::support {

struct XmlFindings {
  std::string fault;                    ///< Why the text is not well-formed XML; empty: it is.
  std::set<std::string> elements;       ///< Names that occur.
  std::vector<std::string> attributes;  ///< name="value", as they stand.
  std::vector<std::string> ids;         ///< Values of `id`.
};

/// Reads a document without namespaces, comments, CDATA and processing instructions, and with no entities but the five
/// of XML and numbers: what pages of our own are made of.
[[nodiscard]] XmlFindings check_xml(std::string_view text);

}  // namespace holdfast::support
