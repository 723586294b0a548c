#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "domain/calibration.hpp"
#include "domain/step.hpp"
#include "domain/time.hpp"
#include "engine/model.hpp"

namespace holdfast::engine {

/// A model, and when a task's customers come under it (docs/semantics.md, "Models").
struct Generation {
  std::shared_ptr<const Model> model;  ///< `base`, corrected.
  double newcomer_logit = 0;
  Timestamp from = before_all_time;
  Duration spread{0};  ///< ModelGeneration::not_begun: time has not come to `from`.
  std::shared_ptr<const Model> base{};
  Correction correction{};

  [[nodiscard]] bool has_begun() const { return spread != ModelGeneration::not_begun; }
  /// All customers are under it, or a newer one, from then on. REQUIRES: has_begun().
  [[nodiscard]] Timestamp end() const { return from + spread; }
  /// When a customer comes under it; only the lower half of the hash of its id counts. REQUIRES: has_begun().
  [[nodiscard]] Timestamp adoption(std::uint64_t hash) const;
};

/// Within which all of so many customers come under a new model: so many in a tick of timers that it takes some ten
/// milliseconds to set theirs anew.
[[nodiscard]] Duration spread_of(std::uint64_t customers);

/// The models of a task, the newest last. Whoever has them says when time has come to next_change().
class Generations {
 public:
  Generations(std::shared_ptr<const Model> first, Duration horizon);

  /// All customers are under this model from the beginning.
  void replace(std::shared_ptr<const Model> model);
  /// They come under this one from `from` on. REQUIRES: `from` is later than all that has happened.
  void add(std::shared_ptr<const Model> model, Timestamp from);
  /// They come under the model that all are under, with this correction, from `from` on. REQUIRES: is_one_for_all(),
  /// and no other model begins before.
  void correct(const Correction& correction, Timestamp from);
  /// As a marker has them; `corrects`: with their corrections. REQUIRES: there are some.
  void restore(std::span<const ModelGeneration> models, ModelReader& reader, bool corrects);

  /// The newest that customers come under now.
  [[nodiscard]] const Generation& newest_begun() const { return list_[begun_ - 1]; }
  /// Whether every customer is under the same model.
  [[nodiscard]] bool is_one_for_all() const { return begun_ == 1; }
  /// The one that a customer is under at `t`: of those that it has come under, the newest.
  [[nodiscard]] const Generation& at(std::uint64_t hash, Timestamp t) const {
    return begun_ == 1 ? list_.front() : list_[index_at(hash, t)];
  }
  /// When the customer comes under another one, after `t`; after_all_time: that is not known yet.
  [[nodiscard]] Timestamp next_adoption(std::uint64_t hash, Timestamp t) const;
  /// Whether the customer comes under another one at `t`.
  [[nodiscard]] bool is_adopted_at(std::uint64_t hash, Timestamp t) const;

  /// When change() is due; after_all_time: never.
  [[nodiscard]] Timestamp next_change() const { return next_change_; }
  /// Time has come to next_change(): the task has so many customers. Returns the generation that begins; null: others
  /// end, since everybody has left them.
  const Generation* change(std::uint64_t customers);

  [[nodiscard]] std::span<const Generation> all() const { return list_; }

 private:
  [[nodiscard]] Generation make(std::shared_ptr<const Model> base, const Correction& correction, Timestamp from,
                                Duration spread) const;
  [[nodiscard]] std::size_t index_at(std::uint64_t hash, Timestamp t) const;
  void find_next_change();

  Duration horizon_;
  std::vector<Generation> list_;
  std::size_t begun_ = 1;  ///< The first ones.
  Timestamp next_change_ = after_all_time;
};

}  // namespace holdfast::engine
