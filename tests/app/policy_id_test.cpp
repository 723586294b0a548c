// What journals and checkpoints say of the settings that they were made under.

#include <string>

#include <gtest/gtest.h>

#include "app/config.hpp"
#include "tests/support/config_fixture.hpp"

namespace holdfast::app {
namespace {

using testing::minimal_config;
using testing::minimal_model;

class PolicyIdTest : public testing::ConfigFixture {};

TEST_F(PolicyIdTest, IsWithoutTheModelAndTheFormerOneWithIt) {
  const auto with = load(std::string(minimal_config));
  ASSERT_TRUE(with);
  write("model.json", std::string(minimal_model) + "\n");
  const auto without = load(std::string(minimal_config));
  ASSERT_TRUE(without);
  EXPECT_EQ(with->policy_id(), without->policy_id());
  EXPECT_NE(with->former_policy_id(), without->former_policy_id());
  EXPECT_NE(with->former_policy_id(), with->policy_id());
  // What releases before that wrote into their journals.
  EXPECT_EQ(with->former_policy_id().value, 0x811d'2759'93b9'40c5ULL);
}

TEST_F(PolicyIdTest, KnowsTheControlGroupWhereThereIsOne) {
  const auto id_with = [&](const std::string& settings) {
    const auto config = load(std::string(minimal_config) + settings);
    EXPECT_TRUE(config) << config.error().message;
    return config->policy_id();
  };
  const PolicyId none = id_with("");
  EXPECT_EQ(id_with("alerts: {control_share: 0}\n"), none);
  EXPECT_EQ(id_with("alerts: {control_seed: 7}\n"), none) << "without a group nobody is drawn";
  const PolicyId tenth = id_with("alerts: {control_share: 0.1}\n");
  EXPECT_NE(tenth, none);
  EXPECT_NE(id_with("alerts: {control_share: 0.2}\n"), tenth);
  EXPECT_NE(id_with("alerts: {control_share: 0.1, control_seed: 7}\n"), tenth);
}

}  // namespace
}  // namespace holdfast::app
