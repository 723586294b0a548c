#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/model_keeper.hpp"
#include "app/named_files.hpp"
#include "app/replay.hpp"
#include "app/service.hpp"
#include "ingest/file_source.hpp"

namespace holdfast::app {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

Expected<File> open_for_writing(const std::string& path) {
  if (path.empty() || path == "-") return File(stdout);
  File file(std::fopen(path.c_str(), "w"));
  if (!file) return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  return file;
}

Status write_line(std::FILE* file, std::string_view line) {
  const bool written = std::fwrite(line.data(), 1, line.size(), file) == line.size() && std::fputc('\n', file) != EOF;
  if (!written) return fail(ErrorKind::failed, fmt::format("cannot write the output: {}", std::strerror(errno)));
  return {};
}

class FileOutput final : public ReplayOutput {
 public:
  FileOutput(const Config& config, File alerts, File dead_letters, bool show_progress)
      : config_(config),
        alerts_(std::move(alerts)),
        dead_letters_(std::move(dead_letters)),
        show_progress_(show_progress) {}

  Status alert(std::string_view json) override { return write_line(alerts_.get(), json); }

  Status dead_letter(SourceIndex source, const Rejection& rejection) override {
    if (!dead_letters_) return {};
    const nlohmann::ordered_json line{{"source", config_.sources[source.value].name},
                                      {"record", rejection.offset.value},
                                      {"code", code_name(rejection.code)},
                                      {"message", rejection.message},
                                      {"value", rejection.value}};
    // Bytes that are no UTF-8 are replaced: they cannot stand in JSON.
    return write_line(dead_letters_.get(), line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

  void progress(std::uint64_t events, Timestamp stream_time) override {
    if (!show_progress_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - started_).count();
    const bool somewhere = stream_time > before_all_time && stream_time < after_all_time;
    fmt::print(stderr, "\r{} events, {:.0f}/s{}\x1b[K", events, static_cast<double>(events) / seconds,
               somewhere ? ", the stream stands at " + to_rfc3339(stream_time) : "");
    std::fflush(stderr);
  }

  Status finish() {
    if (show_progress_) fmt::print(stderr, "\r\x1b[K");
    if (std::fflush(alerts_.get()) != 0 || (dead_letters_ && std::fflush(dead_letters_.get()) != 0))
      return fail(ErrorKind::failed, fmt::format("cannot write the output: {}", std::strerror(errno)));
    return {};
  }

 private:
  const Config& config_;
  File alerts_;
  File dead_letters_;
  const bool show_progress_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_;
};

nlohmann::ordered_json summary_json(const Config& config, const ReplaySummary& summary, double seconds) {
  nlohmann::ordered_json out;
  std::uint64_t events = 0;
  for (std::size_t s = 0; s < config.sources.size(); ++s) {
    out["events"][config.sources[s].name] = summary.counts.events[s];
    events += summary.counts.events[s];
    for (std::size_t c = 0; c < rejection_codes; ++c) {
      if (const auto count = summary.counts.rejected[s][c]; count > 0)
        out["dead_letters"][config.sources[s].name][std::string(code_name(static_cast<RejectionCode>(c)))] = count;
    }
  }
  std::map<std::string, std::uint64_t> alerts;
  for (std::size_t change = 0; change < summary.counts.alerts.size(); ++change) {
    for (const std::uint64_t count : summary.counts.alerts[change]) {
      if (count > 0) alerts[std::string(name(static_cast<Change>(change)))] += count;
    }
  }
  out["alerts"] = alerts;
  out["duplicates"] = summary.counts.duplicates;
  out["late"] = summary.counts.late;
  out["customers"] = summary.customers;
  out["state_bytes"] = summary.state_bytes;
  if (summary.last_event > before_all_time) out["last_event"] = to_rfc3339(summary.last_event);
  if (summary.stream_time > before_all_time) out["stream_time"] = to_rfc3339(summary.stream_time);
  if (!config.warnings.empty()) out["warnings"] = config.warnings;
  out["seconds"] = seconds;
  out["events_per_second"] = seconds > 0 ? static_cast<double>(events) / seconds : 0.0;
  return out;
}

/// "3 malformed_json (visits), 1 bad_time (purchases)"
std::string dead_letters_text(const nlohmann::ordered_json& summary) {
  if (!summary.contains("dead_letters")) return "none";
  std::string out;
  for (const auto& [source, codes] : summary["dead_letters"].items()) {
    for (const auto& [code, count] : codes.items())
      out += fmt::format("{}{} {} ({})", out.empty() ? "" : ", ", count.dump(), code, source);
  }
  return out;
}

void print_summary(const nlohmann::ordered_json& summary) {
  const auto counts = [&](const char* key) {
    std::string out;
    if (!summary.contains(key)) return std::string("none");
    for (const auto& [what, count] : summary[key].items())
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count.dump(), what);
    return out.empty() ? std::string("none") : out;
  };
  fmt::print(stderr, "events        {}\n", counts("events"));
  fmt::print(stderr, "dead letters  {}\n", dead_letters_text(summary));
  fmt::print(stderr, "alerts        {}\n", counts("alerts"));
  fmt::print(stderr, "duplicates    {}\nlate          {}\ncustomers     {}\n", summary["duplicates"].dump(),
             summary["late"].dump(), summary["customers"].dump());
  if (summary.contains("last_event"))
    fmt::print(stderr, "last event    {}\n", summary["last_event"].get<std::string>());
  fmt::print(stderr, "took          {:.2f} s, {:.0f} events/s\n", summary["seconds"].get<double>(),
             summary["events_per_second"].get<double>());
}

/// What looks like a slip, and is none that the result could show.
void print_warnings(const ReplayOptions& options, const Config& config, Timestamp last_event) {
  for (const std::string& warning : config.warnings) fmt::print(stderr, "warning: {}\n", warning);
  if (options.until && *options.until < last_event)
    fmt::print(stderr, "warning: --until {} lies before the last event, of {}, and moves no clock past it\n",
               to_rfc3339(*options.until), to_rfc3339(last_event));
  if (last_event > SystemClock().now())
    fmt::print(stderr, "warning: the last event, of {}, lies in the future: is the time of an event wrong?\n",
               to_rfc3339(last_event));
}

int give_up(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  return error.kind == ErrorKind::invalid_argument ? 2 : 1;
}

Expected<std::vector<RecordFeed>> open_sources(const Config& config, const ReplayOptions& options) {
  auto paths = paths_by_source(config, options.sources);
  if (!paths) return std::unexpected(paths.error());
  return open_files(config.sources, std::move(*paths));
}

/// The models of --swap, in order of their moments.
Expected<std::vector<ModelSwap>> read_swaps(const Config& config, const ReplayOptions& options) {
  std::vector<ModelSwap> swaps;
  KnownModels known(config.sources);
  for (const auto& [from, path] : options.swaps) {
    auto bytes = text_files()(path);
    if (!bytes) return fail(ErrorKind::invalid_argument, "--swap: " + bytes.error().message);
    if (const auto model = model_for(config, known, *bytes, path); !model) return std::unexpected(model.error());
    swaps.push_back({.model = std::move(*bytes), .from = from});
  }
  std::ranges::stable_sort(swaps, {}, &ModelSwap::from);
  return swaps;
}

/// Nothing may be written over what is read, nor one output over the other.
Status check_files(const ReplayOptions& options) {
  std::vector<NamedFile> files = files_to_read(options.sources);
  files.push_back({NamedFile::Use::written, "--alerts " + options.alerts, options.alerts});
  if (!options.dead_letters.empty())
    files.push_back({NamedFile::Use::written, "--dead-letters " + options.dead_letters, options.dead_letters});
  return check_distinct(files);
}

}  // namespace

int replay_command(const ReplayOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return give_up(config.error());
  if (options.sources.empty())
    return give_up({ErrorKind::invalid_argument, "nothing to replay: name files with --source NAME=PATH"});
  if (options.partitions > 1 && config->partitioner == ingest::Partitioner::none)
    return give_up(
        {ErrorKind::invalid_argument, "--partitions needs a partitioner: set `partitioner` to murmur2 or consistent"});

  if (const Status distinct = check_files(options); !distinct) return give_up(distinct.error());
  auto swaps = read_swaps(*config, options);
  if (!swaps) return give_up(swaps.error());
  auto files = open_sources(*config, options);
  if (!files) return give_up(files.error());
  auto alerts = open_for_writing(options.alerts);
  if (!alerts) return give_up(alerts.error());
  File dead_letters;
  if (!options.dead_letters.empty()) {
    auto opened = open_for_writing(options.dead_letters);
    if (!opened) return give_up(opened.error());
    dead_letters = std::move(*opened);
  }

  const ReplaySettings settings{.sources = config->sources,
                                .partitioner = config->partitioner,
                                .model = &config->model,
                                .policy = &config->policy,
                                .application_id = config->application_id,
                                .language = config->language,
                                .swaps = std::move(*swaps),
                                .until = options.until,
                                .partitions = options.partitions,
                                .threads = options.threads,
                                .batch = options.batch};
  FileOutput output(*config, std::move(*alerts), std::move(dead_letters), !options.quiet && isatty(STDERR_FILENO) == 1);
  const auto started = std::chrono::steady_clock::now();
  const auto summary = replay(settings, std::move(*files), output);
  if (!summary) return give_up(summary.error());
  if (const Status finished = output.finish(); !finished) return give_up(finished.error());

  if (options.quiet) return 0;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const nlohmann::ordered_json facts = summary_json(*config, *summary, seconds);
  if (options.json) {
    fmt::print(stderr, "{}\n", facts.dump());
  } else {
    print_summary(facts);
    print_warnings(options, *config, summary->last_event);
  }
  return 0;
}

}  // namespace holdfast::app
