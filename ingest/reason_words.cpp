#include "ingest/reason_words.hpp"

namespace holdfast::ingest {

const ReasonWords& words_of(Language language) {
  switch (language) {
    case Language::en: return english;
    case Language::zh: return chinese;
  }
  return english;
}

}  // namespace holdfast::ingest
