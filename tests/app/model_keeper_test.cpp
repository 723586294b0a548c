#include "app/model_keeper.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/limits.hpp"
#include "tests/support/config_fixture.hpp"
#include "tests/support/memory_log.hpp"

namespace holdfast::app {
namespace {

using ::testing::HasSubstr;

std::string model_text(std::string_view name, std::string_view horizon = "91d", std::string_view more = "") {
  return R"({"name":")" + std::string(name) + R"(","time_unit":"7d","horizon":")" + std::string(horizon) +
         R"(","mbg":{"r":0.5,"alpha":6.0,"a":0.9,"b":1.6})" + std::string(more) + "}";
}

class ModelKeeperTest : public testing::ConfigFixture {
 protected:
  ModelKeeperTest() { world_.now = Timestamp{1'000'000}; }

  ModelKeeper& keeper(std::string_view more = "") {
    auto config = load(std::string(testing::minimal_config) + std::string(more));
    EXPECT_TRUE(config) << config.error().message;
    config_ = std::move(*config);
    return keeper_.emplace(config_, clock_);
  }
  [[nodiscard]] std::string in_force() const { return keeper_->wanted().get().model->name; }
  std::string refusal_of(const std::string& text) {
    write("model.json", text);
    const Status read = keeper_->read_file();
    EXPECT_FALSE(read);
    return read ? "" : read.error().message;
  }

  testing::MemoryWorld world_{1, 1};
  testing::MemoryClock clock_{world_};
  Config config_;
  std::optional<ModelKeeper> keeper_;
};

TEST_F(ModelKeeperTest, TheFileIsReadAgainWhenAskedFor) {
  keeper();
  EXPECT_EQ(in_force(), "m");
  const auto version = keeper_->wanted().version();
  write("model.json", model_text("another"));
  EXPECT_EQ(in_force(), "m");
  world_.now = Timestamp{2'000'000};
  ASSERT_TRUE(keeper_->read_file());
  EXPECT_EQ(in_force(), "another");
  EXPECT_EQ(keeper_->wanted().get().from, Timestamp{2'000'000} + model_lead);
  EXPECT_NE(keeper_->wanted().version(), version);
  EXPECT_EQ(keeper_->refused(), 0U);
}

TEST_F(ModelKeeperTest, TheSameFileOnceMoreChangesNothing) {
  keeper();
  const auto version = keeper_->wanted().version();
  ASSERT_TRUE(keeper_->read_file());
  EXPECT_EQ(keeper_->wanted().version(), version);
}

TEST_F(ModelKeeperTest, WhatIsNoModelIsRefusedWithAllItsFaults) {
  keeper();
  const std::string refusal =
      refusal_of(R"({"name":"","time_unit":"7d","horizon":"91d","mbg":{"r":-1,"alpha":6.0,"a":0.9,"b":1.6}})");
  EXPECT_THAT(refusal, HasSubstr("name: must be a text"));
  EXPECT_THAT(refusal, HasSubstr("mbg.r: is -1"));
  EXPECT_THAT(refusal_of(model_text("m2", "91d", R"(,"logistic":{"intercept":0,"weights":{"moon_phase":1}})")),
              HasSubstr("logistic.weights.moon_phase: unknown key"));
  EXPECT_THAT(refusal_of(model_text("m2", "91d", R"(,"format":99)")), HasSubstr("format: is 99, and this release"));
  EXPECT_THAT(refusal_of("[1"), HasSubstr("is no JSON"));
  EXPECT_THAT(refusal_of(model_text("m2", "91d", R"(,"about":")" + std::string(limits::model_bytes_max, 'a') + '"')),
              HasSubstr("a model file has at most"));
  EXPECT_EQ(in_force(), "m");
  EXPECT_EQ(keeper_->refused(), 5U);
}

TEST_F(ModelKeeperTest, AFileThatIsGoneIsRefusedAsWell) {
  keeper();
  std::filesystem::remove(in_folder("model.json"));
  EXPECT_FALSE(keeper_->read_file());
  EXPECT_EQ(in_force(), "m");
  EXPECT_EQ(keeper_->refused(), 1U);
}

TEST_F(ModelKeeperTest, OfAnotherHorizonOnlyWhereTheConfigurationSaysWhichCounts) {
  keeper();
  EXPECT_THAT(refusal_of(model_text("m2", "30d")), HasSubstr("horizon: is 30d, and alerts are made for 91d"));
  write("model.json", testing::minimal_model);
  keeper("risk: {horizon: 60d}\n");
  write("model.json", model_text("m2", "30d"));
  EXPECT_TRUE(keeper_->read_file());
  EXPECT_EQ(in_force(), "m2");
  EXPECT_THAT(refusal_of(model_text("m3", "30d", R"(,"logistic":{"intercept":0,"weights":{}})")),
              HasSubstr("the `logistic` part holds for no other horizon"));
}

TEST_F(ModelKeeperTest, ALogisticPartNeedsItsHysteresis) {
  keeper("risk: {hysteresis: 0}\n");
  EXPECT_THAT(refusal_of(model_text("m2", "91d", R"(,"logistic":{"intercept":0,"weights":{}})")),
              HasSubstr("needs a risk.hysteresis of at least 0.001"));
}

TEST_F(ModelKeeperTest, TheNewestSoundRecordOfTheTopicBeatsTheFile) {
  keeper("topics: {models: models}\n");
  const std::vector<ModelRecord> history{{0, Timestamp{10}, model_text("oldest")},
                                         {1, Timestamp{20}, model_text("newer")},
                                         {2, Timestamp{30}, "no model"}};
  keeper_->take_history(history);
  EXPECT_EQ(in_force(), "newer");
  EXPECT_EQ(keeper_->wanted().get().from, Timestamp{20} + model_lead) << "the same for every instance";
  EXPECT_EQ(keeper_->refused(), 1U);

  write("model.json", model_text("of the file"));
  ASSERT_TRUE(keeper_->read_file());
  EXPECT_EQ(in_force(), "newer");

  EXPECT_FALSE(keeper_->take({3, Timestamp{40}, model_text("unfit", "30d")}));
  EXPECT_EQ(in_force(), "newer");
  ASSERT_TRUE(keeper_->take({4, Timestamp{50}, model_text("newest")}));
  EXPECT_EQ(in_force(), "newest");
  EXPECT_EQ(keeper_->wanted().get().from, Timestamp{50} + model_lead);
}

TEST_F(ModelKeeperTest, WithoutASoundRecordTheFileCounts) {
  keeper("topics: {models: models}\n");
  keeper_->take_history({});
  EXPECT_EQ(in_force(), "m");
  const std::vector<ModelRecord> history{{0, Timestamp{10}, "{}"}};
  keeper_->take_history(history);
  EXPECT_EQ(in_force(), "m");
  write("model.json", model_text("of the file"));
  ASSERT_TRUE(keeper_->read_file());
  EXPECT_EQ(in_force(), "of the file");
}

}  // namespace
}  // namespace holdfast::app
