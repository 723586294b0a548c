#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"

namespace holdfast::testing {

/// A made-up shop of 2025 in a folder of its own: shop.yaml, model.json, and what happened as data/SOURCE.ndjson in
/// order of time. Customers are erased as the test says.
class ShopFiles {
 public:
  ShopFiles(int events, int customers, int seed);

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  /// `holdfast COMMAND -c shop.yaml` with the files of all sources and these flags.
  [[nodiscard]] Finished run(const std::string& command, const std::vector<std::string>& flags) const;

  [[nodiscard]] std::string last_purchase() const;
  /// Keeps those events alone for which `kept` is true, of all sources; it may change them.
  void keep(const std::function<bool(nlohmann::json& event)>& kept) const;
  /// REQUIRES: after all that was erased before.
  void erase(const std::string& customer, const std::string& time) const;

 private:
  TemporaryFolder folder_;
};

/// Erases some customers, of whom some come back afterwards, in spring, in summer and in December. Returns whom, and
/// when.
std::map<std::string, std::string> erase_some(const ShopFiles& shop);
/// Whether nothing of an event is known after these erasures.
[[nodiscard]] bool is_erased(const nlohmann::json& event, const std::map<std::string, std::string>& erased_at);

}  // namespace holdfast::testing
