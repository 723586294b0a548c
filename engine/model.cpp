#include "engine/model.hpp"

namespace holdfast::engine {

std::vector<Feature> keep_present(Model& model, EvidenceSet present) {
  for (std::size_t i = 0; i < features; ++i) model.absent.set(i, !has(present, evidence_of(static_cast<Feature>(i))));
  std::vector<Feature> missed;
  if (!model.logistic) return missed;
  std::erase_if(model.logistic->terms, [&](const Logistic::Term& term) {
    const bool absent = model.absent.test(static_cast<std::size_t>(term.feature));
    if (absent && term.weight != 0) missed.push_back(term.feature);
    return absent;
  });
  return missed;
}

}  // namespace holdfast::engine
