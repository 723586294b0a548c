#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "app/config.hpp"
#include "tests/support/minimal_config.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {

/// Loads configurations out of a folder that has a model.
class ConfigFixture : public ::testing::Test {
 protected:
  ConfigFixture() {
    write("model.json", minimal_model);
    write("token", "t0ken\n");
  }

  Expected<app::Config> load(std::string_view text, std::vector<app::Override> flags = {},
                             const app::Environment& environment = {}) {
    return app::load_config(write("shop.yaml", text), flags, environment);
  }

  /// The faults, with the path of the folder left out.
  std::string faults(std::string_view text, std::vector<app::Override> flags = {},
                     const app::Environment& environment = {}) {
    const auto config = load(text, std::move(flags), environment);
    if (config) return "none";
    EXPECT_EQ(config.error().kind, ErrorKind::invalid_argument);
    std::string message = config.error().message;
    const std::string folder = in_folder("");
    for (std::size_t at = message.find(folder); at != std::string::npos; at = message.find(folder)) {
      message.erase(at, folder.size());
    }
    return message;
  }
  std::string faults_with(std::string_view more) { return faults(std::string(minimal_config) + std::string(more)); }

  [[nodiscard]] std::string in_folder(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, std::string_view content) const {
    write_file(in_folder(name), std::string(content));
    return in_folder(name);
  }

  TemporaryFolder folder_;
};

}  // namespace holdfast::testing
