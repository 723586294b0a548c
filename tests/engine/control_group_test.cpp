#include "engine/control_group.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "domain/ids.hpp"
#include "ingest/partitioner.hpp"

namespace holdfast::engine {
namespace {

constexpr int customers = 40'000;

std::string id_of(int i) { return "C" + std::to_string(i); }

/// Of those customers of whom `chosen` is true, the share in the control arm, in standard deviations from the group's.
template <class Chosen>
double deviation(const ControlGroup& group, Chosen chosen) {
  double all = 0;
  double control = 0;
  for (int i = 0; i < customers; ++i) {
    const std::string id = id_of(i);
    if (!chosen(id)) continue;
    ++all;
    control += arm_of(id, group) == Arm::control ? 1 : 0;
  }
  EXPECT_GT(all, 1'000);
  return (control - group.share * all) / std::sqrt(all * group.share * (1 - group.share));
}

TEST(ControlGroup, HasTheShareThatIsAskedFor) {
  for (const double share : {0.01, 0.1, 0.5, 0.9})
    EXPECT_LT(std::abs(deviation({.share = share}, [](const std::string&) { return true; })), 4) << share;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(arm_of(id_of(i), {.share = 0}), Arm::none);
    EXPECT_EQ(arm_of(id_of(i), {.share = 1}), Arm::control);
    EXPECT_EQ(arm_of(id_of(i), {.share = 1e-12}), Arm::treatment);
  }
}

// Computed by another binding of the same hash. Trials run for months, and others compute arms for themselves: these
// must never change.
TEST(ControlGroup, IsThatOfEveryRelease) {
  std::string control;
  for (int i = 0; i < 40; ++i) {
    if (arm_of(id_of(i), {.share = 0.2}) == Arm::control) control += id_of(i) + " ";
  }
  EXPECT_EQ(control, "C1 C9 C22 C27 C33 C34 C35 C39 ");
  EXPECT_EQ(fingerprint("C17850", 7'165'066'978'584'914'944), 14'563'239'588'681'617'329u);
}

TEST(ControlGroup, ALargerOneHoldsTheSmallerOne) {
  for (int i = 0; i < customers; ++i) {
    if (arm_of(id_of(i), {.share = 0.1}) != Arm::control) continue;
    EXPECT_EQ(arm_of(id_of(i), {.share = 0.15}), Arm::control);
  }
}

TEST(ControlGroup, AnotherSeedDrawsAnew) {
  const ControlGroup former{.share = 0.2, .seed = 1};
  EXPECT_LT(std::abs(deviation({.share = 0.2, .seed = 2},
                               [&](const std::string& id) { return arm_of(id, former) == Arm::control; })),
            4);
}

// What else is drawn by an id has nothing to do with it.
TEST(ControlGroup, HangsOnNothingElseThatIdsDecide) {
  const ControlGroup group{.share = 0.3};
  const auto hash = [](const std::string& id) { return make_customer_key(id).hash; };
  for (const std::uint64_t part : {0U, 1U, 2U, 3U}) {
    EXPECT_LT(std::abs(deviation(group, [&](const std::string& id) { return hash(id) >> 62 == part; })), 4)
        << "examples that training keeps";
    EXPECT_LT(std::abs(deviation(group, [&](const std::string& id) { return (hash(id) >> 30 & 3) == part; })), 4)
        << "when customers come under a new model";
    EXPECT_LT(std::abs(deviation(group, [&](const std::string& id) { return (hash(id) & 3) == part; })), 4);
    for (const auto partitioner : {ingest::Partitioner::murmur2, ingest::Partitioner::consistent}) {
      const auto partition = static_cast<std::int32_t>(part);
      EXPECT_LT(std::abs(deviation(
                    group, [&](const std::string& id) { return partition_for(partitioner, id, 4) == partition; })),
                4);
    }
  }
}

}  // namespace
}  // namespace holdfast::engine
