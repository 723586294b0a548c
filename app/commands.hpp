#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/config.hpp"
#include "domain/time.hpp"

/// The commands of the program, one function and one source each. They print data on stdout and messages on stderr and
/// return the exit status: 0 done, 1 failed while running, 2 usage or configuration.
namespace holdfast::app {

/// What every command takes.
struct CommonOptions {
  std::string config;
  std::vector<Override> overrides;
};

struct RunOptions : CommonOptions {
  bool exit_at_end = false;  ///< End once all sources are read to their end and everything is committed.
};

struct ReplayOptions : CommonOptions {
  std::vector<std::pair<std::string, std::string>> sources;  ///< NAME and PATH, in the order given.
  std::string alerts = "-";                                  ///< "-": stdout.
  std::string dead_letters;                                  ///< Empty: nowhere.
  std::vector<std::pair<Timestamp, std::string>> swaps;      ///< TIME and PATH of new models.
  std::optional<Timestamp> until;
  std::int32_t partitions = 1;
  int threads = 1;
  std::size_t batch = 1000;
  bool json = false;
  bool quiet = false;
};

struct CheckOptions : CommonOptions {
  bool connect = false;
  bool json = false;
};

struct TopicsOptions : CommonOptions {
  bool create = false;
  std::int32_t partitions = 6;  ///< Of source topics, if none is there yet.
  std::int32_t replication = 1;
  bool json = false;
};

struct GenerateOptions : CommonOptions {
  std::uint64_t events = 0;
  std::uint64_t customers = 0;
  std::uint64_t seed = 0;
  bool kafka = false;
  std::string out;    ///< Folder; empty: to Kafka.
  std::string truth;  ///< File for who left and when; empty: truth.ndjson in `out`, or none.
  std::optional<Timestamp> from;
  std::optional<Timestamp> to;
  std::optional<double> days;
  double rate = 0;  ///< Events/s; 0: as fast as possible.
  double zipf = 0;  ///< As in ShopSettings.
};

struct LoadOptions : CommonOptions {
  std::vector<std::pair<std::string, std::string>> sources;  ///< NAME and PATH, in the order given.
};

struct AlertsOptions : CommonOptions {
  bool flagged = false;    ///< Customers that are flagged now, the largest value at risk first.
  bool follow = false;     ///< Go on with what comes.
  std::size_t limit = 20;  ///< 0: all.
  bool json = false;
};

struct ModelsOptions : CommonOptions {
  std::string use;  ///< A model file to be put into the topic; empty: none.
  bool json = false;
};

struct InspectOptions : CommonOptions {
  std::string customer;
  std::optional<Timestamp> at;  ///< No value: the checkpoint's stream time.
  bool json = false;
};

struct TrainOptions : CommonOptions {
  std::vector<std::pair<std::string, std::string>> sources;  ///< NAME and PATH; empty: from the topics.
  std::string out;                                           ///< The model file.
  std::string card;                                          ///< Empty: beside the model file, ending in .md.
  std::string examples;                                      ///< A CSV file for them; empty: none.
  std::string name;                                          ///< Empty: that of the file.
  std::optional<Timestamp> from;     ///< No cut-off before; no value: a horizon after the first event, or less.
  std::optional<Timestamp> until;    ///< Nothing after it is looked at; no value: the last event.
  Duration every{7LL * 86'400'000};  ///< Between cut-offs.
  std::optional<Duration> horizon;   ///< No value: risk.horizon, or 91 days.
  bool prior = true;
  std::size_t examples_max = 2'000'000;
  bool json = false;
};

struct EvaluateOptions : CommonOptions {
  std::vector<std::pair<std::string, std::string>> sources;  ///< NAME and PATH; empty: from the topics.
  std::string html;                                          ///< A file for the page; empty: none.
  std::string examples;                                      ///< A CSV file for what was judged; empty: none.
  std::string language = "en";                               ///< Of the page.
  std::optional<Timestamp> from;                             ///< The first cut-off does not lie before.
  std::optional<Timestamp> until;     ///< Nothing after it is looked at; no value: the last event.
  Duration every{28LL * 86'400'000};  ///< Between cut-offs.
  std::uint64_t seed = 1;             ///< Of the bootstrap.
  std::size_t replicates = 500;       ///< Of it.
  std::size_t examples_max = 500'000;
  bool json = false;
};

int run_command(const RunOptions& options);
int replay_command(const ReplayOptions& options);
int check_command(const CheckOptions& options);
int topics_command(const TopicsOptions& options);
int generate_command(const GenerateOptions& options);
int load_command(const LoadOptions& options);
int alerts_command(const AlertsOptions& options);
int models_command(const ModelsOptions& options);
int inspect_command(const InspectOptions& options);
int train_command(const TrainOptions& options);
int evaluate_command(const EvaluateOptions& options);

}  // namespace holdfast::app
