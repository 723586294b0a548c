#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/broker.hpp"

namespace holdfast::testing {

/// A shop of `holdfast generate` for runs of the whole program: three topics of four partitions, a model, a
/// configuration, and the alerts that these events lead to.
struct GeneratedShop {
  static constexpr int partitions = 4;
  static constexpr int journal_partitions = 8;

  std::uint64_t events = 0;
  std::uint64_t customers = 0;
};

/// Names of the sources and of their topics.
[[nodiscard]] const std::vector<std::string>& shop_sources();

/// Writes configuration and model of an instance "one" into a folder, with its state in there, and returns the path of
/// the configuration. `more`: further lines of it.
std::string write_shop(const std::filesystem::path& folder, const std::string& bootstrap, const std::string& more = "");

/// Makes the topics and fills them. `flags`: further arguments of `holdfast generate`.
void fill_topics(const GeneratedShop& shop, const std::string& config, int replication = 1,
                 std::vector<std::string> flags = {});

/// In each customer's order.
using AlertsByCustomer = std::map<std::string, std::vector<std::string>>;

/// The alerts of `holdfast replay` over the same events.
[[nodiscard]] AlertsByCustomer replayed(const GeneratedShop& shop);

[[nodiscard]] AlertsByCustomer by_customer(const std::vector<ConsumedRecord>& alerts);
[[nodiscard]] std::size_t count(const AlertsByCustomer& alerts);

/// Says where `got` first differs from what is expected: other alerts, another order within a customer, or a `seq` that
/// does not count from 1 without a gap. Empty: nowhere.
[[nodiscard]] std::string difference(const AlertsByCustomer& expected, const AlertsByCustomer& got);

}  // namespace holdfast::testing
