#pragma once

#include <cstdint>
#include <unordered_map>

#include "domain/event.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

/// Which customers a history says to forget, and when: nothing of what they did until then is learnt from, nor is it
/// judged by. Who came back afterwards is a new customer.
class Erasures {
 public:
  /// `at`: when the event takes effect, which is later than its own time where it stands behind later ones.
  void add(const Event& event, Timestamp at);
  /// Whether what was known of a customer at `t` was forgotten, then or afterwards.
  [[nodiscard]] bool forgets(std::uint64_t customer, Timestamp t) const;

 private:
  std::unordered_map<std::uint64_t, Timestamp> latest_;  ///< By hash of the id.
};

}  // namespace holdfast::app
