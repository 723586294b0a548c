#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/examples_csv.hpp"
#include "app/history.hpp"
#include "app/history_progress.hpp"
#include "app/model_card.hpp"
#include "app/model_file.hpp"
#include "app/model_writer.hpp"
#include "app/named_files.hpp"
#include "app/report.hpp"
#include "app/text_file.hpp"
#include "app/units.hpp"
#include "engine/evidence.hpp"
#include "learn/score_fit.hpp"
#include "learn/spend_currency.hpp"
#include "learn/training.hpp"
#include "learn/usual_values.hpp"

namespace holdfast::app {
namespace {

constexpr Duration usual_horizon{91LL * 86'400'000};

/// The engine needs a model and a policy to run; nobody is judged by these, and no outcome is held against them.
engine::Model no_model(Duration horizon) {
  return {.id = {},
          .name = {},
          .time_unit = horizon,
          .horizon = horizon,
          .mbg = {.r = 1, .alpha = 1, .a = 1, .b = 1},
          .gamma_gamma = {},
          .logistic = {}};
}

engine::RiskPolicy no_policy(const engine::RiskPolicy& configured, Duration horizon) {
  engine::RiskPolicy policy = configured;
  policy.horizon = horizon;
  policy.min_purchases = std::numeric_limits<std::uint32_t>::max();
  policy.calibration = engine::CalibrationUse::off;
  return policy;
}

/// Cut-offs begin once there is something to know a customer by, and leave room for later ones to be tried on.
Expected<learn::Cutoffs> cutoffs_of(const TrainOptions& options, const HistorySpan& span, Duration horizon) {
  const auto until_known = known_until(span, options.until, horizon);
  if (!until_known) return std::unexpected(until_known.error());
  const Timestamp until = *until_known;
  const Duration known = until - span.first;
  if (known.ms <= horizon.ms)
    return fail(
        ErrorKind::invalid_argument,
        fmt::format("the history is {:.0f} days long, and an outcome needs {:.0f} beyond a cut-off: take a longer "
                    "history, or a shorter horizon (--horizon)",
                    known.days(), horizon.days()));
  const Duration lead{std::min(horizon.ms, (known.ms - horizon.ms) / 4)};
  auto cutoffs = bounded_cutoffs(options.from.value_or(span.first + lead), until, horizon, options.every);
  if (!cutoffs) return cutoffs;
  if (cutoffs->at.empty())
    return fail(ErrorKind::invalid_argument,
                fmt::format("no cut-off lies between {} and {}: move --from back",
                            to_rfc3339(options.from.value_or(span.first + lead)), to_rfc3339(until - horizon)));
  return cutoffs;
}

std::string command_of(const TrainOptions& options, const learn::Cutoffs& cutoffs) {
  std::string command = "holdfast train -c " + options.config;
  for (const auto& set : options.overrides) command += fmt::format(" --set {}={}", set.key, set.value);
  for (const auto& [name, path] : options.sources) command += fmt::format(" --source {}={}", name, path);
  command +=
      fmt::format(" --from {} --until {} --every {} --horizon {}", to_rfc3339(cutoffs.at.front()),
                  to_rfc3339(cutoffs.end(cutoffs.at.size() - 1)), to_text(options.every), to_text(cutoffs.horizon));
  if (!options.prior) command += " --prior none";
  if (!options.name.empty()) command += " --name " + options.name;
  return command + " --out " + options.out;
}

std::string stem_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }

Status check_files(const TrainOptions& options, const std::string& card) {
  std::vector<NamedFile> files = files_to_read(options.sources);
  files.push_back({NamedFile::Use::written, "--out " + options.out, options.out});
  files.push_back({NamedFile::Use::written, "--card " + card, card});
  if (!options.examples.empty())
    files.push_back({NamedFile::Use::written, "--examples " + options.examples, options.examples});
  return check_distinct(files);
}

void print_summary(const learn::Training& training, const CardFacts& facts, const std::string& card, bool json) {
  const learn::ScoreFit& score = training.score;
  const double best = score.taken().log_loss;
  if (json) {
    const nlohmann::ordered_json out{{"model", facts.model_file},
                                     {"id", facts.model_id},
                                     {"card", card},
                                     {"events", facts.span.total()},
                                     {"examples", facts.examples},
                                     {"cutoffs", training.outcomes.size()},
                                     {"mbg_log_likelihood", training.mbg.log_likelihood},
                                     {"log_loss_mbg", score.base.log_loss},
                                     {"log_loss", best},
                                     {"out_of_time", score.out_of_time},
                                     {"logistic", training.model.logistic.has_value()},
                                     {"warnings", training.warnings}};
    fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  fmt::print("{} examples at {} cut-offs from {} events\n", facts.examples, training.outcomes.size(),
             facts.span.total());
  fmt::print(
      "MBG/NBD log-likelihood {:.2f}; log loss on what was not seen: {:.4f} for MBG/NBD alone, {:.4f} with {} "
      "features\n",
      training.mbg.log_likelihood, score.base.log_loss, best, score.logistic.terms.size());
  for (const std::string& warning : training.warnings) fmt::print("warning: {}\n", warning);
  fmt::print("{} is model {}; {} tells about it\n", facts.model_file, facts.model_id, card);
}

}  // namespace

int train_command(const TrainOptions& options) {
  const auto config =
      load_config(options.config, options.overrides, process_environment(), text_files(), ModelUse::none);
  if (!config) return report(config.error());
  const Duration configured = config->policy.horizon.ms > 0 ? config->policy.horizon : usual_horizon;
  const Duration horizon = options.horizon.value_or(configured);
  const std::string card =
      options.card.empty() ? std::filesystem::path(options.out).replace_extension(".md").string() : options.card;
  if (const Status distinct = check_files(options, card); !distinct) return report(distinct.error());

  const auto history = History::open(*config, options.sources);
  if (!history) return report(history.error());
  HistoryProgressLine line(options.json);
  const HistoryProgress progress = line.watcher();

  CardFacts facts{.model_file = options.out, .model_id = {}, .command = {}, .span = {}, .examples = 0};
  const auto span = history->span(progress);
  if (!span) return line.give_up(span.error());
  const auto cutoffs = cutoffs_of(options, *span, horizon);
  if (!cutoffs) return line.give_up(cutoffs.error());

  const engine::Model model = no_model(horizon);
  const engine::RiskPolicy policy = no_policy(config->policy, horizon);
  ExamplesObserver observer(*history, *cutoffs, span->erasures, span->actions, options.examples_max, policy.control,
                            ExampleRisk::none);
  const auto replayed = history->replay(model, policy, cutoffs->moments(), observer, progress);
  if (!replayed) return line.give_up(replayed.error());
  std::vector<learn::Example> examples = observer.take();
  const learn::SpendCurrencies currencies = learn::keep_one_currency(examples, *cutoffs);
  facts.examples = examples.size();
  facts.span = used_of(*span, config->sources, *replayed, cutoffs->end(cutoffs->at.size() - 1));
  if (!options.examples.empty()) {
    const ExamplesCsv with{.cutoffs = *cutoffs, .actions = span->actions, .with_arms = policy.control.share > 0};
    if (const Status written = write_examples(options.examples, examples, with); !written)
      return line.give_up(written.error());
  }

  const engine::EvidenceSet present = evidence_in(facts.span);
  learn::TrainingSettings settings{.with_prior = options.prior,
                                   .progress = [&line](std::string_view doing) { line.show(doing); }};
  std::erase_if(settings.score.features,
                [&](const auto& rule) { return !has(present, engine::evidence_of(rule.feature)); });
  auto training = learn::train(examples, *cutoffs, settings);
  if (!training) return line.give_up(training.error());
  line.clear();
  if (const std::string warning = currencies.warning(); !warning.empty()) training->warnings.push_back(warning);
  for (const std::string& warning : warnings_of(facts.span)) training->warnings.push_back(warning);
  training->model.trained_with = present;
  if (learn::uses_spend(training->model)) training->model.currency = currencies.taken;
  (void)engine::keep_present(training->model, training->model.trained_with);
  training->model.alike = learn::usual_values(examples, *cutoffs, training->model);
  training->model.name = options.name.empty() ? stem_of(options.out) : options.name;
  facts.command = command_of(options, *cutoffs);
  const std::string bytes = write_model(
      training->model, {{"trained_until", to_rfc3339(cutoffs->end(cutoffs->at.size() - 1))},
                        {"cutoffs", fmt::format("{} from {} to {}", cutoffs->at.size(), to_rfc3339(cutoffs->at.front()),
                                                to_rfc3339(cutoffs->at.back()))},
                        {"examples", fmt::format("{}", examples.size())},
                        {"card", std::filesystem::path(card).filename().string()}});
  const auto read_back = parse_model(bytes, options.out);
  if (!read_back) return report({ErrorKind::failed, "what was fitted is no model: " + read_back.error().message});
  facts.model_id = read_back->id;
  if (const Status written = write_text_file(options.out, bytes); !written) return report(written.error());
  if (const Status written = write_text_file(card, model_card(*training, facts)); !written)
    return report(written.error());
  print_summary(*training, facts, card, options.json);
  return 0;
}

}  // namespace holdfast::app
