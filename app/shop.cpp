#include "app/shop.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace holdfast::app {
namespace {

// Of what a customer does; the rest is visits.
constexpr double purchase_share = 0.30;
constexpr double complaint_share = 0.04;
constexpr double return_share = 0.4;

/// Part of the period in which new customers come.
constexpr double joining_share = 0.6;

constexpr double ms_per_day = 86'400'000.0;

/// Earlier events first; ties by customer, so that the order is a whole one.
constexpr auto later = [](const auto& a, const auto& b) {
  return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.customer > b.customer;
};

}  // namespace

// Rates and drop-out are chosen so that the events come to about their number within the period.
Shop::Shop(const ShopSettings& settings) : settings_(settings), people_(settings.customers) {
  const std::vector<double> events_of = events_of_each();
  due_.reserve(settings.customers);
  for (std::uint32_t c = 0; c < settings.customers; ++c) {
    Person& person = people_[c];
    const double events_each = events_of[c];
    const double drop_out_mean =
        std::clamp(1.0 / (purchase_share * events_each * 1.5), settings.zipf > 0 ? 1e-9 : 0.005, 0.3);
    const double rate_mean = 2.2 * events_each / settings.length.days();
    Random seeding(settings.seed * 0x2545f4914f6cdd1d + c);
    person.random = Random(seeding.next());
    Random& random = person.random;
    person.truth.joined =
        settings.from +
        Duration{static_cast<std::int64_t>(static_cast<double>(settings.length.ms) * joining_share * random.uniform())};
    person.truth.events_per_day = std::max(random.gamma(1.2, rate_mean / 1.2), rate_mean / 50);
    person.truth.drop_out = random.beta(1.5, 1.5 * (1 - drop_out_mean) / drop_out_mean);
    person.truth.mean_amount = 5 + random.gamma(1.5, 30);
    due_.push_back({person.truth.joined.ms, c});
  }
  std::ranges::make_heap(due_, later);
  if (settings.fitted) speed_ = speed_to_fit();
}

// By rank, ranks in a random order: neighbours in the numbers have nothing in common.
std::vector<double> Shop::events_of_each() const {
  const auto events = static_cast<double>(settings_.events);
  std::vector<double> out(settings_.customers, events / settings_.customers);
  if (settings_.zipf == 0) return out;
  double sum = 0;
  for (std::uint32_t c = 0; c < settings_.customers; ++c) sum += out[c] = std::pow(c + 1.0, -settings_.zipf);
  for (double& share : out) share *= events / sum;
  Random random(settings_.seed);
  for (std::size_t c = out.size(); c > 1; --c) std::swap(out[c - 1], out[random.next() % c]);
  return out;
}

double Shop::speed_to_fit() const {
  ShopSettings roughly = settings_;
  roughly.fitted = false;
  Shop rehearsal(roughly);
  Timestamp last = settings_.from;
  while (const auto event = rehearsal.next()) last = event->time;
  const Duration needed = last - settings_.from;
  return needed.ms == 0 ? 1 : static_cast<double>(settings_.length.ms - 1) / static_cast<double>(needed.ms);
}

Timestamp Shop::fitted(Timestamp time) const {
  if (!settings_.fitted) return time;
  const auto passed = static_cast<std::int64_t>(static_cast<double>((time - settings_.from).ms) * speed_);
  return settings_.from + Duration{std::min(passed, settings_.length.ms - 1)};
}

ShopTruth Shop::truth(std::uint32_t customer) const {
  ShopTruth truth = people_[customer].truth;
  truth.joined = fitted(truth.joined);
  if (truth.left) truth.left = fitted(*truth.left);
  truth.events_per_day /= speed_;
  return truth;
}

std::optional<ShopEvent> Shop::next() {
  if (told_ == settings_.events) return std::nullopt;
  std::ranges::pop_heap(due_, later);
  const Due due = due_.back();
  due_.pop_back();

  ShopEvent event{.number = told_++, .time = Timestamp{due.at_ms}, .customer = due.customer};
  Person& person = people_[due.customer];
  act(person, event);
  if (!person.truth.left) schedule(due.customer, event.time);
  if (due_.empty()) win_back(event.time);
  event.time = fitted(event.time);
  return event;
}

// The first thing that a customer does is to buy.
void Shop::act(Person& person, ShopEvent& event) {
  Random& random = person.random;
  const double what = random.uniform();
  if (person.truth.purchases == 0 || what < purchase_share) {
    event.kind = EventKind::purchase;
    event.amount = std::round(random.gamma(4, person.truth.mean_amount / 4) * 100) / 100;
    ++person.truth.purchases;
    if (random.uniform() < person.truth.drop_out) person.truth.left = event.time;
  } else if (what < purchase_share + complaint_share) {
    complain(person, event);
  } else {
    event.kind = EventKind::visit;
  }
}

// A complaint that is no return goes from opened over acknowledged to its end, and now and then is opened again.
void Shop::complain(Person& person, ShopEvent& event) {
  Random& random = person.random;
  event.kind = EventKind::complaint;
  const bool under_way = person.last_status != ComplaintStatus::withdrawn;
  if (!under_way) {
    event.complaint = ++person.complaints;
    event.is_return = random.uniform() < return_share;
    event.status = ComplaintStatus::opened;
    if (!event.is_return) person.last_status = ComplaintStatus::opened;
    return;
  }
  event.complaint = person.complaints;
  const double what = random.uniform();
  const bool open = person.last_status != ComplaintStatus::resolved;
  if (person.last_status == ComplaintStatus::opened && what < 0.5) {
    event.status = ComplaintStatus::acknowledged;
  } else if (open && what < 0.9) {
    event.status = ComplaintStatus::resolved;
  } else if (!open && what < 0.1) {
    event.status = ComplaintStatus::reopened;
  } else if (open) {
    event.status = ComplaintStatus::withdrawn;
  } else {
    person.last_status = ComplaintStatus::withdrawn;
    complain(person, event);
    return;
  }
  person.last_status = event.status;
}

void Shop::win_back(Timestamp now) {
  constexpr std::uint32_t at_once = 64;
  for (std::uint32_t i = 0; i < std::min(at_once, settings_.customers); ++i) {
    const std::uint32_t customer = next_won_back_;
    next_won_back_ = (next_won_back_ + 1) % settings_.customers;
    people_[customer].truth.left.reset();
    schedule(customer, now);
  }
}

void Shop::schedule(std::uint32_t customer, Timestamp after) {
  Person& person = people_[customer];
  const double days = person.random.exponential(1 / person.truth.events_per_day);
  due_.push_back({after.ms + 1 + static_cast<std::int64_t>(days * ms_per_day), customer});
  std::ranges::push_heap(due_, later);
}

}  // namespace holdfast::app
