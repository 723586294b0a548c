#include "app/command_line.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <spdlog/version.h>

#include "app/commands.hpp"
#include "app/config_keys.hpp"
#include "app/units.hpp"
#include "console/library_versions.hpp"
#include "domain/time.hpp"
#include "ingest/library_versions.hpp"
#include "state/library_versions.hpp"

namespace holdfast::app {
namespace {

constexpr int usage_status = 2;
constexpr double days_max = 1'000'000;
constexpr double rate_max = 1e9;
constexpr double zipf_max = 4;

/// Prints the examples (CLI11's footer) before everything else.
class ExamplesFirst final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::ostringstream out;
    if (!app->get_footer().empty()) out << app->get_footer() << '\n';
    out << make_description(app) << make_usage(app, std::move(name)) << make_positionals(app) << make_groups(app, mode)
        << make_subcommands(app, mode);
    return out.str();
  }
};

std::string version_text() {
  return fmt::format("holdfast {}\n{}, {}, {}, fmt {}.{}.{}, spdlog {}.{}.{}, nlohmann-json {}.{}.{}, CLI11 {}",
                     HOLDFAST_VERSION, ingest::library_versions(), state::library_versions(),
                     console::library_versions(), FMT_VERSION / 10'000, FMT_VERSION / 100 % 100, FMT_VERSION % 100,
                     SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH, NLOHMANN_JSON_VERSION_MAJOR,
                     NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, CLI11_VERSION);
}

/// "2011-09-30T10:15:00Z", or a day, which stands for its beginning in UTC.
Timestamp parse_time(const std::string& flag, const std::string& text) {
  constexpr std::size_t day_size = std::string_view("2011-09-30").size();
  const auto time = parse_rfc3339(text.size() == day_size ? text + "T00:00:00Z" : text);
  if (time) return *time;
  throw CLI::ValidationError(flag,
                             fmt::format("'{}' {}; write 2011-09-30T10:15:00Z or 2011-09-30", text, time.error()));
}

std::uint64_t parse_whole(const std::string& flag, const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && read == end && number >= least && number <= most) return number;
  throw CLI::ValidationError(flag, fmt::format("'{}' is no whole number from {} to {}", text, least, most));
}

/// A number of `least` to `most`, which "nan" is not.
double parse_number(const std::string& flag, const std::string& text, double least, double most) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && read == end && number >= least && number <= most) return number;
  throw CLI::ValidationError(flag, fmt::format("'{}' is no number from {} to {}", text, least, most));
}

/// "7d", more than nothing.
Duration parse_span(const std::string& flag, const std::string& text) {
  const auto duration = parse_duration(text);
  if (!duration) throw CLI::ValidationError(flag, duration.error());
  if (duration->ms == 0) throw CLI::ValidationError(flag, fmt::format("'{}' must be more than nothing", text));
  return *duration;
}

/// "NAME=VALUE" in two.
std::pair<std::string, std::string> split_pair(const std::string& flag, const std::string& text, const char* shape) {
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos && equals > 0) return {text.substr(0, equals), text.substr(equals + 1)};
  throw CLI::ValidationError(flag, fmt::format("'{}' has no name and '='; write {}", text, shape));
}

/// The program's commands and flags, and where their values go.
class CommandLine {
 public:
  CommandLine() {
    app_.formatter(std::make_shared<ExamplesFirst>());
    app_.footer(
        "Examples:\n"
        "  holdfast check -c shop.yaml --connect      is the configuration right, and are the brokers ready?\n"
        "  holdfast run -c shop.yaml                  events in from Kafka, alerts out\n"
        "  holdfast replay -c shop.yaml --source purchases=orders.csv\n");
    app_.description("Holdfast tells in time which customers are about to leave.");
    app_.set_help_flag("-h,--help", "Print this help message and exit");
    app_.set_version_flag("--version", version_text(), "Print the versions of the program and its libraries");
    app_.require_subcommand(1);
    add_run();
    add_replay();
    add_check();
    add_topics();
    add_generate();
    add_load();
    add_alerts();
    add_models();
    add_inspect();
    add_train();
    add_evaluate();
  }

  CLI::App& app() { return app_; }
  int run() { return command_(); }

 private:
  CLI::App* add_command(const char* name, const char* description, const char* examples, CommonOptions& options) {
    CLI::App* command = app_.add_subcommand(name, description);
    command->formatter(std::make_shared<ExamplesFirst>());
    command->footer(std::string("Examples:\n") + examples);
    command->add_option("-c,--config", options.config, "The configuration, a YAML file")->required()->type_name("FILE");
    command
        ->add_option_function<std::vector<std::string>>(
            "--set",
            [&options](const std::vector<std::string>& texts) {
              for (const std::string& text : texts) {
                auto [key, value] = split_pair("--set", text, "KEY=VALUE");
                options.overrides.push_back({std::move(key), std::move(value)});
              }
            },
            "Set a key of the configuration, such as risk.horizon=30d; again for more")
        ->allow_extra_args(false)
        ->type_name("KEY=VALUE");
    return command;
  }

  static CLI::Option* add_sources(CLI::App* command, std::vector<std::pair<std::string, std::string>>& sources) {
    return command
        ->add_option_function<std::vector<std::string>>(
            "--source",
            [&sources](const std::vector<std::string>& texts) {
              for (const std::string& text : texts) sources.push_back(split_pair("--source", text, "NAME=PATH"));
            },
            "The file of a source: NDJSON, or CSV with a header; - is stdin; again for more")
        ->required()
        ->allow_extra_args(false)
        ->type_name("NAME=PATH");
  }

  static void add_time(CLI::App* command, const char* flag, std::optional<Timestamp>& time, const char* description) {
    command
        ->add_option_function<std::string>(
            flag, [flag, &time](const std::string& text) { time = parse_time(flag, text); }, description)
        ->type_name("TIME");
  }

  static void add_duration(CLI::App* command, const char* flag, Duration& duration, const char* description) {
    command
        ->add_option_function<std::string>(
            flag, [flag, &duration](const std::string& text) { duration = parse_span(flag, text); }, description)
        ->type_name("TIME");
  }

  /// A whole number as it stands: CLI11 takes one that is too large for the largest there is.
  template <std::uint64_t least, std::uint64_t most = std::numeric_limits<std::uint64_t>::max()>
  static CLI::Option* add_whole(CLI::App* command, const char* flag, std::uint64_t& number, const char* description) {
    return command
        ->add_option_function<std::string>(
            flag, [flag, &number](const std::string& text) { number = parse_whole(flag, text, least, most); },
            description)
        ->type_name("N");
  }

  static void add_json(CLI::App* command, bool& json) { command->add_flag("--json", json, "Print JSON"); }

  void add_run() {
    CLI::App* command = add_command("run", "The service: Kafka in, alerts out",
                                    "  holdfast run -c shop.yaml\n"
                                    "  HOLDFAST_KAFKA__BOOTSTRAP_SERVERS=broker:9092 holdfast run -c shop.yaml\n",
                                    run_);
    command->add_flag("--exit-at-end", run_.exit_at_end,
                      "End once all sources are read to their end and everything is committed");
    command->callback([this] { command_ = [this] { return run_command(run_); }; });
  }

  void add_replay() {
    CLI::App* command = add_command(
        "replay", "The same engine over files, without brokers: alerts as NDJSON",
        "  holdfast replay -c shop.yaml --source purchases=orders.csv --until 2011-12-31 > alerts.ndjson\n"
        "  zcat visits.ndjson.gz | holdfast replay -c shop.yaml --source visits=- --source purchases=orders.csv\n",
        replay_);
    add_sources(command, replay_.sources);
    command->add_option("--alerts", replay_.alerts, "Where alerts go; - is stdout")
        ->type_name("PATH")
        ->capture_default_str();
    command->add_option("--dead-letters", replay_.dead_letters, "Where records go that are no events; default nowhere")
        ->type_name("PATH");
    command
        ->add_option_function<std::vector<std::string>>(
            "--swap",
            [this](const std::vector<std::string>& texts) {
              for (const std::string& text : texts) {
                auto [time, path] = split_pair("--swap", text, "TIME=PATH");
                replay_.swaps.emplace_back(parse_time("--swap", time), std::move(path));
              }
            },
            "From this time on customers come under this model, as with a swap in `run`; again for more")
        ->allow_extra_args(false)
        ->type_name("TIME=PATH");
    add_time(command, "--until", replay_.until, "Move the clock on to this time, past the last event");
    command->add_option("--partitions", replay_.partitions, "As many as the topics have, for the same order of alerts")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    command->add_option("--threads", replay_.threads, "Threads that apply events")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    command->add_option("--batch", replay_.batch, "Records read at once")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command->add_flag("--json", replay_.json, "Print the summary as JSON");
    command->add_flag("--quiet", replay_.quiet, "No summary and no progress");
    command->callback([this] { command_ = [this] { return replay_command(replay_); }; });
  }

  void add_check() {
    CLI::App* command = add_command("check", "Validate the configuration",
                                    "  holdfast check -c shop.yaml\n"
                                    "  holdfast check -c shop.yaml --connect\n",
                                    check_);
    command->add_flag("--connect", check_.connect,
                      "Also check brokers, topics, partition counts, rights, and the keys of a sample of records");
    add_json(command, check_.json);
    command->callback([this] { command_ = [this] { return check_command(check_); }; });
  }

  void add_topics() {
    CLI::App* command = add_command("topics", "Print, or create, every topic that is needed",
                                    "  holdfast topics -c shop.yaml\n"
                                    "  holdfast topics -c shop.yaml --create --partitions 12 --replication 3\n",
                                    topics_);
    command->add_flag("--create", topics_.create, "Create those that are missing");
    command
        ->add_option("--partitions", topics_.partitions,
                     "Partitions of missing topics, if no source topic is there to say how many")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    command->add_option("--replication", topics_.replication, "Copies of each partition of missing topics")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    add_json(command, topics_.json);
    command->callback([this] { command_ = [this] { return topics_command(topics_); }; });
  }

  void add_generate() {
    CLI::App* command =
        add_command("generate", "A deterministic shop, with customers who really leave",
                    "  holdfast generate -c shop.yaml --events 1000000 --customers 20000 --seed 1 --out data\n"
                    "  holdfast generate -c shop.yaml --events 1000000 --customers 20000 --seed 1 --kafka\n",
                    generate_);
    add_whole<1>(command, "--events", generate_.events, "How many events")->required();
    add_whole<1>(command, "--customers", generate_.customers, "How many customers")->required();
    add_whole<0>(command, "--seed", generate_.seed, "The same seed gives the same shop")->required();
    CLI::Option* kafka = command->add_flag("--kafka", generate_.kafka, "Write to the topics of the sources");
    command->add_option("--out", generate_.out, "Write a file for each source into this folder")
        ->type_name("DIR")
        ->excludes(kafka);
    command->add_option("--truth", generate_.truth, "Write who left, and when, to this file; default: DIR/truth.ndjson")
        ->type_name("PATH");
    add_time(command, "--from", generate_.from, "When the shop begins");
    add_time(command, "--to", generate_.to, "When it ends: all events lie before; default 2026-01-01");
    command
        ->add_option_function<std::string>(
            "--days", [this](const std::string& text) { generate_.days = parse_number("--days", text, 0, days_max); },
            "How long it runs; default 365")
        ->type_name("N");
    command
        ->add_option_function<std::string>(
            "--rate", [this](const std::string& text) { generate_.rate = parse_number("--rate", text, 0, rate_max); },
            "Events per second, each at the time it is sent; 0, the default: as fast as possible, over the period")
        ->type_name("R");
    command
        ->add_option_function<std::string>(
            "--zipf", [this](const std::string& text) { generate_.zipf = parse_number("--zipf", text, 0, zipf_max); },
            "Few customers do most: the r-th is as active as 1 / r^Z; 0, the default: all are about evenly active")
        ->type_name("Z");
    command->callback([this] {
      if (!generate_.kafka && generate_.out.empty()) throw CLI::RequiredError("generate: --kafka or --out DIR");
      command_ = [this] { return generate_command(generate_); };
    });
  }

  void add_load() {
    CLI::App* command = add_command("load", "Send files of events to the topics of their sources, keyed by customer",
                                    "  holdfast load -c shop.yaml --source purchases=orders.csv\n", load_);
    add_sources(command, load_.sources);
    command->callback([this] { command_ = [this] { return load_command(load_); }; });
  }

  void add_alerts() {
    CLI::App* command = add_command("alerts", "Read the alert topic: who was flagged, when and why",
                                    "  holdfast alerts -c shop.yaml --flagged\n"
                                    "  holdfast alerts -c shop.yaml --follow\n",
                                    alerts_);
    command->add_flag("--flagged", alerts_.flagged, "Customers that are flagged now, the largest value at risk first");
    command->add_flag("--follow", alerts_.follow, "Go on with the alerts that come");
    command->add_option("--limit", alerts_.limit, "How many to show; 0: all")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    add_json(command, alerts_.json);
    command->callback([this] { command_ = [this] { return alerts_command(alerts_); }; });
  }

  void add_models() {
    CLI::App* command = add_command("models", "What the models topic holds, and which one is in force",
                                    "  holdfast models -c shop.yaml\n"
                                    "  holdfast models -c shop.yaml --use model-2026-11.json\n",
                                    models_);
    command->add_option("--use", models_.use, "Put this model file into force, if it is sound")->type_name("PATH");
    add_json(command, models_.json);
    command->callback([this] { command_ = [this] { return models_command(models_); }; });
  }

  void add_inspect() {
    CLI::App* command =
        add_command("inspect", "What the state directory knows of a customer, as of its last checkpoint",
                    "  holdfast inspect -c shop.yaml C17850\n"
                    "  holdfast inspect -c shop.yaml C17850 --at 2012-01-31 --json\n",
                    inspect_);
    command->add_option("CUSTOMER", inspect_.customer, "The customer's id")->required()->type_name("");
    add_time(command, "--at", inspect_.at, "The time of the risk; default: where the checkpoint stands");
    add_json(command, inspect_.json);
    command->callback([this] { command_ = [this] { return inspect_command(inspect_); }; });
  }

  void add_train() {
    CLI::App* command =
        add_command("train", "Learn a model from history: files, or the source topics",
                    "  holdfast train -c shop.yaml --out model.json\n"
                    "  holdfast train -c shop.yaml --source purchases=orders.csv --until 2011-09-09 --out model.json\n",
                    train_);
    add_sources(command, train_.sources)->required(false);
    command->add_option("--out", train_.out, "The model file")->required()->type_name("PATH");
    command->add_option("--card", train_.card, "The model card; default: beside the model file, ending in .md")
        ->type_name("PATH");
    command->add_option("--examples", train_.examples, "Also write what was learnt from to this file, as CSV")
        ->type_name("PATH");
    command->add_option("--name", train_.name, "The model's name; default: that of the file")->type_name("NAME");
    add_time(command, "--from", train_.from,
             "The first cut-off does not lie before; default: soon after the first event");
    add_time(command, "--until", train_.until, "Nothing that comes later is looked at; default: the last purchase");
    add_duration(command, "--every", train_.every, "Time between cut-offs; default 7d");
    command
        ->add_option_function<std::string>(
            "--horizon", [this](const std::string& text) { train_.horizon = parse_span("--horizon", text); },
            "A customer who does not buy within this time has left; default: risk.horizon, or 91d")
        ->type_name("TIME");
    command
        ->add_option_function<std::string>(
            "--prior", [this](const std::string& text) { train_.prior = text == "usual"; },
            "What is held likely of purchases beforehand: usual, or none; default usual")
        ->check(CLI::IsMember({"usual", "none"}))
        ->type_name("WHAT");
    add_whole<1000>(command, "--examples-max", train_.examples_max,
                    "Of more examples, a share of the customers is taken");
    add_json(command, train_.json);
    command->callback([this] { command_ = [this] { return train_command(train_); }; });
  }

  void add_evaluate() {
    CLI::App* command = add_command(
        "evaluate", "Judge the model on history that it was not trained on",
        "  holdfast evaluate -c shop.yaml --from 2011-09-09\n"
        "  holdfast evaluate -c shop.yaml --source purchases=orders.csv --from 2011-09-09 --html model.html\n",
        evaluate_);
    add_sources(command, evaluate_.sources)->required(false);
    command->add_option("--html", evaluate_.html, "Also write a page with plots to this file")->type_name("PATH");
    command->add_option("--examples", evaluate_.examples, "Also write what was judged to this file, as CSV")
        ->type_name("PATH");
    command->add_option("--language", evaluate_.language, "Of the page: en or zh")
        ->type_name("LANGUAGE")
        ->capture_default_str();
    add_time(command, "--from", evaluate_.from,
             "The first cut-off does not lie before; default: only the last one, a horizon before the end");
    add_time(command, "--until", evaluate_.until, "Nothing that comes later is looked at; default: the last purchase");
    add_duration(command, "--every", evaluate_.every, "Time between cut-offs; default 28d");
    add_whole<0>(command, "--seed", evaluate_.seed, "Of the bootstrap; default 1");
    add_whole<20, 100'000>(command, "--replicates", evaluate_.replicates, "Of the bootstrap; default 500");
    add_whole<1000>(command, "--examples-max", evaluate_.examples_max,
                    "Of more examples, a share of the customers is taken");
    add_json(command, evaluate_.json);
    command->callback([this] { command_ = [this] { return evaluate_command(evaluate_); }; });
  }

  RunOptions run_;
  ReplayOptions replay_;
  CheckOptions check_;
  TopicsOptions topics_;
  GenerateOptions generate_;
  LoadOptions load_;
  AlertsOptions alerts_;
  ModelsOptions models_;
  InspectOptions inspect_;
  TrainOptions train_;
  EvaluateOptions evaluate_;
  std::function<int()> command_;
  CLI::App app_{"", "holdfast"};
};

/// CLI11 itself would only say that a command is required.
std::optional<std::string> unknown_command(CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  const std::string given = argv[1];
  std::string nearest;
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string& name = command->get_name();
    if (name == given) return std::nullopt;
    if (nearest.empty() || edit_distance(given, name) < edit_distance(given, nearest)) nearest = name;
  }
  return fmt::format("there is no command '{}'; did you mean {}?", given, nearest);
}

}  // namespace

std::vector<FlagInfo> command_line_flags() {
  CommandLine line;
  std::vector<FlagInfo> flags;
  const auto add = [&](const std::string& command, const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) flags.push_back({command, option->get_name()});
  };
  add("", line.app());
  for (const CLI::App* command : line.app().get_subcommands({})) add(command->get_name(), *command);
  return flags;
}

int run_program(int argc, const char* const* argv) {
  try {
    CommandLine line;
    if (const auto unknown = unknown_command(line.app(), argc, argv)) {
      fmt::print(stderr, "{}\nRun with --help for more information.\n", *unknown);
      return usage_status;
    }
    try {
      line.app().parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return line.app().exit(error) == 0 ? 0 : usage_status;
    }
    const int status = line.run();
    // A full disk behind stdout shows only now.
    if (std::fflush(stdout) == 0) return status;
    fmt::print(stderr, "cannot write the output to stdout\n");
    return status == 0 ? 1 : status;
  } catch (const std::exception& error) {
    fmt::print(stderr, "holdfast: {}\n", error.what());
    return 1;
  }
}

}  // namespace holdfast::app
