#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

#include "domain/alert.hpp"

namespace holdfast::ingest {

/// Of the sentences in alerts; in the order in which `alerts.language` allows them.
enum class Language : std::uint8_t { en, zh };
inline constexpr std::size_t languages = 2;

/// A piece of a sentence, with {} where a number goes, or without one.
class Phrase {
 public:
  constexpr Phrase() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): tables of phrases are to be read as texts.
  consteval Phrase(const char* text) : before_(text) {
    if (const std::size_t place = before_.find("{}"); place != std::string_view::npos) {
      after_ = before_.substr(place + 2);
      before_ = before_.substr(0, place);
      numbered_ = true;
    }
    for (const std::string_view part : {before_, after_}) {
      for (const char c : part) {
        if (c == '{' || c == '}') throw std::logic_error("a phrase has one place for a number at most");
        if (c == '"' || c == '\\' || (c >= 0 && c < ' ')) throw std::logic_error("must be escaped in JSON");
      }
    }
  }

  [[nodiscard]] constexpr std::string_view before() const { return before_; }
  [[nodiscard]] constexpr std::string_view after() const { return after_; }
  [[nodiscard]] constexpr bool is_numbered() const { return numbered_; }
  [[nodiscard]] constexpr bool empty() const { return before_.empty() && !numbered_; }

 private:
  std::string_view before_;
  std::string_view after_;
  bool numbered_ = false;
};

/// How much of something there is.
struct Quantity {
  Phrase many;
  Phrase one;  ///< Where the number reads 1. Empty, as `few` may be: `many` serves.
  Phrase few;  ///< Where there is next to nothing, so that a number would mislead.
};

/// How a reason is said: the value, the customer's own usual one and what is usual among customers alike (as far as
/// they are known), then what more of it means for the risk, then the language's full stop. Each piece brings what
/// separates it from the one before. Where the contribution is that of the difference to customers alike, what it means
/// for this one is said instead, in the language's own words.
struct Sentence {
  Feature feature{};
  Quantity value;
  Quantity usual;
  Quantity alike;
  Phrase raises;  ///< Empty, as `lowers` may be: goes without saying.
  Phrase lowers;
};

struct CurrencyName {
  std::string_view code;
  std::string_view name;
};

/// All that a language has to say. A further one is a table like these, a value of Language, and its code among those
/// that `alerts.language` allows.
struct ReasonWords {
  std::string_view code;  ///< As in the configuration.
  std::string_view stop;
  Phrase this_raises;  ///< What sets this customer apart from customers alike.
  Phrase this_lowers;
  std::span<const CurrencyName> currencies;  ///< Behind an amount; of others the code, behind a blank.
  std::array<Sentence, features> sentences;  ///< In the order of Feature.
};

extern const ReasonWords english;
extern const ReasonWords chinese;

[[nodiscard]] const ReasonWords& words_of(Language language);

/// For tables to assert: each feature has its sentence in its place.
constexpr bool is_complete(const std::array<Sentence, features>& sentences) {
  for (std::size_t i = 0; i < features; ++i) {
    const Sentence& sentence = sentences[i];
    if (sentence.feature != static_cast<Feature>(i)) return false;
    if (sentence.value.many.empty() && (sentence.raises.empty() || sentence.lowers.empty())) return false;
  }
  return true;
}

}  // namespace holdfast::ingest
