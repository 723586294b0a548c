#include "tests/support/xml_check.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace holdfast::support {
namespace {

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == ':' || c == '.';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  XmlFindings run() {
    if (starts("<!DOCTYPE html>")) at_ += std::string_view("<!DOCTYPE html>").size();
    while (at_ < text_.size() && findings_.fault.empty()) {
      if (starts("</")) {
        end_tag();
      } else if (text_[at_] == '<') {
        start_tag();
      } else {
        character(open_.empty());
      }
    }
    if (findings_.fault.empty() && !open_.empty()) fail("<" + open_.back() + "> is not closed");
    if (findings_.fault.empty() && roots_ != 1) fail("there is not one root");
    return findings_;
  }

 private:
  [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void fail(const std::string& what) {
    if (findings_.fault.empty()) findings_.fault = what + " at byte " + std::to_string(at_);
  }
  [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void blanks() {
    while (std::isspace(static_cast<unsigned char>(next())) != 0) ++at_;
  }
  std::string name() {
    const std::size_t from = at_;
    while (is_name_char(next())) ++at_;
    if (from == at_) fail("a name is missing");
    return std::string(text_.substr(from, at_ - from));
  }

  void character(bool outside) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (outside && std::isspace(c) == 0) fail("text outside of the root");
    if (c < 0x20 && c != '\n' && c != '\t' && c != '\r') fail("a control character");
    if (c == '&') {
      const std::size_t end = text_.find(';', at_);
      const std::string_view entity = end == std::string_view::npos ? "" : text_.substr(at_ + 1, end - at_ - 1);
      const bool number = entity.size() > 1 && entity[0] == '#' &&
                          std::ranges::all_of(entity.substr(1), [](unsigned char d) { return std::isdigit(d) != 0; });
      if (!number && entity != "amp" && entity != "lt" && entity != "gt" && entity != "quot" && entity != "apos")
        fail("an '&' that begins no entity");
    }
    ++at_;
  }

  void start_tag() {
    ++at_;
    const std::string element = name();
    findings_.elements.insert(element);
    if (open_.empty()) ++roots_;
    std::set<std::string> seen;
    while (findings_.fault.empty()) {
      blanks();
      if (starts("/>")) {
        at_ += 2;
        return;
      }
      if (next() == '>') {
        ++at_;
        open_.push_back(element);
        return;
      }
      attribute(seen);
    }
  }

  void attribute(std::set<std::string>& seen) {
    const std::string key = name();
    if (!seen.insert(key).second) fail("attribute " + key + " twice");
    if (!starts("=\"")) fail("attribute " + key + " without a quoted value");
    at_ += 2;
    const std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] != '"' && findings_.fault.empty()) {
      if (text_[at_] == '<') fail("a '<' within an attribute");
      character(false);
    }
    const std::string value(text_.substr(from, at_ - from));
    ++at_;
    findings_.attributes.push_back(key + "=\"" + value + "\"");
    if (key == "id") findings_.ids.push_back(value);
  }

  void end_tag() {
    at_ += 2;
    const std::string element = name();
    blanks();
    if (next() != '>') fail("an end tag that does not end");
    ++at_;
    if (open_.empty() || open_.back() != element) {
      fail("</" + element + "> closes " + (open_.empty() ? "nothing" : "<" + open_.back() + ">"));
      return;
    }
    open_.pop_back();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  int roots_ = 0;
  XmlFindings findings_;
};

}  // namespace

XmlFindings check_xml(std::string_view text) { return Reader(text).run(); }

}  // namespace holdfast::support
