#include "tests/structure/cpp_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace holdfast::structure {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Reads one C++ source from front to back.
class Stripper {
 public:
  Stripper(std::string_view source, Literals literals) : source_(source), literals_(literals) {}

  std::string run() {
    while (at_ < source_.size()) {
      if (starts("//")) {
        blank_until(source_.find('\n', at_));
      } else if (starts("/*")) {
        blank_until(after(source_.find("*/", at_ + 2), 2));
      } else if (starts("R\"") && !follows_word()) {
        raw_string();
      } else if (source_[at_] == '"') {
        literal('"');
      } else if (source_[at_] == '\'' && !follows_word()) {  // After a word it separates digits.
        literal('\'');
      } else {
        out_ += source_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool starts(std::string_view text) const { return source_.substr(at_).starts_with(text); }
  [[nodiscard]] bool follows_word() const { return at_ > 0 && is_word(source_[at_ - 1]); }
  [[nodiscard]] static std::size_t after(std::size_t found, std::size_t length) {
    return found == std::string_view::npos ? found : found + length;
  }

  void copy(std::size_t length) {
    out_ += source_.substr(at_, length);
    at_ = std::min(at_ + length, source_.size());
  }
  void blank_until(std::size_t end) {
    for (end = std::min(end, source_.size()); at_ < end; ++at_) out_ += source_[at_] == '\n' ? '\n' : ' ';
  }
  void content_until(std::size_t end) {
    end = std::min(end, source_.size());
    if (literals_ == Literals::blank) {
      blank_until(end);
    } else {
      copy(end - at_);
    }
  }

  void literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote && source_[end] != '\n') end += source_[end] == '\\' ? 2 : 1;
    copy(1);
    content_until(end);
    copy(1);
  }

  void raw_string() {
    const std::size_t open = source_.find('(', at_);
    if (open == std::string_view::npos) {
      copy(2);
      return;
    }
    std::string close = ")";
    close += source_.substr(at_ + 2, open - at_ - 2);
    close += '"';
    copy(open + 1 - at_);
    content_until(source_.find(close, at_));
    copy(close.size());
  }

  std::string_view source_;
  Literals literals_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string without_comments(std::string_view source, Literals literals) { return Stripper(source, literals).run(); }

}  // namespace holdfast::structure
