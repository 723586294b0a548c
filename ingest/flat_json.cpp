#include "ingest/flat_json.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <simdjson.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace holdfast::ingest {
namespace {

// A double holds every integer of 15 digits, and every power of ten up to 10^22: one division of the two rounds once,
// as the nearest double to the decimal number does.
constexpr int digits_max = 15;
constexpr std::array<double, digits_max + 1> powers_of_ten{1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                           1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::size_t block_bytes = 64;

/// Of a block, a bit for each byte.
struct Marks {
  std::uint64_t quotes = 0;
  std::uint64_t unusual = 0;  ///< Backslashes and control characters.
  std::uint64_t non_ascii = 0;

  [[nodiscard]] Marks from(std::size_t byte) const { return {quotes >> byte, unusual >> byte, non_ascii >> byte}; }
};

#ifdef __AVX2__
Marks marks_of(const char* block) {
  const auto bits = [](__m256i where) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(where)));
  };
  Marks marks;
  for (int half = 0; half < 2; ++half) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32 * half));
    const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
    const __m256i backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    marks.quotes |= bits(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'))) << (32 * half);
    marks.unusual |= bits(_mm256_or_si256(control, backslash)) << (32 * half);
    marks.non_ascii |= bits(bytes) << (32 * half);
  }
  return marks;
}
#else
Marks marks_of(const char* block) {
  Marks marks;
  for (std::size_t i = 0; i < block_bytes; ++i) {
    const auto byte = static_cast<unsigned char>(block[i]);
    const std::uint64_t bit = std::uint64_t{1} << i;
    marks.quotes |= byte == '"' ? bit : 0;
    marks.unusual |= byte < 0x20 || byte == '\\' ? bit : 0;
    marks.non_ascii |= byte >= 0x80 ? bit : 0;
  }
  return marks;
}
#endif

/// Steps through an object's text, from quote to quote with leaps. Its closing brace stops every other step.
class Scanner {
 public:
  /// REQUIRES: the text ends in a brace.
  explicit Scanner(std::string_view text)
      : at_(text.data()), begin_(text.data()), block_(text.data()), end_(text.data() + text.size()) {
    look();
  }

  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] bool is_usual() const { return unusual_ == 0; }
  [[nodiscard]] bool is_ascii() const { return non_ascii_ == 0; }

  void skip_spaces() {
    while (*at_ == ' ') ++at_;
  }
  bool take(char c) {
    if (*at_ != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (std::strncmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }

  /// REQUIRES: all quotes before this place were taken.
  bool take_text(std::string_view& text) {
    if (*at_ != '"') return false;
    next_quote();
    const char* const closing = next_quote();
    if (closing == nullptr) return false;
    text = {at_ + 1, closing};
    at_ = closing + 1;
    return true;
  }

  bool take_number(double& number, bool& is_integer) {
    const bool negative = take('-');
    const bool zero = *at_ == '0';
    std::uint64_t digits = 0;
    const char* const begin = at_;
    for (; is_digit(*at_) && at_ - begin <= digits_max; ++at_)
      digits = digits * 10 + static_cast<std::uint64_t>(*at_ - '0');
    std::ptrdiff_t count = at_ - begin;
    if (count == 0 || count > digits_max || (zero && count > 1)) return false;
    is_integer = *at_ != '.';
    std::ptrdiff_t decimals = 0;
    if (!is_integer) {
      const char* const point = at_++;
      for (; is_digit(*at_) && at_ - point <= digits_max + 1 - count; ++at_)
        digits = digits * 10 + static_cast<std::uint64_t>(*at_ - '0');
      decimals = at_ - point - 1;
      if (decimals == 0) return false;
      count += decimals;
    }
    if (count > digits_max) return false;
    number = static_cast<double>(digits) / powers_of_ten[static_cast<std::size_t>(decimals)];
    if (negative) number = -number;
    return true;
  }

 private:
  void look() {
    const Marks marks = marks_here();
    quotes_ = marks.quotes;
    unusual_ |= marks.unusual;
    non_ascii_ |= marks.non_ascii;
  }

  [[nodiscard]] Marks marks_here() const {
    const auto left = static_cast<std::size_t>(end_ - block_);
    if (left >= block_bytes) return marks_of(block_);
    // No byte outside of the text is touched.
    if (static_cast<std::size_t>(end_ - begin_) >= block_bytes)
      return marks_of(end_ - block_bytes).from(block_bytes - left);
    std::array<char, block_bytes> padded;
    padded.fill(' ');
    std::memcpy(padded.data(), block_, left);
    return marks_of(padded.data());
  }

  /// Null: there is none.
  const char* next_quote() {
    while (quotes_ == 0) {
      if (static_cast<std::size_t>(end_ - block_) <= block_bytes) return nullptr;
      block_ += block_bytes;
      look();
    }
    const char* const quote = block_ + std::countr_zero(quotes_);
    quotes_ &= quotes_ - 1;
    return quote;
  }

  const char* at_;
  const char* const begin_;
  const char* block_;  ///< That `quotes_` is of; what comes before it has been looked at.
  const char* const end_;
  std::uint64_t quotes_ = 0;  ///< Not yet taken.
  std::uint64_t unusual_ = 0;
  std::uint64_t non_ascii_ = 0;
};

bool take_value(Scanner& scanner, FlatJson::Member& member) {
  switch (*scanner.at()) {
    case '"': member.kind = FlatJson::Kind::text; return scanner.take_text(member.text);
    case 't': member.kind = FlatJson::Kind::boolean; return scanner.take_word("true");
    case 'f': member.kind = FlatJson::Kind::boolean; return scanner.take_word("false");
    case 'n': member.kind = FlatJson::Kind::null; return scanner.take_word("null");
    default: member.kind = FlatJson::Kind::number; return scanner.take_number(member.number, member.is_integer);
  }
}

}  // namespace

bool FlatJson::read(std::string_view json) {
  size_ = 0;
  if (!json.ends_with('}')) return false;
  Scanner scanner(json);
  if (!scanner.take('{')) return false;
  do {
    if (size_ == members_max) return false;
    Member& member = members_[size_++];
    scanner.skip_spaces();
    if (!scanner.take_text(member.name)) return false;
    scanner.skip_spaces();
    if (!scanner.take(':')) return false;
    scanner.skip_spaces();
    if (!take_value(scanner, member)) return false;
    scanner.skip_spaces();
  } while (scanner.take(','));
  // That no text holds anything unusual is known only now that all of it was looked at.
  if (scanner.at() != json.data() + json.size() - 1 || !scanner.is_usual()) return false;
  return scanner.is_ascii() || simdjson::validate_utf8(json);
}

}  // namespace holdfast::ingest
