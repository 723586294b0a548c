#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/kafka_clients.hpp"
#include "app/logging.hpp"
#include "app/named_files.hpp"
#include "app/report.hpp"
#include "ingest/decoder.hpp"
#include "ingest/file_source.hpp"
#include "ingest/kafka_producer.hpp"

namespace holdfast::app {
namespace {

constexpr std::size_t batch_records = 1000;

struct Loaded {
  std::uint64_t sent = 0;
  std::uint64_t rejected = 0;
  std::string first_rejection;
};

Expected<Loaded> load(const ingest::SourceFormat& source, std::vector<std::string> paths,
                      ingest::KafkaProducer& producer) {
  auto file = ingest::FileSource::open(source, std::move(paths));
  if (!file) return std::unexpected(file.error());
  ingest::Decoder decoder(source, Partition{0}, ingest::Partitioner::none, 1, ingest::KeyRule::from_event);
  const bool show = isatty(STDERR_FILENO) == 1;
  Loaded loaded;
  EventBatch events;
  while (true) {
    auto batch = (*file)->next(batch_records);
    if (!batch) return std::unexpected(batch.error());
    if (*batch == nullptr) break;
    decoder.decode(**batch, events);
    const auto records = (*batch)->records();
    for (std::size_t i = 0; i < records.size(); ++i) {
      const Event& event = events.events[i];
      if (event.rejection != nullptr) {
        if (loaded.rejected++ == 0)
          loaded.first_rejection = fmt::format("record {}: {}", event.offset.value + 1, event.rejection->message);
        continue;
      }
      const Status sent = producer.send(source.topic, event.customer.id, records[i].value, Timestamp{-1});
      if (!sent) return std::unexpected(sent.error());
      ++loaded.sent;
    }
    if (show) fmt::print(stderr, "\r{}: {} events\x1b[K", source.name, loaded.sent);
  }
  if (const Status done = producer.flush(); !done) return std::unexpected(done.error());
  fmt::print(stderr, "{}{}: {} events to topic {}\n", show ? "\r\x1b[K" : "", source.name, loaded.sent, source.topic);
  return loaded;
}

}  // namespace

int load_command(const LoadOptions& options) {
  const auto config = load_config(options.config, options.overrides);
  if (!config) return report(config.error());
  start_logging(config->log);
  if (const Status distinct = check_distinct(files_to_read(options.sources)); !distinct)
    return report(distinct.error());
  auto paths = paths_by_source(*config, options.sources);
  if (!paths) return report(paths.error());
  auto producer = ingest::make_kafka_producer(kafka_settings_of(*config), config->partitioner);
  if (!producer) return report(producer.error());

  int status = 0;
  for (std::size_t s = 0; s < config->sources.size(); ++s) {
    if ((*paths)[s].empty()) continue;
    const auto& source = config->sources[s];
    const auto loaded = load(source, std::move((*paths)[s]), **producer);
    if (!loaded) return report(loaded.error());
    if (loaded->rejected > 0) {
      fmt::print(stderr, "{}: {} records are no events and were left out; the first: {}\n", source.name,
                 loaded->rejected, loaded->first_rejection);
      status = 1;
    }
  }
  return status;
}

}  // namespace holdfast::app
