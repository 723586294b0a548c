#include "app/model_card.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "app/units.hpp"

namespace holdfast::app {
namespace {

std::string day_of(Timestamp t) { return to_rfc3339(t).substr(0, 10); }

std::string_view title_of(learn::PurchaseFamily family) {
  switch (family) {
    case learn::PurchaseFamily::cnbd: return "CNBD";
    case learn::PurchaseFamily::bg_nbd: return "BG/NBD";
    case learn::PurchaseFamily::mbg_nbd: return "MBG/NBD";
    case learn::PurchaseFamily::mbg_cnbd: return "MBG/CNBD";
    case learn::PurchaseFamily::pareto_nbd: return "Pareto/NBD";
  }
  return "";
}

class Card {
 public:
  template <class... Parts>
  void line(fmt::format_string<Parts...> format, Parts&&... parts) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Parts>(parts)...);
    text_ += '\n';
  }
  void gap() { text_ += '\n'; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_history(Card& card, const learn::Training& training, const CardFacts& facts) {
  const auto& events = facts.span.events;
  card.line("## Trained on\n");
  card.line("{} events from {} to {}: {} purchases ({} with an amount), {} complaints and returns, {} visits.",
            facts.span.total(), day_of(facts.span.first), day_of(facts.span.last), events[0], facts.span.with_amount,
            events[1], events[2]);
  if (facts.span.rejected > 0) card.line("{} records were no events.", facts.span.rejected);
  card.line("\n{} examples: customers as they stood at a cut-off, and whether they bought within {} from then.\n",
            facts.examples, to_text(training.model.horizon));
  card.line("| cut-off | customers | stayed away |\n|---|---|---|");
  for (const auto& outcome : training.outcomes) {
    if (outcome.customers == 0) continue;
    card.line("| {} | {} | {:.1f} % |", day_of(outcome.at), outcome.customers,
              100 * static_cast<double>(outcome.left) / static_cast<double>(outcome.customers));
  }
  card.gap();
}

void write_purchases(Card& card, const learn::Training& training) {
  card.line("## Rhythm of purchases\n");
  card.line("Customers as they stood at {}; times in units of {}.\n", day_of(training.outcomes.back().at),
            to_text(training.model.time_unit));
  card.line("| model | parameters | log-likelihood | drop-out gains |\n|---|---|---|---|");
  const auto row = [&](const learn::PurchaseFit& fit, std::string_view note) {
    std::string parameters;
    const auto names = learn::parameter_names(fit.model.family);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string error =
          fit.standard_errors.empty() ? "" : fmt::format(" (±{:.0f} %)", 100 * fit.standard_errors[i]);
      parameters += fmt::format("{}{} {:.5g}{}", i == 0 ? "" : ", ", names[i], fit.model.parameters[i], error);
    }
    card.line("| {}{} | {} | {:.2f} | {:.2f} |", title_of(fit.model.family), note, parameters, fit.log_likelihood,
              fit.drop_out_gain);
  };
  row(training.mbg, training.mbg.with_prior ? ", with a prior (in the model)" : " (in the model)");
  for (const auto& fit : training.others) row(fit, "");
  card.gap();
  const auto& currency = training.model.currency;
  if (training.spend)
    card.line("Spend{} (Gamma-Gamma, {} customers): p {:.5g}, q {:.5g}, v {:.5g}; log-likelihood {:.2f}.\n",
              currency && !currency->empty() ? fmt::format(" in {}", currency->text()) : "", training.spend->customers,
              training.spend->parameters.p, training.spend->parameters.q, training.spend->parameters.v,
              training.spend->log_likelihood);
}

void write_term(Card& card, const engine::Logistic::Term& term) {
  if (!term.has_range()) {
    card.line("| {} | {:+.4g} | all | |", name(term.feature), term.weight);
  } else if (std::isinf(term.most)) {
    card.line("| {} | {:+.4g} | from {:.3g} on | |", name(term.feature), term.weight, term.least);
  } else {
    card.line("| {} | {:+.4g} | {:.3g} .. {:.3g} | {:.2f} |", name(term.feature), term.weight, term.least, term.most,
              std::abs(term.weight) * (term.most - term.least));
  }
}

void write_score(Card& card, const learn::Training& training) {
  const learn::ScoreFit& score = training.score;
  card.line("## What is weighed on top\n");
  card.line(
      "Logistic regression over the rhythm's logit and the engine's features, {} rows, ridge {:g} a row. Each "
      "cut-off counts alike. A feature counts within its range alone. A weight times the width of its range is the "
      "most that the feature can move the log-odds.\n",
      score.rows, score.ridge);
  card.line("| feature | weight | range | moves at most |\n|---|---|---|---|");
  for (const auto& term : score.logistic.terms) write_term(card, term);
  card.line("\nIntercept {:+.4g}.\n", score.logistic.intercept);
  card.line("Tried on {} {} that the fit had not seen, mean log loss (nats; less is better):\n", score.validations,
            score.out_of_time ? "later cut-offs" : "groups of other customers");
  card.line("| model | log loss |\n|---|---|");
  card.line("| rhythm of purchases alone | {:.4f} |", score.base.log_loss);
  for (const auto& trial : score.trials)
    card.line("| with features, ridge {:g}{} | {:.4f} |", trial.ridge, trial.ridge == score.ridge ? " (taken)" : "",
              trial.log_loss);
  card.gap();
}

}  // namespace

std::string model_card(const learn::Training& training, const CardFacts& facts) {
  Card card;
  card.line("# Model card: {}\n", training.model.name);
  card.line(
      "`{}`, id `{}`. Says how likely a customer is not to buy within {}; without a contract, that is what leaving "
      "means.\n",
      facts.model_file, facts.model_id, to_text(training.model.horizon));
  write_history(card, training, facts);
  write_purchases(card, training);
  write_score(card, training);
  card.line("## What speaks against it\n");
  if (training.warnings.empty()) card.line("Nothing that the training noticed.");
  for (const std::string& warning : training.warnings) card.line("- {}", warning);
  card.line("\nHow good it is on a time that it has not seen is for `holdfast evaluate` to say.\n");
  card.line("## To make it again\n\n```\n{}\n```", facts.command);
  return card.take();
}

}  // namespace holdfast::app
