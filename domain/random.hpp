#pragma once

#include <cstdint>

namespace holdfast {

/// A small generator of random numbers (SplitMix64, Steele, Lea, Flood 2014): eight bytes of state, the same numbers on
/// every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Within [0, end), each number as likely as the others up to end / 2^32. REQUIRES: end > 0.
  std::uint32_t below(std::uint32_t end);
  /// Within (0, 1).
  double uniform();
  double exponential(double mean);
  double normal();
  /// Marsaglia and Tsang 2000.
  double gamma(double shape, double scale);
  double beta(double a, double b);

 private:
  std::uint64_t state_;
};

}  // namespace holdfast
