#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/event.hpp"
#include "domain/random.hpp"
#include "domain/time.hpp"

namespace holdfast::app {

struct ShopSettings {
  std::uint64_t events = 0;
  std::uint32_t customers = 0;
  std::uint64_t seed = 0;
  Timestamp from;
  Duration length;  ///< Over which the events spread, at least 1 ms.
  /// Whether the last event comes just before the end of `length`: the whole shop is told once beforehand to see how
  /// long it would take, and its time is squeezed or stretched to fit. Otherwise it takes about that long.
  bool fitted = true;
  /// 0: customers are about evenly active. Otherwise the activity of the r-th goes with r^-zipf: few do most.
  double zipf = 0;
};

/// Something that a customer of the shop did.
struct ShopEvent {
  std::uint64_t number = 0;  ///< From 0, over all kinds.
  Timestamp time;
  EventKind kind{};
  std::uint32_t customer = 0;
  double amount = 0;            ///< Purchases, whole cents.
  ComplaintStatus status{};     ///< Complaints.
  bool is_return = false;       ///< Complaints.
  std::uint32_t complaint = 0;  ///< Complaints: which one of the customer's.
};

/// What the shop knows of a customer and Holdfast has to find out.
struct ShopTruth {
  Timestamp joined;
  std::optional<Timestamp> left;  ///< Of its own free will, at its last purchase.
  std::uint32_t purchases = 0;
  double events_per_day = 0;  ///< While it is there.
  double drop_out = 0;        ///< Probability of leaving after a purchase.
  double mean_amount = 0;
};

/// A shop whose customers buy, look around, complain, and really leave: after each purchase with a probability of their
/// own (as the MBG/NBD model has it), without a word. One that runs out of customers before its events are told wins
/// some of them back. Deterministic in its settings; memory grows with the customers alone.
class Shop {
 public:
  explicit Shop(const ShopSettings& settings);

  /// The next event, in order of time; no value: all are told.
  std::optional<ShopEvent> next();
  /// As far as the shop has been told.
  [[nodiscard]] ShopTruth truth(std::uint32_t customer) const;
  [[nodiscard]] std::uint32_t customers() const { return settings_.customers; }

 private:
  struct Person {
    Random random{0};
    ShopTruth truth;
    std::uint32_t complaints = 0;
    ComplaintStatus last_status = ComplaintStatus::withdrawn;  ///< Of the complaint under way; withdrawn: none is.
  };
  struct Due {
    std::int64_t at_ms;
    std::uint32_t customer;
  };

  [[nodiscard]] std::vector<double> events_of_each() const;
  [[nodiscard]] double speed_to_fit() const;
  [[nodiscard]] Timestamp fitted(Timestamp time) const;
  void act(Person& person, ShopEvent& event);
  void complain(Person& person, ShopEvent& event);
  void win_back(Timestamp now);
  void schedule(std::uint32_t customer, Timestamp after);

  const ShopSettings settings_;
  double speed_ = 1;  ///< Of the time in which customers live, on the way to the one that is told.
  std::vector<Person> people_;
  std::vector<Due> due_;  ///< A heap, the earliest first.
  std::uint64_t told_ = 0;
  std::uint32_t next_won_back_ = 0;
};

}  // namespace holdfast::app
