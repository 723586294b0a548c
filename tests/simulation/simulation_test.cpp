// Everything at once, from a seed: instances that crash, pause, are replaced, move their partitions and find their
// disks lost, over a log that answers late, not at all, or does what it was asked for and says that it did not.

#include "tests/simulation/simulation.hpp"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include <gtest/gtest.h>
#include <malloc.h>

namespace holdfast::testing {
namespace {

constexpr std::uint64_t seeds_by_default = 2'000;
constexpr std::uint64_t parts = 4;
/// So many seeds that fail are shown.
constexpr int failures_max = 5;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void expect_good(std::uint64_t seed, const Outcome& outcome) {
  for (const std::string& problem : outcome.problems)
    ADD_FAILURE() << problem << "\n  once more: SIMULATION_SEED=" << seed << " test_simulation";
}

/// Seeds are dealt out to several tests, so that they can run side by side.
class Simulated : public ::testing::TestWithParam<std::uint64_t> {};

/// Tables are made and dropped all the time: their memory is kept. Sanitizers have an allocator of their own.
[[maybe_unused]] const bool memory_kept =
    mallopt(M_MMAP_THRESHOLD, 1 << 28) != 0 && mallopt(M_TRIM_THRESHOLD, 1 << 28) != 0;

TEST_P(Simulated, TroubleChangesNoAlertNoDeadLetterAndNoState) {
  const std::uint64_t one = number_in("SIMULATION_SEED", 0);
  const std::uint64_t first = number_in("SIMULATION_FIRST_SEED", 1);
  const std::uint64_t seeds = number_in("SIMULATION_SEEDS", seeds_by_default);
  if (one != 0 && GetParam() != 0) return;  // The first part has it.
  const bool talks = std::getenv("SIMULATION_TRACE") != nullptr;
  Outcome all;
  std::uint64_t runs = 0;
  int failures = 0;
  for (std::uint64_t seed = one != 0 ? one : first + GetParam(); seed < (one != 0 ? one + 1 : first + seeds);
       seed += parts) {
    const Outcome outcome = Simulation(seed, {.talks = talks}).run();
    expect_good(seed, outcome);
    if (!outcome.problems.empty() && ++failures == failures_max) return;
    ++runs;
    all.work += outcome.work;
    all.crashes += outcome.crashes;
    all.pauses += outcome.pauses;
    all.replacements += outcome.replacements;
    all.stops += outcome.stops;
    all.rollbacks += outcome.rollbacks;
    all.generations += outcome.generations;
    all.alerts += outcome.alerts;
    all.silences += outcome.silences;
    all.dead_letters += outcome.dead_letters;
    all.ticks += outcome.ticks;
    all.checkpoints += outcome.checkpoints;
    all.naive_alerts += outcome.naive_alerts;
    all.erasures += outcome.erasures;
    all.swaps += outcome.swaps;
    all.by_model += outcome.by_model;
    all.between += outcome.between;
    all.deleted += outcome.deleted;
    all.compacted += outcome.compacted;
  }
  std::cout << runs << " runs, " << all.work << " pieces of work, " << all.crashes << " crashes, " << all.pauses
            << " pauses, " << all.replacements << " replacements, " << all.stops << " stops, " << all.rollbacks
            << " rollbacks, " << all.generations << " generations, " << all.alerts << " alerts, " << all.silences
            << " of silence, " << all.naive_alerts << " by the naive engine, " << all.dead_letters << " dead letters, "
            << all.erasures << " erasures, " << all.swaps << " new models, " << all.by_model << " alerts by them, "
            << all.between << " checkpoints between models, " << all.ticks << " steps with a clock, " << all.checkpoints
            << " checkpoints compared, " << all.deleted << " records deleted, " << all.compacted << " compacted\n";
  if (runs < 100) return;
  // Otherwise it would prove nothing of these.
  for (const std::uint64_t count :
       {all.crashes, all.pauses, all.replacements, all.stops, all.rollbacks, all.silences, all.dead_letters, all.ticks,
        all.erasures, all.swaps, all.by_model, all.between, all.naive_alerts, all.deleted, all.compacted})
    EXPECT_GT(count, 0);
  EXPECT_GT(all.checkpoints, runs);
}

INSTANTIATE_TEST_SUITE_P(Part, Simulated, ::testing::Range(std::uint64_t{0}, parts));

TEST(Simulation, WhatTheLogHasLostIsRefusedAndNeverGuessed) {
  std::uint64_t refused = 0;
  std::uint64_t went_on = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Outcome outcome = Simulation(seed, {.too_far = true}).run();
    expect_good(seed, outcome);
    if (HasFailure()) return;
    ++(outcome.refusals > 0 ? refused : went_on);
  }
  std::cout << refused << " refused, " << went_on << " went on\n";
  EXPECT_GT(refused, 10);
  EXPECT_GT(went_on, 10);
}

TEST(Simulation, TheSameSeedGivesTheSameTrace) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome first = Simulation(seed).run();
    const Outcome second = Simulation(seed).run();
    EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
    EXPECT_EQ(first.work, second.work) << "seed " << seed;
  }
}

}  // namespace
}  // namespace holdfast::testing
