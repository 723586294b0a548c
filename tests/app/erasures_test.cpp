#include "app/erasures.hpp"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/scoring.hpp"

namespace holdfast::app {
namespace {

using testing::days;
using testing::new_year;

Event action_on(const std::string& id, bool erases) {
  Event event;
  event.kind = EventKind::action;
  event.customer = make_customer_key(id);
  event.erases = erases;
  return event;
}

TEST(Erasures, ForgetWhatWasKnownUntilTheLastOne) {
  Erasures erasures;
  erasures.add(action_on("a", true), new_year + days(20));
  erasures.add(action_on("a", true), new_year + days(10));
  erasures.add(action_on("b", false), new_year + days(20));
  const auto hash = [](const std::string& id) { return make_customer_key(id).hash; };
  EXPECT_TRUE(erasures.forgets(hash("a"), new_year));
  EXPECT_TRUE(erasures.forgets(hash("a"), new_year + days(20)));
  EXPECT_FALSE(erasures.forgets(hash("a"), new_year + days(20) + Duration{1})) << "who comes back is somebody new";
  EXPECT_FALSE(erasures.forgets(hash("b"), new_year)) << "other actions forget nobody";
  EXPECT_FALSE(erasures.forgets(hash("c"), new_year));
}

}  // namespace
}  // namespace holdfast::app
