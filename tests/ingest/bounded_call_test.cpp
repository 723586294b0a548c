#include "ingest/bounded_call.hpp"

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#ifdef __SANITIZE_THREAD__
// The threads that these tests leave behind are no findings.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_options() { return "report_thread_leaks=0"; }
#endif

namespace holdfast::ingest {
namespace {

using namespace std::chrono_literals;

TEST(CallWithin, GivesWhatTheCallReturns) {
  const std::uint64_t before = calls_left_behind();
  EXPECT_EQ(call_within(Duration{20'000}, [] { return std::string("back"); }), "back");
  const auto owned = call_within(Duration{20'000}, [] { return std::make_unique<int>(7); });
  ASSERT_TRUE(owned.has_value());
  EXPECT_EQ(**owned, 7);
  EXPECT_EQ(calls_left_behind(), before);
}

TEST(CallWithin, ThrowsWhatTheCallThrows) {
  EXPECT_THROW((void)call_within(Duration{20'000}, []() -> int { throw std::runtime_error("no"); }),
               std::runtime_error);
}

TEST(CallWithin, HoldsWhatTheCallNeedsUntilItIsBack) {
  auto gate = std::make_shared<std::promise<void>>();
  auto needed = std::make_shared<int>(7);
  const std::weak_ptr<int> held = needed;
  const std::uint64_t before = calls_left_behind();
  EXPECT_FALSE(call_within(Duration{50}, [needed = std::move(needed), opened = gate->get_future().share()] {
    opened.wait();
    return *needed;
  }));
  EXPECT_EQ(calls_left_behind(), before + 1);
  EXPECT_FALSE(held.expired());
  gate->set_value();
  for (int i = 0; i < 2000 && !held.expired(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(held.expired());
}

}  // namespace
}  // namespace holdfast::ingest
