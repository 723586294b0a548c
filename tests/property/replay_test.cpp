// `replay` over the same events, split into files in another way, read in other batches, applied by one thread or two:
// the same bytes come out.

#include "app/replay.hpp"

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/history.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

constexpr std::uint64_t histories = 60;

std::string json_of(const reference::NaiveEvent& event) {
  constexpr std::array statuses{"opened", "acknowledged", "resolved", "reopened", "withdrawn"};
  nlohmann::ordered_json out{{"customer_id", event.customer}, {"time", event.time.ms}};
  if (!event.event_id.empty()) out["event_id"] = event.event_id;
  if (event.amount) out["amount"] = *event.amount;
  if (!event.currency.empty()) out["currency"] = event.currency;
  if (event.kind == EventKind::complaint) {
    out["status"] = statuses[static_cast<std::size_t>(event.status)];
    if (event.is_return) out["category"] = "return";
  }
  if (event.kind == EventKind::action) out["action"] = event.erases ? "erase" : "call";
  return out.dump();
}

std::vector<ingest::SourceFormat> formats_of(const History& history) {
  std::vector<ingest::SourceFormat> formats;
  for (std::size_t s = 0; s < history.sources.size(); ++s) {
    ingest::SourceFormat format;
    format.name = "source" + std::to_string(s);
    format.topic = format.name;
    format.kind = history.sources[s].empty() ? EventKind::visit : history.sources[s].front().kind;
    format.max_ahead = Duration{3'600'000};
    formats.push_back(format);
  }
  return formats;
}

class Collected final : public app::ReplayOutput {
 public:
  Status alert(std::string_view json) override {
    text.append(json).append(1, '\n');
    ++alerts;
    return {};
  }
  Status dead_letter(SourceIndex source, const Rejection& rejection) override {
    text += "dead " + std::to_string(source.value) + " " + rejection.value + "\n";
    return {};
  }
  void progress(std::uint64_t, Timestamp) override {}
  std::string text;
  std::size_t alerts = 0;
};

/// Writes each source's lines into one to four files, at random places, with some lines that are no events.
std::vector<std::vector<std::string>> write_files(const std::vector<std::vector<std::string>>& lines,
                                                  const std::filesystem::path& folder, std::mt19937_64& random) {
  std::vector<std::vector<std::string>> paths(lines.size());
  for (std::size_t s = 0; s < lines.size(); ++s) {
    const std::size_t files = 1 + random() % 4;
    std::vector<std::string> contents(files);
    for (std::size_t i = 0; i < lines[s].size(); ++i)
      contents[i * files / std::max<std::size_t>(lines[s].size(), 1)] +=
          lines[s][i] + (random() % 2 == 0 ? "\n" : "\r\n\n");
    for (std::size_t f = 0; f < files; ++f) {
      paths[s].push_back((folder / (std::to_string(s) + "-" + std::to_string(f) + ".ndjson")).string());
      write_file(paths[s].back(), contents[f]);
    }
  }
  return paths;
}

Collected replay_once(const History& history, const std::vector<std::vector<std::string>>& lines, int partitions,
                      int threads, std::size_t batch, std::mt19937_64& random) {
  const TemporaryFolder folder;
  const auto paths = write_files(lines, folder.path(), random);
  app::ReplaySettings settings;
  settings.sources = formats_of(history);
  settings.partitioner = ingest::Partitioner::murmur2;
  settings.model = &history.model;
  settings.policy = &history.policy;
  settings.application_id = "test";
  settings.until = Timestamp{1'500'000'000'000};
  settings.partitions = partitions;
  settings.threads = threads;
  settings.batch = batch;
  auto feeds = app::open_files(settings.sources, paths);
  EXPECT_TRUE(feeds.has_value());
  Collected out;
  EXPECT_TRUE(app::replay(settings, std::move(*feeds), out).has_value());
  return out;
}

TEST(Replay, DependsOnTheEventsAlone) {
  std::size_t alerts = 0;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    History history = random_history(seed);
    std::mt19937_64 random(seed);
    std::vector<std::vector<std::string>> lines(history.sources.size());
    for (std::size_t s = 0; s < history.sources.size(); ++s) {
      for (auto& event : history.sources[s]) {
        // A log has one kind of event a source.
        event.kind = history.sources[s].front().kind;
        lines[s].push_back(event.rejected || random() % 40 == 0 ? "{no event" : json_of(event));
      }
    }
    const int partitions = seed % 3 == 0 ? 1 : 3;
    const Collected reference = replay_once(history, lines, partitions, 1, 1000, random);
    alerts += reference.alerts;
    for (const int threads : {1, 2}) {
      for (const std::size_t batch : {1, 7, 64}) {
        const Collected other = replay_once(history, lines, partitions, threads, batch, random);
        ASSERT_EQ(other.text, reference.text) << "seed " << seed << ", threads " << threads << ", batch " << batch;
      }
    }
  }
  EXPECT_GT(alerts, histories * 5);
}

}  // namespace
}  // namespace holdfast::testing
