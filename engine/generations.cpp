#include "engine/generations.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/calibration.hpp"
#include "engine/phase.hpp"
#include "engine/risk.hpp"
#include "engine/timers.hpp"

namespace holdfast::engine {
namespace {

constexpr std::uint64_t customers_in_tick = 8192;

}  // namespace

Timestamp Generation::adoption(std::uint64_t hash) const { return from + phase_of(hash, spread); }

Duration spread_of(std::uint64_t customers) {
  const std::uint64_t ticks = std::max<std::uint64_t>(1, (customers + customers_in_tick - 1) / customers_in_tick);
  return {static_cast<std::int64_t>(ticks) * Timers::tick_length.ms};
}

Generations::Generations(std::shared_ptr<const Model> first, Duration horizon) : horizon_(horizon) {
  replace(std::move(first));
}

void Generations::replace(std::shared_ptr<const Model> model) {
  list_.clear();
  list_.push_back(make(std::move(model), {}, before_all_time, Duration{0}));
  begun_ = 1;
  find_next_change();
}

void Generations::add(std::shared_ptr<const Model> model, Timestamp from) {
  list_.push_back(make(std::move(model), {}, from, ModelGeneration::not_begun));
  find_next_change();
}

void Generations::correct(const Correction& correction, Timestamp from) {
  // Swaps that are known already, and begin later, stay behind it: when they became known makes no difference.
  list_.insert(list_.begin() + 1, make(list_.front().base, correction, from, ModelGeneration::not_begun));
  find_next_change();
}

void Generations::restore(std::span<const ModelGeneration> models, ModelReader& reader, bool corrects) {
  list_.clear();
  for (const ModelGeneration& marked : models)
    list_.push_back(make(reader.read(marked.model).value(), corrects ? marked.correction : Correction{}, marked.from,
                         marked.spread));
  begun_ = static_cast<std::size_t>(std::ranges::count_if(list_, &Generation::has_begun));
  assert(begun_ > 0);
  find_next_change();
}

Timestamp Generations::next_adoption(std::uint64_t hash, Timestamp t) const {
  Timestamp next = after_all_time;
  for (std::size_t i = index_at(hash, t) + 1; i < begun_; ++i) next = std::min(next, list_[i].adoption(hash));
  return next;
}

bool Generations::is_adopted_at(std::uint64_t hash, Timestamp t) const {
  const std::size_t i = index_at(hash, t);
  return i > 0 && list_[i].adoption(hash) == t;
}

const Generation* Generations::change(std::uint64_t customers) {
  const Timestamp now = next_change_;
  const Generation* begins = nullptr;
  if (begun_ < list_.size() && list_[begun_].from <= now) {
    list_[begun_].spread = spread_of(customers);
    begins = &list_[begun_++];
  } else {
    std::size_t newest = begun_ - 1;
    while (list_[newest].end() > now) --newest;
    list_.erase(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(newest));
    begun_ -= newest;
  }
  find_next_change();
  return begins;
}

Generation Generations::make(std::shared_ptr<const Model> base, const Correction& correction, Timestamp from,
                             Duration spread) const {
  auto model = correction == Correction{} ? base : std::make_shared<const Model>(corrected(*base, correction));
  const double newcomer = newcomer_logit(*model, horizon_);
  return {std::move(model), newcomer, from, spread, std::move(base), correction};
}

std::size_t Generations::index_at(std::uint64_t hash, Timestamp t) const {
  std::size_t i = begun_ - 1;
  while (i > 0 && list_[i].adoption(hash) > t) --i;
  return i;
}

void Generations::find_next_change() {
  next_change_ = begun_ < list_.size() ? list_[begun_].from : after_all_time;
  for (std::size_t i = 1; i < begun_; ++i) next_change_ = std::min(next_change_, list_[i].end());
}

}  // namespace holdfast::engine
