#include "app/ring.hpp"

#include <cstdint>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "app/waker.hpp"

namespace holdfast::app {
namespace {

TEST(Ring, KeepsOrderAndRefusesWhatDoesNotFit) {
  Ring<std::unique_ptr<int>> ring(4);
  for (int i = 0; i < 4; ++i) {
    auto value = std::make_unique<int>(i);
    ASSERT_TRUE(ring.try_push(value));
  }
  auto fifth = std::make_unique<int>(4);
  EXPECT_FALSE(ring.try_push(fifth));
  ASSERT_NE(fifth, nullptr) << "what does not fit must stay with the caller";

  EXPECT_EQ(**ring.try_pop(), 0);
  EXPECT_TRUE(ring.try_push(fifth));
  for (int i = 1; i < 5; ++i) EXPECT_EQ(**ring.try_pop(), i);
  EXPECT_FALSE(ring.try_pop());
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, PassesEverythingBetweenTwoThreads) {
  constexpr std::uint64_t count = 200'000;
  Ring<std::uint64_t> ring(64);
  Waker producer;
  Waker consumer;
  std::jthread pushing([&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      std::uint64_t value = i;
      while (!ring.try_push(value)) producer.sleep(Duration{10}, [] { return false; });
      consumer.wake();
    }
  });
  for (std::uint64_t expected = 1; expected <= count;) {
    const auto value = ring.try_pop();
    if (!value) {
      consumer.sleep(Duration{10}, [&] { return !ring.empty(); });
      continue;
    }
    ASSERT_EQ(*value, expected);
    ++expected;
    producer.wake();
  }
}

TEST(Waker, WakesTheSleeperBeforeItsTimeIsOver) {
  Waker waker;
  std::atomic<bool> work{false};
  std::jthread waking([&] {
    work.store(true);
    waker.wake();
  });
  const auto started = std::chrono::steady_clock::now();
  while (!work.load()) waker.sleep(Duration{60'000}, [&] { return work.load(); });
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(30));
}

}  // namespace
}  // namespace holdfast::app
