// What the command line does with models, as far as it goes without a broker.

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/config_fixture.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string model(std::string_view name, std::string_view alpha, std::string_view more = "") {
  return R"({"name":")" + std::string(name) + R"(","time_unit":"7d","horizon":"91d","mbg":{"r":0.5,"alpha":)" +
         std::string(alpha) + R"(,"a":0.9,"b":1.6})" + std::string(more) + "}";
}

class ModelCommands : public ConfigFixture {
 protected:
  ModelCommands() {
    write("shop.yaml", std::string(minimal_config));
    write("bad.json", model("bad", "-6", R"(,"logistic":{"intercept":0,"weights":{"moon_phase":1}})"));
    // Takes everybody for lost.
    write("hasty.json", model("hasty", "6", R"(,"logistic":{"intercept":3,"weights":{}})"));
    // Two purchases each; the last one of all comes late, and time with it.
    write("purchases.ndjson", R"({"customer_id":"a","time":"2026-01-01T10:00:00Z","amount":5})"
                              "\n"
                              R"({"customer_id":"a","time":"2026-01-08T10:00:00Z","amount":5})"
                              "\n"
                              R"({"customer_id":"z","time":"2026-01-20T10:00:00Z","amount":5})"
                              "\n");
  }
  [[nodiscard]] Finished run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"-c", in_folder("shop.yaml")});
    return run_holdfast(arguments);
  }
  [[nodiscard]] Finished replay(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"replay", "--quiet", "--source", "purchases=" + in_folder("purchases.ndjson")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
};

TEST_F(ModelCommands, WithoutATopicThereIsNothingToListOrToUse) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"models"}, {"models", "--use", in_folder("hasty.json")}}) {
    const Finished done = run(arguments);
    EXPECT_EQ(done.status, 2);
    EXPECT_THAT(done.err, HasSubstr("topics.models names no topic"));
  }
}

TEST_F(ModelCommands, WhatIsRefusedIsNotSentAnywhere) {
  // No broker is asked: it would take some time to find out that there is none.
  const Finished done = run({"models", "--use", in_folder("bad.json"), "--set", "topics.models=models", "--set",
                             "kafka.bootstrap.servers=127.0.0.1:1"});
  EXPECT_EQ(done.status, 2);
  EXPECT_THAT(done.err, AllOf(HasSubstr("mbg.alpha: is -6"), HasSubstr("logistic.weights.moon_phase: unknown key")));
  EXPECT_EQ(run({"models", "--use", in_folder("none.json"), "--set", "topics.models=models"}).status, 2);
}

TEST_F(ModelCommands, AReplayTakesModelsFromTheirMomentsOn) {
  const Finished without = replay({});
  EXPECT_EQ(without.status, 0) << without.err;
  EXPECT_EQ(without.out, "");
  // In whatever order they are given.
  const Finished done = replay(
      {"--swap", "2026-01-12T00:00:00Z=" + in_folder("model.json"), "--swap", "2026-01-10=" + in_folder("hasty.json")});
  ASSERT_EQ(done.status, 0) << done.err;
  std::vector<std::string> seen;
  std::istringstream lines(done.out);
  for (std::string line; std::getline(lines, line);) {
    const Json alert = Json::parse(line);
    const std::string time = alert.at("time");
    seen.push_back(alert.at("change").get<std::string>() + " " + alert.at("model").at("name").get<std::string>() + " " +
                   alert.at("trigger").at("type").get<std::string>() + " " + time.substr(0, 15));
  }
  ASSERT_EQ(seen.size(), 2U) << done.out;
  EXPECT_EQ(seen[0], "raised hasty model 2026-01-10T00:0");
  EXPECT_EQ(seen[1], "resolved m model 2026-01-12T00:0");
}

TEST_F(ModelCommands, AReplayRefusesAModelThatIsNone) {
  const Finished bad = replay({"--swap", "2026-01-10=" + in_folder("bad.json")});
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.err, HasSubstr("bad.json: logistic.weights.moon_phase: unknown key"));
  EXPECT_EQ(replay({"--swap", "2026-01-10=" + in_folder("none.json")}).status, 2);
  EXPECT_EQ(replay({"--swap", "tomorrow=" + in_folder("hasty.json")}).status, 2);
  EXPECT_EQ(replay({"--swap", in_folder("hasty.json")}).status, 2);
}

}  // namespace
}  // namespace holdfast::testing
