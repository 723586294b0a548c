#include "ingest/json_layout.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace holdfast::ingest {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::vector<std::string> pointer_path(std::string_view pointer) {
  std::vector<std::string> path;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      path.emplace_back();
    } else if (pointer[i] == '~' && i + 1 < pointer.size()) {
      path.back() += pointer[++i] == '1' ? '/' : '~';
    } else {
      path.back() += pointer[i];
    }
  }
  return path;
}

bool JsonLayout::add(std::span<const std::string> path, std::size_t value) {
  Member* at = &root_;
  for (std::size_t i = 0; i < path.size(); ++i) {
    auto& members = at->members;
    const auto found = std::ranges::find(members, path[i], &Member::name);
    const bool last = i + 1 == path.size();
    if (found == members.end()) {
      at = &members.emplace_back(Member{path[i], {}, {}});
      if (last) at->value = value;
    } else if (last || found->value) {
      return false;
    } else {
      at = &*found;
    }
  }
  return true;
}

void JsonLayout::write(std::span<const std::string> values, std::string& out) const {
  if (!write(root_, values, out)) out += "{}";
}

// False: there was nothing to write, and nothing was written.
bool JsonLayout::write(const Member& object, std::span<const std::string> values, std::string& out) {
  const std::size_t begin = out.size();
  for (const Member& member : object.members) {
    if (member.value && values[*member.value].empty()) continue;
    const std::size_t before = out.size();
    out += before == begin ? '{' : ',';
    append_json_string(out, member.name);
    out += ':';
    if (member.value) {
      out += values[*member.value];
    } else if (!write(member, values, out)) {
      out.resize(before);
    }
  }
  if (out.size() == begin) return false;
  out += '}';
  return true;
}

}  // namespace holdfast::ingest
