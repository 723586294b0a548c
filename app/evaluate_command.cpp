#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/evaluation_report.hpp"
#include "app/evaluation_run.hpp"
#include "app/examples_csv.hpp"
#include "app/history.hpp"
#include "app/history_progress.hpp"
#include "app/named_files.hpp"
#include "app/report.hpp"
#include "app/text_file.hpp"
#include "engine/model.hpp"

namespace holdfast::app {
namespace {

Status check_files(const EvaluateOptions& options) {
  std::vector<NamedFile> files = files_to_read(options.sources);
  if (!options.html.empty()) files.push_back({NamedFile::Use::written, "--html " + options.html, options.html});
  if (!options.examples.empty())
    files.push_back({NamedFile::Use::written, "--examples " + options.examples, options.examples});
  return check_distinct(files);
}

Expected<learn::Cutoffs> cutoffs_of(const EvaluateOptions& options, const HistorySpan& span, Timestamp until,
                                    Duration horizon) {
  auto cutoffs = bounded_cutoffs(options.from.value_or(until - horizon), until, horizon, options.every);
  if (!cutoffs) return cutoffs;
  if (cutoffs->at.empty() || cutoffs->at.front() <= span.first)
    return fail(
        ErrorKind::invalid_argument,
        fmt::format("the history goes from {} to {}, and nothing can be judged in it: what was said at a cut-off "
                    "is known to be right {:.0f} days later; take a longer history, move --from, or take a "
                    "model with a shorter horizon",
                    to_rfc3339(span.first), to_rfc3339(until), horizon.days()));
  return cutoffs;
}

}  // namespace

int evaluate_command(const EvaluateOptions& options) {
  auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  const auto language = language_named(options.language);
  if (!language) return report({ErrorKind::invalid_argument, fmt::format("--language {}: en or zh", options.language)});
  if (const Status distinct = check_files(options); !distinct) return report(distinct.error());
  const auto history = History::open(*config, options.sources);
  if (!history) return report(history.error());

  HistoryProgressLine line(options.json);
  const HistoryProgress progress = line.watcher();
  PurchaseTimes purchases;
  const auto span = history->span(progress, [&](const Event& event) { purchases.add(event); });
  if (!span) return line.give_up(span.error());
  // What the history lacks is absent here as it is where no source has it.
  for (const Feature feature : engine::keep_present(config->model, evidence_in(*span)))
    config->warnings.push_back(
        fmt::format("{}: the history has nothing that {} is made of: it is absent, and adds "
                    "nothing to risks",
                    config->model_path, name(feature)));
  for (const std::string& warning : warnings_of(*span)) config->warnings.push_back(warning);
  line.clear();
  for (const std::string& warning : config->warnings) fmt::print(stderr, "warning: {}\n", warning);
  const auto until = known_until(*span, options.until, config->policy.horizon);
  if (!until) return line.give_up(until.error());
  const auto cutoffs = cutoffs_of(options, *span, *until, config->policy.horizon);
  if (!cutoffs) return line.give_up(cutoffs.error());
  purchases.settle(*until, span->erasures);
  const auto run =
      run_evaluation(*config, *history, *span, purchases, *cutoffs, *until, options.examples_max, progress);
  if (!run) return line.give_up(run.error());
  line.clear();
  if (!run->warning.empty()) fmt::print(stderr, "warning: {}\n", run->warning);
  if (!options.examples.empty()) {
    const ExamplesCsv with{.cutoffs = *cutoffs,
                           .actions = span->actions,
                           .with_arms = config->policy.control.share > 0,
                           .with_risk = true};
    if (const Status written = write_examples(options.examples, run->examples, with); !written)
      return line.give_up(written.error());
  }

  learn::EvaluationSettings settings;
  settings.bootstrap.seed = options.seed;
  settings.bootstrap.replicates = options.replicates;
  const learn::Evaluation evaluation =
      learn::evaluate(run->input, settings, [&line](std::string_view doing) { line.show(doing); });
  line.clear();
  if (!options.html.empty()) {
    if (const Status written = write_text_file(options.html, evaluation_page(evaluation, run->facts, *language));
        !written)
      return report(written.error());
  }
  if (options.json) {
    fmt::print("{}\n", evaluation_json(evaluation, run->facts).dump());
  } else {
    fmt::print("{}", evaluation_text(evaluation, run->facts));
  }
  return 0;
}

}  // namespace holdfast::app
