// History straight from the source topics, with a real broker: what is learnt from it and judged on it is what files of
// the same events give.

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/broker.hpp"
#include "tests/support/generated_shop.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

class HistoryFromTopics : public ::testing::Test {
 protected:
  HistoryFromTopics() : config_(write_shop(folder_.path(), broker_.bootstrap())) { fill_topics(shop_, config_); }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  /// The events of the topics once more, as files.
  std::vector<std::string> files() {
    const Finished made =
        run_holdfast({"generate", "-c", config_, "--events", std::to_string(shop_.events), "--customers",
                      std::to_string(shop_.customers), "--seed", "7", "--out", folder_.path().string()});
    EXPECT_EQ(made.status, 0) << made.err;
    std::vector<std::string> flags;
    for (const std::string& source : shop_sources()) {
      flags.emplace_back("--source");
      flags.push_back(source + "=" + path(source + ".ndjson"));
    }
    return flags;
  }

  Finished run(const std::string& command, std::vector<std::string> flags, const std::vector<std::string>& more = {}) {
    flags.insert(flags.begin(), {command, "-c", config_});
    flags.insert(flags.end(), more.begin(), more.end());
    return run_holdfast(flags);
  }

  const GeneratedShop shop_{.events = 30'000, .customers = 1'500};
  Broker broker_;
  TemporaryFolder folder_;
  std::string config_;
};

TEST_F(HistoryFromTopics, GivesTheModelThatFilesGive) {
  const std::vector<std::string> as_files = files();
  const std::vector<std::string> same{"--name", "m", "--card", path("card.md"), "--every", "30d", "--horizon", "60d"};
  const Finished topics = run("train", {"--out", path("topics.json")}, same);
  ASSERT_EQ(topics.status, 0) << topics.err;
  auto flags = as_files;
  flags.insert(flags.end(), {"--out", path("files.json")});
  const Finished from_files = run("train", flags, same);
  ASSERT_EQ(from_files.status, 0) << from_files.err;
  EXPECT_EQ(read_file(path("topics.json")), read_file(path("files.json")));
}

TEST_F(HistoryFromTopics, GivesTheJudgementThatFilesGive) {
  const std::vector<std::string> as_files = files();
  const std::vector<std::string> same{"--json", "--replicates", "50"};
  const Finished topics = run("evaluate", {}, same);
  ASSERT_EQ(topics.status, 0) << topics.err;
  const Finished from_files = run("evaluate", as_files, same);
  ASSERT_EQ(from_files.status, 0) << from_files.err;
  EXPECT_EQ(topics.out, from_files.out);
}

// Who has a record's key is its customer, here as in `run`.
TEST_F(HistoryFromTopics, RecordsWithoutTheirCustomersKeyAreNoEvents) {
  const std::vector<std::string> flags{"--json",  "--name", "m",         "--card", path("card.md"),
                                       "--every", "30d",    "--horizon", "60d"};
  const Finished before = run("train", {"--out", path("before.json")}, flags);
  ASSERT_EQ(before.status, 0) << before.err;
  for (int i = 0; i < 200; ++i) {
    const std::string id = "stranger-" + std::to_string(i);
    const std::string event = R"({"customer_id":")" + id + R"(","time":"2025-05-05T10:00:00Z","amount":5})";
    broker_.produce("purchases", 0, i % 2 == 0 ? std::optional<std::string>() : "another", event);
  }
  const Finished after = run("train", {"--out", path("after.json")}, flags);
  ASSERT_EQ(after.status, 0) << after.err;
  EXPECT_EQ(read_file(path("after.json")), read_file(path("before.json")));
  EXPECT_THAT(read_file(path("card.md")), HasSubstr("200 records were no events"));
}

TEST_F(HistoryFromTopics, ATopicThatIsNotThereIsNamed) {
  const Finished run_without = run("train", {"--out", path("m.json"), "--set", "sources.visits.topic=no-such-topic"});
  EXPECT_EQ(run_without.status, 2);
  EXPECT_THAT(run_without.err, HasSubstr("no-such-topic"));
}

}  // namespace
}  // namespace holdfast::testing
