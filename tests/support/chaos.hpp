#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/generated_shop.hpp"

/// Two instances of Holdfast over a cluster of three Kafka nodes, all of which are killed again and again, and the
/// account afterwards: what a read_committed consumer saw is what `holdfast replay` gives.
namespace holdfast::testing {

/// What is done to nodes of the cluster: how each is taken away, and which one.
struct Combination {
  enum class How : std::uint8_t { hard, clean } how{};  ///< SIGKILL; SIGTERM.
  /// all: node 1, 2 and 3 in turn.
  enum class Target : std::uint8_t { leader, transactions, group, controller, all } target{};
  std::uint64_t seed = 1;  ///< Of all that is left to chance.
};

/// Each way to do it to each target, for the seeds 1 to `seeds`.
[[nodiscard]] std::vector<Combination> all_combinations(std::uint64_t seeds);
/// "hard:controller:1".
[[nodiscard]] std::string to_text(const Combination& combination);
[[nodiscard]] std::optional<Combination> combination_of(std::string_view text);

struct ChaosSettings {
  GeneratedShop shop;
  int bounces = 3;  ///< Nodes taken away and brought back, one after the other.
};

struct ChaosResult {
  std::string failure;  ///< The first thing that did not hold; empty: all did.
  int bounces = 0;
  int bounces_in_backlog = 0;  ///< Of these, while some was done and some was left to do.
  int kills = 0;               ///< Of instances, SIGKILL.
  int kills_in_backlog = 0;
  int absences = 0;           ///< Of these, for so long that the group gave the partitions to the other one.
  std::size_t rollbacks = 0;  ///< How often instances went back to the committed state by themselves.
  std::size_t alerts = 0;
  std::size_t aborted_transactions = 0;
  std::size_t aborted_alerts = 0;  ///< Records in the topic that no read_committed consumer may see.
  double seconds = 0;
};

/// `expected`: the alerts of `holdfast replay` over the shop. Logs and state of the instances stay in `folder`.
[[nodiscard]] ChaosResult run_chaos(const Combination& combination, const ChaosSettings& settings,
                                    const AlertsByCustomer& expected, const std::filesystem::path& folder);

/// One line, without the name of the combination.
[[nodiscard]] std::string to_text(const ChaosResult& result);

}  // namespace holdfast::testing
