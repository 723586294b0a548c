// The whole matrix of tests/support/chaos.hpp, a line for each combination and a table at the end. It takes more than a
// minute for each, so it is a program of its own and no part of `tests/run`.

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tests/support/chaos.hpp"
#include "tests/support/process.hpp"

namespace holdfast::testing {
namespace {

struct Options {
  std::vector<std::string> only;
  std::uint64_t seeds = 2;
  ChaosSettings settings{.shop = {.events = 120'000, .customers = 8'000}, .bounces = 3};
  std::string keep;
};

using Row = std::pair<std::string, ChaosResult>;

void print_table(const std::vector<Row>& rows) {
  constexpr auto line = "{:<22} {:>8} {:>6} {:>6} {:>10} {:>7} {:>14} {:>8} {:>5}  {}\n";
  std::cout << fmt::format(fmt::runtime(line), "COMBINATION", "BOUNCES", "KILLS", "LONG", "ROLLBACKS", "ALERTS",
                           "ABORTED (TX)", "(ALERTS)", "S", "RESULT");
  for (const auto& [name, r] : rows) {
    std::cout << fmt::format(fmt::runtime(line), name, r.bounces, r.kills, r.absences, r.rollbacks, r.alerts,
                             r.aborted_transactions, r.aborted_alerts, static_cast<int>(r.seconds),
                             r.failure.empty() ? "ok" : "FAILED");
  }
}

int run(const Options& options) {
  std::vector<Combination> combinations;
  for (const std::string& text : options.only) combinations.push_back(*combination_of(text));
  if (combinations.empty()) combinations = all_combinations(options.seeds);
  const AlertsByCustomer expected = replayed(options.settings.shop);
  std::vector<Row> rows;
  int failed = 0;
  for (const Combination& combination : combinations) {
    const TemporaryFolder temporary;
    std::filesystem::path folder = temporary.path();
    if (!options.keep.empty()) {
      folder = std::filesystem::absolute(options.keep) / to_text(combination);
      std::filesystem::remove_all(folder);
      std::filesystem::create_directories(folder);
    }
    rows.emplace_back(to_text(combination), run_chaos(combination, options.settings, expected, folder));
    failed += rows.back().second.failure.empty() ? 0 : 1;
    std::cout << rows.back().first << ": " << to_text(rows.back().second) << std::endl;
  }
  print_table(rows);
  std::cout << fmt::format("{} of {} combinations held, {} events and {} alerts in each\n",
                           rows.size() - static_cast<std::size_t>(failed), rows.size(), options.settings.shop.events,
                           count(expected));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::testing

int main(int argc, char** argv) {
  using namespace holdfast::testing;
  Options options;
  CLI::App app{"Two instances of Holdfast over three Kafka nodes, all of which are killed again and again"};
  app.add_option("--only", options.only, "this combination, such as hard:controller:1; can be given again")
      ->check([](const std::string& text) {
        return combination_of(text) ? ""
                                    : "it is HOW:TARGET:SEED: hard or clean; leader, transactions, group, "
                                      "controller or all; a number";
      });
  app.add_option("--seeds", options.seeds, "how many seeds each combination is run with")->capture_default_str();
  app.add_option("--events", options.settings.shop.events, "of the generated shop")->capture_default_str();
  app.add_option("--customers", options.settings.shop.customers, "of the generated shop")->capture_default_str();
  app.add_option("--bounces", options.settings.bounces, "of nodes in each combination")->capture_default_str();
  app.add_option("--keep", options.keep, "folder for logs and state, one in it for each combination; default: none");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
